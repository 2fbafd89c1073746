"""quantize / dequantize / requantize and the quantized operators the CPU runs."""

import numpy as np
from .core import V, O, Case

F1 = np.float32


def q8(r, *s, dt="int8"):
    return r.ints(-127 if dt == "int8" else 0, 127 if dt == "int8" else 255, *s, dtype=dt)


def rng(lo, hi):
    return np.array([lo], F1), np.array([hi], F1)


def cases(r):
    for t in ("int8", "uint8"):
        for i in range(3):
            x = r.n(3, 4, 5, scale=2)
            lo, hi = (
                ((-3.0, 4.0), (-5.0, 2.0), (-1.0, 1.0))[i] if t == "int8" else ((0.0, 4.0), (0.0, 1.5), (-2.0, 3.0))[i]
            )
            yield Case(
                "quantize_%s_%d" % (t, i),
                O("_contrib_quantize", V("data"), V("min"), V("max"), name="op", out_type=t),
                {"data": x, "min": rng(lo, hi)[0], "max": rng(lo, hi)[1]},
            )
    for t in ("int8", "uint8", "auto", None):
        for cal in ((-3.0, 2.5), (0.0, 4.0), None):
            for i in range(2):
                x = r.n(2, 3, 4, scale=2)
                if t == "uint8" or (t == "auto" and i):
                    x = abs(x)
                a = {} if t is None else {"out_type": t}
                if cal:
                    a["min_calib_range"], a["max_calib_range"] = cal
                yield Case(
                    "quantize_v2_%s_%s_%d" % (t, "run" if cal is None else "sym" if cal[0] else "pos", i),
                    O("_contrib_quantize_v2", V("data"), name="op", **a),
                    {"data": x},
                )
                yield Case(
                    "fake_quant_%s_%s_%d" % (t, "run" if cal is None else "sym" if cal[0] else "pos", i),
                    O(
                        "_contrib_dequantize",
                        *[O("_contrib_quantize_v2", V("data"), name="q", **a)[j] for j in range(3)],
                        name="op"
                    ),
                    {"data": x},
                )
    for t in ("int8", "uint8"):
        for i in range(3):
            x = q8(r, 3, 4, dt=t) if t != "int32" else r.ints(-(2**28), 2**28, 3, 4)
            lo, hi = (
                ((-2.0, 3.0), (-4.0, 4.0), (-1.0, 0.5))[i] if t != "uint8" else ((0.0, 3.0), (0.0, 1.0), (-1.0, 2.0))[i]
            )
            yield Case(
                "dequantize_%s_%d" % (t, i),
                O("_contrib_dequantize", V("data"), V("min"), V("max"), name="op"),
                {"data": x, "min": rng(lo, hi)[0], "max": rng(lo, hi)[1]},
            )
    for i in range(4):
        x = r.ints(-(2**24), 2**24, 3, 4)
        a = {}
        if i > 0:
            a.update(min_calib_range=-50.0, max_calib_range=r.pick(40.0, 80.0))
        if i == 3:
            a["out_type"] = "int8"
        yield Case(
            "requantize_%d" % i,
            O("_contrib_requantize", V("data"), V("min"), V("max"), name="op", **a),
            {"data": x, "min": rng(-9000.0, 9000.0)[0], "max": rng(-9000.0, 9000.0)[1]},
        )
    for nb in (True, False):
        for i in range(3):
            for dt in ("int8", "uint8"):
                n, k, h = r.i(1, 3), r.i(2, 6), r.i(1, 4)
                ins = {"data": q8(r, n, k, dt=dt), "weight": q8(r, h, k)}
                if not nb:
                    ins["bias"] = q8(r, h)
                mm = {}
                for nm, (lo, hi) in (("data", (-2.0, 2.0) if dt == "int8" else (0.0, 3.0)), ("weight", (-1.0, 1.0))) + (
                    (("bias", (-0.5, 0.5)),) if not nb else ()
                ):
                    mm["min_" + nm], mm["max_" + nm] = rng(lo, hi)
                ins.update(mm)
                yield Case(
                    "quantized_fc_%s_%d_%s" % ("nobias" if nb else "bias", i, dt),
                    O(
                        "_contrib_quantized_fully_connected",
                        *[V(q) for q in ins],
                        name="op",
                        num_hidden=h,
                        no_bias=nb,
                        flatten=i != 2
                    ),
                    ins,
                )
                if dt == "int8":  # the CPU's convolution takes uint8 only
                    continue
                c, f = r.pick(4, 8), r.i(1, 3)
                kk, p, st = (r.i(1, 3), r.i(1, 3)), (r.i(0, 1), r.i(0, 1)), (r.i(1, 2), r.i(1, 2))
                ins = {"data": q8(r, 1, c, 5, 6, dt=dt), "weight": q8(r, f, c, *kk)}
                if not nb:
                    ins["bias"] = q8(r, f)
                ins.update(mm)
                yield Case(
                    "quantized_conv_%s_%d_%s" % ("nobias" if nb else "bias", i, dt),
                    O(
                        "_contrib_quantized_conv",
                        *[V(q) for q in ins],
                        name="op",
                        kernel=kk,
                        pad=p,
                        stride=st,
                        num_filter=f,
                        no_bias=nb,
                        layout="NCHW"
                    ),
                    ins,
                )
    for dt in ("int8", "uint8"):
        lo, hi = (-2.0, 2.0) if dt == "int8" else (0.0, 3.0)
        mn, mx = rng(lo, hi)
        for t in ("max", "avg"):
            for a in (
                dict(kernel=(2, 2), stride=(2, 2)),
                dict(kernel=(3, 3), pad=(1, 1), stride=(2, 2)),
                dict(kernel=(1, 1), global_pool=True),
                dict(kernel=(3, 3), stride=(2, 2), pooling_convention="full"),
            ):
                yield Case(
                    "quantized_pooling_%s_%s_%d" % (dt, t, len(str(a))),
                    O(
                        "_contrib_quantized_pooling",
                        V("data"),
                        V("min_data"),
                        V("max_data"),
                        name="op",
                        pool_type=t,
                        **a
                    ),
                    {"data": q8(r, 1, 4, 6, 6, dt=dt), "min_data": mn, "max_data": mx},
                )
        yield Case(
            "quantized_act_" + dt,
            O("_contrib_quantized_act", V("data"), V("min_data"), V("max_data"), name="op", act_type="relu"),
            {"data": q8(r, 2, 4, 3, 3, dt=dt), "min_data": mn, "max_data": mx},
        )
        yield Case(
            "quantized_flatten_" + dt,
            O("_contrib_quantized_flatten", V("data"), V("min_data"), V("max_data"), name="op"),
            {"data": q8(r, 2, 3, 4, dt=dt), "min_data": mn, "max_data": mx},
        )
        for same in (True, False):
            l1, h1 = rng(lo, hi) if same else rng(lo * 2, hi * 2)
            ins = {
                "a": q8(r, 1, 4, 3, 3, dt=dt),
                "b": q8(r, 1, 2, 3, 3, dt=dt),
                "a_min": mn,
                "a_max": mx,
                "b_min": l1,
                "b_max": h1,
            }
            yield Case(
                "quantized_concat_%s_%s" % (dt, same),
                O("_contrib_quantized_concat", *[V(q) for q in ins], name="op", num_args=2, dim=1),
                ins,
            )
            for cal in (False, True):
                ins = {
                    "lhs": q8(r, 2, 4, 3, 3, dt=dt),
                    "rhs": q8(r, 2, 4, 3, 3, dt=dt),
                    "lhs_min": mn,
                    "lhs_max": mx,
                    "rhs_min": l1,
                    "rhs_max": h1,
                }
                a = dict(min_calib_range=-5.0, max_calib_range=5.0) if cal else {}
                yield Case(
                    "quantized_add_%s_%s_%s" % (dt, same, cal),
                    O("_contrib_quantized_elemwise_add", *[V(q) for q in ins], name="op", **a),
                    ins,
                )
                if dt == "uint8":  # and its product int8 only
                    continue
                yield Case(
                    "quantized_mul_%s_%s_%s" % (dt, same, cal),
                    O("_contrib_quantized_elemwise_mul", *[V(q) for q in ins], name="op", **a),
                    ins,
                )
        ins = {
            "data": q8(r, 2, 4, 3, 3, dt=dt),
            "gamma": r.u(0.5, 2, 4),
            "beta": r.n(4),
            "op_moving_mean": r.n(4),
            "op_moving_var": r.u(0.5, 2, 4),
            "min_data": mn,
            "max_data": mx,
        }
        yield Case(
            "quantized_bn_" + dt,
            O(
                "_contrib_quantized_batch_norm",
                V("data"),
                V("gamma"),
                V("beta"),
                V("op_moving_mean"),
                V("op_moving_var"),
                V("min_data"),
                V("max_data"),
                name="op",
                eps=1e-3,
                min_calib_range=-4.0,
                max_calib_range=4.0,
            ),
            ins,
        )
    mn, mx = rng(-2.0, 2.0)
    yield Case(
        "quantized_mul_float",
        O(
            "_contrib_quantized_elemwise_mul",
            *[V(q) for q in ("lhs", "rhs", "lhs_min", "lhs_max", "rhs_min", "rhs_max")],
            name="op",
            enable_float_output=True
        ),
        {"lhs": q8(r, 2, 4), "rhs": q8(r, 2, 4), "lhs_min": mn, "lhs_max": mx, "rhs_min": mn, "rhs_max": mx},
    )
    yield Case(
        "quantized_embedding",
        O(
            "_contrib_quantized_embedding",
            V("data"),
            V("weight"),
            V("min_weight"),
            V("max_weight"),
            name="op",
            input_dim=6,
            output_dim=3,
        ),
        {"data": r.ints(0, 5, 2, 4).astype("f"), "weight": q8(r, 6, 3), "min_weight": mn, "max_weight": mx},
    )
    # a quantized chain as the contrib tool writes it
    for i in range(3):
        c = 4
        qd = O(
            "_contrib_quantize_v2",
            V("data"),
            name="data_quantize",
            out_type="uint8",
            min_calib_range=0.0,
            max_calib_range=3.0,
        )
        ins = {"data": abs(r.n(1, c, 5, 5)), "conv_weight_quantize": q8(r, 4, c, 3, 3), "conv_bias_quantize": q8(r, 4)}
        for nm, (lo, hi) in (("weight", (-0.5, 0.5)), ("bias", (-0.2, 0.2))):
            ins["conv_%s_quantize_min" % nm], ins["conv_%s_quantize_max" % nm] = rng(lo, hi)
        cv = O(
            "_contrib_quantized_conv",
            qd[0],
            V("conv_weight_quantize"),
            V("conv_bias_quantize"),
            qd[1],
            qd[2],
            V("conv_weight_quantize_min"),
            V("conv_weight_quantize_max"),
            V("conv_bias_quantize_min"),
            V("conv_bias_quantize_max"),
            name="quantized_conv",
            kernel=(3, 3),
            pad=(1, 1),
            num_filter=4,
            layout="NCHW",
        )
        rq = O(
            "_contrib_requantize",
            cv[0],
            cv[1],
            cv[2],
            name="requantize_conv",
            **({} if i == 0 else dict(min_calib_range=-6.0, max_calib_range=6.0))
        )
        if i == 2:
            rq = O(
                "_contrib_quantized_pooling",
                rq[0],
                rq[1],
                rq[2],
                name="quantized_pool",
                kernel=(2, 2),
                stride=(2, 2),
                pool_type="max",
            )
        yield Case(
            "quantized_chain_%d" % i,
            O("_contrib_dequantize", rq[0], rq[1], rq[2], name="conv_dequantize"),
            ins,
            op="_contrib_quantized_conv",
        )
