"""sum/mean/max/min/prod/nansum/nanprod/norm, arg*, topk, sort, argsort, pick, moments, softmax_cross_entropy-like heads."""

import numpy as np
from .core import V, O, Case


def cases(r):
    for op in (
        "sum",
        "mean",
        "max",
        "min",
        "prod",
        "nansum",
        "nanprod",
        "sum_axis",
        "max_axis",
        "min_axis",
        "_sparse_sum",
        "_sparse_mean",
    ):
        for i in range(14 if not op.startswith("_") and not op.endswith("axis") else 2):
            s = r.shape(r.i(1, 5), 1, 4)
            n = len(s)
            a = {}
            if i == 1:
                a["axis"] = "()"
            elif i:
                k = r.i(1, n)
                ax = [int(v) for v in r.r.permutation(n)[:k]]
                ax = [v - n if r.i(0, 2) == 0 else v for v in ax]
                a["axis"] = ax[0] if k == 1 and r.flag() else tuple(ax)
            if i == 2 or (i > 2 and r.flag()):
                a["keepdims"] = True
            if i > 3 and r.i(0, 3) == 0 and len(a.get("axis", ()) if isinstance(a.get("axis"), tuple) else (1,)) < n:
                a["exclude"] = True
            dt = {5: "float64", 6: "int32", 7: "float16", 8: "int64"}.get(i, "float32")
            x = r.n(*s, scale=2).astype(dt) if "prod" not in op else r.u(0.5, 2, *s).astype(dt)
            if dt.startswith("int"):
                x = r.ints(-4, 4, *s, dtype=dt)
            if op.startswith("nan") and dt.startswith("float") and x.size > 2:
                x.ravel()[::3] = np.nan
            yield Case(
                "%s_%d" % (op, i),
                O(op, V("data"), name="op", **a),
                {"data": x},
                K=x.size,
                exact=op.startswith(("max", "min")),
            )
    yield Case("sum_exclude_all", O("sum", V("data"), name="op", axis=(0,), exclude=True), {"data": r.n(3, 4, 2)}, K=8)
    yield Case("mean_keepdims_all", O("mean", V("data"), name="op", keepdims=True), {"data": r.n(3, 4, 2)}, K=24)
    yield Case(
        "max_nan",
        O("max", V("data"), name="op", axis=1),
        {"data": np.array([[1, np.nan, 2], [np.nan, 1, 0], [3, 2, np.nan], [-np.inf, -1, -2]], "f")},
        exact=True,
    )
    yield Case("sum_mixed", O("sum", V("data"), name="op", axis=(1, -1)), {"data": r.n(2, 3, 2, 4)}, K=12)
    for o in (1, 2):
        for i in range(6):
            s = r.shape(r.i(2, 4), 1, 5)
            n = len(s)
            a = {"ord": o}
            if i:
                ax = [int(v) for v in r.r.permutation(n)[: 1 + i % 2]]
                a["axis"] = ax[0] if len(ax) == 1 else tuple(ax)
            if i > 2:
                a["keepdims"] = r.flag()
            if i == 4:
                a["out_dtype"] = "float32"  # any other value is refused at run time
            dt = "float64" if i == 5 else "float32"
            yield Case("norm%d_%d" % (o, i), O("norm", V("data"), name="op", **a), {"data": r.n(*s, dtype=dt)}, K=40)
    yield Case("norm_default", O("norm", V("data"), name="op"), {"data": r.n(3, 4)}, K=12)
    yield Case("norm_pair", O("norm", V("data"), name="op", axis=(1, 2)), {"data": r.n(2, 3, 4)}, K=12)
    yield Case("norm_pair_ord1", O("norm", V("data"), name="op", ord=1, axis=(-2, -1)), {"data": r.n(2, 3, 4)}, K=12)
    for op in ("argmax", "argmin"):
        for i in range(8):
            s = r.shape(r.i(1, 4), 1, 5)
            a = {} if i == 0 else {"axis": r.i(-len(s), len(s) - 1)}
            if i > 4 or i == 3:
                a["keepdims"] = True
            dt = {4: "float64", 6: "int32", 7: "float16"}.get(i, "float32")
            yield Case(
                "%s_%d" % (op, i), O(op, V("data"), name="op", **a), {"data": r.distinct(*s, dtype=dt)}, exact=True
            )
        t = np.array([[1, 3, 3, 0], [2, 2, 2, 2], [0, -1, -1, 5]], "f")
        yield Case(op + "_ties_first", O(op, V("data"), name="op", axis=1), {"data": t}, exact=True)
        yield Case(
            op + "_nan",
            O(op, V("data"), name="op", axis=1),
            {"data": np.array([[1, np.nan, 3], [np.nan, 1, 2], [2, 1, np.nan]], "f")},
            exact=True,
        )
    for s in ((3, 4), (2, 3, 4), (2, 3, 2, 2)):
        yield Case(
            "argmax_channel_%d" % len(s),
            O("argmax_channel", V("data"), name="op"),
            {"data": r.distinct(*s)},
            exact=True,
        )
    for i in range(14):
        s = r.shape(r.i(1, 4), 2, 6)
        n = len(s)
        a = {}
        ax = r.i(-n, n - 1)
        if i in (1, 2):
            a["axis"] = "None"
            size = int(np.prod(s))
        elif i:
            a["axis"] = ax
            size = s[ax]
        else:
            size = s[-1]
        if i not in (0, 3):
            a["k"] = r.i(1, size)
        if i == 4:
            a["k"] = 0
        a["ret_typ"] = ("indices", "value", "mask", "both")[i % 4]
        if r.flag():
            a["is_ascend"] = r.flag()
        if i > 6 and a["ret_typ"] in ("indices", "both"):
            a["dtype"] = r.pick("int32", "int64", "float64", "uint8", "float16")
        dt = {9: "float64", 10: "int32", 11: "float16", 13: "int64"}.get(i, "float32")
        yield Case("topk_%d" % i, O("topk", V("data"), name="op", **a), {"data": r.distinct(*s, dtype=dt)}, exact=True)
    yield Case("topk_default", O("topk", V("data"), name="op"), {"data": r.distinct(3, 4)}, exact=True)
    yield Case("topk_npx", O("_npx_topk", V("data"), name="op", k=2, axis=0), {"data": r.distinct(3, 4)}, exact=True)
    for op in ("sort", "argsort"):
        for i in range(8):
            s = r.shape(r.i(1, 4), 1, 6)
            a = {}
            if i == 1:
                a["axis"] = "None"
            elif i:
                a["axis"] = r.i(-len(s), len(s) - 1)
            if i > 1 and r.flag():
                a["is_ascend"] = r.flag()
            if op == "argsort" and i > 3:
                a["dtype"] = r.pick("int32", "int64", "float64")
            dt = {5: "float64", 6: "int32", 7: "uint8"}.get(i, "float32")
            yield Case(
                "%s_%d" % (op, i), O(op, V("data"), name="op", **a), {"data": r.distinct(*s, dtype=dt)}, exact=True
            )
    for i in range(10):
        s = r.shape(r.i(2, 4), 2, 5)
        ax = -1 if i < 2 else r.i(-len(s), len(s) - 1)
        a = {} if i == 0 else {"axis": ax}
        p = [d for j, d in enumerate(s) if j != ax % len(s)]
        if i % 3 == 1:
            p = [1 if j == ax % len(s) else d for j, d in enumerate(s)]
        if i > 3:
            a["keepdims"] = r.flag()
        m = "clip"
        if i > 4:
            a["mode"] = m = r.pick("clip", "wrap")
        lo, hi = (-3, s[ax] + 2) if i > 5 else (0, s[ax] - 1)
        dt = "int32" if i == 8 else "float32"
        yield Case(
            "pick_%d" % i,
            O(
                ("pick", "choose_element_0index", "_npx_pick")[0 if i else 1 if s else 2],
                V("data"),
                V("index"),
                name="op",
                **a
            ),
            {"data": r.n(*s), "index": r.ints(lo, hi, *p).astype(dt)},
            exact=True,
        )
    for i in range(5):
        s = r.shape(r.i(2, 4), 2, 4)
        a = (
            {"axes": tuple(range(len(s)))}
            if i == 0
            else {"axes": tuple(sorted(int(v) for v in r.r.permutation(len(s))[: r.i(1, len(s))]))}
        )
        if i > 2:
            a["keepdims"] = True
        yield Case("moments_%d" % i, O("moments", V("data"), name="op", **a), {"data": r.n(*s)}, K=60)
    for i, a in enumerate((dict(axis=0), dict(axis=1), dict(), dict(axis=1, dtype="float64"))):
        yield Case("cumsum_%d" % i, O("cumsum", V("a"), name="op", **a), {"a": r.n(3, 4)}, K=12)
    for i, a in enumerate((dict(bins=None), dict(bin_cnt=4, range="(-2.0, 2.0)"))):
        ins = {"data": r.n(20)}
        vs = [V("data")]
        if i == 0:
            ins["bins"] = np.array([-3, -1, 0, 1, 4], "f")
            vs.append(V("bins"))
            a = {}
        yield Case("histogram_%d" % i, O("_histogram", *vs, name="op", **a), ins, exact=True)
