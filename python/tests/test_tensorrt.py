"""The three generations of MXNet's TensorRT interface lead to the accelerated executor, and compute the same."""

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
