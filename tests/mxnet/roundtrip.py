#!/usr/bin/env python3
"""roundtrip.py RESAVE SHARED: checkpoints go through Tenon's loader and writer and must mean the same to MXNet.

For every network: MXNet loads the original and what Tenon wrote from it; the JSON must be the same as MXNet's own after
loading, the parameters the same bit by bit, and so the outputs. Exit code 77 (skipped) without MXNet."""
import pathlib
import subprocess
import sys
import tempfile

try:
    import mxnet as mx
    import numpy as np
except ImportError as error:
    print(f"skipped: {sys.executable} cannot import MXNet ({error}); set TENON_MXNET_PYTHON to a Python that can")
    sys.exit(77)

CHECKPOINTS = {
    "mtcnn/det1": (1, (2, 3, 24, 31)), "mtcnn/det2": (1, (2, 3, 24, 24)), "mtcnn/det3": (1, (2, 3, 48, 48)),
    "gender-age/model": (0, (1, 3, 112, 112)), "mobileface/id_V1": (0, (1, 1, 100, 100)),
    "mobileface/id_V3": (0, (1, 3, 112, 112)),
}


def small_checkpoint(prefix):
    """A network whose parameters have several types, written by MXNet."""
    data = mx.sym.Variable("data", lr_mult=0.5)
    net = mx.sym.Convolution(data, kernel=(3, 3), num_filter=4, name='odd "name"\t\\')
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn")
    net = mx.sym.Pooling(mx.sym.Activation(net, act_type="relu"), kernel=(2, 2), pool_type="max", name="pool")
    parts = [mx.sym.slice_axis(net, axis=1, begin=i % 4, end=i % 4 + 1) for i in range(12)]
    wide = mx.sym.broadcast_mul(mx.sym.Cast(net, dtype="float64"), mx.sym.Variable("scale"), name="wide")
    net = mx.sym.Group([mx.sym.add_n(*parts, name="sum"), wide])
    net.save(f"{prefix}-symbol.json")
    shapes, _, aux_shapes = net.infer_shape(data=(2, 3, 8, 8), scale=(1, 4, 1, 1))
    types, _, aux_types = net.infer_type(data="float32", scale="float64")
    random = np.random.RandomState(7)
    arrays = {}
    for kind, names, all_shapes, all_types in [("arg", net.list_arguments(), shapes, types),
                                               ("aux", net.list_auxiliary_states(), aux_shapes, aux_types)]:
        for name, shape, dtype in zip(names, all_shapes, all_types):
            if name != "data":
                arrays[f"{kind}:{name}"] = mx.nd.array(random.uniform(0.1, 1, shape), dtype=dtype)
    mx.nd.save(f"{prefix}-0000.params", arrays)


def outputs(symbol_file, params_file, shape):
    symbol, arrays = mx.sym.load(symbol_file), mx.nd.load(params_file)
    shapes = {"data": shape, **{k[4:]: v.shape for k, v in arrays.items() if k.startswith("arg:")}}
    types = {"data": "float32"}
    types.update({k[4:]: v.dtype for k, v in arrays.items() if k.startswith("arg:")})
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)
    executor.copy_params_from({k[4:]: v for k, v in arrays.items() if k.startswith("arg:")},
                              {k[4:]: v for k, v in arrays.items() if k.startswith("aux:")})
    data = np.random.RandomState(1).uniform(-1, 1, shape)
    return [output.asnumpy() for output in executor.forward(is_train=False, data=mx.nd.array(data))]


def check(resave, symbol_file, params_file, shape, prefix):
    subprocess.run([resave, symbol_file, params_file, prefix], check=True)
    again_symbol, again_params = f"{prefix}-symbol.json", f"{prefix}-0000.params"
    before, after = mx.nd.load(params_file), mx.nd.load(again_params)
    assert set(before) == set(after), f"the names differ: {set(before) ^ set(after)}"
    for name in before:
        assert before[name].dtype == after[name].dtype and before[name].shape == after[name].shape, name
        assert before[name].asnumpy().tobytes() == after[name].asnumpy().tobytes(), name
    assert mx.sym.load(symbol_file).tojson() == mx.sym.load(again_symbol).tojson(), "MXNet reads two symbols"
    for i, (a, b) in enumerate(zip(outputs(symbol_file, params_file, shape), outputs(again_symbol, again_params, shape))):
        assert a.dtype == b.dtype and np.array_equal(a, b), f"output {i} differs"
    print(f"{pathlib.Path(symbol_file).name}: the same symbol, {len(before)} parameters and outputs")


def main(resave, shared):
    with tempfile.TemporaryDirectory() as folder:
        small_checkpoint(f"{folder}/small")
        check(resave, f"{folder}/small-symbol.json", f"{folder}/small-0000.params", (2, 3, 8, 8), f"{folder}/again")
        models = pathlib.Path(shared) / "models"
        if not models.exists():
            print(f"skipped: the checkpoints of {models} are not there")
            return
        for name, (epoch, shape) in CHECKPOINTS.items():
            check(resave, f"{models}/{name}-symbol.json", f"{models}/{name}-{epoch:04}.params", shape,
                  f"{folder}/{name.replace('/', '_')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
