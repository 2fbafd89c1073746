"""Files of arrays."""

import os

from ... import _array
from ..base import MXNetError
from .ndarray import NDArray


def load(fname):
    """The arrays of a file: a dict, or a list where the file has no names."""
    path = os.fspath(fname)
    if not os.path.exists(path):
        raise MXNetError(f"there is no file '{path}'")
    arrays = {name: NDArray(array.copy()) for name, array in _array.read_arrays(path).items()}
    numbers = [str(i) for i in range(len(arrays))]
    return [arrays[number] for number in numbers] if set(arrays) == set(numbers) else arrays


def save(fname, data):
    """Writes an NDArray, a list or a dict of them."""
    if isinstance(data, NDArray):
        data = [data]
    if isinstance(data, dict):
        names, arrays = list(data), list(data.values())
    elif isinstance(data, (list, tuple)):
        names, arrays = None, list(data)
    else:
        raise ValueError("data needs to either be a NDArray, dict of str, NDArray pairs or a list of NDarrays.")
    for array in arrays:
        if not isinstance(array, NDArray):
            raise TypeError(f"save only accept dict str->NDArray or list of NDArray, not {type(array)}")
    _array.write_arrays(os.fspath(fname), names, [array._data for array in arrays])
