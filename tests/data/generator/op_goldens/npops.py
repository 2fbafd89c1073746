"""The numpy-mode names (_np_*, _npi_*, _npx_*) likely in models, under np-shape semantics."""

import numpy as np
from .core import V, O, Case


def cases(r):
    def c(name, op, ins, K=1, exact=False, rtol=None, **a):
        return Case(name, O(op, *[V(k) for k in ins], name="op", **a), ins, K=K, exact=exact, np_shape=True, rtol=rtol)

    def dom(lo, hi, *s):
        return r.u(lo, hi, *s)

    for op in (
        "add",
        "subtract",
        "multiply",
        "true_divide",
        "power",
        "mod",
        "maximum",
        "minimum",
        "hypot",
        "arctan2",
        "copysign",
        "equal",
        "not_equal",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "ldexp",
    ):
        for i, (sa, sb) in enumerate((((2, 3), (2, 3)), ((2, 1, 4), (3, 1)), ((), (2, 2)), ((), ()), ((0, 3), (1, 3)))):
            a, b = dom(0.5, 3, *sa), dom(0.5, 3, *sb)
            yield c("npi_%s_%d" % (op, i), "_npi_" + op, {"a": a, "b": b})
        if op in (
            "add",
            "subtract",
            "multiply",
            "true_divide",
            "mod",
            "power",
        ):  # comparisons and maximum take one type only
            for da, db in (
                ("int32", "int32"),
                ("float32", "int32"),
                ("float32", "float64"),
                ("int64", "float16"),
                ("bool", "float32"),
            ):
                if op == "true_divide" and db == "float64":
                    continue
                yield c(
                    "npi_%s_%s_%s" % (op, da, db),
                    "_npi_" + op,
                    {"a": r.ints(1, 4, 2, 3).astype(da), "b": r.ints(1, 3, 2, 3).astype(db)},
                )
    for op in (
        "add",
        "subtract",
        "rsubtract",
        "multiply",
        "true_divide",
        "rtrue_divide",
        "power",
        "rpower",
        "mod",
        "rmod",
        "maximum",
        "minimum",
        "equal",
        "not_equal",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "hypot",
        "arctan2",
        "copysign",
    ):
        for i, (dt, sc, ii) in enumerate(
            (
                ("float32", 1.5, False),
                ("float32", 2, True),
                ("int32", 2, True),
                ("int32", 1.5, False),
                ("bool", 2, True),
                ("float64", 0.5, False),
            )
        ):
            yield c(
                "npi_%s_scalar_%d" % (op, i),
                "_npi_%s_scalar" % op,
                {"a": r.ints(1, 4, 2, 3).astype(dt)},
                scalar=sc,
                is_int=ii,
            )
    for op, (lo, hi) in {
        "abs": (-2, 2),
        "absolute": (-2, 2),
        "negative": (-2, 2),
        "reciprocal": (0.5, 2),
        "sign": (-2, 2),
        "rint": (-3, 3),
        "ceil": (-3, 3),
        "floor": (-3, 3),
        "trunc": (-3, 3),
        "fix": (-3, 3),
        "square": (-2, 2),
        "sqrt": (0.1, 4),
        "cbrt": (-4, 4),
        "exp": (-2, 2),
        "log": (0.1, 4),
        "log10": (0.1, 4),
        "log2": (0.1, 4),
        "log1p": (-0.5, 4),
        "expm1": (-2, 2),
        "logical_not": (-1, 1),
        "sin": (-3, 3),
        "cos": (-3, 3),
        "tan": (-1, 1),
        "arcsin": (-0.9, 0.9),
        "arccos": (-0.9, 0.9),
        "arctan": (-3, 3),
        "degrees": (-3, 3),
        "radians": (-99, 99),
        "sinh": (-2, 2),
        "cosh": (-2, 2),
        "tanh": (-2, 2),
        "arcsinh": (-2, 2),
        "arccosh": (1.1, 4),
        "arctanh": (-0.9, 0.9),
        "isnan": (-1, 1),
        "isinf": (-1, 1),
        "isfinite": (-1, 1),
    }.items():
        yield c("npi_" + op, "_npi_" + op, {"x": dom(lo, hi, *r.shape(r.i(0, 3), 1, 4))})
        if op not in ("arccosh", "arcsin", "arccos", "arctanh"):
            yield c("npi_%s_int32" % op, "_npi_" + op, {"x": r.ints(1, 4, 3)})
    yield c("npi_isnan_yes", "_npi_isnan", {"x": np.array([1, np.nan, np.inf], "f")})
    for op in ("_npx_relu", "_npx_sigmoid"):
        yield c(op[1:], op, {"x": r.n(2, 3)})
    for i, (s, a) in enumerate(
        (
            ((2, 3, 4), dict(axis=1)),
            ((2, 3, 4), dict(axis=(0, 2), keepdims=True)),
            ((2, 3, 4), {}),
            ((), {}),
            ((2, 3), dict(axis=-1)),
            ((3, 0), dict(axis=1)),
        )
    ):
        for op in ("_npi_mean", "_np_sum", "_np_max", "_np_min", "_np_prod", "_npi_std", "_npi_var"):
            if 0 in s and op in ("_np_max", "_np_min") or (s == () or 0 in s) and op in ("_npi_std", "_npi_var"):
                continue
            yield c("%s_%d" % (op[1:], i), op, {"a": r.n(*s)}, K=24, exact=op in ("_np_max", "_np_min"), **a)
    for op in ("_npi_mean", "_np_sum", "_np_max", "_np_any", "_np_all", "_np_prod"):
        yield c(op[1:] + "_int", op, {"a": r.ints(0, 4, 2, 3)}, axis=1)
    yield c("npi_mean_dtype", "_npi_mean", {"a": r.n(2, 3)}, axis=0, dtype="float64", K=3)
    yield c("np_sum_dtype", "_np_sum", {"a": r.ints(0, 5, 2, 3)}, axis=0, dtype="float32", K=3)
    yield c("np_sum_bool", "_np_sum", {"a": r.ints(0, 1, 2, 3).astype(bool)}, axis=0)
    for op in ("_npi_argmax", "_npi_argmin"):
        for i, (s, a) in enumerate((((3, 4), dict(axis=1)), ((3, 4), {}), ((2, 3, 4), dict(axis=-2, keepdims=True)))):
            yield c("%s_%d" % (op[1:], i), op, {"data": r.distinct(*s)}, exact=True, **a)
    for i, (s, a) in enumerate(
        (((2, 3, 4), {}), ((2, 3, 4), dict(axes=(1, 2, 0))), ((2, 3, 4), dict(axes=(-1, 0, 1))), ((), {}))
    ):
        yield c("np_transpose_%d" % i, "_np_transpose", {"a": r.n(*s)}, exact=True, **a)
    for i, (s, t) in enumerate(
        (((2, 3, 4), (6, 4)), ((2, 3, 4), (-1, 4)), ((2, 0, 4), (0, 5)), ((1,), ()), ((), (1, 1)))
    ):
        for op in ("_np_reshape", "_npi_reshape"):
            yield c("%s_%d" % (op[1:], i), op, {"a": r.n(*s)}, exact=True, newshape=str(t))
    for i, (s, t, rv) in enumerate(
        (
            ((2, 3, 4), (-2, -1), False),
            ((2, 3, 4), (-5, -2), False),
            ((1, 3, 4), (-3, -1), False),
            ((2, 3, 4), (-4,), False),
            ((2, 3, 4), (-2, -4), False),
            ((8, 3), (-6, 2, 4, -4), False),
            ((8, 3), (-6, -1, 2, -2), False),
            ((2, 3, 4), (-1, -2), True),
            ((2, 3, 4, 5), (-4, -5), True),
            ((2, 1, 4), (-2, -3, -2), False),
            ((2, 3), (6,), False),
        )
    ):
        yield c(
            "npx_reshape_%d" % i,
            "_npx_reshape",
            {"a": r.n(*s)},
            exact=True,
            newshape=str(t),
            **({"reverse": True} if rv else {})
        )
    for i, (s, a) in enumerate(
        (((1, 3, 1), {}), ((1, 3, 1), dict(axis=0)), ((1, 3, 1), dict(axis=(0, 2))), ((1,), {}))
    ):
        yield c("np_squeeze_%d" % i, "_np_squeeze", {"a": r.n(*s)}, exact=True, **a)
    x = r.n(2, 3, 4)
    for nm, op, a in (
        ("swapaxes", "_npi_swapaxes", dict(dim1=0, dim2=-1)),
        ("expand_dims", "_npi_expand_dims", dict(axis=-1)),
        ("slice", "_npi_slice", dict(begin="(None, 1)", end="(None, 3)")),
        ("slice_step", "_npx_slice", dict(begin="(1, None)", end="(None, 0)", step="(-1, -2)")),
        ("moveaxis", "_np_moveaxis", dict(source="(0,)", destination="(2,)")),
        ("roll", "_np_roll", dict(shift="(1,)", axis="(1,)")),
        ("flip", "_npi_flip", dict(axis="(0, 2)")),
        ("tile", "_npi_tile", dict(reps="(2, 1)")),
        ("repeat", "_np_repeat", dict(repeats=2, axis=1)),
        ("cumsum", "_np_cumsum", dict(axis=1)),
        ("rot90", "_npi_rot90", dict(k=1, axes="(0, 1)")),
        ("tril", "_npi_tril", dict(k=0)),
        ("broadcast_to", "_npi_broadcast_to", dict(shape="(5, 2, 3, 4)")),
        ("clip", "_npi_clip", dict(a_min=-0.5, a_max=0.5)),
        ("cast", "_npi_cast", dict(dtype="int32")),
        ("around", "_npi_around", dict(decimals=1)),
        ("pad", "_npi_pad", dict(pad_width="((1, 0), (0, 2), (1, 1))", mode="constant", constant_value=2.0)),
        ("pad_edge", "_npi_pad", dict(pad_width="((1, 0), (0, 2), (1, 1))", mode="edge")),
        ("pad_reflect", "_npi_pad", dict(pad_width="((1, 0), (0, 2), (1, 1))", mode="reflect")),
        ("copy", "_np_copy", {}),
        ("full_like", "_npi_full_like", dict(fill_value=2.5)),
        ("nan_to_num", "_npi_nan_to_num", {}),
        ("sort", "_npi_sort", dict(axis=1)),
        ("argsort", "_npi_argsort", dict(axis=-1, dtype="int64")),
        ("diag", "_np_diag", dict(k=0)),
        ("diagonal", "_np_diagonal", dict(offset=0, axis1=0, axis2=1)),
        ("trace", "_np_trace", dict(offset=0, axis1=0, axis2=1)),
        ("topk", "_npx_topk", dict(k=2, axis=1, ret_typ="both")),
    ):
        yield c(
            "np_" + nm,
            op,
            {"a": r.distinct(2, 3, 4) if nm in ("sort", "argsort", "topk") else r.n(3, 4) if nm == "diag" else x},
            exact=nm not in ("cumsum", "around", "trace"),
            K=4,
            **a
        )
    ab = {"a": r.n(2, 3), "b": r.n(2, 3)}
    for nm, op, a in (
        ("concatenate", "_npi_concatenate", dict(num_args=2, axis=1)),
        ("stack", "_npi_stack", dict(num_args=2, axis=-1)),
        ("vstack", "_npi_vstack", dict(num_args=2)),
        ("column_stack", "_npi_column_stack", dict(num_args=2)),
    ):
        yield c("np_" + nm, op, ab, exact=True, **a)
    yield c("npi_split", "_npi_split", {"data": r.n(4, 3)}, exact=True, indices="(0, 1, 3)", axis=0)
    yield c("npi_split_sections", "_npi_split", {"data": r.n(4, 3)}, exact=True, indices="()", axis=0, sections=2)
    for i, (sa, sb) in enumerate(
        (((2, 3), (3, 4)), ((2, 2, 3), (3, 4)), ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,)), ((2, 1, 2, 3), (4, 3, 2)))
    ):
        yield c("npi_matmul_%d" % i, "_npi_matmul", {"a": r.n(*sa), "b": r.n(*sb)}, K=3)
        if i < 5:
            yield c("np_dot_%d" % i, "_np_dot", {"a": r.n(*sa), "b": r.n(*sb)}, K=3)
    for i, (sub, ss) in enumerate(
        (
            ("ij,jk->ik", ((2, 3), (3, 4))),
            ("bij,bkj->bik", ((2, 3, 4), (2, 5, 4))),
            ("ii->i", ((3, 3),)),
            ("ij->ji", ((2, 3),)),
            ("ij,ij->", ((2, 3), (2, 3))),
            ("bhid,bhjd->bhij", ((1, 2, 3, 4), (1, 2, 3, 4))),
            ("ij,jk,kl->il", ((2, 3), (3, 2), (2, 4))),
        )
    ):
        yield c(
            "npi_einsum_%d" % i,
            "_npi_einsum",
            {"x%d" % j: r.n(*s) for j, s in enumerate(ss)},
            K=6,
            num_args=len(ss),
            subscripts=sub,
            optimize=0,
        )
    yield c(
        "npi_tensordot",
        "_npi_tensordot",
        {"a": r.n(2, 3, 4), "b": r.n(4, 3, 2)},
        K=12,
        a_axes_summed="(1, 2)",
        b_axes_summed="(1, 0)",
    )
    yield c("npi_tensordot_int", "_npi_tensordot_int_axes", {"a": r.n(2, 3, 4), "b": r.n(3, 4, 5)}, K=12, axes=2)
    yield c(
        "npi_where", "_npi_where", {"c": r.ints(0, 1, 2, 1).astype("f"), "x": r.n(2, 3), "y": r.n(1, 3)}, exact=True
    )
    yield c(
        "npi_where_lscalar",
        "_npi_where_lscalar",
        {"c": r.ints(0, 1, 2, 3).astype("f"), "x": r.n(2, 3)},
        exact=True,
        scalar=1.5,
    )
    yield c(
        "npi_where_rscalar",
        "_npi_where_rscalar",
        {"c": r.ints(0, 1, 2, 3).astype("f"), "x": r.n(2, 3)},
        exact=True,
        scalar=1.5,
    )
    for m in ("clip", "wrap"):
        yield c(
            "npi_take_" + m, "_npi_take", {"a": r.n(4, 3), "indices": r.ints(-5, 6, 2, 2)}, exact=True, axis=0, mode=m
        )
    yield c("npi_norm", "_npi_norm", {"a": r.n(3, 4)}, K=12, ord=2, axis="(0,)", keepdims=False, flag=1)
    yield c("np_atleast_2d", "_np_atleast_2d", {"a": r.n(3)}, exact=True, num_args=1)
    for nm, op, a in (
        ("zeros", "_npi_zeros", dict(shape="(2, 3)")),
        ("zeros_0d", "_npi_zeros", dict(shape="()")),
        ("ones", "_npi_ones", dict(shape="(2,)", dtype="int32")),
        ("full", "_npi_full", dict(shape="(2, 2)", value=2.5)),
        ("arange", "_npi_arange", dict(start=1, stop=4, step=0.5)),
        ("arange_int", "_npi_arange", dict(start=0, stop=4, dtype="int64")),
        ("eye", "_npi_eye", dict(N=3, M="4", k=1)),
        ("identity", "_npi_identity", dict(shape="(3, 3)")),
        ("linspace", "_npi_linspace", dict(start=0, stop=1, num=4)),
        ("indices", "_npi_indices", dict(dimensions="(2, 3)")),
    ):
        yield c("npi_" + nm, op, {}, **a)
    from .npops_networks import nets

    yield from nets(r)
