"""The networks of mx.gluon.model_zoo.vision: exported symbol, and output for parameters by the formula."""

import os

import numpy as np

from .formula import formula, parameter

NETWORKS = (
    ["resnet%d_v%d" % (d, v) for v in (1, 2) for d in (18, 34, 50, 101, 152)]
    + ["vgg%d%s" % (d, s) for s in ("", "_bn") for d in (11, 13, 16, 19)]
    + [
        "alexnet",
        "densenet121",
        "densenet161",
        "densenet169",
        "densenet201",
        "squeezenet1.0",
        "squeezenet1.1",
        "inceptionv3",
    ]
    + ["mobilenet%s" % m for m in ("1.0", "0.75", "0.5", "0.25")]
    + ["mobilenetv2_%s" % m for m in ("1.0", "0.75", "0.5", "0.25")]
)


def gain(model):
    """Factor on the scale of every *_weight of a zoo model.

    Chosen so that the outputs neither vanish nor explode (residual sums double the variance in every block at gain 1)
    and still depend on the input (with too small a gain the biases win).
    """
    if model.startswith("resnet"):
        return 0.8 if model.startswith(("resnet18", "resnet34")) else 0.65
    if model.startswith("mobilenetv2"):
        return 0.9
    if model.startswith("squeezenet"):
        return 1.1
    return 1.0


def any_size(model):
    return model.startswith("resnet") or model.startswith("mobilenet")


def run(model, out):
    import mxnet as mx
    from mxnet.gluon.model_zoo import vision

    side = 299 if model.startswith("inception") else 224
    net = vision.get_model(model, pretrained=False)
    net.initialize(mx.init.Zero(), ctx=mx.cpu())
    net.hybridize()
    small = mx.nd.zeros((1, 3, side, side))
    net(small).wait_to_read()
    for name, p in net.collect_params().items():
        p.set_data(mx.nd.array(parameter(name, p.shape, gain(model))))
    y = net(mx.nd.array(formula("data", (1, 3, side, side), 1.0, 0.0)))
    data = {"out/0": y.asnumpy()}
    if any_size(model):
        data["out160/0"] = net(mx.nd.array(formula("data160", (2, 3, 160, 160), 1.0, 0.0))).asnumpy()
    net.export(os.path.join(out, model))
    os.remove(os.path.join(out, model + "-0000.params"))
    np.savez(os.path.join(out, model + ".npz"), **data)
    check_exported(os.path.join(out, model + "-symbol.json"), net, (1, 3, side, side), data["out/0"])


def check_exported(path, net, shape, expected):
    """The symbol file alone gives the parameter names and shapes, and bound as a symbol it computes the same."""
    import mxnet as mx

    sym = mx.sym.load(path)
    arg_shapes, _, aux_shapes = sym.infer_shape(data=shape)
    known = {n: p.data() for n, p in net.collect_params().items()}
    shapes = dict(zip(sym.list_arguments() + sym.list_auxiliary_states(), arg_shapes + aux_shapes))
    assert shapes.pop("data") == shape and {n: a.shape for n, a in known.items()} == shapes
    args = {n: known[n] for n in sym.list_arguments() if n != "data"}
    args["data"] = mx.nd.array(formula("data", shape, 1.0, 0.0))
    exe = sym.bind(mx.cpu(), args, grad_req="null", aux_states={n: known[n] for n in sym.list_auxiliary_states()})
    got = exe.forward(is_train=False)[0].asnumpy()
    assert got.shape == expected.shape
    print(
        "  bound as a symbol: relative to max %.2g; output names %s"
        % (np.abs(got - expected).max() / np.abs(expected).max(), sym.list_outputs()),
        flush=True,
    )
