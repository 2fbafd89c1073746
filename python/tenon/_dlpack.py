"""DLPack by hand: arrays in the memory of a device, which NumPy cannot hold."""

from __future__ import annotations

import ctypes
import itertools
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_uint8, c_uint16, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple



from . import _array, _lib
from ._lib import lib

if TYPE_CHECKING:
    from .executor import Executor

CPU, CUDA = 1, 2
#: Kernels read inputs from this boundary on.
_ALIGNMENT = 64
_INT, _UINT, _FLOAT, _BFLOAT, _BOOL = 0, 1, 2, 4, 6
#: (code, bits) of each TenonDType.
_TYPES = ((_FLOAT, 32), (_FLOAT, 64), (_FLOAT, 16), (_BFLOAT, 16), (_UINT, 8), (_INT, 8), (_INT, 32), (_INT, 64), (_BOOL, 8))


class _Tensor(ctypes.Structure):
    """DLTensor"""

    _fields_ = [
        ("data", c_void_p),
        ("device_type", c_int32),
        ("device_id", c_int32),
        ("ndim", c_int32),
        ("code", c_uint8),
        ("bits", c_uint8),
        ("lanes", c_uint16),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class _Managed(ctypes.Structure):
    """DLManagedTensor"""


_Deleter = ctypes.CFUNCTYPE(None, POINTER(_Managed))
_Managed._fields_ = [("tensor", _Tensor), ("manager", c_void_p), ("deleter", _Deleter)]

_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype, _capsule_pointer.argtypes = c_void_p, [ctypes.py_object, c_char_p]
_capsule_rename = ctypes.pythonapi.PyCapsule_SetName
_capsule_rename.restype, _capsule_rename.argtypes = c_int32, [ctypes.py_object, c_char_p]
_capsule_new = ctypes.pythonapi.PyCapsule_New
_Destructor = ctypes.PYFUNCTYPE(None, c_void_p)
_capsule_new.restype, _capsule_new.argtypes = ctypes.py_object, [c_void_p, c_char_p, _Destructor]
# While a capsule is destroyed nothing may refer to it, so that these take its address.
_dying = ctypes.PyDLL(None)
_is_valid = _dying.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = c_int32, [c_void_p, c_char_p]
_dying_pointer = _dying.PyCapsule_GetPointer
_dying_pointer.restype, _dying_pointer.argtypes = c_void_p, [c_void_p, c_char_p]

#: Capsules keep the address of their name.
_NAME, _USED = c_char_p(b"dltensor"), c_char_p(b"used_dltensor")


def device_of(value: Any) -> Optional[Tuple[int, int]]:
    """(kind, number) of the device that the array lies on; None where it does not say."""
    if not hasattr(value, "__dlpack_device__"):
        return None
    kind, number = value.__dlpack_device__()
    return int(kind), int(number)


def number_of(device: str) -> Tuple[int, int]:
    """(kind, number) of "cuda:1"."""
    kind, _, number = device.partition(":")
    return (CUDA if kind == "cuda" else CPU), int(number or 0)


# ---- inputs: memory of somebody else's that the executor reads where it lies ----

_shared: Dict[int, Any] = {}
_numbers = itertools.count(1)


def _give_back(number: Optional[int]) -> None:
    if number is not None and _shared is not None:
        address = _shared.pop(number)
        managed = ctypes.cast(address, POINTER(_Managed))
        if managed.contents.deleter:
            managed.contents.deleter(managed)


_release = _lib.Release(_give_back)


def _is_dense(tensor: _Tensor) -> bool:
    if not tensor.strides:
        return True
    expected = 1
    for axis in reversed(range(tensor.ndim)):
        if tensor.shape[axis] != 1 and tensor.strides[axis] != expected:
            return False
        expected *= tensor.shape[axis]
    return True


def share_input(executor: "Executor", i: int, value: Any) -> None:
    """The executor reads this array of its device where it lies, until another value is given for the input."""
    name, (shape, dtype) = executor.inputs[i], executor.input_types[i]
    value = getattr(value, "detach", lambda: value)()
    capsule = value.__dlpack__() if executor.stream is None else value.__dlpack__(stream=executor.stream)
    address = _capsule_pointer(capsule, _NAME)
    tensor = ctypes.cast(address, POINTER(_Managed)).contents.tensor
    found = tuple(tensor.shape[axis] for axis in range(tensor.ndim))
    if found != shape:
        raise ValueError(f"the input '{name}' is bound with shape {shape}, but the value has {found}")
    if (tensor.code, tensor.bits) != _TYPES[_array.dtype_code(dtype)] or tensor.lanes != 1:
        raise TypeError(f"the input '{name}' is {_array.dtype_name(dtype)}; convert the array where it lies")
    data = (tensor.data or 0) + tensor.byte_offset
    if not _is_dense(tensor) or data % _ALIGNMENT != 0:
        raise ValueError(
            f"the input '{name}' must be contiguous and begin on a {_ALIGNMENT}-byte boundary; .contiguous() or .clone() makes it so"
        )
    number = next(_numbers)
    _shared[number] = address
    try:
        lib.tenon_executor_share_input(executor._handle.pointer, _lib.encode(name), data, _release, number)
    except BaseException:
        del _shared[number]
        raise
    _capsule_rename(capsule, _USED)  # the array is ours to give back now


# ---- outputs: memory of the executor's that others read where it lies ----

_given: Dict[int, Any] = {}


def _forget(managed: Any) -> None:
    _given.pop(ctypes.addressof(managed.contents), None)


_forget_given = _Deleter(_forget)


def _destroy(capsule: int) -> None:
    if _is_valid(capsule, _NAME):  # nobody took it
        _given.pop(_dying_pointer(capsule, _NAME), None)


_destructor = _Destructor(_destroy)


class DeviceArray:
    """An output where the device has it. The next call of the engine by this thread writes the same memory.

    It is given away by DLPack without a copy (``torch.from_dlpack(y)``); ``numpy()`` copies it to the host.
    """

    def __init__(self, executor: "Executor", i: int) -> None:
        self._executor = executor
        self._i = i
        self.shape, self.dtype = executor.output_types[i]

    def numpy(self) -> Any:
        """A copy in the host's memory; waits for the forward."""
        return self._executor.output(self._i)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def __dlpack_device__(self) -> Tuple[int, int]:
        return number_of(self._executor.device)

    def __dlpack__(self, *, stream: Any = None, **_: Any) -> Any:
        """The capsule; what the given CUDA stream has queued from here on begins after the forward."""
        executor = self._executor
        kind, number = self.__dlpack_device__()
        if kind == CUDA and stream != -1:
            # 1 is CUDA's default stream by DLPack's numbers, and so is None.
            lib.tenon_executor_precede(executor._handle.pointer, None if stream in (None, 0, 1) else stream)
        data = c_void_p()
        lib.tenon_executor_device_output(executor._handle.pointer, self._i, byref(data))
        managed = _Managed()
        dims = (c_int64 * max(len(self.shape), 1))(*self.shape)
        code, bits = _TYPES[_array.dtype_code(self.dtype)]
        managed.tensor = _Tensor(data, kind, number, len(self.shape), code, bits, 1, dims, None, 0)
        managed.deleter = _forget_given
        address = ctypes.addressof(managed)
        _given[address] = (managed, dims, executor)
        return _capsule_new(address, _NAME, _destructor)

    def __repr__(self) -> str:
        return f"<tenon.DeviceArray {self.shape} {_array.dtype_name(self.dtype)} on {self._executor.device}>"


def run(executor: "Executor", values: List[Any], lies_there: Callable[[Any], bool]) -> List[DeviceArray]:
    """Queues a forward that reads arrays of the device where they lie; others are copied there."""
    for i, value in enumerate(values):
        if value is None:
            continue
        if lies_there(value):
            share_input(executor, i, value)
        else:
            executor.set_input(i, value)
    lib.tenon_executor_forward_async(executor._handle.pointer)
    return [DeviceArray(executor, i) for i in range(len(executor.outputs))]


__all__ = ["DeviceArray", "device_of", "number_of", "run", "share_input"]
