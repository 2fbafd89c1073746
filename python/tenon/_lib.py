"""The C API through ctypes: prototypes, and errors turned into exceptions. ctypes releases the GIL in every call."""

from __future__ import annotations

import ctypes
import json
import pathlib
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any, Dict, List, Sequence

from . import _env
from .errors import BY_STATUS, Error

#: tenon_c_api_version() of the library this file was written for.
API_VERSION = 1

UNKNOWN_DTYPE = -1
ARGUMENTS, AUXILIARY_STATES, OUTPUTS, INPUTS, PARAMETERS = range(5)


class Type(ctypes.Structure):
    """TenonType"""

    _fields_ = [("name", c_char_p), ("dtype", c_int32), ("rank", c_int32), ("dims", POINTER(c_int64))]


#: Done, of how many, node, context -> GO_ON, …
Progress = ctypes.CFUNCTYPE(c_int32, c_int32, c_int32, c_char_p, c_void_p)
GO_ON, STOP_TIMING, CANCEL = range(3)


class BindOptions(ctypes.Structure):
    """TenonBindOptions"""

    _fields_ = [
        ("inputs", POINTER(Type)),
        ("input_count", c_size_t),
        ("device", c_char_p),
        ("backend", c_char_p),
        ("threads", c_int32),
        ("precision", c_char_p),
        ("selector", c_char_p),
        ("min_subgraph", c_int32),
        ("dump_passes", c_char_p),
        ("disabled_passes", POINTER(c_char_p)),
        ("disabled_pass_count", c_size_t),
        ("keep_fp32", POINTER(c_char_p)),
        ("keep_fp32_count", c_size_t),
        ("tune", c_char_p),
        ("progress", Progress),
        ("progress_context", c_void_p),
        ("first_batch", c_int64),
        ("last_batch", c_int64),
        ("optimize", c_char_p),
    ]


class EngineInfo(ctypes.Structure):
    """TenonEngineInfo"""

    _fields_ = [("device", c_char_p), ("backend", c_char_p), ("precision", c_char_p), ("threads", c_int32)]


class Step(ctypes.Structure):
    """TenonStep"""

    _fields_ = [("node", c_char_p), ("op", c_char_p), ("implementation", c_char_p), ("refusals", c_char_p)]


Monitor = ctypes.CFUNCTYPE(None, c_char_p, c_void_p, c_void_p)
Release = ctypes.CFUNCTYPE(None, c_void_p)

_names = [POINTER(c_size_t), POINTER(POINTER(c_char_p))]

#: Functions that return a TenonStatus.
_CHECKED: Dict[str, List[Any]] = {
    "tenon_components": [POINTER(c_size_t), POINTER(POINTER(c_char_p)), POINTER(POINTER(c_char_p))],
    "tenon_tensor_create": [c_int32, c_int32, POINTER(c_int64), c_void_p, POINTER(c_void_p)],
    "tenon_tensor_borrow": [c_int32, c_int32, POINTER(c_int64), c_void_p, Release, c_void_p, POINTER(c_void_p)],
    "tenon_model_load": [c_char_p, c_int32, POINTER(c_void_p)],
    "tenon_model_load_files": [c_char_p, c_char_p, POINTER(c_void_p)],
    "tenon_model_from_json": [c_char_p, c_size_t, POINTER(c_void_p)],
    "tenon_model_zoo": [c_char_p, c_uint64, POINTER(c_void_p)],
    "tenon_model_zoo_pretrained": [c_char_p, c_char_p, POINTER(c_void_p)],
    "tenon_zoo_names": _names,
    "tenon_devices": _names,
    "tenon_zoo_input": [c_char_p, POINTER(c_void_p)],
    "tenon_model_names": [c_void_p, c_int32, *_names],
    "tenon_model_parameter": [c_void_p, c_char_p, POINTER(c_void_p)],
    "tenon_model_with_parameters": [c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_void_p), POINTER(c_void_p)],
    "tenon_model_json": [c_void_p, POINTER(c_void_p)],
    "tenon_model_tensorrt_subgraphs": [c_void_p, POINTER(c_void_p)],
    "tenon_model_save": [c_void_p, c_char_p, c_int32],
    "tenon_model_infer": [c_void_p, c_size_t, POINTER(Type), POINTER(c_void_p)],
    "tenon_executor_bind": [c_void_p, POINTER(BindOptions), POINTER(c_void_p)],
    "tenon_engine_build": [c_void_p, POINTER(BindOptions), POINTER(c_void_p)],
    "tenon_engine_save": [c_void_p, c_char_p],
    "tenon_engine_load": [c_char_p, POINTER(c_void_p)],
    "tenon_engine_info": [c_void_p, POINTER(EngineInfo)],
    "tenon_engine_session": [c_void_p, POINTER(c_void_p)],
    "tenon_executor_names": [c_void_p, c_int32, *_names],
    "tenon_executor_type": [c_void_p, c_char_p, POINTER(Type)],
    "tenon_executor_forward": [c_void_p],
    "tenon_executor_set_input": [c_void_p, c_char_p, c_void_p],
    "tenon_executor_share_input": [c_void_p, c_char_p, c_void_p, Release, c_void_p],
    "tenon_executor_forward_async": [c_void_p],
    "tenon_executor_output": [c_void_p, c_size_t, POINTER(c_void_p)],
    "tenon_executor_device_output": [c_void_p, c_size_t, POINTER(c_void_p)],
    "tenon_executor_stream": [c_void_p, POINTER(c_void_p)],
    "tenon_executor_precede": [c_void_p, c_void_p],
    "tenon_executor_run": [c_void_p, c_size_t, POINTER(c_void_p), c_size_t, POINTER(c_void_p)],
    "tenon_executor_set_monitor": [c_void_p, Monitor, c_void_p],
    "tenon_executor_steps": [c_void_p, POINTER(c_size_t), POINTER(POINTER(Step))],
    "tenon_executor_memory": [c_void_p, POINTER(c_size_t), POINTER(c_size_t)],
    "tenon_arrays_read": [c_char_p, POINTER(c_void_p)],
    "tenon_arrays_tensor": [c_void_p, c_size_t, POINTER(c_void_p)],
    "tenon_arrays_write": [c_char_p, c_size_t, POINTER(c_char_p), POINTER(c_void_p)],
    "tenon_operators": [POINTER(c_char_p)],
    "tenon_operator_signature": [c_char_p, c_size_t, POINTER(c_char_p), POINTER(c_char_p), POINTER(c_void_p)],
}

#: The others: what they return, what they take.
_PLAIN: Dict[str, Any] = {
    "tenon_version": (c_char_p, []),
    "tenon_c_api_version": (c_int32, []),
    "tenon_last_error": (c_char_p, []),
    "tenon_tensor_free": (None, [c_void_p]),
    "tenon_tensor_dtype": (c_int32, [c_void_p]),
    "tenon_tensor_rank": (c_int32, [c_void_p]),
    "tenon_tensor_dims": (POINTER(c_int64), [c_void_p]),
    "tenon_tensor_bytes": (c_size_t, [c_void_p]),
    "tenon_tensor_data": (c_void_p, [c_void_p]),
    "tenon_model_free": (None, [c_void_p]),
    "tenon_string_free": (None, [c_void_p]),
    "tenon_types_free": (None, [c_void_p]),
    "tenon_types_count": (c_size_t, [c_void_p]),
    "tenon_types_get": (POINTER(Type), [c_void_p, c_size_t]),
    "tenon_engine_free": (None, [c_void_p]),
    "tenon_executor_free": (None, [c_void_p]),
    "tenon_arrays_free": (None, [c_void_p]),
    "tenon_arrays_count": (c_size_t, [c_void_p]),
    "tenon_arrays_name": (c_char_p, [c_void_p, c_size_t]),
}


def _library_path() -> str:
    if _env.library():
        return _env.library()
    packaged = pathlib.Path(__file__).parent / "lib" / "libtenon.so.0"
    # The name alone lets the dynamic linker look where the system keeps libraries.
    return str(packaged) if packaged.exists() else "libtenon.so.0"


def _check(status: int, _function: Any, _arguments: Any) -> int:
    if status != 0:
        sentence = lib.tenon_last_error().decode("utf-8", "replace")
        raise BY_STATUS[status if status < len(BY_STATUS) else 0](sentence)
    return status


def _open() -> Any:
    path = _library_path()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"the library of Tenon cannot be opened ({error}); TENON_LIBRARY names another") from error
    missing = [name for name in (*_PLAIN, *_CHECKED) if not hasattr(library, name)]
    if missing:
        raise ImportError(f"{path} lacks {', '.join(missing)}: it is older than this package")
    for name, (result, arguments) in _PLAIN.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    for name, arguments in _CHECKED.items():
        function = getattr(library, name)
        function.restype, function.argtypes, function.errcheck = c_int32, arguments, _check
    found = library.tenon_c_api_version()
    if found != API_VERSION:
        raise ImportError(f"{path} has version {found} of the C API, but this package is written for {API_VERSION}")
    return library


lib = _open()


def encode(text: str) -> bytes:
    return text.encode("utf-8")


def c_strings(texts: Sequence[str]) -> Any:
    return (c_char_p * len(texts))(*[encode(text) for text in texts])


def take_string(pointer: c_void_p) -> str:
    """The text of a string that the library made, which is released."""
    try:
        return ctypes.string_at(pointer.value or 0).decode("utf-8")
    finally:
        lib.tenon_string_free(pointer)


def name_list(function: Any, *arguments: Any) -> List[str]:
    count, names = c_size_t(), POINTER(c_char_p)()
    function(*arguments, byref(count), byref(names))
    return [names[i].decode("utf-8") for i in range(count.value)]


def components() -> Dict[str, str]:
    """What the library is made of, for bug reports."""
    count, names, values = c_size_t(), POINTER(c_char_p)(), POINTER(c_char_p)()
    lib.tenon_components(byref(count), byref(names), byref(values))
    return {names[i].decode(): values[i].decode() for i in range(count.value)}


def operators() -> List[Dict[str, Any]]:
    """The schema of every operator."""
    text = c_char_p()
    lib.tenon_operators(byref(text))
    result: List[Dict[str, Any]] = json.loads(text.value or b"[]")
    return result


def signature(op: str, attributes: Dict[str, str]) -> Dict[str, Any]:
    """Names of inputs and outputs of an operator with these attributes."""
    text = c_void_p()
    keys, values = list(attributes), list(attributes.values())
    lib.tenon_operator_signature(encode(op), len(keys), c_strings(keys), c_strings(values), byref(text))
    result: Dict[str, Any] = json.loads(take_string(text))
    return result


class Handle:
    """A pointer that the library gave, released with the object."""

    __slots__ = ("pointer", "_free", "__weakref__")

    def __init__(self, pointer: c_void_p, free: Any) -> None:
        self.pointer = pointer
        self._free = free

    def __del__(self) -> None:
        if self.pointer and self._free is not None:
            self._free(self.pointer)
            self.pointer = c_void_p()


def make(free: Any, function: Any, *arguments: Any) -> Handle:
    """Calls a function whose last argument receives a handle."""
    pointer = c_void_p()
    function(*arguments, byref(pointer))
    return Handle(pointer, free)


__all__ = ["Error", "Handle", "lib", "make"]
