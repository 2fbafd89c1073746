"""Between NumPy arrays and tensors of the library."""

from __future__ import annotations

import itertools
from ctypes import c_int64, c_void_p
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np

from . import _lib
from ._lib import Handle, lib, make

#: NumPy has no bfloat16; as in MXNet, a structure of its 16 bits stands for it.
BFLOAT16 = np.dtype([("bfloat16", np.uint16)])

#: By TenonDType.
DTYPES: Tuple[Any, ...] = (
    np.dtype(np.float32),
    np.dtype(np.float64),
    np.dtype(np.float16),
    BFLOAT16,
    np.dtype(np.uint8),
    np.dtype(np.int8),
    np.dtype(np.int32),
    np.dtype(np.int64),
    np.dtype(np.bool_),
)
_CODES: Dict[Any, int] = {dtype: code for code, dtype in enumerate(DTYPES)}
NAMES = ("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int32", "int64", "bool")


def as_dtype(given: Any) -> Any:
    """The NumPy type of a name, a type or a dtype; ``bfloat16`` included."""
    if isinstance(given, str) and given == "bfloat16":
        return BFLOAT16
    dtype = np.dtype(given)
    if dtype not in _CODES:
        raise TypeError(f"{dtype} is no element type of Tenon; choose among {', '.join(NAMES)}")
    return dtype


def dtype_code(dtype: Any) -> int:
    code = _CODES.get(dtype)
    return _CODES[as_dtype(dtype)] if code is None else code


def dtype_name(dtype: Any) -> str:
    return NAMES[dtype_code(dtype)]


def as_array(value: Any, dtype: Any = None) -> Any:
    """A C-contiguous array of an element type that Tenon has; shares the memory where it can.

    Takes what NumPy takes, and anything with DLPack that lies in CPU memory (PyTorch, JAX, …).
    """
    if not isinstance(value, np.ndarray) and hasattr(value, "__dlpack__") and not hasattr(value, "__array_interface__"):
        value = _from_dlpack(value)
    array = np.asarray(value)
    wanted = array.dtype if dtype is None else as_dtype(dtype)
    if dtype is None and wanted not in _CODES:
        # Python's own numbers and NumPy's wider types: what a network computes in.
        wanted = np.dtype(np.float32) if array.dtype.kind in "fiu" else wanted
    result = np.ascontiguousarray(array, dtype=wanted)
    return result if result.shape == array.shape else result.reshape(array.shape)


def _from_dlpack(value: Any) -> Any:
    detach = getattr(value, "detach", None)
    device = value.__dlpack_device__()
    if int(device[0]) not in (1, 3):  # kDLCPU, kDLCUDAHost
        raise TypeError(f"the array lies on DLPack device {tuple(map(int, device))}, not in CPU memory")
    return np.from_dlpack(detach() if detach is not None else value)


_alive: Dict[int, Any] = {}
_numbers = itertools.count(1)


def _forget(number: Optional[int]) -> None:
    if number is not None and _alive is not None:
        _alive.pop(number, None)


_release = _lib.Release(_forget)
_no_release = _lib.Release(0)


def _dims(shape: Sequence[int]) -> Any:
    return (c_int64 * len(shape))(*shape)


def borrow(array: Any, keep: bool = False) -> Handle:
    """A tensor over the array's memory. With `keep` the array lives as long as the library's last share of it."""
    number = next(_numbers) if keep else 0
    if keep:
        _alive[number] = array
    try:
        return make(
            lib.tenon_tensor_free,
            lib.tenon_tensor_borrow,
            dtype_code(array.dtype),
            array.ndim,
            _dims(array.shape),
            c_void_p(array.ctypes.data),
            _release if keep else _no_release,
            c_void_p(number),
        )
    except BaseException:
        _alive.pop(number, None)
        raise


class _Memory:
    """Gives NumPy the memory of a tensor and keeps the tensor alive."""

    def __init__(self, tensor: Handle) -> None:
        pointer = tensor.pointer
        code = lib.tenon_tensor_dtype(pointer)
        rank = lib.tenon_tensor_rank(pointer)
        dims = lib.tenon_tensor_dims(pointer)
        self._tensor = tensor
        self.dtype = DTYPES[code]
        self.shape = tuple(dims[i] for i in range(rank))
        self.__array_interface__ = {
            "version": 3,
            "data": (lib.tenon_tensor_data(pointer) or 0, True),
            "typestr": "<u2" if code == 3 else self.dtype.str,
            "shape": self.shape,
        }


def view(tensor: Handle) -> Any:
    """A read-only array over the tensor's memory."""
    memory = _Memory(tensor)
    if 0 in memory.shape:
        return np.empty(memory.shape, memory.dtype)
    array = np.asarray(memory)
    return array.view(BFLOAT16) if memory.dtype == BFLOAT16 else array


def view_pointer(pointer: int) -> Any:
    """A copy of a tensor that belongs to somebody else, such as the argument of a monitor."""
    borrowed = Handle(c_void_p(pointer), None)
    return view(borrowed).copy()


def types(shapes: Mapping[str, Optional[Sequence[int]]], dtypes: Mapping[str, Any]) -> Any:
    """A C array of TenonType; a shape of None is unknown, a dimension of -1 too."""
    names = list(dict.fromkeys([*shapes, *dtypes]))
    result = (_lib.Type * len(names))()
    for item, name in zip(result, names):
        shape = shapes.get(name)
        item.name = _lib.encode(name)
        item.dtype = dtype_code(dtypes[name]) if name in dtypes else _lib.UNKNOWN_DTYPE
        item.rank = -1 if shape is None else len(shape)
        item.dims = _dims(shape if shape is not None else ())
    return result


def read_type(item: Any) -> Tuple[str, Optional[Tuple[int, ...]], Any]:
    """Name, shape (None: unknown rank; -1: an unknown dimension) and dtype (None: unknown)."""
    shape = None if item.rank < 0 else tuple(item.dims[i] for i in range(item.rank))
    dtype = None if item.dtype == _lib.UNKNOWN_DTYPE else DTYPES[item.dtype]
    return item.name.decode("utf-8"), shape, dtype


def read_arrays(path: str) -> Dict[str, Any]:
    """The arrays of a .params, .nd, .npz or .npy file by name; read-only, in the mapped file."""
    arrays = make(lib.tenon_arrays_free, lib.tenon_arrays_read, _lib.encode(path))
    return {
        lib.tenon_arrays_name(arrays.pointer, i).decode("utf-8"): view(
            make(lib.tenon_tensor_free, lib.tenon_arrays_tensor, arrays.pointer, i)
        )
        for i in range(lib.tenon_arrays_count(arrays.pointer))
    }


def write_arrays(path: str, names: Optional[Sequence[str]], arrays: Sequence[Any]) -> None:
    """Writes a .params file; a list without names where `names` is None."""
    contiguous = [np.require(array, requirements=["C"]) for array in arrays]
    tensors = [borrow(array) for array in contiguous]
    pointers = (c_void_p * len(tensors))(*[tensor.pointer.value for tensor in tensors])
    lib.tenon_arrays_write(_lib.encode(path), len(tensors), None if names is None else _lib.c_strings(names), pointers)
