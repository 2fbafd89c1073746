"""mx.nd: arrays and the operators on them."""

import sys
import types

from .. import _ops
from . import random, utils
from .ndarray import *  # noqa: F403
from .ndarray import NDArray, _op, function
from .ndarray import (  # noqa: F401
    add, arange, array, concatenate, divide, empty, equal, eye, from_dlpack, from_numpy, full, greater, greater_equal,
    imdecode, invoke, lesser, lesser_equal, linspace, logical_and, logical_or, logical_xor, maximum, minimum, modulo,
    moveaxis, multiply, not_equal, onehot_encode, ones, power, split_v2, subtract, to_dlpack_for_read,
    to_dlpack_for_write, true_divide, waitall, zeros,
)  # fmt: skip
from .utils import load, save  # noqa: F401


def _generate():
    """The modules op, _internal, contrib, linalg, image, sparse, with a function an operator."""
    here = sys.modules[__name__]
    for space, names in _ops.sorted_into_spaces().items():
        full = f"{__name__}.{space}"
        module = types.ModuleType(full, f"The operators of mx.nd.{space}.")
        sys.modules[full] = module
        setattr(here, space, module)
        module.__getattr__ = _lazy(module, names)
        module.__dir__ = lambda names=names: sorted(names)
        module.__all__ = sorted(names)
    shared = {**_ops.sorted_into_spaces()["_internal"], **_ops.sorted_into_spaces()["op"]}
    here._operators = shared


def _lazy(module, names):
    def get(name):
        if name not in names:
            raise AttributeError(f"{module.__name__} has no operator '{name}'; docs/operators.md lists what Tenon has")
        made = function(names[name], name)
        setattr(module, name, made)
        return made

    return get


def __getattr__(name):
    if name.startswith("__") or name not in _operators:  # noqa: F821
        raise AttributeError(f"mx.nd has no '{name}'; docs/operators.md lists the operators that Tenon has")
    made = function(_operators[name], name)  # noqa: F821
    globals()[name] = made
    return made


def __dir__():
    return sorted({*globals(), *_operators})  # noqa: F821


_generate()

for _name in ("uniform", "normal", "poisson", "exponential", "gamma", "negative_binomial"):
    globals()[f"random_{_name}"] = globals()[f"sample_{_name}"] = getattr(random, _name)
uniform, normal = random.uniform, random.normal
random_randint, sample_multinomial, shuffle = random.randint, random.multinomial, random.shuffle
op.random_uniform, op.random_normal = random.uniform, random.normal  # noqa: F821
