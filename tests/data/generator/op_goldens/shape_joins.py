"""Concat, stack, splits, tile, repeat, pad, reverse, depth/space, broadcast_*, diag, assignment, init."""

from .core import V, O, Case


def join(r, name, op, shapes, dt="float32", **a):
    ins = {"arg%d" % i: r.n(*s, dtype=dt, scale=5) for i, s in enumerate(shapes)}
    return Case(name, O(op, *[V(k) for k in ins], name="op", num_args=len(shapes), **a), ins, exact=True)


def more(r, one, x):
    for i in range(10):
        s = r.shape(r.i(1, 5), 1, 4)
        ax = r.i(-len(s), len(s) - 1)
        n = r.i(1, 5)
        shapes = []
        for _ in range(n):
            t = list(s)
            t[ax] = r.i(1, 4)
            shapes.append(tuple(t))
        dt = r.pick("float32", "float64", "int32", "float16", "uint8") if i > 5 else "float32"
        yield join(r, "concat_%d" % i, r.pick("Concat", "concat"), shapes, dt, dim=ax)
        yield join(r, "stack_%d" % i, "stack", [s] * n, dt, axis=r.i(-len(s) - 1, len(s)))
        if len(s) > 1 and i < 3:
            yield join(r, "rnn_param_concat_%d" % i, "_rnn_param_concat", [(r.i(1, 9),) for _ in range(n + 1)], dim=0)
    yield join(r, "concat_default_dim", "Concat", [(2, 3), (2, 1)])
    yield join(r, "concat_sparse_alias", "_sparse_concat", [(2, 3), (2, 1)], dim=1)
    yield Case(
        "concat_same_input", O("Concat", V("a"), V("a"), name="op", num_args=2, dim=0), {"a": r.n(2, 3)}, exact=True
    )
    for i in range(8):
        n = r.i(1, 4)
        s = list(r.shape(r.i(2, 4), 1, 3))
        ax = r.i(-len(s), len(s) - 1)
        sq = i % 2 == 1
        s[ax] = n if sq else n * r.i(1, 3)
        yield one(
            "slicechannel_%d" % i,
            r.pick("SliceChannel", "split"),
            x(r, *s),
            num_outputs=n,
            axis=ax,
            **({"squeeze_axis": sq} if sq or i > 3 else {})
        )
    yield one("slicechannel_default", "SliceChannel", x(r, 2, 6, 2), num_outputs=3)
    for i, (s, a) in enumerate(
        (
            ((6, 4), dict(indices="(0, 2, 5)", axis=0)),
            ((4, 6), dict(indices="(0, 1)", axis=1)),
            ((6, 4), dict(indices="()", axis=0, sections=3)),
            ((2, 3, 4), dict(indices="(0, 1, 3)", axis=-1)),
            ((3, 2), dict(indices="()", axis=0, sections=3, squeeze_axis=True)),
            ((5,), dict(indices="(0,)", axis=0)),
            ((3, 4), dict(indices="(0, 1, 2)", axis=0, squeeze_axis=True)),
        )
    ):
        yield one("split_v2_%d" % i, "_split_v2", x(r, *s), **a)
    s2 = O("SliceChannel", V("data"), name="sp", num_outputs=2, axis=1)
    yield Case("split_second_only", O("negative", s2[1], name="neg"), {"data": r.n(2, 4)}, exact=True)
    yield Case(
        "split_swap_concat", O("Concat", s2[1], s2[0], name="cc", num_args=2, dim=1), {"data": r.n(2, 4)}, exact=True
    )
    for i, (s, reps) in enumerate(
        (
            ((2, 3), (2, 2)),
            ((2, 3), (2,)),
            ((2, 3), (2, 1, 3)),
            ((4,), (3,)),
            ((1, 2, 1), (1, 1, 4)),
            ((2, 2), (1,)),
            ((3,), (2, 2)),
        )
    ):
        yield one("tile_%d" % i, "tile", x(r, *s), reps=reps)
    for i in range(5):
        s = r.shape(r.i(1, 4), 1, 4)
        yield one(
            "repeat_%d" % i, "repeat", x(r, *s), repeats=r.i(1, 3), **({"axis": r.i(-len(s), len(s) - 1)} if i else {})
        )
        yield one("reverse_%d" % i, r.pick("reverse", "flip"), x(r, *s), axis=r.i(0, len(s) - 1))
    yield one("reverse_tuple", "reverse", x(r, 2, 3, 4), axis=(0, 2))
    for m in ("constant", "edge", "reflect"):
        for nd in (4, 5):
            for k in range(2):
                s = (r.i(1, 2), r.i(1, 3)) + r.shape(nd - 2, 3, 4)
                pw = (0, 0, 0, 0) + tuple(r.i(0, 2) for _ in range(2 * (nd - 2)))
                yield one(
                    "pad_%s_%d_%d" % (m, nd, k),
                    r.pick("Pad", "pad"),
                    x(r, *s),
                    mode=m,
                    pad_width=pw,
                    **({"constant_value": r.pick(0, 1.5, -2)} if m == "constant" and k else {})
                )
    yield (
        one(
            "pad_int32",
            "Pad",
            r.ints(0, 9, 1, 1, 2, 3),
            mode="constant",
            pad_width=(0, 0, 0, 0, 1, 1, 2, 0),
            constant_value=7,
        )
        if False
        else one(
            "pad_float64",
            "Pad",
            r.n(1, 1, 2, 3, dtype="float64"),
            mode="constant",
            pad_width=(0, 0, 0, 0, 1, 1, 2, 0),
            constant_value=7,
        )
    )
    for b in (1, 2, 3):
        c, h, w = r.i(1, 3), r.i(1, 3), r.i(1, 3)
        yield one("depth_to_space_%d" % b, "depth_to_space", x(r, r.i(1, 2), c * b * b, h, w), block_size=b)
        yield one("space_to_depth_%d" % b, "space_to_depth", x(r, r.i(1, 2), c, h * b, w * b), block_size=b)
    for i, (s, t) in enumerate(
        (
            ((1, 3), (4, 3)),
            ((1, 3), (4, 0)),
            ((2, 1, 1), (0, 3, 2)),
            ((1,), (5,)),
            ((1, 1, 1, 2), (2, 3, 2, 2)),
            ((2, 3), (0, 0)),
        )
    ):
        yield one("broadcast_to_%d" % i, "broadcast_to", x(r, *s, dt="int32" if i == 4 else None), shape=t)
    for i, (s, ax, sz) in enumerate(
        (((1, 2, 1), (0, 2), (2, 3)), ((2, 1), 1, 4), ((1, 1), (1,), (3,)), ((2, 1, 3), 1, 4))
    ):
        yield one("broadcast_axis_%d" % i, r.pick("broadcast_axis", "broadcast_axes"), x(r, *s), axis=ax, size=sz)
    for i, (s, t, a) in enumerate(
        (
            ((1, 2, 1), (3, 2, 4), {}),
            ((9,), (9,), {}),
            ((1, 3), (5, 6, 7, 8, 3), dict(lhs_axes=(0,), rhs_axes=(2,))),
            ((2, 1, 3), (4, 5), dict(lhs_axes=(1,), rhs_axes=(-1,))),
        )
    ):
        yield Case(
            "broadcast_like_%d" % i,
            O("broadcast_like", V("lhs"), V("rhs"), name="op", **a),
            {"lhs": r.n(*s), "rhs": r.n(*t)},
            exact=True,
        )
    yield one("shape_array", "shape_array", r.n(2, 3, 4))
    yield one("shape_array_npx", "_npx_shape_array", r.n(2, 1))
    yield one("size_array", "size_array", r.n(2, 3, 4))
    for i, (s, a) in enumerate(
        (
            ((4,), {}),
            ((4,), dict(k=1)),
            ((4,), dict(k=-2)),
            ((3, 4), {}),
            ((3, 4), dict(k=1)),
            ((3, 4), dict(k=-1)),
            ((2, 3, 4), dict(axis1=1, axis2=2)),
            ((2, 3, 4), {}),
            ((2, 3, 4), dict(k=1, axis1=-1, axis2=0)),
        )
    ):
        yield one("diag_%d" % i, "diag", x(r, *s), **a)
    for i, (s, b, e, st) in enumerate(
        (
            ((5, 6), (1, 2), (4, 5), None),
            ((5, 6), (None, 0), (None, 6), (2, 3)),
            ((5, 6), (4,), (None,), (-2,)),
            ((7,), (2,), (5,), None),
        )
    ):
        import numpy as np

        sl = tuple(np.s_[bb:ee:ss] for bb, ee, ss in zip(b, e, st or (None,) * len(b)))
        v = r.n(*s)
        a = dict(begin=b, end=e, **({"step": st} if st else {}))
        yield Case(
            "slice_assign_%d" % i,
            O(r.pick("_slice_assign", "_crop_assign"), V("lhs"), V("rhs"), name="op", **a),
            {"lhs": v, "rhs": r.n(*v[sl].shape)},
            exact=True,
        )
        yield one(
            "slice_assign_scalar_%d" % i, r.pick("_slice_assign_scalar", "_crop_assign_scalar"), v, scalar=2.5, **a
        )
    for i, (kk, st, p, d) in enumerate(
        (((2, 2), (1, 1), (0, 0), (1, 1)), ((3, 2), (2, 1), (1, 1), (1, 1)), ((2, 3), (1, 2), (1, 0), (2, 1)))
    ):
        v = r.n(2, 2, 5, 6)
        yield one("im2col_%d" % i, "im2col", v, kernel=kk, stride=st, pad=p, dilate=d)
        oh = [(n + 2 * pp - (dd * (q - 1) + 1)) // ss + 1 for n, pp, dd, q, ss in zip((5, 6), p, d, kk, st)]
        yield Case(
            "col2im_%d" % i,
            O("col2im", V("data"), name="op", output_size=(5, 6), kernel=kk, stride=st, pad=p, dilate=d),
            {"data": r.n(2, 2 * kk[0] * kk[1], oh[0] * oh[1])},
            K=6,
        )
    for op in ("_zeros", "_ones"):
        for dt in ("float32", "int32", "float64", "float16", "int64", "uint8", "int8"):
            yield Case(
                "%s_%s" % (op, dt), O(op, name="op", shape=r.shape(r.i(1, 4)), dtype=dt, ctx="cpu(0)"), exact=True
            )
    yield Case("zeros_plain", O("_zeros", name="op", shape=(2, 3)), exact=True)
    yield Case(
        "zeros_shape_inferred",
        O("elemwise_add", V("data"), O("_zeros", name="z", shape=(2, 0, 3), dtype="float32"), name="op"),
        {"data": r.n(2, 4, 3)},
        exact=True,
    )
    yield Case("full", O("_full", name="op", shape=(2, 3), dtype="float32", value=2.5), exact=True)
    yield Case("full_int", O("_full", name="op", shape=(2, 3), dtype="int32", value=3.0), exact=True)
    for i, a in enumerate(
        (
            dict(N=3),
            dict(N=3, M=5),
            dict(N=4, M=2, k=1),
            dict(N=4, M=6, k=-2, dtype="int32"),
            dict(N=2, M=2, dtype="float64"),
        )
    ):
        yield Case("eye_%d" % i, O("_eye", name="op", **a), exact=True)
    for i, a in enumerate(
        (
            dict(start=0, stop=5),
            dict(start=5),
            dict(start=1, stop=2, step=0.25),
            dict(start=5, stop=1, step=-1.5),
            dict(start=0, stop=3, repeat=2),
            dict(start=2, stop=10, step=3, dtype="int32"),
            dict(start=0, stop=4, dtype="float64"),
            dict(start=0, stop=4, infer_range=False, dtype="float16"),
        )
    ):
        yield Case("arange_%d" % i, O("_arange", name="op", **a))
    for i, a in enumerate(
        (
            dict(start=0, stop=1, num=5),
            dict(start=-1, stop=3, num=4, endpoint=False),
            dict(start=2, stop=1, num=3, dtype="float64"),
            dict(start=0, stop=1, num=1),
            dict(start=0, stop=10, num=6, dtype="int32"),
        )
    ):
        yield Case("linspace_%d" % i, O("_linspace", name="op", **a))
