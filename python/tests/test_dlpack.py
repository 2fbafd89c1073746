"""DLPack: arrays that are read and given where they lie. A GPU's own side is tested where TENON_FAKE_CUDA has a driver."""

import os

import numpy as np
import pytest

import tenon
from tenon import _dlpack

SYMBOL = """{"nodes": [{"op": "null", "name": "data", "inputs": []}, {"op": "Activation", "name": "act",
"attrs": {"act_type": "relu"}, "inputs": [[0, 0, 0]]}, {"op": "_mul_scalar", "name": "twice", "attrs": {"scalar": "2"},
"inputs": [[1, 0, 0]]}], "arg_nodes": [0], "heads": [[2, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}"""
SHAPE = (2, 16)


def aligned(shift=0):
    """A float32 array on a 64-byte boundary, moved by some elements."""
    memory = np.zeros(64 + 32, "float32")
    start = (-memory.ctypes.data // 4) % 16 + shift
    array = memory[start : start + 32].reshape(SHAPE)
    array[:] = np.arange(32).reshape(SHAPE) - 9
    return array


@pytest.fixture
def executor():
    return tenon.Model.from_json(SYMBOL).bind({"data": SHAPE})


def run(executor, *values):
    return _dlpack.run(executor, list(values), lambda value: True)[0]


def test_inputs_and_outputs_are_not_copied(executor):
    data = aligned()
    result = run(executor, data)
    view = np.from_dlpack(result)
    np.testing.assert_array_equal(view, np.maximum(data, 0) * 2)
    data[0, 0] = 100
    again = run(executor, None)
    assert view[0, 0] == 200 and np.from_dlpack(again).ctypes.data == view.ctypes.data
    assert repr(result) == "<tenon.DeviceArray (2, 16) float32 on cpu>"
    np.testing.assert_array_equal(result.numpy(), np.asarray(result))


def test_the_view_keeps_the_executor_alive(executor):
    view = np.from_dlpack(run(executor, aligned()))
    held = len(_dlpack._given)
    del executor
    assert view[1, 15] == 44
    del view
    assert len(_dlpack._given) == held - 1


def test_a_capsule_that_nobody_takes_is_let_go(executor):
    held = len(_dlpack._given)
    capsule = run(executor, aligned()).__dlpack__()
    assert len(_dlpack._given) == held + 1
    del capsule
    assert len(_dlpack._given) == held


def test_what_was_shared_is_given_back(executor):
    held = len(_dlpack._shared)
    run(executor, aligned())
    assert len(_dlpack._shared) == held + 1
    executor.run([aligned()])
    assert len(_dlpack._shared) == held


@pytest.mark.parametrize(
    "value, error, words",
    [
        (lambda: aligned(1), ValueError, "64-byte boundary"),
        (lambda: np.asfortranarray(aligned()), ValueError, "contiguous"),
        (lambda: aligned()[:1], ValueError, r"bound with shape \(2, 16\), but the value has \(1, 16\)"),
        (lambda: aligned().view("int32"), TypeError, "is float32; convert"),
    ],
)
def test_what_cannot_be_read_where_it_lies_is_refused(executor, value, error, words):
    with pytest.raises(error, match=words):
        run(executor, value())


def test_an_array_of_another_device_is_refused(executor):
    class Elsewhere:
        shape = SHAPE

        def __dlpack__(self, **_):
            raise AssertionError("nobody may ask")

        def __dlpack_device__(self):
            return (2, 0)

    engine = tenon.Model.from_json(SYMBOL).compile(data=SHAPE)
    with pytest.raises(TypeError, match=r"lies on DLPack device \(2, 0\)"):
        engine(Elsewhere())


def test_pytorch(executor):
    torch = pytest.importorskip("torch")
    data = torch.arange(32, dtype=torch.float32).reshape(SHAPE) - 9
    expected = torch.relu(data) * 2
    engine = tenon.Model.from_json(SYMBOL).compile(data=SHAPE)
    assert torch.equal(torch.from_dlpack(engine(data)), expected)
    result = torch.from_dlpack(run(executor, data))
    assert torch.equal(result, expected)
    data += 1
    run(executor, None)
    assert torch.equal(result, torch.relu(data) * 2)


GPU_SCRIPT = """
import numpy as np, tenon, tenon.mxnet as mx
from tenon import _dlpack

assert tenon.devices()[:2] == ["cpu", "cuda:0"] and mx.context.num_gpus() > 0
model = tenon.Model.from_json('''SYMBOL''')
engine = model.compile(data=(2, 16), device="cuda:0", backend="plain")
there = _dlpack.run(model.bind({"data": (2, 16)}, device="cuda:0"), [np.ones((2, 16), "float32")], lambda value: False)[0]
assert there.__dlpack_device__() == (2, 0)
result = engine(there)  # memory of one executor, read by another where it lies
assert type(result) is tenon.DeviceArray and result.__dlpack_device__() == (2, 0) and result.numpy().shape == (2, 16)
assert len(_dlpack._shared) == 1
assert engine(np.ones((2, 16), "float32")).shape == (2, 16) and len(_dlpack._shared) == 0
try:
    engine(there, out=np.empty((2, 16), "float32"))
except TypeError as error:
    assert "DeviceArray" in str(error)
else:
    raise AssertionError

x = mx.nd.ones((2, 16), ctx=mx.gpu(0))
assert x.context == mx.gpu(0) and (x + 1).context == mx.gpu(0) and x.as_in_context(mx.cpu()).context == mx.cpu()
net = mx.sym.relu(mx.sym.var("data"))
bound = net.simple_bind(mx.gpu(0), data=(2, 16))
assert bound.forward(data=x)[0].context == mx.gpu(0) and bound._program.device == "cuda:0"
try:
    mx.nd.ones((1,), ctx=mx.gpu(99))
except mx.MXNetError as error:
    assert "gpu(99) names a GPU that is not there" in str(error)
else:
    raise AssertionError
print("done")
"""


def test_a_gpu_by_the_fake_driver(run_python, tmp_path):
    driver = os.environ.get("TENON_FAKE_CUDA")
    if not driver:
        pytest.skip("TENON_FAKE_CUDA names no folder with a CUDA driver that needs no GPU")
    script = tmp_path / "script.py"
    script.write_text(GPU_SCRIPT.replace("SYMBOL", SYMBOL))
    done = run_python(script, LD_LIBRARY_PATH=driver)
    assert done.returncode == 0 and done.stdout == "done\n", done.stderr
