"""Unary, binary, scalar, broadcast, compare, cast, clip, where."""

import numpy as np
from .core import V, O, Case

# op: (low, high) of the random domain
UNARY = {
    "abs": (-3, 3),
    "sign": (-3, 3),
    "round": (-5, 5),
    "rint": (-5, 5),
    "ceil": (-5, 5),
    "floor": (-5, 5),
    "trunc": (-5, 5),
    "fix": (-5, 5),
    "square": (-3, 3),
    "sqrt": (0.01, 9),
    "rsqrt": (0.05, 9),
    "cbrt": (-9, 9),
    "rcbrt": (0.1, 9),
    "exp": (-4, 4),
    "log": (0.01, 9),
    "log10": (0.01, 9),
    "log2": (0.01, 9),
    "log1p": (-0.9, 9),
    "expm1": (-3, 3),
    "sin": (-6, 6),
    "cos": (-6, 6),
    "tan": (-1.4, 1.4),
    "arcsin": (-0.99, 0.99),
    "arccos": (-0.99, 0.99),
    "arctan": (-5, 5),
    "degrees": (-5, 5),
    "radians": (-300, 300),
    "sinh": (-3, 3),
    "cosh": (-3, 3),
    "tanh": (-4, 4),
    "arcsinh": (-5, 5),
    "arccosh": (1.01, 9),
    "arctanh": (-0.98, 0.98),
    "gamma": (0.2, 6),
    "gammaln": (0.2, 20),
    "erf": (-3, 3),
    "erfinv": (-0.98, 0.98),
    "reciprocal": (0.2, 5),
    "negative": (-3, 3),
    "logical_not": (-1, 1),
    "relu": (-3, 3),
    "sigmoid": (-8, 8),
    "softsign": (-5, 5),
    "zeros_like": (-3, 3),
    "ones_like": (-3, 3),
    "hard_sigmoid": (-4, 4),
    "smooth_l1": (-3, 3),
}
EXACT = {
    "abs",
    "sign",
    "round",
    "rint",
    "ceil",
    "floor",
    "trunc",
    "fix",
    "negative",
    "logical_not",
    "relu",
    "zeros_like",
    "ones_like",
}
ELEM = [
    "elemwise_add",
    "elemwise_sub",
    "elemwise_mul",
    "elemwise_div",
    "_power",
    "_maximum",
    "_minimum",
    "_mod",
    "_hypot",
    "_equal",
    "_not_equal",
    "_greater",
    "_greater_equal",
    "_lesser",
    "_lesser_equal",
    "_logical_and",
    "_logical_or",
    "_logical_xor",
    "_grad_add",
]
ALIAS = [
    "_Plus",
    "_plus",
    "_add",
    "_sparse_elemwise_add",
    "_Minus",
    "_sub",
    "_Mul",
    "_mul",
    "_Div",
    "_div",
    "_Power",
    "_Maximum",
    "_Minimum",
    "_Mod",
    "_Hypot",
    "_Equal",
    "_Not_Equal",
    "_Greater",
    "_Greater_Equal",
    "_Lesser",
    "_Lesser_Equal",
    "_Logical_And",
    "_Logical_Or",
    "_Logical_Xor",
]
BCAST = [
    "add",
    "sub",
    "mul",
    "div",
    "mod",
    "power",
    "maximum",
    "minimum",
    "hypot",
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "lesser",
    "lesser_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "plus",
    "minus",
]
SCALAR = [
    "_plus_scalar",
    "_minus_scalar",
    "_rminus_scalar",
    "_mul_scalar",
    "_div_scalar",
    "_rdiv_scalar",
    "_mod_scalar",
    "_rmod_scalar",
    "_power_scalar",
    "_rpower_scalar",
    "_maximum_scalar",
    "_minimum_scalar",
    "_hypot_scalar",
    "_equal_scalar",
    "_not_equal_scalar",
    "_greater_scalar",
    "_greater_equal_scalar",
    "_lesser_scalar",
    "_lesser_equal_scalar",
    "_logical_and_scalar",
    "_logical_or_scalar",
    "_logical_xor_scalar",
]
SALIAS = [
    "_PlusScalar",
    "_MinusScalar",
    "_RMinusScalar",
    "_MulScalar",
    "_DivScalar",
    "_RDivScalar",
    "_ModScalar",
    "_RModScalar",
    "_PowerScalar",
    "_RPowerScalar",
    "_MaximumScalar",
    "_MinimumScalar",
    "_HypotScalar",
    "_EqualScalar",
    "_NotEqualScalar",
    "_GreaterScalar",
    "_GreaterEqualScalar",
    "_LesserScalar",
    "_LesserEqualScalar",
    "_LogicalAndScalar",
    "_LogicalOrScalar",
    "_LogicalXorScalar",
]


def is_exact(op):
    o = op.lower()
    return any(w in o for w in ("maximum", "minimum", "equal", "greater", "lesser", "logical")) and "hypot" not in o


def operands(r, op, sa, sb, dt):
    o = op.lower()
    kind = np.dtype(dt).kind
    if any(w in o for w in ("equal", "greater", "lesser", "logical")):
        return r.ints(-1, 1, *sa, dtype=dt), r.ints(-1, 1, *sb, dtype=dt)
    if "power" in o:
        return (
            (r.u(0.2, 3, *sa, dtype=dt), r.u(-2, 2, *sb, dtype=dt))
            if kind == "f"
            else (r.ints(1, 4, *sa, dtype=dt), r.ints(0, 3, *sb, dtype=dt))
        )
    if kind != "f":
        a, b = r.ints(-9, 9, *sa, dtype=dt), r.ints(-9, 9, *sb, dtype=dt)
        return a, np.where(b == 0, 4, b).astype(dt) if ("div" in o) else b
    a, b = r.n(*sa, scale=3, dtype=dt), r.n(*sb, scale=3, dtype=dt)
    if "div" in o or "mod" in o:
        b = np.where(abs(b) < 0.2, 1.5, b).astype(dt)
    return a, b


def two_shapes(r):
    n = r.i(1, 5)
    a = list(r.shape(n, 1, 4))
    b = [1 if r.i(0, 2) == 0 else d for d in a]
    a = [1 if r.i(0, 3) == 0 else d for d in a]
    k = r.i(0, n - 1)
    if r.flag():
        b = b[k:]
    else:
        a = a[k:]
    return tuple(a), tuple(b)


def cases(r):
    for op, (lo, hi) in UNARY.items():
        at = {"hard_sigmoid": {"alpha": 0.3, "beta": 0.4}, "smooth_l1": {"scalar": 1.5}}.get(op, {})
        for k, dt in enumerate(("float32", "float32", "float64", "float16")):
            if k == 3 and op in ("gamma", "gammaln", "erfinv", "tan"):
                continue
            x = r.u(lo, hi, *r.shape(r.i(1, 5), 1, 5), dtype=dt)
            if op == "logical_not":
                x = np.round(x)
            yield Case(
                "unary_%s_%d" % (op, k),
                O(op, V("data"), name="op", **(at if k else {})),
                {"data": x},
                exact=op in EXACT,
            )
        if op in EXACT or op in ("square", "sqrt"):
            yield Case(
                "unary_%s_int32" % op, O(op, V("data"), name="op"), {"data": r.ints(-5 if op != "sqrt" else 0, 5, 3, 4)}
            )
        e = np.array([0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, 3e38], "f")
        if op not in ("gamma", "gammaln", "sin", "cos", "tan"):
            yield Case(
                "unary_%s_edges" % op,
                O(op, V("data"), name="op"),
                {"data": e},
                exact=op in EXACT,
                rtol=None if op in EXACT else 1e-5,
            )
    for op in ELEM + ALIAS:
        for k, dt in enumerate(("float32", "float64", "int32", "float16") if op in ELEM else ("float32",)):
            s = r.shape(r.i(1, 4), 1, 5)
            a, b = operands(r, op, s, s, dt)
            yield Case(
                "elem_%s_%s" % (op, dt), O(op, V("lhs"), V("rhs"), name="op"), {"lhs": a, "rhs": b}, exact=is_exact(op)
            )
    for op in BCAST:
        for k, dt in enumerate(("float32", "float32", "float32", "float32", "float64", "int32", "float16")):
            if k > 1 and op in ("plus", "minus"):
                continue
            sa, sb = two_shapes(r)
            a, b = operands(r, op, sa, sb, dt)
            yield Case(
                "broadcast_%s_%d" % (op, k),
                O("broadcast_" + op, V("lhs"), V("rhs"), name="op"),
                {"lhs": a, "rhs": b},
                exact=is_exact(op),
            )
    for nm in (
        "_sparse_broadcast_add",
        "_sparse_broadcast_sub",
        "_sparse_broadcast_mul",
        "_sparse_broadcast_div",
        "_sparse_broadcast_plus",
        "_sparse_broadcast_minus",
    ):
        a, b = operands(r, nm, (2, 3), (1, 3), "float32")
        yield Case(nm, O(nm, V("lhs"), V("rhs"), name="op"), {"lhs": a, "rhs": b})
    for op in SCALAR + SALIAS:
        for k, dt in enumerate(
            ("float32", "float32", "float64", "int32", "int64", "float16", "int32") if op in SCALAR else ("float32",)
        ):
            sc = float(r.pick(2, -3, 0.5, 1.25, 3, -1.5))
            if "power" in op.lower():
                sc = abs(sc)
            isint = dt.startswith("int") and k != 6
            if dt.startswith("int") and "r" + "div" not in op:
                sc = float(r.pick(2, 3, -2)) if "power" not in op else 2.0
            at = {"scalar": int(sc) if isint and sc == int(sc) else sc}
            if k != 1:
                at["is_int"] = bool(isint and sc == int(sc))
            a, _ = operands(r, op, r.shape(r.i(1, 4), 1, 5), (1,), dt)
            if dt.startswith("int") and ("rdiv" in op or "rmod" in op or "rpower" in op):
                a = (abs(a) % 3 + 1).astype(dt)
            yield Case("scalar_%s_%d" % (op, k), O(op, V("data"), name="op", **at), {"data": a}, exact=is_exact(op))
        yield (
            Case(
                "scalar_%s_default" % op,
                O(op, V("data"), name="op"),
                {"data": operands(r, op, (2, 3), (1,), "float32")[0] + (3 if "power" in op.lower() else 0)},
                exact=is_exact(op),
            )
            if op in SCALAR
            else Case(
                "scalar_%s_int8" % op,
                O(op, V("data"), name="op", scalar=2),
                {"data": r.ints(1, 5, 2, 3, dtype="int8")},
                exact=True,
            )
        )
    m = np.array([-7.5, -7, -3, -0.5, 0, 0.5, 3, 7, 7.5], "f")
    for d in (2.0, -2.0, 0.0, 2.5, -2.5):
        yield Case("mod_scalar_sign_%s" % d, O("_mod_scalar", V("data"), name="op", scalar=d), {"data": m})
        yield Case("mod_sign_%s" % d, O("_mod", V("a"), V("b"), name="op"), {"a": m, "b": np.full_like(m, d)})
        yield Case("rmod_scalar_%s" % d, O("_rmod_scalar", V("data"), name="op", scalar=d), {"data": m})
    from .elemwise_mixed import more

    yield from more(r)
