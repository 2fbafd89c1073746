"""What scripts use of mx.test_utils."""

import os
import sys

import numpy as np

from ._refused import fill
from .base import Unsupported
from .context import current_context, num_gpus
from .gluon import utils
from .ndarray.ndarray import NDArray, array

_RTOL = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-5}
_ATOL = {"float16": 1e-1, "float32": 1e-3, "float64": 1e-20}


def _values(value):
    return value.asnumpy() if isinstance(value, NDArray) else np.asarray(value)


def download(url, fname=None, dirname=None, overwrite=False, retries=5):
    """The path of a file that is there already, as in `mx.gluon.utils.download`."""
    return utils.download(url, os.path.join(dirname or "", fname or url.split("/")[-1]))


def default_context():
    return current_context()


def default_dtype():
    return np.float32


def _tolerance(a, b, given, table):
    if given is not None:
        return given
    return max(table.get(a.dtype.name, 0), table.get(b.dtype.name, 0))


def almost_equal(a, b, rtol=None, atol=None, equal_nan=False, use_broadcast=True):
    a, b = _values(a), _values(b)
    return np.allclose(a, b, _tolerance(a, b, rtol, _RTOL), _tolerance(a, b, atol, _ATOL), equal_nan)


def assert_almost_equal(a, b, rtol=None, atol=None, names=("a", "b"), equal_nan=False, use_broadcast=True, mismatches=(10, 10)):
    """Raises AssertionError with the largest difference."""
    left, right = _values(a), _values(b)
    if almost_equal(left, right, rtol, atol, equal_nan):
        return
    rtol, atol = _tolerance(left, right, rtol, _RTOL), _tolerance(left, right, atol, _ATOL)
    excess = np.abs(left - right) / (atol + rtol * np.abs(right) + 1e-30)
    place = np.unravel_index(np.argmax(excess), excess.shape)
    raise AssertionError(
        f"Items are not equal: error {excess[place]:.6f} of tolerance rtol={rtol:e}, atol={atol:e}, "
        f"at {place}: {names[0]}={left[place]!r}, {names[1]}={right[place]!r}"
    )


assert_allclose = assert_almost_equal


def same(a, b):
    return np.array_equal(_values(a), _values(b))


def rand_ndarray(shape, stype="default", density=None, dtype=None, **_):
    return array(np.random.uniform(-1, 1, shape), dtype=dtype)


def rand_shape_nd(num_dim, dim=10, allow_zero_size=False):
    return tuple(np.random.randint(1, dim + 1, size=num_dim))


def list_gpus():
    return list(range(num_gpus()))


def simple_forward(sym, ctx=None, is_train=False, **inputs):
    """The outputs of a symbol on NumPy arrays."""
    context = ctx or current_context()
    executor = sym.bind(context, {name: array(value) for name, value in inputs.items()})
    outputs = [output.asnumpy() for output in executor.forward(is_train)]
    return outputs[0] if len(outputs) == 1 else outputs


#: Scripts that only run import them too.
fill(
    sys.modules[__name__],
    "mx.test_utils",
    lambda what: Unsupported(f"{what}: it downloads a data set, and Tenon does not download"),
    ("get_bz2_data", "get_cifar10", "get_mnist", "get_mnist_iterator", "get_mnist_pkl", "get_mnist_ubyte", "get_zip_data"),
)
