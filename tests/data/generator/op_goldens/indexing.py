"""take, Embedding, one_hot, gather/scatter, Sequence*, arange_like, ravel, boolean_mask and relatives."""

import numpy as np
from .core import V, O, Case


def cases(r):
    for i in range(16):
        s = r.shape(r.i(1, 4), 2, 5)
        a = {}
        ax = 0
        if i > 1:
            a["axis"] = ax = r.i(-len(s), len(s) - 1)
        m = ("clip", "wrap", "raise")[i % 3]
        if i > 0:
            a["mode"] = m
        d = s[ax]
        lo, hi = (0, d - 1) if m == "raise" else (-d - 2, 2 * d + 1)
        idt = r.pick("float32", "int32", "int64", "float64")
        adt = r.pick("float32", "float32", "float64", "int32", "float16") if i > 8 else "float32"
        yield Case(
            "take_%d" % i,
            O("take", V("a"), V("indices"), name="op", **a),
            {"a": r.n(*s, scale=9).astype(adt), "indices": r.ints(lo, hi, *r.shape(r.i(1, 3), 1, 4), dtype=idt)},
            exact=True,
        )
    yield Case(
        "take_fraction",
        O("take", V("a"), V("indices"), name="op"),
        {"a": r.n(5, 2), "indices": np.array([0.2, 1.9, 3.5, -0.7], "f")},
        exact=True,
    )
    yield Case(
        "take_scalar_like",
        O("take", V("a"), V("indices"), name="op", axis=1),
        {"a": r.n(2, 3), "indices": np.array([2], "f")},
        exact=True,
    )
    for i in range(8):
        n, d = r.i(3, 9), r.i(1, 5)
        idt = r.pick("float32", "int32", "int64", "float64") if i else "float32"
        wdt = {5: "float64", 6: "float16"}.get(i, "float32")
        a = {"input_dim": n, "output_dim": d}
        if i in (5, 6):
            a["dtype"] = wdt
        if i == 2:
            a["sparse_grad"] = True
        lo, hi = (0, n - 1) if i < 5 else (-2, n + 2)
        yield Case(
            "embedding_%d" % i,
            O(
                ("Embedding", "_npx_embedding", "_sparse_Embedding")[i % 3 if i < 3 else 0],
                V("data"),
                V("weight"),
                name="emb",
                **a
            ),
            {"data": r.ints(lo, hi, *r.shape(r.i(1, 3), 1, 4), dtype=idt), "weight": r.n(n, d, dtype=wdt)},
            exact=True,
        )
    yield Case(
        "embedding_fraction",
        O("Embedding", V("data"), V("weight"), name="emb", input_dim=4, output_dim=2),
        {"data": np.array([0.9, 1.5, 2.99], "f"), "weight": r.n(4, 2)},
        exact=True,
    )
    yield Case(
        "contrib_SparseEmbedding",
        O("_contrib_SparseEmbedding", V("data"), V("weight"), name="emb", input_dim=4, output_dim=2),
        {"data": np.array([0, 3, 2], "f"), "weight": r.n(4, 2)},
        exact=True,
    )
    for i in range(9):
        a = {"depth": r.i(2, 6)}
        if i > 2:
            a["on_value"], a["off_value"] = r.pick(2.0, 5.0), r.pick(-1.0, 0.0)
        if i > 4:
            a["dtype"] = ("int32", "float64", "uint8", "float16")[i - 5]
            if a["dtype"] == "uint8":
                a["off_value"] = 0.0
        yield Case(
            "one_hot_%d" % i,
            O("one_hot" if i else "_npx_one_hot", V("indices"), name="op", **a),
            {"indices": r.ints(-1, a["depth"], *r.shape(r.i(1, 3), 1, 4), dtype=r.pick("float32", "int32", "int64"))},
            exact=True,
        )
    for i in range(8):
        s = r.shape(r.i(1, 4), 2, 5)
        m = r.i(1, len(s))
        t = r.shape(r.i(1, 2), 1, 4)
        idx = np.stack([r.ints(0 if i < 6 else -d, d - 1, *t) for d in s[:m]])
        yield Case(
            "gather_nd_%d" % i,
            O(("gather_nd", "_npx_gather_nd")[i == 1], V("data"), V("indices"), name="op"),
            {
                "data": r.n(*s, dtype="float64" if i == 3 else "float32"),
                "indices": idx.astype(r.pick("float32", "int32", "int64")),
            },
            exact=True,
        )
    for i in range(4):
        s = r.shape(r.i(1, 3), 3, 5)
        n = r.i(1, 3)
        idx = np.stack([r.r.permutation(d)[:n] for d in s])
        yield Case(
            "scatter_nd_%d" % i,
            O("scatter_nd", V("data"), V("indices"), name="op", shape=s),
            {"data": r.n(n), "indices": idx.astype(r.pick("float32", "int32", "int64"))},
            exact=True,
        )
    for i in range(3):
        n, c = r.i(2, 5), r.i(2, 5)
        yield Case(
            "batch_take_%d" % i,
            O("batch_take", V("a"), V("indices"), name="op"),
            {"a": r.n(n, c), "indices": r.ints(-2 if i == 2 else 0, c - 1 + 2 * (i == 2), n)},
            exact=True,
        )
        sh = r.shape(3, 2, 5)
        idx = np.stack([r.ints(0, d - 1, 4) for d in sh]).astype(("float32", "int32", "int64")[i])
        yield Case(
            "ravel_multi_index_%d" % i,
            O(r.pick("_ravel_multi_index", "ravel_multi_index"), V("data"), name="op", shape=sh),
            {"data": idx},
            exact=True,
        )
        flat = r.ints(0, int(np.prod(sh)) - 1, 4).astype(("float32", "int32", "int64")[i])
        yield Case(
            "unravel_index_%d" % i,
            O(r.pick("_unravel_index", "unravel_index"), V("data"), name="op", shape=sh),
            {"data": flat},
            exact=True,
        )
    for op in ("SequenceMask", "SequenceLast", "SequenceReverse"):
        for i in range(8):
            t, n = r.i(2, 6), r.i(1, 4)
            rest = r.shape(r.i(0, 2) if op == "SequenceMask" else r.i(1, 2), 1, 3)
            ax = 1 if i % 3 == 2 and op != "SequenceReverse" else 0
            s = ((t, n) if ax == 0 else (n, t)) + rest
            a = {"axis": ax} if ax or i == 3 else {}
            ins = {"data": r.n(*s, dtype="float64" if i == 5 else "float32")}
            vs = [V("data")]
            if i:
                a["use_sequence_length"] = True
                ins["sequence_length"] = r.ints(1, t, n).astype(
                    r.pick("float32", "int32", "int64", "float64") if i > 5 else ins["data"].dtype
                )
                vs.append(V("sequence_length"))
            if op == "SequenceMask" and i > 2:
                a["value"] = r.pick(-1.0, 2.5, 0.0)
            yield Case(
                "%s_%d" % (op, i),
                O("_npx_sequence_mask" if op == "SequenceMask" and i == 4 else op, *vs, name="op", **a),
                ins,
                exact=True,
            )
    yield Case(
        "SequenceMask_zero_length",
        O("SequenceMask", V("data"), V("sequence_length"), name="op", use_sequence_length=True, value=-1),
        {"data": r.n(4, 3, 2), "sequence_length": np.array([0, 4, 2], "f")},
        exact=True,
    )
    for i, a in enumerate(
        (
            dict(),
            dict(axis=0),
            dict(axis=1, start=2, step=0.5),
            dict(axis=-1, repeat=2),
            dict(start=-3),
            dict(axis=2, step=-2.0),
            dict(axis=1, repeat=3),
        )
    ):
        s = (2, 6, 4)
        yield Case(
            "arange_like_%d" % i,
            O("_contrib_arange_like" if i != 1 else "_npx_arange_like", V("data"), name="op", **a),
            {"data": r.n(*s, dtype="float64" if i == 4 else "float32")},
        )
    for i in range(3):
        d = r.n(4, 3)
        m = np.array([[1, 0, 1, 1], [0, 0, 0, 1], [2, 0, -1, 0]][i], "f" if i else "int32")
        yield Case(
            "boolean_mask_%d" % i,
            O("_contrib_boolean_mask", V("data"), V("index"), name="op"),
            {"data": d, "index": m},
            exact=True,
            cached=True,
            np_shape=True,
            note="output shape depends on the values",
        )
    yield Case("index_array", O("_contrib_index_array", V("data"), name="op"), {"data": r.n(2, 3)}, exact=True)
    yield Case(
        "index_array_axes",
        O("_contrib_index_array", V("data"), name="op", axes=(1,)),
        {"data": r.n(2, 3, 2)},
        exact=True,
    )
    yield Case(
        "index_copy",
        O("_contrib_index_copy", V("old"), V("index"), V("new"), name="op"),
        {"old": r.n(5, 3), "index": np.array([0, 4, 2], "int64"), "new": r.n(3, 3)},
        exact=True,
    )
    yield Case(
        "allclose",
        O("_contrib_allclose", V("a"), V("b"), name="op", rtol=1e-3),
        {"a": r.n(3, 4), "b": r.n(3, 4)},
        exact=True,
    )
    yield Case(
        "getnnz_free_embedding_mean",
        O("mean", O("Embedding", V("ids"), V("weight"), name="emb", input_dim=9, output_dim=4), name="op", axis=1),
        {"ids": r.ints(0, 8, 2, 5).astype("f"), "weight": r.n(9, 4)},
        K=5,
    )
