"""BatchNorm, FullyConnected, activations, norms, LRN, softmax family, Dropout, UpSampling, identities."""

from .core import V, O, Case


def bn(r, name, op="BatchNorm", nd=4, dt="float32", out=None, **a):
    s = (r.i(1, 3), r.i(2, 5)) + r.shape(max(nd - 2, 0), 2, 4)
    s = s[:nd]
    c = s[a.get("axis", 1)] if nd > 1 else s[0]
    pd = "float32" if dt == "float16" else dt
    ins = {
        "data": r.n(*s, dtype=dt, scale=2),
        "gamma": r.u(0.3, 2, c, dtype=pd),
        "beta": r.n(c, dtype=pd),
        "bn_moving_mean": r.n(c, dtype=pd),
        "bn_moving_var": r.u(0.1, 3, c, dtype=pd),
    }
    o = O(op, V("data"), V("gamma"), V("beta"), name="bn", **a)
    return Case(name, o, ins, K=2)


def fc(r, name, dt="float32", op="FullyConnected", **a):
    s = a.pop("shape", None) or r.shape(r.i(2, 4), 1, 5)
    h = r.i(1, 7)
    flat = a.get("flatten", True)
    n = 1
    for d in s[1:]:
        n *= d
    n = n if flat else s[-1]
    ins = {"data": r.n(*s, dtype=dt), "weight": r.n(h, n, dtype=dt)}
    vs = [V("data"), V("weight")]
    if not a.get("no_bias", False):
        ins["bias"] = r.n(h, dtype=dt)
        vs.append(V("bias"))
    return Case(name, O(op, *vs, name="fc", num_hidden=h, **a), ins, K=n)


def more_cases(r):
    for i in range(14):
        a = {}
        for k, xs in (
            ("eps", (1e-5, 1e-3, 2e-5, 0.1)),
            ("momentum", (0.9, 0.5)),
            ("fix_gamma", (True, False)),
            ("use_global_stats", (True, False)),
            ("cudnn_off", (True, False)),
        ):
            if r.flag():
                a[k] = r.pick(*xs)
        yield bn(r, "bn_%d" % i, nd=r.pick(2, 3, 4, 4, 5), **a)
    for fg in (True, False):
        yield bn(r, "bn_fix_gamma_%s" % fg, fix_gamma=fg, eps=1e-5)
        yield bn(r, "bn_v1_fix_gamma_%s" % fg, op="BatchNorm_v1", fix_gamma=fg, eps=1e-3)
        yield bn(r, "bn_mean_var_%s" % fg, fix_gamma=fg, output_mean_var=True)
    for ax in (-1, 0, 2, 3, -2):
        yield bn(r, "bn_axis_%d" % ax, axis=ax, fix_gamma=False, eps=1e-5)
    for dt in ("float16", "float64"):
        yield bn(r, "bn_" + dt, dt=dt, fix_gamma=False)
    yield bn(r, "bn_calib", fix_gamma=False, min_calib_range=-1.5, max_calib_range=2.5)
    yield bn(r, "bn_v1_2d", op="BatchNorm_v1", nd=2, fix_gamma=False)
    yield bn(r, "bn_npx", op="_npx_batch_norm", fix_gamma=False)
    yield bn(r, "bn_tiny_eps", fix_gamma=False, eps=1e-8)
    for i in range(10):
        fl = r.flag()
        yield fc(r, "fc_%d" % i, **({"flatten": fl} if r.flag() else {}), **({"no_bias": r.flag()} if r.flag() else {}))
    yield fc(r, "fc_flatten_false_4d", shape=(2, 3, 2, 4), flatten=False)
    yield fc(r, "fc_flatten_false_1d_rows", shape=(1, 5), flatten=False, no_bias=True)
    yield fc(r, "fc_float64", dt="float64")
    yield fc(r, "fc_npx", op="_npx_fully_connected")
    yield fc(r, "fc_sparse_alias", op="_sparse_FullyConnected")
    x = r.n(3, 4)
    yield Case(
        "fc_bias_column",
        O("FullyConnected", V("data"), V("weight"), V("bias"), name="fc", num_hidden=5),
        {"data": x, "weight": r.n(5, 4), "bias": r.n(5, 1)},
        K=4,
    )
    yield Case(
        "fc_shared_weight",
        O(
            "FullyConnected",
            O("FullyConnected", V("data"), V("weight"), name="fc1", num_hidden=4, no_bias=True),
            V("weight"),
            name="fc2",
            num_hidden=4,
            no_bias=True,
        ),
        {"data": x, "weight": r.n(4, 4)},
        K=16,
    )
    for t in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
        for dt in ("float32", "float64", "float16"):
            yield Case(
                "act_%s_%s" % (t, dt),
                O("Activation", V("data"), name="act", act_type=t),
                {"data": r.n(2, 3, 4, scale=4, dtype=dt)},
                exact=t == "relu",
            )
        e = r.n(12)
        e[:12] = [0, -0.0, 20, 20.5, -20, 88, -88, 100, -100, float("inf"), float("-inf"), float("nan")]
        yield Case("act_%s_edges" % t, O("Activation", V("data"), name="act", act_type=t), {"data": e}, rtol=1e-5)
        yield Case("act_%s_1d" % t, O("_npx_activation", V("data"), name="act", act_type=t), {"data": r.n(5)})
    for t in ("leaky", "elu", "selu", "gelu", "rrelu"):
        for k in range(3):
            a = {"act_type": t}
            if k and r.flag():
                a["slope"] = r.pick(0.1, 0.01, 1.0, 0.3)
            if k and t == "rrelu":
                a["lower_bound"], a["upper_bound"] = 0.1, 0.5
            dt = ("float32", "float32", "float64")[k]
            yield Case(
                "leaky_%s_%d" % (t, k),
                O("LeakyReLU", V("data"), name="lr", **a)[0 if t == "rrelu" else None],
                {"data": r.n(*r.shape(r.i(1, 4)), dtype=dt, scale=2)},
                note="output 1, the mask, is uninitialised memory at inference" if t == "rrelu" else "",
            )
    yield Case("leaky_default", O("LeakyReLU", V("data"), name="lr"), {"data": r.n(3, 4)})
    for s, g in (
        ((2, 3, 4, 5), (3,)),
        ((2, 3), (3,)),
        ((2, 3, 4), (1,)),
        ((6,), (1,)),
        ((2, 3, 4), (3,)),
        ((2, 3, 4, 2), None),
    ):
        ins = {"data": r.n(*s)}
        if g:
            ins["gamma"] = r.u(0.05, 0.9, *g)
        yield Case(
            "prelu_%s_%s" % (len(s), "x".join(map(str, g or ()))),
            O("LeakyReLU", V("data"), V("gamma"), name="lr", act_type="prelu"),
            ins,
        )
    for i in range(5):
        s = r.shape(r.i(3, 5), 2, 4)
        yield Case(
            "instancenorm_%d" % i,
            O("InstanceNorm", V("data"), V("gamma"), V("beta"), name="in", **({"eps": r.pick(1e-5, 0.1)} if i else {})),
            {"data": r.n(*s), "gamma": r.n(s[1]), "beta": r.n(s[1])},
            K=20,
        )
    for i, dt in enumerate(("float32", "float32", "float32", "float64", "float16")):
        s = r.shape(r.i(2, 4), 2, 5)
        ax = -1 if i == 0 else r.i(-len(s), len(s) - 1)
        c = s[ax]
        yield Case(
            "layernorm_%d" % i,
            O("LayerNorm", V("data"), V("gamma"), V("beta"), name="ln", axis=ax, eps=r.pick(1e-5, 1e-3)),
            {"data": r.n(*s, dtype=dt), "gamma": r.n(c, dtype=dt), "beta": r.n(c, dtype=dt)},
            K=10,
        )
    yield Case(
        "layernorm_mean_std",
        O("LayerNorm", V("data"), V("gamma"), V("beta"), name="ln", output_mean_var=True),
        {"data": r.n(3, 8), "gamma": r.n(8), "beta": r.n(8)},
        K=10,
    )
    yield Case(
        "layernorm_npx",
        O("_npx_layer_norm", V("data"), V("gamma"), V("beta"), name="ln"),
        {"data": r.n(3, 2, 8), "gamma": r.n(8), "beta": r.n(8)},
        K=10,
    )
    for i, (g, c) in enumerate(((1, 4), (2, 4), (3, 6), (4, 4), (2, 6))):
        s = (r.i(1, 3), c) + r.shape(r.i(1, 2), 2, 4)
        yield Case(
            "groupnorm_%d" % i,
            O(
                "GroupNorm",
                V("data"),
                V("gamma"),
                V("beta"),
                name="gn",
                num_groups=g,
                **({"output_mean_var": True} if i == 4 else {"eps": r.pick(1e-5, 1e-2)})
            ),
            {"data": r.n(*s), "gamma": r.n(g), "beta": r.n(g)},
            K=30,
        )
    for m in ("instance", "channel", "spatial"):
        for i in range(3):
            s = r.shape(r.i(3, 4), 2, 4)
            yield Case(
                "l2norm_%s_%d" % (m, i),
                O("L2Normalization", V("data"), name="l2", mode=m, **({"eps": 0.1} if i == 2 else {})),
                {"data": r.n(*s, dtype="float64" if i == 1 else "float32")},
                K=20,
            )
    yield Case("l2norm_default_2d", O("L2Normalization", V("data"), name="l2"), {"data": r.n(3, 5)}, K=5)
    for i in range(5):
        a = {"nsize": r.pick(1, 3, 5, 7)}
        for k, xs in (("alpha", (1e-4, 0.1, 1.0)), ("beta", (0.75, 0.5, 1.0)), ("knorm", (1.0, 2.0))):
            if r.flag():
                a[k] = r.pick(*xs)
        yield Case("lrn_%d" % i, O("LRN", V("data"), name="lrn", **a), {"data": r.n(2, r.i(1, 7), 3, 2, scale=2)}, K=5)
    from .nn_softmax import soft_cases

    yield from soft_cases(r)
