"""Graphs real MXNet refuses, with its sentence and the stage that refuses.

stage: load (reading the JSON), infer (shapes or types when binding), run (forward).
"""

import json
import os
import numpy as np
from .core import V, O, tree_json, run_symbol, fill  # noqa: F401

F = "float32"


def E(name, out, shapes, dtypes=None, params=None, note="", raw=None):
    return dict(
        name=name,
        js=tree_json(out) if raw is None else raw,
        shapes=shapes,
        dtypes=dtypes or {},
        params=params or {},
        note=note,
    )


def d(**k):
    return {n: tuple(s) for n, s in k.items()}


def cases():
    x, w, b = V("data"), V("weight"), V("bias")
    X = d(data=(2, 3, 6, 6))
    cv = dict(kernel=(3, 3), num_filter=4)
    yield E(
        "conv_weight_shape", O("Convolution", x, w, b, name="conv", **cv), d(data=(2, 3, 6, 6), weight=(4, 2, 3, 3))
    )
    yield E("conv_group_divides_channels", O("Convolution", x, w, b, name="conv", num_group=2, **cv), X)
    yield E("conv_group_divides_filters", O("Convolution", x, w, b, name="conv", num_group=3, **cv), X)
    yield E("conv_kernel_exceeds_input", O("Convolution", x, w, b, name="conv", kernel=(7, 7), num_filter=2), X)
    yield E("conv_zero_stride", O("Convolution", x, w, b, name="conv", stride=(0, 1), **cv), X)
    yield E("conv_zero_dilate", O("Convolution", x, w, b, name="conv", dilate=(0, 1), **cv), X)
    yield E("conv_kernel_rank", O("Convolution", x, w, b, name="conv", kernel=(3,), num_filter=4), X)
    yield E("conv_missing_kernel", O("Convolution", x, w, b, name="conv", num_filter=4), X)
    yield E("conv_missing_num_filter", O("Convolution", x, w, b, name="conv", kernel=(3, 3)), X)
    yield E("conv_unknown_attribute", O("Convolution", x, w, b, name="conv", colour="red", **cv), X)
    yield E("conv_bad_layout", O("Convolution", x, w, b, name="conv", layout="HCWN", **cv), X)
    yield E("conv_bad_bool", O("Convolution", x, w, b, name="conv", no_bias="maybe", **cv), X)
    yield E("conv_bias_though_no_bias", O("Convolution", x, w, b, name="conv", no_bias=True, **cv), X)
    yield E("conv_bias_missing", O("Convolution", x, w, name="conv", **cv), X)
    yield E(
        "conv_float16_cpu",
        O("Convolution", x, w, b, name="conv", **cv),
        X,
        {"data": "float16"},
        note="limit of the CPU, not of the format",
    )
    yield E(
        "conv_nhwc_cpu",
        O("Convolution", x, w, b, name="conv", layout="NHWC", **cv),
        d(data=(2, 6, 6, 3)),
        note="limit of the CPU, not of the format",
    )
    yield E("pool_kernel_exceeds_input", O("Pooling", x, name="pool", kernel=(8, 8), pool_type="max"), X)
    yield E("pool_pad_too_large", O("Pooling", x, name="pool", kernel=(2, 2), pad=(2, 2), pool_type="max"), X)
    yield E("pool_bad_type", O("Pooling", x, name="pool", kernel=(2, 2), pool_type="median"), X)
    yield E("pool_rank_2", O("Pooling", x, name="pool", kernel=(2, 2), pool_type="max"), d(data=(3, 4)))
    yield E(
        "pool_same_1d",
        O("Pooling", x, name="pool", kernel=(2,), stride=(2,), pool_type="max", pooling_convention="same"),
        d(data=(1, 2, 7)),
        note="a defect of 1.9.1: every use of `same` fails",
    )
    yield E("pool_lp_without_p", O("Pooling", x, name="pool", kernel=(2, 2), pool_type="lp"), X)
    yield E(
        "deconv_adj_not_below_stride",
        O("Deconvolution", x, w, name="dc", kernel=(3, 3), stride=(2, 2), adj=(2, 2), num_filter=2),
        X,
    )
    yield E(
        "deconv_target_too_large",
        O("Deconvolution", x, w, name="dc", kernel=(3, 3), stride=(2, 2), target_shape=(40, 40), num_filter=2),
        X,
    )
    yield E("bn_axis_out_of_range", O("BatchNorm", x, V("g"), V("be"), V("mm"), V("mv"), name="bn", axis=4), X)
    yield E(
        "bn_gamma_shape", O("BatchNorm", x, V("g"), V("be"), V("mm"), V("mv"), name="bn"), d(data=(2, 3, 6, 6), g=(4,))
    )
    yield E("fc_weight_shape", O("FullyConnected", x, w, b, name="fc", num_hidden=5), d(data=(2, 3, 4), weight=(5, 4)))
    yield E("fc_missing_num_hidden", O("FullyConnected", x, w, b, name="fc"), d(data=(2, 3)))
    yield E("activation_missing_type", O("Activation", x, name="act"), X)
    yield E("activation_bad_type", O("Activation", x, name="act", act_type="swish"), X)
    yield E(
        "prelu_gamma_rank",
        O("LeakyReLU", x, V("gamma"), name="lr", act_type="prelu"),
        d(data=(2, 3, 4), gamma=(1, 3, 1)),
    )
    two = d(lhs=(2, 3), rhs=(2, 4))
    yield E("elemwise_shapes_differ", O("elemwise_add", V("lhs"), V("rhs"), name="op"), two)
    yield E("elemwise_no_broadcast", O("elemwise_mul", V("lhs"), V("rhs"), name="op"), d(lhs=(2, 3), rhs=(1, 3)))
    yield E(
        "elemwise_types_differ",
        O("elemwise_add", V("lhs"), V("rhs"), name="op"),
        d(lhs=(2, 3), rhs=(2, 3)),
        {"lhs": F, "rhs": "int32"},
    )
    yield E("broadcast_incompatible", O("broadcast_add", V("lhs"), V("rhs"), name="op"), two)
    yield E("concat_other_dims", O("Concat", V("lhs"), V("rhs"), name="op", num_args=2, dim=0), two)
    yield E(
        "concat_axis_range", O("Concat", V("lhs"), V("rhs"), name="op", num_args=2, dim=2), d(lhs=(2, 3), rhs=(2, 3))
    )
    yield E(
        "concat_num_args_wrong",
        O("Concat", V("lhs"), V("rhs"), name="op", num_args=3, dim=0),
        d(lhs=(2, 3), rhs=(2, 3)),
    )
    yield E("stack_shapes_differ", O("stack", V("lhs"), V("rhs"), name="op", num_args=2), two)
    yield E("reshape_size", O("Reshape", x, name="op", shape=(5, -1)), d(data=(2, 3)))
    yield E("reshape_two_unknown", O("Reshape", x, name="op", shape=(-1, -1)), d(data=(2, 3)))
    yield E("reshape_product", O("Reshape", x, name="op", shape=(2, 4)), d(data=(2, 3)))
    yield E("reshape_infer_after_copy_all", O("Reshape", x, name="op", shape=(-2, -1)), d(data=(2, 3)))
    yield E("reshape_split_infer_and_infer", O("Reshape", x, name="op", shape=(-4, 3, -1, -1)), d(data=(6, 4)))
    yield E("reshape_reverse_size", O("Reshape", x, name="op", shape=(2, -2), reverse=True), d(data=(2, 3, 4)))
    yield E("reshape_bad_split", O("Reshape", x, name="op", shape=(-4, 2, 2, 0)), d(data=(6, 3)))
    yield E("reshape_split_two_unknown", O("Reshape", x, name="op", shape=(-4, -1, -1, 0)), d(data=(6, 3)))
    yield E("reshape_copy_past_end", O("Reshape", x, name="op", shape=(1, 0)), d(data=(5,)))
    yield E("reshape_merge_past_end", O("Reshape", x, name="op", shape=(-3,)), d(data=(5,)))
    yield E("reshape_bad_code", O("Reshape", x, name="op", shape=(-5, 6)), d(data=(2, 3)))
    yield E("transpose_rank", O("transpose", x, name="op", axes=(0, 1)), d(data=(2, 3, 4)))
    yield E("transpose_negative_axis", O("transpose", x, name="op", axes=(0, -1)), d(data=(2, 3)))
    yield E("transpose_repeated", O("transpose", x, name="op", axes=(0, 0)), d(data=(2, 3)))
    yield E("slice_zero_step", O("slice", x, name="op", begin=(0,), end=(2,), step=(0,)), d(data=(4,)))
    yield E("slice_step_length", O("slice", x, name="op", begin=(0, 0), end=(2, 2), step=(1,)), d(data=(4, 4)))
    yield E("slice_empty", O("slice", x, name="op", begin=(3,), end=(1,)), d(data=(4,)))
    yield E("slice_axis_order", O("slice_axis", x, name="op", axis=0, begin=3, end=2), d(data=(4,)))
    yield E("slice_axis_beyond", O("slice_axis", x, name="op", axis=0, begin=0, end=9), d(data=(4,)))
    yield E("split_not_divisible", O("SliceChannel", x, name="op", num_outputs=2), d(data=(2, 3)))
    yield E("split_squeeze_size", O("SliceChannel", x, name="op", num_outputs=2, squeeze_axis=True), d(data=(2, 4)))
    yield E("squeeze_not_one", O("squeeze", x, name="op", axis=1), d(data=(1, 3)))
    yield E("expand_dims_range", O("expand_dims", x, name="op", axis=3), d(data=(2, 3)))
    yield E("reverse_negative_axis", O("reverse", x, name="op", axis=-1), d(data=(2, 3)))
    yield E("pad_batch_axis", O("Pad", x, name="op", mode="constant", pad_width=(1, 0, 0, 0, 1, 1, 1, 1)), X)
    yield E("pad_rank_3", O("Pad", x, name="op", mode="constant", pad_width=(0, 0, 0, 0, 1, 1)), d(data=(2, 3, 4)))
    yield E(
        "pad_reflect_too_wide",
        O("Pad", x, name="op", mode="reflect", pad_width=(0, 0, 0, 0, 3, 3, 1, 1)),
        d(data=(1, 1, 3, 3)),
    )
    from .errors_files import more

    yield from more(E, d)


def pack(seed, out, clean, write_index):
    """Errors do not depend on the seed."""
    import subprocess
    import sys
    import tempfile

    items, accepted, dropped, res = [], [], [], {}
    todo = list(cases())
    with tempfile.TemporaryDirectory() as work:
        p = os.path.join(work, "c.json")
        with open(p, "w") as f:
            json.dump(todo, f)
        env = dict(os.environ, MXNET_MKLDNN_ENABLED="0", OMP_NUM_THREADS="1")
        start = 0
        while start < len(todo):  # a crash costs only the case that caused it
            q = subprocess.run(
                [sys.executable, "-m", "op_goldens.error_worker", p, str(start)],
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=600,
            )
            for s in q.stdout.decode().split("\n"):
                if s.startswith('{"i"'):
                    r = json.loads(s)
                    res[r["i"]] = r
                    start = r["i"] + 1
            if start < len(todo):
                res[start] = {"stage": "crash", "error": "crash, exit status %d" % q.returncode}
                start += 1
    for i, c in enumerate(todo):
        r = res[i]
        if r["stage"] == "crash":
            dropped.append({"name": c["name"], "error": r["error"]})
            continue
        (accepted if r["stage"] == "none" else items).append(
            {
                "name": c["name"],
                "stage": r["stage"],
                "symbol": c["js"],
                "shapes": {k: list(v) for k, v in c["shapes"].items()},
                "dtypes": c["dtypes"],
                "params": c["params"],
                "mxnet_error": clean(r["error"]),
                "note": c["note"],
            }
        )
    os.makedirs(out, exist_ok=True)
    write_index(
        out,
        {"family": "errors", "mxnet": "1.9.1", "seed": seed, "cases": items, "accepted": accepted, "dropped": dropped},
    )
    print("errors     %4d cases, %d accepted after all, %d dropped" % (len(items), len(accepted), len(dropped)))
    for x in dropped:
        print("   dropped", x)
