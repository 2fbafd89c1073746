"""Convolution, Deconvolution, Pooling, BatchNorm, FullyConnected, UpSampling."""

from .core import V, O, Case
from .nn_layers import more_cases

LAY = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def conv(r, name, nd=2, dt="float32", op="Convolution", small=False, **force):
    g = force.pop("num_group", r.pick(1, 1, 1, 2, 3))
    depthwise = force.pop("depthwise", False)
    cg, fg = r.i(1, 3), r.i(1, 3)
    if depthwise:
        g, cg, fg = r.i(2, 6), 1, r.pick(1, 1, 2)
    k = tuple(r.i(1, 3) for _ in range(nd))
    a = {"kernel": k, "num_filter": g * fg}
    if r.flag():
        a["stride"] = tuple(r.i(1, 3) for _ in range(nd))
    if r.flag():
        a["pad"] = tuple(r.i(0, 2) for _ in range(nd))
    if r.flag():
        a["dilate"] = tuple(r.i(1, 2) for _ in range(nd))
    if g != 1 or r.flag():
        a["num_group"] = g
    nb = r.flag()
    if nb or r.flag():
        a["no_bias"] = nb
    if r.flag():
        a["layout"] = LAY[nd]
    a.update(force)
    nb = a.get("no_bias", False)
    hi = 9 if nd < 3 else 6
    sp = tuple(max(2 * kk + 1, r.i(4, hi)) for kk in a["kernel"])
    x = r.n(r.i(1, 2), g * cg, *sp, dtype=dt)
    ins = {"data": x, "weight": r.n(a["num_filter"], cg, *a["kernel"], dtype=dt, scale=0.5)}
    vs = [V("data"), V("weight")]
    if not nb:
        ins["bias"] = r.n(a["num_filter"], dtype=dt)
        vs.append(V("bias"))
    K = cg
    for kk in a["kernel"]:
        K *= kk
    return Case(name, O(op, *vs, name="conv", **a), ins, K=K)


def deconv(r, name, nd=2, dt="float32", target=False, **force):
    g = r.pick(1, 1, 2, 3)
    cg, fg = r.i(1, 3), r.i(1, 3)
    k = tuple(r.i(1, 4) for _ in range(nd))
    a = {"kernel": k, "num_filter": g * fg}
    st = tuple(r.i(1, 3) for _ in range(nd))
    dil = tuple(r.i(1, 2) for _ in range(nd)) if r.flag() and nd < 3 else (1,) * nd  # no dilation in 3-D
    if r.flag() or target:
        a["stride"] = st
    else:
        st = (1,) * nd
    if target and max(st) > 1:
        dil = (1,) * nd  # without MKLDNN such a dilation is computed wrongly, with it a target is refused
    if dil != (1,) * nd:
        a["dilate"] = dil
    sp = r.shape(nd, 2, 5 if nd < 3 else 3)
    full = [s * (x - 1) + d * (kk - 1) + 1 for s, x, d, kk in zip(st, sp, dil, k)]
    if target:
        # the rest t = full - target must leave adj = t mod 2 below the stride
        a["target_shape"] = tuple(max(1, f - (r.i(0, 3) if s > 1 else 2 * r.i(0, 1))) for f, s in zip(full, st))
        a["target_shape"] = tuple(f if s == 1 and (f - t) % 2 else t for f, s, t in zip(full, st, a["target_shape"]))
        if r.flag():
            a["pad"] = (1,) * nd
        if r.flag():
            a["adj"] = tuple(min(1, s - 1) for s in st)
    else:
        if r.flag():
            a["pad"] = tuple(r.i(0, min(2, (f - 1) // 2)) for f in full)
        if r.flag():
            a["adj"] = tuple(r.i(0, s - 1) for s in st)
    if g != 1:
        a["num_group"] = g
    if r.flag():
        a["no_bias"] = r.flag()
    if r.flag():
        a["layout"] = LAY[nd]
    a.update(force)
    ins = {
        "data": r.n(r.i(1, 2), g * cg, *sp, dtype=dt),
        "weight": r.n(g * cg, a["num_filter"] // g, *k, dtype=dt, scale=0.5),
    }
    vs = [V("data"), V("weight")]
    if not a.get("no_bias", True):
        ins["bias"] = r.n(a["num_filter"], dtype=dt)
        vs.append(V("bias"))
    K = cg
    for kk in k:
        K *= kk
    odd = any(d > 1 and t > 1 for d, t in zip(dil, st)) or max(dil) > 1 and max(st) > 1
    return Case(name, O("Deconvolution", *vs, name="deconv", **a), ins, K=K, prefer="1" if odd else "0")


def pool(r, name, nd=2, dt="float32", op="Pooling", **force):
    k = tuple(r.i(1, 3) for _ in range(nd))
    a = {"kernel": k, "pool_type": r.pick("max", "avg", "sum", "lp")}
    if r.flag():
        a["pooling_convention"] = r.pick("valid", "full")
    if r.i(0, 3):
        a["stride"] = tuple(r.i(1, 3) for _ in range(nd))
    if r.flag():
        a["pad"] = tuple(r.i(0, kk - 1) for kk in k)
    if r.flag():
        a["count_include_pad"] = r.flag()
    if r.flag():
        a["layout"] = LAY[nd]
    a.update(force)
    if op == "Pooling_v1":
        a.pop("count_include_pad", None), a.pop("layout", None)
        if a["pool_type"] == "lp":
            a["pool_type"] = "avg"
    if a["pool_type"] == "lp":
        a["p_value"] = force.get("p_value", r.pick(1, 2, 3))
    hi = 9 if nd < 3 else 6
    x = r.n(r.i(1, 2), r.i(1, 3), *[r.i(3, hi) for _ in range(nd)], dtype=dt)
    if a["pool_type"] == "lp":
        x = abs(x)
    a = {kk: v for kk, v in a.items() if v is not None}
    K = 1
    for kk in (x.shape[2:] if a.get("global_pool") else k):
        K *= kk
    return Case(name, O(op, V("data"), name="pool", **a), {"data": x}, K=K, exact=a["pool_type"] == "max")


def cases(r):
    for i in range(24):
        yield conv(r, "conv2d_%d" % i)
    for i in range(8):
        yield conv(r, "conv2d_depthwise_%d" % i, depthwise=True, kernel=(3, 3))
    for i in range(8):
        yield conv(r, "conv1d_%d" % i, nd=1)
    for i in range(8):
        yield conv(r, "conv3d_%d" % i, nd=3)
    for dt in ("float64",):  # the CPU has no float16 matrix product
        for nd in (1, 2, 3):
            yield conv(r, "conv%dd_%s" % (nd, dt), nd=nd, dt=dt)
    yield conv(r, "conv_1x1", kernel=(1, 1), num_group=1, no_bias=True)
    yield conv(r, "conv_cudnn_attrs", kernel=(3, 3), cudnn_tune="fastest", cudnn_off=True, workspace=256)
    yield conv(r, "conv_tune_none", kernel=(3, 3), cudnn_tune="off", workspace=4096)
    yield conv(r, "conv_neg_nothing", kernel=(3, 2), stride=(2, 1), pad=(1, 0), dilate=(1, 2), num_group=1)
    yield conv(r, "conv_npx", op="_npx_convolution", kernel=(3, 3))
    for i in range(4):
        yield conv(r, "conv_v1_%d" % i, op="Convolution_v1", layout="NCHW", num_group=1, dilate=(1, 1))
    for i in range(16):
        yield deconv(r, "deconv2d_%d" % i)
    for i in range(8):
        yield deconv(r, "deconv2d_target_%d" % i, target=True)
    for i in range(5):
        yield deconv(r, "deconv1d_%d" % i, nd=1, target=i == 4)
        yield deconv(r, "deconv3d_%d" % i, nd=3)
    yield deconv(r, "deconv2d_float64", dt="float64")
    for i in range(30):
        yield pool(r, "pool2d_%d" % i)
    for i in range(10):
        yield pool(r, "pool1d_%d" % i, nd=1)
        yield pool(r, "pool3d_%d" % i, nd=3)
    for t in ("max", "avg", "sum", "lp"):
        for nd in (1, 2, 3):
            yield pool(r, "pool_global_%s_%dd" % (t, nd), nd=nd, pool_type=t, global_pool=True)
        yield pool(
            r, "pool_full_%s" % t, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type=t, pooling_convention="full"
        )
        yield pool(
            r,
            "pool_full_exclude_%s" % t,
            kernel=(3, 2),
            stride=(2, 3),
            pad=(1, 1),
            pool_type=t,
            pooling_convention="full",
            count_include_pad=False,
        )
        for dt in ("float16", "float64"):
            yield pool(r, "pool_%s_%s" % (t, dt), dt=dt, pool_type=t)
        for i in range(2):
            if t != "lp":
                yield pool(
                    r,
                    "pool_v1_%s_%d" % (t, i),
                    op="Pooling_v1",
                    pool_type=t,
                    kernel=(3, 3),
                    pad=(1, 1),
                    stride=(2, 2),
                    pooling_convention=("valid", "full")[i],
                )
    yield pool(
        r,
        "pool_global_no_kernel",
        kernel=(1, 1),
        pool_type="avg",
        global_pool=True,
        pooling_convention="full",
        stride=None,
        pad=None,
    )
    yield Case(
        "pool_global_kernel_absent",
        O("Pooling", V("data"), name="pool", pool_type="avg", global_pool=True),
        {"data": r.n(2, 3, 4, 5)},
        K=20,
    )
    for p in (1, 2, 3):
        yield pool(r, "pool_lp%d" % p, kernel=(2, 2), stride=(2, 2), pad=None, pool_type="lp", p_value=p)
    yield Case(
        "pool_lp2_signed",
        O("Pooling", V("data"), name="pool", kernel=(2, 2), stride=(2, 2), pool_type="lp", p_value=2),
        {"data": r.n(1, 2, 4, 4)},
        K=4,
    )
    yield pool(r, "pool_npx", op="_npx_pooling", pool_type="avg")
    yield Case(
        "pool_max_all_negative_padded",
        O("Pooling", V("data"), name="pool", kernel=(3, 3), pad=(1, 1), pool_type="max"),
        {"data": -abs(r.n(1, 2, 4, 4)) - 1},
        exact=True,
    )
    for nhwc, s in (("NHWC", (2, 5, 6, 3)), ("NWC", (2, 7, 3))):
        for t in ("max", "avg"):
            k = (2,) * (len(s) - 2)
            yield Case(
                "pool_%s_%s" % (nhwc, t),
                O("Pooling", V("data"), name="pool", kernel=k, stride=k, pool_type=t, layout=nhwc),
                {"data": r.n(*s)},
                K=4,
                exact=t == "max",
            )
    yield from more_cases(r)
