"""The three generations of MXNet's TensorRT interface lead to the accelerated executor, and compute the same."""

import copy
import json

import numpy as np
import pytest

import tenon.mxnet as mx

SHAPE = (2, 3, 12, 12)


@pytest.fixture
def network():
    data = mx.sym.Variable("data")
    net = mx.sym.Convolution(data, kernel=(3, 3), num_filter=16, name="conv")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn")
    net = mx.sym.Activation(net, act_type="relu")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=5, name="fc")
    random = np.random.RandomState(1)
    shapes, _, aux_shapes = net.infer_shape(data=SHAPE)
    args = {n: mx.nd.array(random.uniform(-1, 1, s)) for n, s in zip(net.list_arguments(), shapes) if n != "data"}
    aux = {n: mx.nd.array(random.uniform(0.5, 1, s)) for n, s in zip(net.list_auxiliary_states(), aux_shapes)}
    image = mx.nd.array(random.uniform(-1, 1, SHAPE))
    executor = net.simple_bind(mx.cpu(), data=SHAPE, grad_req="null")
    executor.copy_params_from(args, aux)
    return net, args, aux, image, executor.forward(data=image)[0].asnumpy()


def close(outputs, expected):
    np.testing.assert_allclose(outputs[0].asnumpy(), expected, rtol=1e-4, atol=1e-4)


def test_tensorrt_bind(network, monkeypatch):
    net, args, aux, image, expected = network
    monkeypatch.setenv("MXNET_USE_TENSORRT", "1")
    executor = mx.contrib.tensorrt.tensorrt_bind(
        net, ctx=mx.cpu(), all_params={**args, **aux}, data=SHAPE, grad_req="null", force_rebind=True
    )
    assert executor._accelerated
    close(executor.forward(data=image), expected)


def test_set_use_tensorrt(monkeypatch):
    monkeypatch.setenv("MXNET_USE_TENSORRT", "0")
    mx.contrib.tensorrt.set_use_tensorrt(True)
    assert mx.contrib.tensorrt.get_use_tensorrt()
    mx.contrib.tensorrt.set_use_tensorrt(False)
    assert not mx.contrib.tensorrt.get_use_tensorrt()


def test_init_tensorrt_params(network):
    net, args, aux, image, expected = network
    optimised = net.get_backend_symbol("TensorRT")
    left_args, left_aux = mx.contrib.tensorrt.init_tensorrt_params(optimised, args, aux)
    assert (left_args, left_aux) == ({}, {}) and args and aux
    executor = optimised.simple_bind(ctx=mx.cpu(), data=SHAPE, grad_req="null", force_rebind=True)
    executor.copy_params_from(left_args, left_aux)
    close(executor.forward(is_train=False, data=image), expected)


def test_optimize_for(network):
    net, args, aux, image, expected = network
    optimised = net.optimize_for("TensorRT", args=args, aux=aux, ctx=mx.cpu(), precision="fp32")
    assert args == {} and aux == {}
    assert optimised.list_arguments() == ["data"]
    executor = optimised.simple_bind(ctx=mx.cpu(), data=SHAPE, grad_req="null", force_rebind=True)
    close(executor.forward(is_train=False, data=image), expected)


@pytest.fixture
def branched():
    """What TensorRT takes, cut in two by a softmax, which it did not take; a weight that both halves read."""
    data, weight = mx.sym.Variable("data"), mx.sym.Variable("shared_weight")
    first = mx.sym.FullyConnected(data, weight=weight, num_hidden=4, name="fc0")
    first = mx.sym.Activation(first, act_type="relu", name="relu0")
    middle = mx.sym.softmax(first, name="middle")
    last = mx.sym.FullyConnected(middle, weight=weight, num_hidden=4, name="fc1")
    return mx.sym.Group([mx.sym.Activation(last + first, act_type="tanh", name="tanh0"), middle])


def values(symbol):
    random = np.random.RandomState(3)
    shapes, _, _ = symbol.infer_shape(data=(2, 4))
    return {n: mx.nd.array(random.uniform(-1, 1, s)) for n, s in zip(symbol.list_arguments(), shapes)}


def test_engine_nodes_are_nodes(branched):
    args = values(branched)
    data = args.pop("data")
    expected = [out.asnumpy() for out in branched.bind(mx.cpu(), {"data": data, **args}).forward()]
    given = dict(args)
    optimised = branched.optimize_for("TensorRT", args=given)
    assert given == {} and optimised.list_arguments() == ["data"]
    internals = optimised.get_internals()
    assert internals.list_outputs() == [
        "data", "TensorRT0_relu0_output", "middle_output", "TensorRT1_tanh0_output",
    ]  # fmt: skip
    assert optimised.list_outputs() == ["TensorRT1_tanh0_output", "middle_output"]
    assert optimised.infer_shape(data=(7, 4)) == ([(7, 4)], [(7, 4), (7, 4)], [])
    assert optimised.infer_type(data="float32")[1] == [np.float32, np.float32]
    rows = json.loads(optimised.tojson())["nodes"]
    assert [row["op"] for row in rows] == ["null", "_TensorRT", "softmax", "_TensorRT"]
    assert rows[1]["attrs"]["subgraph_params_names"] == "shared_weight;fc0_bias"
    assert [row["name"] for row in rows[1]["subgraphs"][0]["nodes"]] == ["data0", "shared_weight", "fc0_bias", "fc0", "relu0"]
    for out, value in zip(optimised.bind(mx.cpu(), {"data": data}).forward(), expected):
        np.testing.assert_allclose(out.asnumpy(), value, rtol=1e-5, atol=1e-6)
    part = internals["TensorRT0_relu0_output"].simple_bind(mx.cpu(), data=(2, 4))
    assert part.output_dict.keys() == {"TensorRT0_relu0_output"}
    weight, bias = args["shared_weight"].asnumpy(), args["fc0_bias"].asnumpy()
    relu = np.maximum(data.asnumpy() @ weight.T + bias, 0)
    np.testing.assert_allclose(part.forward(data=data)[0].asnumpy(), relu, rtol=1e-5, atol=1e-6)


def test_engine_nodes_may_be_composed_and_copied(branched):
    args = values(branched)
    data = args.pop("data")
    expected = branched.bind(mx.cpu(), {"data": -data, **args}).forward()[0].asnumpy()
    optimised = branched.optimize_for("TensorRT", args=args)
    variable = mx.sym.Variable("data")
    twice = mx.sym.Group([copy.deepcopy(optimised)(data=-variable)[0], optimised(data=variable)[0]])
    results = twice.bind(mx.cpu(), {"data": data}).forward()
    np.testing.assert_allclose(results[0].asnumpy(), expected, rtol=1e-5, atol=1e-6)
    plain = optimised[0].bind(mx.cpu(), {"data": data}).forward()[0].asnumpy()
    np.testing.assert_allclose(results[1].asnumpy(), plain, rtol=1e-5, atol=1e-6)


def test_a_file_of_engine_nodes_gives_the_operators_back(branched):
    expected = branched.tojson()
    loaded = mx.sym.load_json(branched.optimize_for("TensorRT", args=values(branched)).tojson())
    assert loaded.tojson() == expected


def test_what_is_not_given_stays_an_argument(network):
    net, args, aux, image, expected = network
    optimised = net.optimize_for("TensorRT")
    assert sorted(optimised.list_arguments()) == sorted(net.list_arguments())
    assert sorted(optimised.list_auxiliary_states()) == sorted(net.list_auxiliary_states())
    left = dict(args)
    optimised = net.optimize_for("TensorRT", args=left)  # no auxiliary states
    assert left == {} and optimised.list_auxiliary_states() == net.list_auxiliary_states()
    executor = optimised.simple_bind(mx.cpu(), data=SHAPE, grad_req="null")
    executor.copy_params_from({}, aux)
    close(executor.forward(data=image), expected)


def test_optimised_twice_is_optimised_once(network):
    net, args, aux, image, expected = network
    optimised = net.optimize_for("TensorRT", args=args, aux=aux).optimize_for("TensorRT")
    assert optimised.list_arguments() == ["data"] and "TensorRT0" in optimised.tojson()
    close(optimised.bind(mx.cpu(), {"data": image}).forward(), expected)


def test_executor_tells_its_symbol(network, monkeypatch):
    net, args, aux, _, _ = network
    plain = net.simple_bind(mx.cpu(), data=SHAPE, grad_req="null")
    assert mx.contrib.tensorrt.get_optimized_symbol(plain) is net
    monkeypatch.setenv("MXNET_USE_TENSORRT", "1")
    executor = net.simple_bind(mx.cpu(), data=SHAPE, grad_req="null")
    shown = mx.contrib.tensorrt.get_optimized_symbol(executor)
    assert shown.get_internals().list_outputs() == ["data", "TensorRT0_fc_output"]


def test_unknown_backend_leaves_the_symbol(network, caplog):
    assert network[0].optimize_for("Nothing") is network[0]
    assert "'Nothing' cannot be found" in caplog.text


def test_gluon_optimize_for(network):
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2D(8, 3, activation="relu"), mx.gluon.nn.Dense(4))
    net.initialize()
    image = network[3]
    expected = net(image).asnumpy()
    net.optimize_for(image, backend="TensorRT")
    np.testing.assert_allclose(net(image).asnumpy(), expected, rtol=1e-4, atol=1e-5)
