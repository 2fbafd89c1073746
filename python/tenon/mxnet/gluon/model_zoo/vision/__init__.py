"""The networks of MXNet's Gluon model zoo."""

import functools

from ... import nn
from .. import model_store
from .densenet import DenseNet, densenet_spec
from .inception import Inception3
from .mobilenet import MobileNet, MobileNetV2
from .resnet import BasicBlockV1, BasicBlockV2, BottleneckV1, BottleneckV2, ResNetV1, ResNetV2, get_resnet, resnet_spec
from .simple import VGG, AlexNet, SqueezeNet, vgg_spec


def _build(name, make, pretrained=False, ctx=None, root=None, **kwargs):
    net = make(**kwargs)
    if pretrained:
        net.load_parameters(model_store.get_model_file(name, root), ctx=ctx)
    return net


def _makers():
    makers = {"alexnet": AlexNet, "inceptionv3": Inception3}
    for layers in densenet_spec:
        makers[f"densenet{layers}"] = functools.partial(DenseNet, *densenet_spec[layers])
    for text in ("1.0", "0.75", "0.5", "0.25"):
        makers[f"mobilenet{text}"] = functools.partial(MobileNet, float(text))
        makers[f"mobilenetv2_{text}"] = functools.partial(MobileNetV2, float(text))
    for version in (1, 2):
        for layers in resnet_spec:
            makers[f"resnet{layers}_v{version}"] = functools.partial(get_resnet, version, layers)
    for version in ("1.0", "1.1"):
        makers[f"squeezenet{version}"] = functools.partial(SqueezeNet, version)
    for layers in vgg_spec:
        makers[f"vgg{layers}"] = functools.partial(VGG, *vgg_spec[layers])
        makers[f"vgg{layers}_bn"] = functools.partial(VGG, *vgg_spec[layers], batch_norm=True)
    return makers


_MAKERS = _makers()


def get_model(name, **kwargs):
    """A network by name; pretrained=True loads MXNet's trained weights."""
    lower = name.lower()
    if lower not in _MAKERS:
        options = "\n\t".join(sorted(_MAKERS))
        raise ValueError(f"Model {name} is not supported. Available options are\n\t{options}")
    return _build(lower, _MAKERS[lower], **kwargs)


def _function(name, function_name):
    def make(**kwargs):
        return get_model(name, **kwargs)

    make.__name__ = function_name
    make.__doc__ = f"{name}; pretrained=True loads MXNet's trained weights."
    return make


_FUNCTIONS = {
    "inceptionv3": "inception_v3", "squeezenet1.0": "squeezenet1_0", "squeezenet1.1": "squeezenet1_1",
    **{f"mobilenet{m}": f"mobilenet{m.replace('.', '_')}" for m in ("1.0", "0.75", "0.5", "0.25")},
    **{f"mobilenetv2_{m}": f"mobilenet_v2_{m.replace('.', '_')}" for m in ("1.0", "0.75", "0.5", "0.25")},
}  # fmt: skip
for _name in _MAKERS:
    _function_name = _FUNCTIONS.get(_name, _name)
    globals()[_function_name] = _function(_name, _function_name)

__all__ = [
    "AlexNet", "BasicBlockV1", "BasicBlockV2", "BottleneckV1", "BottleneckV2", "DenseNet", "Inception3", "MobileNet",
    "MobileNetV2", "ResNetV1", "ResNetV2", "SqueezeNet", "VGG", "get_model", "get_resnet", "nn",
]  # fmt: skip
