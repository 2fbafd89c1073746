"""Modules of MXNet that are for training, or outside what Tenon has: importing and subclassing work, since inference scripts
import whole libraries; making an object or calling a function gives one clear error."""

import sys
import types

from .base import Unsupported, no_training

TRAINING = ("optimizer", "kvstore", "lr_scheduler", "operator", "rtc")
#: Parts of packages that have others that work.
TRAINING_PARTS = (
    "contrib.amp", "contrib.autograd", "contrib.svrg_optimization", "contrib.tensorboard", "contrib.text", "gluon.contrib.estimator",
)  # fmt: skip
OUTSIDE = {
    "contrib.onnx": "Tenon reads MXNet's symbols and parameters, not ONNX files",
    "contrib.quantization": "Tenon runs quantized networks, but does not make them",
    "numpy": "numpy mode (mx.np) is outside Tenon's classic interface; use mx.nd",
    "numpy_extension": "numpy mode (mx.npx) is outside Tenon's classic interface; use mx.nd",
}
ALIASES = {"numpy": "np", "numpy_extension": "npx", "kvstore": "kv", "optimizer": "opt"}


class _Kind(type):
    """The class of stand-ins. `@Optimizer.register` above a class of somebody's is allowed: nothing is made yet."""

    def __getattr__(cls, name):
        if name == "register":
            return lambda given=None, *_, **__: given if isinstance(given, type) else (lambda kind: kind)
        if name.startswith("__"):
            raise AttributeError(name)
        raise cls._refusal(f"{cls._what}.{name}")


def stand_in(what, error):
    """A class named `what` that may be imported and subclassed; making one, or calling it as a function, raises the error."""

    def refuse(self, *_, **__):
        raise error(type(self)._what)

    name = what.rpartition(".")[2]
    members = {"__init__": refuse, "__doc__": f"Refused: {error(what)}", "_what": what, "_refusal": staticmethod(error)}
    return _Kind(name, (), members)


def fill(module, title, error, names=None):
    """These names of the module, or all that somebody asks for, are stand-ins."""

    def get(name):
        if name.startswith("__") or (names is not None and name not in names):
            raise AttributeError(f"{title} has no '{name}'")
        made = stand_in(f"{title}.{name}", error)
        if name == "register":  # `@mx.operator.register("mine")`
            made = lambda *_, **__: lambda kind: kind  # noqa: E731
        setattr(module, name, made)
        return made

    module.__getattr__ = get


def _module(package, name, error):
    module = types.ModuleType(f"{package}.{name}", "Refused: see tenon.mxnet._refused.")
    module.__path__ = []
    fill(module, name if name.startswith("gluon.") else f"mx.{name}", error)
    sys.modules[module.__name__] = module
    parent, _, last = module.__name__.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], last, module)
    return module


def install(package, namespace):
    for name in (*TRAINING, *TRAINING_PARTS):
        _module(package, name, no_training)
    for name, sentence in OUTSIDE.items():
        _module(package, name, lambda what, sentence=sentence: Unsupported(f"{what}: {sentence}"))
    for name, alias in ALIASES.items():
        namespace[alias] = namespace[name]
        sys.modules[f"{package}.{alias}"] = namespace[name]
