"""mx.contrib: what inference uses of it."""

from .. import ndarray as _ndarray
from .. import symbol as _symbol
from . import io, tensorrt  # noqa: F401

ndarray = nd = _ndarray.contrib
symbol = sym = _symbol.contrib
