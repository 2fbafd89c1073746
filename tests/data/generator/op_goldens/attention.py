"""Interleaved attention and its helpers."""

from .core import V, O, Case


def cases(r):
    for k in range(10):
        h, d, t, b = r.i(1, 4), r.pick(1, 2, 3, 4, 8), r.i(1, 7), r.i(1, 3)
        dt = "float32"  # the CPU takes no other type
        qkv = r.n(t, b, h * 3 * d, dtype=dt)
        yield Case(
            "selfatt_qk_%d" % k, O("_contrib_interleaved_matmul_selfatt_qk", V("qkv"), heads=h), {"qkv": qkv}, K=d
        )
        att = r.u(0, 1, b * h, t, t, dtype=dt)
        yield Case(
            "selfatt_valatt_%d" % k,
            O("_contrib_interleaved_matmul_selfatt_valatt", V("qkv"), V("att"), heads=h),
            {"qkv": qkv, "att": att},
            K=t,
        )
        s = O("_contrib_interleaved_matmul_selfatt_qk", V("qkv"), heads=h, name="score")
        yield Case(
            "selfatt_full_%d" % k,
            O(
                "_contrib_interleaved_matmul_selfatt_valatt",
                V("qkv"),
                O("softmax", s, axis=-1, name="att"),
                heads=h,
                name="ctx",
            ),
            {"qkv": qkv},
            K=d + t,
        )
        tk = r.i(1, 7)
        q, kv = r.n(t, b, h * d, dtype=dt), r.n(tk, b, h * 2 * d, dtype=dt)
        yield Case(
            "encdec_qk_%d" % k,
            O("_contrib_interleaved_matmul_encdec_qk", V("q"), V("kv"), heads=h),
            {"q": q, "kv": kv},
            K=d,
        )
        att = r.u(0, 1, b * h, t, tk, dtype=dt)
        yield Case(
            "encdec_valatt_%d" % k,
            O("_contrib_interleaved_matmul_encdec_valatt", V("kv"), V("att"), heads=h),
            {"kv": kv, "att": att},
            K=tk,
        )
    for k in range(4):
        s = r.shape(r.i(1, 4))
        dt = r.pick("float32", "float64") if k else "float16"
        yield Case("div_sqrt_dim_%d" % k, O("_contrib_div_sqrt_dim", V("data")), {"data": r.n(*s, dtype=dt)})
    for k in range(3):  # masked self-attention with lengths
        h, d, t, b = 2, r.pick(2, 4), r.i(3, 6), r.i(1, 3)
        s = O("_contrib_interleaved_matmul_selfatt_qk", V("qkv"), heads=h, name="score")
        a = O("softmax", s, V("length"), axis=-1, use_length=True, name="att")
        yield Case(
            "selfatt_masked_%d" % k,
            O("_contrib_interleaved_matmul_selfatt_valatt", V("qkv"), a, heads=h, name="ctx"),
            {"qkv": r.n(t, b, h * 3 * d), "length": r.ints(1, t, b * h, t)},
            K=d + t,
        )
