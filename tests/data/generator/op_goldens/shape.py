"""Reshape codes, transpose, slices, joins, splits, tile, pad, flips, broadcasts."""

import numpy as np
from .core import V, O, Case


def x(r, *s, dt=None):
    return r.n(*s, dtype=dt or r.pick("float32", "float32", "float32", "float64"))


def one(name, op, v, note="", np_shape=False, **a):
    return Case(name, O(op, V("data"), name="op", **a), {"data": v}, exact=True, note=note, np_shape=np_shape)


RESHAPES = [
    ((2, 3, 4), (6, 4)),
    ((2, 3, 4), (0, -1)),
    ((2, 3, 4), (-1, 0)),
    ((2, 3, 4), (4, 0, 2)),
    ((2, 3, 4), (0, 0, 4)),
    ((2, 3, 4), (-2,)),
    ((2, 3, 4), (2, -2)),
    ((2, 3, 4), (-2, 1, 1)),
    ((2, 3, 4), (-3, 4)),
    ((2, 3, 4, 5), (-3, -3)),
    ((2, 3, 4), (0, -3)),
    ((2, 3, 4), (-3, -2)),
    ((2, 3, 4), (-4, 1, 2, -2)),
    ((2, 3, 4), (2, -4, -1, 3, -2)),
    ((2, 3, 4), (-4, 2, -1, 0, 0)),
    ((6, 4), (-4, 3, -1, 0)),
    ((2, 3, 4), (-1,)),
    ((2, 3, 4), (24,)),
    ((2, 3, 4), (1, -1, 1)),
    ((8, 3, 4), (-4, 2, 4, -3)),
    ((8, 3, 4), (0, -1, 2)),
    ((2, 12, 2, 3), (0, -4, 3, -1, -3)),
    ((4, 6), (-4, 2, 2, -4, 3, 2)),
    ((5,), (0,)),
    ((1, 5), (1, 0)),
    ((5,), (-4, 1, 5)),
    ((1, 1, 3), (-3, 0)),
    ((2, 3), (0, 0, 1, 1)),
    ((2, 3), (-2, 1)),
]
REVERSED = [
    ((10, 5, 4), (-1, 0)),
    ((10, 5, 4), (0, -1)),
    ((2, 3, 4), (-3, 0)),
    ((2, 3, 4), (0, -3)),
    ((2, 3, 4), (-2,)),
    ((2, 3, 4), (1, -2)),
    ((8, 3), (4, 2, -4, 0)),
    ((8, 3), (-1, 4, -4, 0)),
    ((2, 6), (0, 3, -1, -4)),
    ((2, 3, 4, 5), (-1, 0, 0)),
    ((2, 3, 4, 5), (0, -1, 0)),
    ((4, 6), (-1, 0, 1)),
]


def cases(r):
    for i, (s, t) in enumerate(RESHAPES):
        yield one("reshape_%d" % i, "Reshape", x(r, *s), shape=t)
    for i, (s, t) in enumerate(REVERSED):
        yield one("reshape_reverse_%d" % i, "Reshape", x(r, *s), shape=t, reverse=True)
    for i, (s, t, kh) in enumerate(
        (
            ((2, 3, 4), (2, 12), False),
            ((2, 3, 4), (0, 4), False),
            ((2, 3, 4), (2, 0), False),
            ((2, 3, 4), (5, 0), True),
            ((2, 3, 4), (0, 3, 4), True),
        )
    ):
        yield one("reshape_target_%d" % i, "Reshape", x(r, *s), target_shape=t, keep_highest=kh)
    for dt in ("int32", "int64", "int8", "uint8", "float16"):
        yield one("reshape_" + dt, "reshape", r.ints(0, 9, 2, 6, dtype=dt), shape=(3, -1))
    for i in range(12):  # random codes by random merging
        s = r.shape(r.i(2, 5), 1, 4)
        t, k = [], 0
        while k < len(s):
            m = r.i(0, 3)
            if m == 0 and k + 1 < len(s):
                t.append(-3)
                k += 2
            elif m == 1:
                d = [q for q in range(1, s[k] + 1) if s[k] % q == 0]
                q = d[r.i(0, len(d) - 1)]
                t += [-4, q, s[k] // q]
                k += 1
            elif m == 2:
                t.append(s[k])
                k += 1
            else:
                t.append(0)
                k += 1
        yield one("reshape_random_%d" % i, "Reshape", x(r, *s), shape=tuple(t))
    for i, (s, t, a) in enumerate(
        (
            ((2, 3, 4), (4, 6), {}),
            ((30, 7), (15, 2, 4), dict(lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=2)),
            ((30, 7), (15, 2, 4), dict(lhs_begin=None, lhs_end=1, rhs_begin=None, rhs_end=2)),
            ((2, 15), (5, 3, 7), dict(lhs_begin=1, lhs_end=2, rhs_begin=0, rhs_end=2)),
            ((2, 15), (7, 5, 3), dict(lhs_begin=-1, lhs_end=None, rhs_begin=-2, rhs_end=None)),
        )
    ):
        yield Case(
            "reshape_like_%d" % i,
            O("reshape_like", V("lhs"), V("rhs"), name="op", **a),
            {"lhs": x(r, *s, dt="float32"), "rhs": r.n(*t)},
            exact=True,
        )
    for i in range(14):
        s = r.shape(r.i(1, 6), 1, 4)
        a = {} if i < 2 else {"axes": tuple(map(int, r.r.permutation(len(s))))}
        yield one(
            "transpose_%d" % i,
            "transpose",
            x(r, *s, dt=r.pick("float32", "float64", "int32", "float16", "int8") if i > 6 else None),
            **a
        )
    for i in range(8):
        s = r.shape(r.i(2, 5), 1, 4)
        yield one(
            "swapaxis_%d" % i,
            r.pick("SwapAxis", "swapaxes"),
            x(r, *s),
            dim1=r.i(-len(s) if i > 4 else 0, len(s) - 1),
            dim2=r.i(-len(s) if i > 4 else 0, len(s) - 1),
        )
        yield one("expand_dims_%d" % i, "expand_dims", x(r, *s), axis=r.i(-len(s) - 1, len(s)))
        k = r.i(0, len(s) - 1)
        s1 = list(s)
        s1[k] = 1
        yield one("squeeze_axis_%d" % i, "squeeze", x(r, *s1), axis=r.pick(k, k - len(s)))
        yield one("squeeze_all_%d" % i, "squeeze", x(r, *[r.pick(1, 2, 3) for _ in range(4)]))
    yield one("swapaxis_default", "SwapAxis", x(r, 2, 3))
    yield one("squeeze_tuple", "squeeze", x(r, 1, 3, 1, 2), axis=(0, 2))
    yield one("squeeze_tuple_neg", "squeeze", x(r, 1, 3, 1, 2), axis=(-2, 0))
    yield one("squeeze_everything", "squeeze", x(r, 1, 1))
    SL = [
        ((5, 6), (1, 2), (4, 5), None),
        ((5, 6), (None, 1), (None, None), None),
        ((5, 6), (-3, -4), (-1, -1), None),
        ((5, 6), (4, 5), (0, 1), (-1, -2)),
        ((5, 6), (None, None), (None, None), (-1, -1)),
        ((5, 6), (None, 0), (None, 6), (2, 3)),
        ((5, 6), (1,), (3,), None),
        ((5, 6), (0, 0), (100, 100), None),
        ((5, 6), (-100, 1), (3, 3), None),
        ((5, 6), (4, None), (None, None), (-2, None)),
        ((2, 3, 4), (None, 1), (None, 3), None),
        ((2, 3, 4), (0, -2, None), (1, None, -1), (1, 1, 2)),
        ((7,), (5,), (1,), (-2,)),
        ((7,), (6,), (None,), (-3,)),
        ((7,), (-2,), (-6,), (-1,)),
        ((7,), (2,), (7,), (2,)),
        ((5, 6), (1, 2), (4, 5), (1, None)),
        ((2, 3, 2, 2), (0, 1, 0, 1), (2, 2, 1, 2), (None, 1, None, 1)),
    ]
    for i, (s, b, e, st) in enumerate(SL):
        yield one("slice_%d" % i, r.pick("slice", "crop"), x(r, *s), begin=b, end=e, **({"step": st} if st else {}))
    for i in range(10):
        s = r.shape(r.i(1, 4), 2, 7)
        b, e, st = [], [], []
        for d in s:
            lo = r.i(0, d - 1)
            hi = r.i(lo + 1, d)
            p = r.pick(1, 1, 2, 3)
            if r.i(0, 2) == 0:
                b.append(hi - 1), e.append(lo - 1 if lo else None), st.append(-p)
            else:
                b.append(r.pick(lo, lo - d)), e.append(r.pick(hi, hi - d) if hi < d else r.pick(hi, None)), st.append(p)
        yield one("slice_random_%d" % i, "slice", x(r, *s), begin=tuple(b), end=tuple(e), step=tuple(st))
    for i in range(10):
        s = r.shape(r.i(1, 4), 2, 7)
        ax = r.i(-len(s), len(s) - 1)
        d = s[ax]
        lo = r.i(0, d - 1)
        hi = r.i(lo + 1, d)
        yield one(
            "slice_axis_%d" % i,
            "slice_axis",
            x(r, *s),
            axis=ax,
            begin=r.pick(lo, lo - d),
            end=hi if hi < d and i % 2 else r.pick(None, d) if hi == d else hi - d,
        )
        t = tuple(r.i(1, q) for q in s)
        yield Case(
            "slice_like_%d" % i,
            O("slice_like", V("data"), V("like"), name="op", **({} if i % 2 else {"axes": (ax,)})),
            {"data": r.n(*s), "like": r.n(*t)},
            exact=True,
        )
    yield Case(
        "slice_like_ranks",
        O("slice_like", V("data"), V("like"), name="op", axes=(0, -1)),
        {"data": r.n(5, 3, 4), "like": r.n(2, 9, 3)},
        exact=True,
    )
    from .shape_joins import more

    yield from more(r, one, x)
