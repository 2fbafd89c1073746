"""The native package: models, engines, executors, errors."""

import io
import os
import signal
import threading

import numpy as np
import pytest

import tenon
from tenon import _progress

SYMBOL = """{"nodes": [{"op": "null", "name": "data", "inputs": []}, {"op": "null", "name": "w", "inputs": []},
{"op": "FullyConnected", "name": "fc", "attrs": {"num_hidden": "2", "no_bias": "True"}, "inputs": [[0, 0, 0], [1, 0, 0]]},
{"op": "Activation", "name": "act", "attrs": {"act_type": "relu"}, "inputs": [[2, 0, 0]]}],
"arg_nodes": [0, 1], "heads": [[3, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}"""
WEIGHT = np.array([[1, 2, 3], [-1, 0, 1]], "float32")
DATA = np.array([[1, 1, 1], [2, 0, -5]], "float32")
EXPECTED = np.maximum(DATA @ WEIGHT.T, 0)


@pytest.fixture
def model():
    return tenon.Model.from_json(SYMBOL, "small").with_parameters({"w": WEIGHT})


def test_model_tells_its_names(model):
    assert (model.inputs, model.outputs, model.arguments) == (["data"], ["act_output"], ["data", "w"])
    assert "small: data -> act_output, 1 parameters" in repr(model)


def test_parameters_are_read_only_views(model):
    weight = model.parameters["w"]
    np.testing.assert_array_equal(weight, WEIGHT)
    with pytest.raises(ValueError, match="read-only"):
        weight[0] = 1
    with pytest.raises(KeyError):
        model.parameters["nothing"]


def test_parameters_outlive_the_caller():
    model = tenon.Model.from_json(SYMBOL).with_parameters({"w": WEIGHT.copy()})
    engine = model.compile(data=DATA.shape)
    del model
    np.testing.assert_array_equal(engine(DATA), EXPECTED)


def test_engine_takes_what_numpy_takes(model):
    engine = model.compile(data=DATA.shape)
    for value in (DATA, DATA.tolist(), DATA.astype("float64"), np.asfortranarray(DATA)):
        np.testing.assert_array_equal(engine(value), EXPECTED)
    np.testing.assert_array_equal(engine(data=DATA), EXPECTED)


def test_engine_takes_dlpack(model):
    class Foreign:
        def __dlpack__(self, **_):
            return DATA.__dlpack__()

        def __dlpack_device__(self):
            return DATA.__dlpack_device__()

    np.testing.assert_array_equal(model.compile(data=DATA.shape)(Foreign()), EXPECTED)


def test_outputs_are_given_away_by_dlpack(model):
    result = model.compile(data=DATA.shape)(DATA)
    np.testing.assert_array_equal(np.from_dlpack(result), EXPECTED)


def test_out_is_written(model):
    engine = model.compile(data=DATA.shape)
    out = np.empty((2, 2), "float32")
    assert engine(DATA, out=out) is out
    np.testing.assert_array_equal(out, EXPECTED)
    for wrong in (np.empty((2, 2)), np.empty((1, 2), "float32"), np.empty((2, 4), "float32")[:, ::2]):
        with pytest.raises(ValueError, match="act_output"):
            engine(DATA, out=wrong)


def test_results_of_two_calls_are_two_arrays(model):
    engine = model.compile(data=DATA.shape)
    first = engine(DATA)
    engine(-DATA)
    np.testing.assert_array_equal(first, EXPECTED)


def test_another_batch_size_needs_no_new_engine(model):
    engine = model.compile(data=DATA.shape)
    np.testing.assert_array_equal(engine(DATA[:1]), EXPECTED[:1])
    np.testing.assert_array_equal(engine(DATA), EXPECTED)


def test_threads_have_their_own_buffers(model):
    engine = model.compile(data=DATA.shape)
    errors = []

    def work(scale):
        for _ in range(50):
            if not np.array_equal(engine(DATA * scale), EXPECTED * scale):
                errors.append(scale)

    threads = [threading.Thread(target=work, args=(scale,)) for scale in (1, 2, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_threads_share_what_was_compiled(model):
    reports = []
    engine = model.compile(data=DATA.shape, backend="plain", progress=lambda *report: reports.append(report))
    assert reports == [(1, 2, "fc"), (2, 2, "act")]
    thread = threading.Thread(target=engine, args=(DATA,))
    thread.start()
    thread.join()
    assert len(reports) == 2
    engine(DATA[:1])
    assert len(reports) == 4


def test_what_the_progress_raises_ends_the_build(model):
    def complain(done, total, node):
        raise ZeroDivisionError(node)

    with pytest.raises(ZeroDivisionError, match="fc"):
        model.compile(data=DATA.shape, backend="plain", progress=complain)


def test_ctrl_c_ends_a_build(model):
    reports = []

    def interrupt(*report):
        reports.append(report)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        model.compile(data=DATA.shape, backend="plain", progress=interrupt)
    assert len(reports) == 1 and signal.getsignal(signal.SIGINT) is before


def test_progress_is_one_line_that_is_wiped(monkeypatch):
    monkeypatch.setattr(_progress, "_QUIET", 0)
    monkeypatch.setattr(_progress, "_BETWEEN", 0)
    stream = io.StringIO()
    line = _progress.Line("net", stream)
    line(1, 4, "conv0")
    assert stream.getvalue() == "\rnet:  25% |######                  | 1/4 [0 s]"
    line.close()
    assert stream.getvalue().endswith("\r" + " " * 46 + "\r")


def test_short_builds_say_nothing():
    stream = io.StringIO()
    line = _progress.Line("net", stream)
    line(1, 4, "conv0")
    line.close()
    assert stream.getvalue() == ""


def test_model_in_a_notebook(model):
    page = model._repr_html_()
    assert "small: data → act_output" in page and "<td>w</td><td>(2, 3)</td><td>float32</td>" in page


def test_engine_explains_itself(model):
    engine = model.compile(data=DATA.shape, backend="plain")
    assert {step.op for step in engine.explain()} == {"FullyConnected", "Activation"}
    assert engine.profile(runs=3)["min_ms"] > 0
    assert "data (2, 3) float32 -> (2, 2) float32" in repr(engine)
    assert "<table>" in engine._repr_html_()


def test_closed_engine_refuses(model):
    with model.compile(data=DATA.shape) as engine:
        engine(DATA)
    with pytest.raises(tenon.errors.InvalidArgument, match="closed"):
        engine(DATA)


def test_monitor_sees_every_node(model):
    executor = model.bind({"data": DATA.shape})
    seen = {}
    executor.set_monitor(lambda name, value: seen.__setitem__(name, value))
    executor.run([DATA])
    assert list(seen) == ["fc_output", "act_output"]
    np.testing.assert_array_equal(seen["fc_output"], DATA @ WEIGHT.T)
    executor.set_monitor(None)
    seen.clear()
    executor.run([DATA])
    assert seen == {}


def test_save_and_load(model, tmp_path):
    model.save(tmp_path / "small", 7)
    loaded = tenon.load(tmp_path / "small")
    assert loaded.json() == model.json()
    np.testing.assert_array_equal(loaded.parameters["w"], WEIGHT)


def test_a_plan_is_the_engine_again(model, tmp_path):
    engine = model.compile(data=DATA.shape)
    engine.save(tmp_path / "small.plan")
    expected = engine(DATA)
    with tenon.load_plan(tmp_path / "small.plan") as plan:
        assert "small.plan on cpu, plan: data (2, 3) float32" in repr(plan)
        assert (plan.device, plan.precision) == (engine.device, engine.precision)
        np.testing.assert_array_equal(plan(DATA), expected)
        with pytest.raises(tenon.errors.InvalidArgument, match=r"serves data \(2, 3\) alone"):
            plan(DATA[:1])
    with pytest.raises(tenon.errors.InvalidArgument, match="closed"):
        plan(DATA)
    data = (tmp_path / "small.plan").read_bytes()
    (tmp_path / "small.plan").write_bytes(data[: len(data) // 2])
    with pytest.raises(tenon.Error):
        tenon.load_plan(tmp_path / "small.plan")


CONVOLUTION = """{"nodes": [{"op": "null", "name": "data", "inputs": []}, {"op": "null", "name": "w", "inputs": []},
{"op": "Convolution", "name": "conv", "attrs": {"kernel": "(3, 3)", "pad": "(1, 1)", "num_filter": "64", "no_bias": "True"},
"inputs": [[0, 0, 0], [1, 0, 0]]}], "arg_nodes": [0, 1], "heads": [[2, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}"""


def test_optimize_memory_keeps_weights_of_their_own_size():
    weight = np.random.RandomState(1).uniform(-1, 1, (64, 64, 3, 3)).astype("float32")
    model = tenon.Model.from_json(CONVOLUTION).with_parameters({"w": weight})
    data = np.random.RandomState(2).uniform(-1, 1, (1, 64, 28, 28)).astype("float32")
    fast = model.compile(data=data.shape, backend="cpu")
    small = model.compile(data=data.shape, backend="cpu", optimize="memory")
    assert small.profile(runs=1)["parameter_bytes"] == weight.nbytes < fast.profile(runs=1)["parameter_bytes"]
    np.testing.assert_allclose(small(data), fast(data), rtol=0, atol=1e-4 * abs(fast(data)).max())
    with pytest.raises(tenon.Error, match="backend 'plain' on cpu does not optimize memory; choose the backend cpu"):
        model.compile(data=data.shape, backend="plain", optimize="memory")
    with pytest.raises(ValueError, match="nothing called 'size' to optimize; choose speed or memory"):
        model.compile(data=data.shape, optimize="size")


def test_errors_are_sentences(model, tmp_path):
    with pytest.raises(tenon.errors.NotFound, match="no checkpoint"):
        tenon.load(tmp_path / "nothing")
    with pytest.raises(LookupError):
        tenon.zoo("resnet19")
    with pytest.raises(tenon.errors.Corrupt):
        tenon.Model.from_json("{")
    with pytest.raises(tenon.errors.InvalidArgument, match="there is no input 'date'"):
        model.compile(date=(1, 3))
    with pytest.raises(ValueError, match="'data' is bound with shape"):
        model.bind({"data": (2, 3)}).run([np.ones((1, 3), "float32")])
    with pytest.raises(TypeError, match="has 1 inputs"):
        model.compile(data=(2, 3))(DATA, DATA)
    with pytest.raises(tenon.Error, match="fp4"):
        model.compile(data=(2, 3), precision="fp4")


def test_infer(model):
    assert model.infer(data=(5, 3))["act_output"] == ((5, 2), np.dtype("float32"))
    assert tenon.Model.from_json(SYMBOL).infer()["w"] == (None, None)


def test_components_and_version():
    assert tenon.__version__.count(".") == 2 and "oneDNN" in tenon.components()
