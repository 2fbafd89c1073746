"""Softmax family, loss heads at inference, Dropout, UpSampling, Flatten."""

from .core import V, O, Case


def soft_cases(r):
    for op in ("softmax", "log_softmax", "softmin"):
        for i in range(6):
            s = r.shape(r.i(1, 4), 2, 5)
            a = {} if i == 0 else {"axis": r.i(-len(s), len(s) - 1)}
            if i in (2, 3):
                a["temperature"] = r.pick(0.5, 2.0, 10.0)
            dt = {4: "float64", 5: "float16"}.get(i, "float32")
            if i == 5:
                a["dtype"] = "float32"
            if i == 3:
                a["dtype"] = "float64"
            yield Case("%s_%d" % (op, i), O(op, V("data"), name="sm", **a), {"data": r.n(*s, dtype=dt, scale=3)}, K=4)
        for i, dt in enumerate(("int32", "int64", "int32") if op == "softmax" else ()):
            s = (3, 4, 5)
            ax = (-1, 1, 2)[i]
            ls = tuple(d for j, d in enumerate(s) if j != ax % 3)
            yield Case(
                "%s_length_%d" % (op, i),
                O(op, V("data"), V("length"), name="sm", axis=ax, use_length=True),
                {"data": r.n(*s), "length": r.ints(1, s[ax], *ls, dtype=dt)},
                K=4,
            )
        big = r.n(2, 5, scale=100)
        yield Case(op + "_large", O(op, V("data"), name="sm"), {"data": big}, K=4)
    yield Case("softmax_npx", O("_npx_softmax", V("data"), name="sm", axis=1), {"data": r.n(2, 3, 4)}, K=4)
    yield Case("log_softmax_npx", O("_npx_log_softmax", V("data"), name="sm", axis=0), {"data": r.n(2, 3, 4)}, K=4)
    for m in ("instance", "channel", None):
        for s in ((3, 5), (2, 3, 4), (2, 3, 2, 4)):
            if m == "channel" and len(s) == 2:
                continue
            yield Case(
                "softmaxactivation_%s_%dd" % (m, len(s)),
                O("SoftmaxActivation", V("data"), name="sa", **({"mode": m} if m else {})),
                {"data": r.n(*s, scale=2)},
                K=4,
            )
    for i, (s, ls, a) in enumerate(
        (
            ((4, 5), (4,), {}),
            ((2, 3, 4), (2, 3), {}),
            ((2, 3, 4), (2, 4), {"multi_output": True}),
            ((2, 3, 2, 4), (2, 8), {"multi_output": True}),
            ((2, 3, 2, 4), (2, 2, 4), {"multi_output": True}),
            ((2, 3, 2, 4), (2, 1, 2, 4), {"multi_output": True}),
            ((2, 3, 4), (2, 3), {"preserve_shape": True}),
            ((2, 3, 4), (2, 3, 4), {}),
            ((2, 3, 4), None, {"multi_output": True}),
            ((2, 3, 4), None, {}),
            ((4, 5), (4, 5), {"grad_scale": 2.0, "ignore_label": 1, "use_ignore": True, "normalization": "valid"}),
            ((4, 5), (4,), {"normalization": "batch", "out_grad": True, "smooth_alpha": 0.1}),
            ((3, 4, 2), (3, 2), {"multi_output": True, "preserve_shape": True}),
        )
    ):
        ins = {"data": r.n(*s, scale=2)}
        if ls:
            ins["sm_label"] = r.ints(0, 1, *ls).astype("float32")
        yield Case(
            "softmaxoutput_%d" % i, O("SoftmaxOutput" if i != 9 else "Softmax", V("data"), name="sm", **a), ins, K=5
        )
    yield Case(
        "softmaxoutput_label_var",
        O("SoftmaxOutput", V("data"), V("softmax_label"), name="softmax"),
        {"data": r.n(3, 4), "softmax_label": r.ints(0, 3, 3).astype("f")},
        K=4,
    )
    yield Case(
        "softmaxoutput_float64", O("SoftmaxOutput", V("data"), name="sm"), {"data": r.n(3, 4, dtype="float64")}, K=4
    )
    yield Case(
        "softmax_cross_entropy",
        O("softmax_cross_entropy", V("data"), V("label"), name="ce"),
        {"data": r.n(4, 6), "label": r.ints(0, 5, 4).astype("f")},
        K=24,
    )
    x, y = r.n(3, 4), r.n(3, 4)
    for op in ("LogisticRegressionOutput", "LinearRegressionOutput", "MAERegressionOutput"):
        yield Case(op, O(op, V("data"), V("label"), name="out", grad_scale=0.5), {"data": x, "label": y})
        yield Case(op + "_label_inferred", O(op, V("data"), name="out"), {"data": r.n(3, 1)})
    for op, a in (
        ("MakeLoss", {"grad_scale": 2.0, "valid_thresh": 0.1, "normalization": "batch"}),
        ("make_loss", {}),
        ("BlockGrad", {}),
        ("IdentityAttachKLSparseReg", {}),
        ("_copy", {}),
        ("stop_gradient", {}),
        ("identity", {}),
        ("_CrossDeviceCopy", {}),
        ("_contrib_gradientmultiplier", {"scalar": 2.5}),
        ("_sparse_stop_gradient", {}),
        ("_sparse_make_loss", {}),
    ):
        ins = {"data": x}
        if op == "IdentityAttachKLSparseReg":
            ins = {"data": abs(x) / 10}
        yield Case("identity_" + op, O(op, V("data"), name="idt", **a), ins, exact=True)
    yield Case(
        "identity_like_rhs", O("_identity_with_attr_like_rhs", V("a"), V("b"), name="idt"), {"a": x, "b": y}, exact=True
    )
    yield Case(
        "SVMOutput",
        O("SVMOutput", V("data"), V("label"), name="svm", margin=0.5, regularization_coefficient=0.2, use_linear=True),
        {"data": x, "label": r.ints(0, 3, 3).astype("f")},
        exact=True,
    )
    for i, a in enumerate(
        (
            {},
            {"p": 0.3},
            {"p": 0.9, "mode": "training"},
            {"p": 0.5, "axes": (1,)},
            {"p": 0.0},
            {"p": 0.0, "mode": "always"},
            {"cudnn_off": True},
        )
    ):
        yield Case("dropout_%d" % i, O("Dropout", V("data"), name="do", **a), {"data": r.n(2, 3, 4)}, exact=True)
    yield Case(
        "dropout_npx", O("_npx_dropout", V("data"), name="do", p=0.4), {"data": r.n(2, 3, dtype="float64")}, exact=True
    )
    for s in ((4,), (2, 3), (2, 3, 4), (2, 3, 2, 4), (2, 1, 3, 2, 2)):
        yield Case("flatten_%dd" % len(s), O("Flatten", V("data"), name="fl"), {"data": r.n(*s)}, exact=True)
    yield Case("flatten_npx", O("_npx_batch_flatten", V("data"), name="fl"), {"data": r.n(2, 3, 2)}, exact=True)
    yield Case("flatten_int32", O("flatten", V("data"), name="fl"), {"data": r.ints(-5, 5, 2, 3, 2)}, exact=True)
    for k in range(4):
        sc = r.i(1, 4)
        yield Case(
            "upsampling_nearest_%d" % k,
            O("UpSampling", V("data"), name="up", scale=sc, sample_type="nearest", num_args=1),
            {"data": r.n(r.i(1, 2), r.i(1, 3), r.i(1, 4), r.i(1, 4), dtype="float64" if k == 3 else "float32")},
            exact=True,
        )
    for m in ("concat", "sum", None):
        a, b = r.n(2, 2, 3, 4), r.n(2, 2, 6, 8)
        yield Case(
            "upsampling_multi_%s" % m,
            O(
                "UpSampling",
                V("a"),
                V("b"),
                name="up",
                scale=4,
                sample_type="nearest",
                num_args=2,
                **({"multi_input_mode": m} if m else {})
            ),
            {"a": a, "b": b},
            exact=m != "sum",
        )
    yield Case(
        "upsampling_multi_first_larger",
        O("UpSampling", V("a"), V("b"), V("c"), name="up", scale=2, sample_type="nearest", num_args=3),
        {"a": r.n(1, 2, 4, 4), "b": r.n(1, 3, 2, 2), "c": r.n(1, 1, 8, 8)},
        exact=True,
    )
    for sc in (1, 2, 3, 4):
        c = r.i(1, 3)
        k = 2 * sc - sc % 2
        yield Case(
            "upsampling_bilinear_%d" % sc,
            O(
                "UpSampling",
                V("data"),
                V("weight"),
                name="up",
                scale=sc,
                sample_type="bilinear",
                num_filter=c,
                num_args=2,
            ),
            {"data": r.n(1, c, 3, 4), "weight": r.n(c, 1, k, k)},
            K=k * k,
        )
    yield Case(
        "upsampling_bilinear_inferred_weight",
        O("UpSampling", V("data"), name="up", scale=2, sample_type="bilinear", num_filter=2, num_args=1),
        {"data": r.n(1, 2, 3, 3)},
        K=16,
    )
