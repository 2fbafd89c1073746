"""mx.nd: arrays and the operators on them."""

import sys

from .. import _ops
from . import control_flow, random, utils
from .ndarray import *  # noqa: F403
from .ndarray import NDArray, _op, function
from .ndarray import (  # noqa: F401
    add, arange, array, concatenate, divide, empty, equal, eye, from_dlpack, from_numpy, full, greater, greater_equal,
    imdecode, invoke, lesser, lesser_equal, linspace, logical_and, logical_or, logical_xor, maximum, minimum, modulo,
    moveaxis, multiply, not_equal, onehot_encode, ones, power, split_v2, subtract, to_dlpack_for_read,
    to_dlpack_for_write, true_divide, waitall, zeros,
)  # fmt: skip
from .utils import load, save  # noqa: F401

_ops.fill_module(sys.modules[__name__], "mx.nd", function)

for _name in ("uniform", "normal", "poisson", "exponential", "gamma", "negative_binomial"):
    globals()[f"random_{_name}"] = globals()[f"sample_{_name}"] = getattr(random, _name)
uniform, normal = random.uniform, random.normal
random_randint, sample_multinomial, shuffle = random.randint, random.multinomial, random.shuffle
op.random_uniform, op.random_normal = random.uniform, random.normal  # noqa: F821
for _name in control_flow.__all__:
    setattr(contrib, _name, getattr(control_flow, _name))  # noqa: F821
