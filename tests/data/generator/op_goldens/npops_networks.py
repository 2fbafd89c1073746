"""Small networks as Gluon writes them in numpy mode."""

from .core import V, O, Case


def nets(r):
    for i in range(3):
        C, F = r.i(1, 3), r.i(2, 4)
        y = O(
            "_npx_convolution",
            V("data"),
            V("conv_weight"),
            V("conv_bias"),
            name="conv",
            kernel=(3, 3),
            pad=(1, 1),
            num_filter=F,
            no_bias=False,
            layout="NCHW",
        )
        y = O(
            "_npx_batch_norm",
            y,
            V("bn_gamma"),
            V("bn_beta"),
            V("bn_mean"),
            V("bn_moving_var"),
            name="bn",
            fix_gamma=False,
            eps=1e-5,
        )
        a = O("_npx_activation", y, name="relu", act_type="relu")
        a = O("_npi_add", a, y, name="res")
        p = O("_npx_pooling", a, name="pool", kernel=(2, 2), stride=(2, 2), pool_type=r.pick("max", "avg"))
        f = O("_npx_fully_connected", p, V("fc_weight"), V("fc_bias"), name="fc", num_hidden=5, flatten=True)
        yield Case(
            "npx_cnn_%d" % i,
            O("_npx_softmax", f, name="out", axis=-1),
            {"data": r.n(2, C, 6, 6)},
            K=60,
            np_shape=True,
            op="network",
        )
    for i in range(3):
        T, B, H, d = r.i(2, 4), r.i(1, 2), r.i(1, 2), 4
        x = O("_npx_embedding", V("ids"), V("emb_weight"), name="emb", input_dim=9, output_dim=H * d)
        x = O("_npx_layer_norm", x, V("ln_gamma"), V("ln_beta"), name="ln")
        q, k, v = (
            O("_npx_fully_connected", x, V(n + "_weight"), V(n + "_bias"), name=n, num_hidden=H * d, flatten=False)
            for n in "qkv"
        )

        def heads(t, n):
            return O(
                "_np_transpose",
                O("_npx_reshape", t, name=n + "_split", newshape="(-2, -2, %d, -1)" % H),
                name=n + "_tr",
                axes=(0, 2, 1, 3),
            )

        s = O("_npx_batch_dot", heads(q, "qh"), heads(k, "kh"), name="score", transpose_b=True)
        s = O("_npi_true_divide_scalar", s, name="scale", scalar=d**0.5, is_int=False)
        s = O("_npx_softmax", s, name="att", axis=-1)
        o = O(
            "_npx_reshape",
            O("_np_transpose", O("_npi_matmul", s, heads(v, "vh"), name="ctx"), name="back", axes=(0, 2, 1, 3)),
            name="merge",
            newshape="(-2, -2, -1)",
        )
        yield Case(
            "npx_attention_%d" % i,
            O("_npi_add", o, x, name="out"),
            {"ids": r.ints(0, 8, B, T).astype("f")},
            K=64,
            np_shape=True,
            op="network",
        )
