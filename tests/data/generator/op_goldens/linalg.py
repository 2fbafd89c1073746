"""dot, batch_dot, linalg_*, khatri_rao."""

import numpy as np
from .core import V, O, Case


def spd(r, *s, dt):
    a = r.n(*s, s[-1], dtype="float64")
    return (a @ np.swapaxes(a, -1, -2) + 2 * np.eye(s[-1])).astype(dt)


def cases(r):
    for i in range(16):
        ta, tb = (i >> 1) & 1 == 1, i & 1 == 1
        k = r.i(1, 5)
        sa, sb = r.shape(r.i(0 if i < 12 and not ta else 1, 2), 1, 4), r.shape(
            r.i(0 if i < 12 and not tb else 1, 2), 1, 4
        )
        sa = (k,) + sa if ta else sa + (k,)
        sb = sb + (k,) if tb else (k,) + sb
        dt = {5: "float64", 9: "float64"}.get(i, "float32")
        yield Case(
            "dot_%d" % i,
            O(
                "dot" if i != 3 else "_sparse_dot",
                V("lhs"),
                V("rhs"),
                name="op",
                **({"transpose_a": ta} if ta or i > 8 else {}),
                **({"transpose_b": tb} if tb or i > 8 else {})
            ),
            {"lhs": r.n(*sa, dtype=dt), "rhs": r.n(*sb, dtype=dt)},
            K=k,
        )
    yield Case("dot_1d_1d", O("dot", V("lhs"), V("rhs"), name="op"), {"lhs": r.n(5), "rhs": r.n(5)}, K=5)
    for i in range(10):
        ta, tb = (i >> 1) & 1 == 1, i & 1 == 1
        b = (r.i(1, 3),) if i < 6 else r.shape(2, 1, 3)
        m, k, n = r.i(1, 4), r.i(1, 5), r.i(1, 4)
        dt = "float64" if i == 5 else "float32"
        yield Case(
            "batch_dot_%d" % i,
            O(
                "batch_dot" if i != 4 else "_npx_batch_dot",
                V("lhs"),
                V("rhs"),
                name="op",
                transpose_a=ta,
                transpose_b=tb,
            ),
            {
                "lhs": r.n(*b, *((k, m) if ta else (m, k)), dtype=dt),
                "rhs": r.n(*b, *((n, k) if tb else (k, n)), dtype=dt),
            },
            K=k,
        )
        a = {}
        if i > 1:
            a.update(transpose_a=ta, transpose_b=tb)
        else:
            ta = tb = False
        if i > 3:
            a["alpha"] = r.pick(0.5, 2.0, -1.0)
        lb = () if i == 0 else b
        A, B = r.n(*lb, *((k, m) if ta else (m, k)), dtype=dt), r.n(*lb, *((n, k) if tb else (k, n)), dtype=dt)
        yield Case(
            "gemm2_%d" % i,
            O("_linalg_gemm2" if i % 2 else "linalg_gemm2", V("A"), V("B"), name="op", **a),
            {"A": A, "B": B},
            K=k,
        )
        if i > 5:
            a["beta"] = r.pick(0.5, 2.0, 0.0)
        yield Case(
            "gemm_%d" % i,
            O("_linalg_gemm" if i % 2 else "linalg_gemm", V("A"), V("B"), V("C"), name="op", **a),
            {"A": A, "B": B, "C": r.n(*lb, m, n, dtype=dt)},
            K=k,
        )
    yield Case(
        "gemm2_axis", O("_linalg_gemm2", V("A"), V("B"), name="op", axis=0), {"A": r.n(3, 2, 4), "B": r.n(4, 2, 5)}, K=4
    )
    yield Case(
        "gemm2_axis1",
        O("_linalg_gemm2", V("A"), V("B"), name="op", axis=1),
        {"A": r.n(2, 3, 2, 4), "B": r.n(2, 4, 2, 5)},
        K=4,
    )
    yield Case(
        "gemm_axis",
        O("_linalg_gemm", V("A"), V("B"), V("C"), name="op", axis=1, beta=0.5),
        {"A": r.n(2, 3, 2, 4), "B": r.n(2, 4, 2, 5), "C": r.n(2, 3, 2, 5)},
        K=4,
    )
    for i in range(4):
        dt = ("float32", "float64")[i % 2]
        b = () if i < 2 else (r.i(1, 2), r.i(1, 2))
        n, m = r.i(2, 4), r.i(1, 4)
        P = spd(r, *b, n, dt=dt)
        L = np.linalg.cholesky(P.astype("f8")).astype(dt)
        yield Case(
            "syrk_%d" % i,
            O("_linalg_syrk", V("A"), name="op", transpose=i % 2 == 1, alpha=1.5),
            {"A": r.n(*b, n, m, dtype=dt)},
            K=n,
        )
        for rs in (False, True):
            for t in (False, True):
                lower = r.flag()
                B = r.n(*b, *((m, n) if rs else (n, m)), dtype=dt)
                T = L if lower else np.ascontiguousarray(np.swapaxes(L, -1, -2))
                at = dict(rightside=rs, transpose=t, lower=lower, alpha=2.0)
                yield Case(
                    "trmm_%d_%d%d" % (i, rs, t),
                    O("_linalg_trmm", V("A"), V("B"), name="op", **at),
                    {"A": T, "B": B},
                    K=n,
                )
                yield Case(
                    "trsm_%d_%d%d" % (i, rs, t),
                    O("_linalg_trsm", V("A"), V("B"), name="op", **at),
                    {"A": T, "B": B},
                    rtol=1e-4 if dt == "float32" else 1e-8,
                )
        yield Case(
            "potrf_%d" % i,
            O("_linalg_potrf", V("A"), name="op", **({"lower": False} if i == 3 else {})),
            {"A": P},
            rtol=1e-4,
        )
        yield Case(
            "potri_%d" % i,
            O("_linalg_potri", V("A"), name="op", **({"lower": False} if i == 3 else {})),
            {"A": L if i != 3 else np.ascontiguousarray(np.swapaxes(L, -1, -2))},
            rtol=1e-3,
        )
        yield Case("sumlogdiag_%d" % i, O("_linalg_sumlogdiag", V("A"), name="op"), {"A": P}, K=n)
        yield Case("inverse_%d" % i, O("_linalg_inverse", V("A"), name="op"), {"A": P}, rtol=1e-3)
        yield Case("det_%d" % i, O("_linalg_det", V("A"), name="op"), {"A": P}, rtol=1e-4)
        yield Case("slogdet_%d" % i, O("_linalg_slogdet", V("A"), name="op"), {"A": P}, rtol=1e-4)
        yield Case(
            "gelqf_%d" % i,
            O("_linalg_gelqf", V("A"), name="op"),
            {"A": r.n(*b, n, n + m, dtype=dt)},
            rtol=1e-3,
            note="row signs follow LAPACK",
        )
        yield Case(
            "syevd_%d" % i,
            O("_linalg_syevd", V("A"), name="op"),
            {"A": P},
            rtol=1e-3,
            note="signs of the eigenvectors follow LAPACK",
        )
        for off in (0, 1, -1):
            q = r.n(*b, n + 1, n + 1, dtype=dt)
            yield Case(
                "extractdiag_%d_%d" % (i, off),
                O("_linalg_extractdiag", V("A"), name="op", offset=off),
                {"A": q},
                exact=True,
            )
            yield Case(
                "makediag_%d_%d" % (i, off),
                O("_linalg_makediag", V("A"), name="op", offset=off),
                {"A": r.n(*b, n, dtype=dt)},
                exact=True,
            )
            yield Case(
                "extracttrian_%d_%d" % (i, off),
                O("_linalg_extracttrian", V("A"), name="op", offset=off, lower=i % 2 == 0),
                {"A": q},
                exact=True,
            )
            yield Case(
                "maketrian_%d_%d" % (i, off),
                O("_linalg_maketrian", V("A"), name="op", offset=off, lower=i % 2 == 0),
                {"A": r.n(*b, 6, dtype=dt)},
                exact=True,
            )
    for n in (2, 3):
        ins = {"m%d" % i: r.n(r.i(1, 3), 3) for i in range(n)}
        yield Case("khatri_rao_%d" % n, O("khatri_rao", *[V(k) for k in ins], name="op", num_args=n), ins)
