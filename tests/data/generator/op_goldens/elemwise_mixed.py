"""clip, Cast, amp_*, add_n, where, scatter-scalar names, smooth_l1, bool data, mixed chains."""

import numpy as np
from .core import V, O, Case

DT = ["float32", "float64", "float16", "int32", "int64", "int8", "uint8", "bool"]


def more(r):
    for k, (a, b) in enumerate(((0, 6), (-1, 1), (-0.5, 0.25), (2, 2), (float("-inf"), 1), (1, -1))):
        for dt in ("float32", "int32", "float64", "float16")[: 4 if k < 2 else 1]:
            x = r.n(3, 4, scale=4).astype(dt)
            yield Case(
                "clip_%d_%s" % (k, dt), O("clip", V("data"), name="op", a_min=a, a_max=b), {"data": x}, exact=True
            )
    yield Case(
        "clip_nan",
        O("clip", V("data"), name="op", a_min=0, a_max=6),
        {"data": np.array([np.nan, np.inf, -np.inf, 3], "f")},
        exact=True,
    )
    yield Case(
        "clip_sparse_alias", O("_sparse_clip", V("data"), name="op", a_min=-1, a_max=1), {"data": r.n(5)}, exact=True
    )
    for a in DT:
        for b in DT:
            if a.startswith(("u", "b")) or b.startswith(("u", "b")):
                x = r.u(0, 100, 4, 3)
            else:
                x = r.u(-100, 100, 4, 3)
            x = (x > 50) if a == "bool" else x.astype(a)
            yield Case("cast_%s_%s" % (a, b), O("Cast", V("data"), name="op", dtype=b), {"data": x}, exact=True)
    yield Case(
        "cast_truncates",
        O("cast", V("data"), name="op", dtype="int32"),
        {"data": np.array([1.9, -1.9, 0.5, -0.5, 2.5], "f")},
        exact=True,
    )
    yield Case("cast_npx", O("_npx_cast", V("data"), name="op", dtype="float64"), {"data": r.n(3)}, exact=True)
    for b in ("float16", "float32"):
        yield Case("amp_cast_" + b, O("amp_cast", V("data"), name="op", dtype=b), {"data": r.n(3, 4)}, exact=True)
    for nc in (False, True, None):
        yield Case(
            "amp_multicast_%s" % nc,
            O(
                "amp_multicast",
                V("a"),
                V("b"),
                V("c"),
                name="op",
                num_outputs=3,
                **({} if nc is None else {"cast_narrow": nc})
            ),
            {"a": r.n(2, 3), "b": r.n(2, 3, dtype="float16"), "c": r.n(4)},
            exact=True,
        )
    for n in (1, 2, 3, 5):
        for op in ("add_n", "ElementWiseSum") if n > 1 else ("add_n",):
            vs = {"x%d" % i: r.n(2, 3, 2, dtype="float64" if n == 5 else "float32") for i in range(n)}
            yield Case("%s_%d" % (op, n), O(op, *[V(k) for k in vs], name="op", num_args=n), vs, K=n)
    yield Case(
        "add_n_same_input", O("add_n", V("x"), V("x"), V("y"), name="op", num_args=3), {"x": r.n(3), "y": r.n(3)}
    )
    for dt in ("float32", "float64", "int32", "int64", "int8", "float16"):
        for cd in ("float32", "int32", "float64"):
            s = r.shape(r.i(1, 4), 1, 4)
            yield Case(
                "where_%s_%s" % (dt, cd),
                O("where", V("condition"), V("x"), V("y"), name="op"),
                {
                    "condition": r.ints(-1, 1, *s, dtype=cd),
                    "x": r.n(*s, scale=9).astype(dt),
                    "y": r.n(*s, scale=9).astype(dt),
                },
                exact=True,
            )
    for k in range(3):
        s = (r.i(2, 5),) + r.shape(r.i(1, 3), 1, 4)
        yield Case(
            "where_rows_%d" % k,
            O("where", V("condition"), V("x"), V("y"), name="op"),
            {"condition": r.ints(0, 1, s[0], dtype="float32"), "x": r.n(*s), "y": r.n(*s)},
            exact=True,
        )
    for s in (0.5, 1, 2, 3.0):
        yield Case("smooth_l1_%s" % s, O("smooth_l1", V("data"), name="op", scalar=s), {"data": r.n(4, 5)})
    yield Case("hard_sigmoid_default", O("hard_sigmoid", V("data"), name="op"), {"data": r.n(4, 5, scale=3)})
    yield Case("scatter_plus_scalar", O("_scatter_plus_scalar", V("data"), name="op", scalar=2.5), {"data": r.n(3, 2)})
    yield Case(
        "scatter_minus_scalar", O("_scatter_minus_scalar", V("data"), name="op", scalar=2.5), {"data": r.n(3, 2)}
    )
    yield Case(
        "scatter_elemwise_div",
        O("_scatter_elemwise_div", V("a"), V("b"), name="op"),
        {"a": r.n(3, 2), "b": r.u(1, 2, 3, 2)},
    )
    for a in ({"a": 2.0, "b": -1.0, "c": 0.5}, {}):
        yield Case("quadratic_%d" % len(a), O("_contrib_quadratic", V("data"), name="op", **a), {"data": r.n(3, 2)})
    for op in ("_contrib_round_ste", "_contrib_sign_ste"):
        yield Case(op, O(op, V("data"), name="op"), {"data": r.n(3, 4, scale=3)}, exact=True)
    for op in ("all_finite", "multi_all_finite"):
        for bad in (False, True):
            x = r.n(5)
            if bad:
                x[2] = np.inf
            at = {"num_arrays": 1} if op.startswith("multi") else {}
            yield Case("%s_%s" % (op, bad), O(op, V("data"), name="op", **at), {"data": x}, exact=True)
    for op in (
        "abs",
        "arcsin",
        "arcsinh",
        "arctan",
        "arctanh",
        "cbrt",
        "ceil",
        "cos",
        "cosh",
        "degrees",
        "exp",
        "expm1",
        "fix",
        "floor",
        "gamma",
        "gammaln",
        "log",
        "log10",
        "log1p",
        "log2",
        "negative",
        "radians",
        "relu",
        "rint",
        "round",
        "rsqrt",
        "sigmoid",
        "sign",
        "sin",
        "sinh",
        "sqrt",
        "square",
        "tan",
        "tanh",
        "trunc",
        "zeros_like",
        "arccos",
        "arccosh",
    ):
        yield Case(
            "sparse_alias_" + op,
            O("_sparse_" + op, V("data"), name="op"),
            {"data": r.u(1.1, 3, 5) if op == "arccosh" else r.u(0.1, 0.9, 5)},
        )
    for op in ("relu", "sigmoid", "erf", "erfinv", "gamma", "gammaln", "smooth_l1"):
        yield Case("npx_alias_" + op, O("_npx_" + op, V("data"), name="op"), {"data": r.u(0.1, 0.9, 5)})
    for op in ("_mul_scalar", "_plus_scalar", "_minus_scalar", "_equal_scalar", "_greater_scalar", "_maximum_scalar"):
        for sc, ii in ((2, True), (1.5, False)):
            yield Case(
                "bool_%s_%s" % (op, ii),
                O(op, V("data"), name="op", scalar=sc, is_int=ii),
                {"data": r.ints(0, 1, 2, 3).astype(bool)},
                np_shape=False,
            )
    for op in (
        "_mul_scalar",
        "_div_scalar",
        "_rdiv_scalar",
        "_mod_scalar",
        "_power_scalar",
        "_maximum_scalar",
        "_minimum_scalar",
        "_greater_scalar",
    ):
        for dt in ("int8", "uint8", "int32"):
            for ii in (True, False):
                yield Case(
                    "intscalar_%s_%s_%s" % (op, dt, ii),
                    O(op, V("data"), name="op", scalar=2.5, is_int=ii),
                    {"data": r.ints(1, 5, 6, dtype=dt)},
                )
