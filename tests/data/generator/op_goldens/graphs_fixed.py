"""Fixed awkward topologies."""

import numpy as np
from .core import V, O, Case


def conv(x, n, f, w=None, **a):
    w = w or n
    return O("Convolution", x, V(w + "_weight"), V(w + "_bias"), name=n, kernel=(3, 3), pad=(1, 1), num_filter=f, **a)


def fixed(r):
    d = {"data": r.n(1, 3, 6, 6)}

    def c(name, out, ins=None, K=60, **a):
        return Case(name, out, d if ins is None else ins, op="graph", K=K, **a)

    x = V("data")
    a = conv(x, "c1", 3)
    yield c("shared_weights_two_convs", conv(a, "c2", 3, w="c1"))
    yield c(
        "shared_weights_two_inputs",
        O("elemwise_sub", conv(V("left"), "ca", 4, w="tower"), conv(V("right"), "cb", 4, w="tower"), name="diff"),
        {"left": r.n(1, 3, 5, 5), "right": r.n(1, 3, 5, 5)},
    )
    yield c(
        "siamese_different_sizes",
        [
            O("Pooling", conv(V("small"), "ca", 4, w="t"), name="pa", global_pool=True, kernel=(1, 1), pool_type="avg"),
            O("Pooling", conv(V("large"), "cb", 4, w="t"), name="pb", global_pool=True, kernel=(1, 1), pool_type="avg"),
        ],
        {"small": r.n(1, 3, 4, 4), "large": r.n(1, 3, 7, 7)},
    )
    yield c("weight_is_output", [a, V("c1_weight")])
    yield c(
        "weight_transformed",
        O(
            "Convolution",
            x,
            O("_mul_scalar", V("w"), name="ws", scalar=0.5),
            name="conv",
            kernel=(1, 1),
            num_filter=2,
            no_bias=True,
        ),
        dict(d, w=r.n(2, 3, 1, 1)),
    )
    yield c("input_as_output", [x, O("Activation", x, name="act", act_type="relu")], K=1)
    yield c("input_only", x, K=1)
    yield c("inner_and_final_output", [O("Activation", a, name="act", act_type="relu"), a])
    yield c("same_output_twice", [a, a])
    yield c(
        "two_heads_shared_trunk",
        [
            O("FullyConnected", a, name="h1", num_hidden=3),
            O("softmax", O("FullyConnected", a, name="h2", num_hidden=2), name="p2"),
        ],
        K=200,
    )
    s = O("SliceChannel", x, name="sp", num_outputs=3, axis=1)
    yield c("split_out_of_order", [s[2], s[0]], K=1)
    yield c("split_unused_output", O("elemwise_add", s[0], s[2], name="sum"), K=1)
    t = O("topk", x, name="tk", axis=1, k=2, ret_typ="both")
    yield c("topk_indices_used", O("elemwise_add", t[0], t[1], name="sum"), {"data": r.distinct(1, 3, 4, 4)}, K=1)
    yield c("topk_both_output", t, {"data": r.distinct(1, 3, 4, 4)}, K=1)
    bn = O(
        "BatchNorm",
        a,
        V("g"),
        V("b"),
        V("bn_moving_mean"),
        V("bn_moving_var"),
        name="bn",
        output_mean_var=True,
        fix_gamma=False,
    )
    yield c("bn_mean_var_outputs", [bn[0], bn[1], bn[2]])
    b1 = O("BatchNorm", a, V("g"), V("b"), V("m"), V("v"), name="bn1", fix_gamma=False)
    yield c(
        "shared_bn_parameters",
        O("BatchNorm", conv(b1, "c2", 3), V("g"), V("b"), V("m"), V("v"), name="bn2", fix_gamma=False),
        dict(d, m=r.n(3), v=r.u(0.5, 2, 3), g=r.u(0.5, 2, 3), b=r.n(3)),
        K=400,
    )
    yield c(
        "gamma_shared_fixed_and_free",
        O(
            "elemwise_add",
            O("BatchNorm", x, V("g"), V("b"), name="bnA", fix_gamma=False),
            O("BatchNorm", O("tanh", x, name="t"), V("g2"), V("b"), name="bnB", fix_gamma=True),
            name="sum",
        ),
        dict(d, g=r.u(1.5, 2, 3), g2=r.u(1.5, 2, 3), b=r.n(3)),
        note="gamma of bnB is ignored",
    )
    res = O(
        "Activation",
        O(
            "elemwise_add",
            O(
                "BatchNorm",
                conv(
                    O("Activation", O("BatchNorm", a, name="n1", fix_gamma=False), name="r1", act_type="relu"), "c2", 3
                ),
                name="n2",
                fix_gamma=False,
            ),
            x,
            name="plus",
        ),
        name="r2",
        act_type="relu",
    )
    yield c("resnet_block", res, K=800)
    yield c("x_plus_x", O("elemwise_add", x, x, name="twice"), K=1)
    yield c("diamond", O("elemwise_mul", O("tanh", a, name="t"), O("sigmoid", a, name="s"), name="mul"))
    yield c("swish_chain", O("elemwise_mul", a, O("sigmoid", a, name="s"), name="swish"))
    m = O("broadcast_sub", x, O("mean", x, name="mu", axis=1, keepdims=True), name="cen")
    yield c(
        "layernorm_by_hand",
        O(
            "broadcast_div",
            m,
            O(
                "sqrt",
                O(
                    "_plus_scalar",
                    O("mean", O("square", m, name="sq"), name="var", axis=1, keepdims=True),
                    name="pe",
                    scalar=1e-5,
                ),
                name="sd",
            ),
            name="ln",
        ),
        K=40,
    )
    yield c(
        "fpn_merge",
        O(
            "elemwise_add",
            conv(
                O(
                    "UpSampling",
                    O("Pooling", a, name="dn", kernel=(2, 2), stride=(2, 2), pool_type="max"),
                    name="up",
                    scale=2,
                    sample_type="nearest",
                    num_args=1,
                ),
                "lat",
                3,
            ),
            a,
            name="merge",
        ),
        K=800,
    )
    yield c(
        "crop_like_skip",
        O(
            "elemwise_add",
            O(
                "Crop",
                O("Deconvolution", a, V("dw"), name="dc", kernel=(4, 4), stride=(2, 2), num_filter=2, no_bias=True),
                V("ref"),
                name="crop",
                num_args=2,
                offset=(1, 1),
            ),
            V("ref"),
            name="sum",
        ),
        dict(d, ref=r.n(1, 2, 9, 9)),
        K=800,
    )
    yield c(
        "slice_like_skip",
        O(
            "elemwise_add",
            O(
                "slice_like",
                O("Deconvolution", a, V("dw"), name="dc", kernel=(4, 4), stride=(2, 2), num_filter=2, no_bias=True),
                V("ref"),
                name="sl",
                axes=(2, 3),
            ),
            V("ref"),
            name="sum",
        ),
        dict(d, ref=r.n(1, 2, 9, 9)),
        K=800,
    )
    yield c(
        "fc_on_constant_input",
        O("FullyConnected", O("_ones", name="one", shape=(2, 3)), name="fc", num_hidden=4),
        {"fc_weight": r.n(4, 3)},
        K=3,
    )
    yield c(
        "position_added",
        O(
            "broadcast_add",
            V("seq"),
            O("expand_dims", O("_contrib_arange_like", V("seq"), name="pos", axis=1), name="pe", axis=-1),
            name="sum",
        ),
        {"seq": r.n(2, 5, 3)},
        K=1,
    )
    e = O("Embedding", V("tok"), V("tok_weight"), name="emb", input_dim=7, output_dim=4)
    yield c(
        "tied_embedding",
        O("FullyConnected", e, V("tok_weight"), name="logits", num_hidden=7, no_bias=True, flatten=False),
        {"tok": r.ints(0, 6, 2, 3).astype("f"), "tok_weight": r.n(7, 4)},
        K=4,
    )
    sh = O("FullyConnected", V("q"), V("w"), V("b"), name="f1", num_hidden=4, flatten=False)
    yield c(
        "masked_attention_by_hand",
        O(
            "batch_dot",
            O(
                "softmax",
                O("broadcast_add", O("batch_dot", sh, sh, name="sc", transpose_b=True), V("mask"), name="msk"),
                name="att",
                axis=-1,
            ),
            sh,
            name="ctx",
        ),
        {"q": r.n(2, 3, 4), "mask": np.array([[[0, -1e9, -1e9], [0, 0, -1e9], [0, 0, 0]]], "f")},
        K=40,
    )
    yield c(
        "mobilenet_block",
        O(
            "elemwise_add",
            O(
                "Convolution",
                O(
                    "clip",
                    O(
                        "Convolution",
                        O(
                            "clip",
                            O("Convolution", x, name="ex", kernel=(1, 1), num_filter=6, no_bias=True),
                            name="r6a",
                            a_min=0,
                            a_max=6,
                        ),
                        name="dw",
                        kernel=(3, 3),
                        pad=(1, 1),
                        num_filter=6,
                        num_group=6,
                        no_bias=True,
                    ),
                    name="r6b",
                    a_min=0,
                    a_max=6,
                ),
                name="pj",
                kernel=(1, 1),
                num_filter=3,
                no_bias=True,
            ),
            x,
            name="sum",
        ),
        K=100,
    )
    pr = O("_contrib_MultiBoxPrior", a, name="prior", sizes=(0.3, 0.5), ratios=(1, 2))
    cp = O(
        "softmax",
        O(
            "Reshape",
            O(
                "Flatten",
                O(
                    "transpose",
                    conv(O("_mul_scalar", O("tanh", a, name="th"), name="sc", scalar=0.2), "cls", 9),
                    name="ct",
                    axes=(0, 2, 3, 1),
                ),
                name="cf",
            ),
            name="cr",
            shape=(0, -1, 3),
        ),
        name="cs",
        axis=-1,
    )
    lp = O("Flatten", O("transpose", conv(a, "loc", 12), name="lt", axes=(0, 2, 3, 1)), name="lf")
    yield c(
        "ssd_head",
        O(
            "_contrib_MultiBoxDetection",
            O("transpose", cp, name="cpt", axes=(0, 2, 1)),
            lp,
            pr,
            name="det",
            nms_threshold=0.5,
            threshold=0.01,
        ),
        K=400,
    )
    yield c(
        "channel_shuffle",
        O(
            "Reshape",
            O("SwapAxis", O("Reshape", V("z"), name="ra", shape=(0, -4, 2, -1, -2)), name="sw", dim1=1, dim2=2),
            name="rb",
            shape=(0, -3, -2),
        ),
        {"z": r.n(1, 6, 3, 3)},
        K=1,
        exact=True,
    )
    yield c(
        "fp16_island",
        O(
            "Cast",
            O("_mul_scalar", O("Cast", x, name="to16", dtype="float16"), name="m16", scalar=0.5),
            name="to32",
            dtype="float32",
        ),
        rtol=2e-3,
    )
    yield c(
        "amp_island",
        O(
            "amp_cast",
            O("tanh", O("amp_cast", x, name="to16", dtype="float16"), name="t16"),
            name="to32",
            dtype="float32",
        ),
        rtol=4e-3,
    )
    yield c(
        "int_mask",
        O(
            "elemwise_mul",
            x,
            O(
                "Cast",
                O("Cast", O("_greater_scalar", x, name="gt", scalar=0), name="i", dtype="int32"),
                name="f",
                dtype="float32",
            ),
            name="mul",
        ),
        K=1,
    )
    yield c("deep_chain", _chain(x), K=100)


def _chain(x):
    for i in range(25):
        x = O("tanh" if i % 2 else "_plus_scalar", x, name="n%d" % i, **({} if i % 2 else {"scalar": 0.1}))
    return x
