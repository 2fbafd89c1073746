"""mx.sym: networks by name."""

import sys
import types

from .. import _ops
from ..base import Unsupported
from ..ndarray.ndarray import _FULL_NAMES, METHODS
from .symbol import Group, Symbol, Variable, binary, create, function, load, load_json, op as _op, scalar, var  # noqa: F401


def _method(name):
    full = _FULL_NAMES.get(name, name)

    def call(self, *args, **kwargs):
        return function(full, name)(self, *args, **kwargs)

    call.__name__ = name
    call.__doc__ = f"The function `{name}` of this symbol."
    return call


_ops.fill_module(sys.modules[__name__], "mx.sym", function)
for _name in METHODS:
    if _ops.find(_FULL_NAMES.get(_name, _name)) and not hasattr(Symbol, _name):
        setattr(Symbol, _name, _method(_name))


def zeros(shape, dtype=None, **kwargs):
    return _internal._zeros(shape=shape, dtype=dtype or "float32", **kwargs)  # noqa: F821


def ones(shape, dtype=None, **kwargs):
    return _internal._ones(shape=shape, dtype=dtype or "float32", **kwargs)  # noqa: F821


def full(shape, val, dtype=None, **kwargs):
    return _internal._full(shape=shape, dtype=dtype or "float32", value=float(val), **kwargs)  # noqa: F821


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, name=None, dtype=None):
    return _internal._arange(  # noqa: F821
        start=start, stop=stop, step=step, repeat=repeat, infer_range=infer_range, name=name, dtype=dtype or "float32"
    )


def linspace(start, stop, num, endpoint=True, name=None, dtype=None):
    return _internal._linspace(  # noqa: F821
        start=start, stop=stop, num=num, endpoint=endpoint, name=name, dtype=dtype or "float32"
    )


def eye(N, M=0, k=0, dtype=None, **kwargs):
    return _internal._eye(N=N, M=M, k=k, dtype=dtype or "float32", **kwargs)  # noqa: F821


def split_v2(ary, indices_or_sections, axis=0, squeeze_axis=False):
    if isinstance(indices_or_sections, int):
        indices, sections = (), indices_or_sections
    else:
        indices, sections = (0, *indices_or_sections), 0
    return _internal._split_v2(  # noqa: F821
        ary, indices=indices, axis=axis, squeeze_axis=squeeze_axis, sections=sections
    )


def _two_sided(name, same, scalar_name, reverse_name):
    def call(left, right):
        if isinstance(left, Symbol):
            return binary(same, scalar_name, left, right)
        if isinstance(right, Symbol):
            return scalar(reverse_name, right, left)
        raise TypeError(f"types ({type(left)}, {type(right)}) not supported")

    call.__name__ = name
    call.__doc__ = f"Element-wise `{name}`; either side may be a number."
    return call


pow = power = _two_sided("power", "_Power", "_PowerScalar", "_RPowerScalar")
maximum = _two_sided("maximum", "_Maximum", "_MaximumScalar", "_MaximumScalar")
minimum = _two_sided("minimum", "_Minimum", "_MinimumScalar", "_MinimumScalar")
hypot = _two_sided("hypot", "_Hypot", "_HypotScalar", "_HypotScalar")
random = types.ModuleType(f"{__name__}.random")


def _no_random(name):
    raise AttributeError(f"mx.sym.random.{name}: the engine has no random operators; feed random arrays instead")


random.__getattr__ = _no_random


def _no_control_flow(name):
    def call(*_, **__):
        raise Unsupported(
            f"mx.sym.contrib.{name}: the engine runs networks without control flow; unroll the loop, or run it with "
            f"mx.nd.contrib.{name}"
        )

    return call


for _name in ("cond", "foreach", "while_loop"):
    setattr(contrib, _name, _no_control_flow(_name))  # noqa: F821
