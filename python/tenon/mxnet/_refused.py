"""Modules of MXNet that are for training, or outside what Tenon has: importing works, using gives one clear error."""

import sys
import types

from .base import Unsupported, no_training

TRAINING = ("optimizer", "kvstore", "lr_scheduler", "recordio", "operator", "rtc")
OUTSIDE = {
    "numpy": "numpy mode (mx.np) is outside Tenon's classic interface; use mx.nd",
    "numpy_extension": "numpy mode (mx.npx) is outside Tenon's classic interface; use mx.nd",
    "rnn": "mx.rnn (cells of symbols) is outside Tenon's classic interface; use mx.sym.RNN or gluon.rnn",
}
ALIASES = {"numpy": "np", "numpy_extension": "npx", "kvstore": "kv"}


def _module(package, name, error):
    module = types.ModuleType(f"{package}.{name}", "Refused: see tenon.mxnet._refused.")

    def get(attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise error(f"mx.{name}.{attribute}")

    module.__getattr__ = get
    sys.modules[module.__name__] = module
    return module


def install(package, namespace):
    for name in TRAINING:
        namespace[name] = _module(package, name, no_training)
    for name, sentence in OUTSIDE.items():
        namespace[name] = _module(package, name, lambda what, sentence=sentence: Unsupported(f"{what}: {sentence}"))
    for name, alias in ALIASES.items():
        namespace[alias] = namespace[name]
