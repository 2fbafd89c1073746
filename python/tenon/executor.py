"""An executor: a model bound to shapes and a device."""

from __future__ import annotations

from ctypes import POINTER, byref, c_size_t, c_void_p
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from . import _array, _lib
from ._lib import Handle, lib, make


class Step(NamedTuple):
    """One step of the program: what runs it, and who was asked before and why they declined."""

    node: str
    op: str
    implementation: str
    refusals: List[str]


def bind_options(
    shapes: Mapping[str, Sequence[int]],
    dtypes: Mapping[str, Any],
    device: str,
    backend: str,
    threads: int,
    precision: str,
    tune: str = "off",
    optimize: str = "speed",
) -> Any:
    """TenonBindOptions; what it points to lives as long as it."""
    known = _array.types(shapes, dtypes)
    words = {"device": device, "backend": backend, "precision": precision, "tune": tune, "optimize": optimize}
    encoded = {name: _lib.encode(word) for name, word in words.items()}
    return _lib.BindOptions(inputs=known, input_count=len(known), threads=threads, **encoded)


def bind(
    model: Handle,
    shapes: Mapping[str, Sequence[int]],
    dtypes: Mapping[str, Any],
    device: str = "cpu",
    backend: str = "plain",
    threads: int = 0,
    precision: str = "fp32",
) -> "Executor":
    """The model bound to shapes, without an engine that others could share."""
    options = bind_options(shapes, dtypes, device, backend, threads, precision)
    handle = make(lib.tenon_executor_free, lib.tenon_executor_bind, model.pointer, byref(options))
    return Executor(handle, device, backend)


class Executor:
    """A model bound to shapes and a device; one thread at a time uses it.

    >>> import numpy, tenon
    >>> e = tenon.zoo("squeezenet1.1").bind({"data": (1, 3, 224, 224)})
    >>> [y.shape for y in e.run([numpy.ones((1, 3, 224, 224), "float32")])]
    [(1, 1000)]
    """

    def __init__(self, handle: Handle, device: str, backend: str) -> None:
        self._handle = handle
        self._monitor: Any = None
        self.device = device
        self.backend = backend
        self.inputs = self._names(_lib.INPUTS)
        self.outputs = self._names(_lib.OUTPUTS)
        self.input_types = [self._type(name) for name in self.inputs]
        self.output_types = [self._type(name) for name in self.outputs]
        self._src = (c_void_p * len(self.inputs))()
        self._dst = (c_void_p * len(self.outputs))()

    def _names(self, which: int) -> List[str]:
        return _lib.name_list(lib.tenon_executor_names, self._handle.pointer, which)

    def _type(self, name: str) -> Tuple[Tuple[int, ...], Any]:
        found = _lib.Type()
        lib.tenon_executor_type(self._handle.pointer, _lib.encode(name), byref(found))
        _, shape, dtype = _array.read_type(found)
        return shape or (), dtype

    def run(self, values: Sequence[Any], out: Optional[Sequence[Any]] = None) -> List[Any]:
        """Feeds the values in the order of `inputs` (None keeps what was fed last) and gives the outputs.

        With `out`, the results are written into those arrays.
        """
        src = self._src
        held = []  # converted values live until the call is over
        for i, value in enumerate(values):
            if value is None:
                src[i] = None
                continue
            shape, dtype = self.input_types[i]
            if type(value) is not np.ndarray or value.dtype != dtype or not value.flags.c_contiguous:
                value = _array.as_array(value, dtype)
                held.append(value)
            if value.shape != shape:
                raise ValueError(
                    f"the input '{self.inputs[i]}' is bound with shape {shape}, but the value has {value.shape}"
                )
            src[i] = value.__array_interface__["data"][0]
        if out is None:
            results = [np.empty(shape, dtype) for shape, dtype in self.output_types]
        else:
            results = list(out)
            self._check_out(results)
        dst = self._dst
        for i, result in enumerate(results):
            dst[i] = result.__array_interface__["data"][0]
        lib.tenon_executor_run(self._handle.pointer, len(src), src, len(dst), dst)
        return results

    def _check_out(self, results: List[Any]) -> None:
        if len(results) != len(self.outputs):
            raise ValueError(f"there are {len(self.outputs)} outputs, but out= has {len(results)} arrays")
        for name, (shape, dtype), array in zip(self.outputs, self.output_types, results):
            fits = isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype
            if not fits or not array.flags.c_contiguous or not array.flags.writeable:
                raise ValueError(f"out= for '{name}' must be a writeable C-contiguous {dtype} array of shape {shape}")

    @property
    def stream(self) -> Optional[int]:
        """The CUDA stream that forwards are queued on, as a number; None on the CPU."""
        found = c_void_p()
        lib.tenon_executor_stream(self._handle.pointer, byref(found))
        return found.value

    def set_input(self, i: int, value: Any) -> None:
        """Copies the value into the i-th input; waits for forwards that are queued."""
        shape, dtype = self.input_types[i]
        array = _array.as_array(value, dtype)
        if array.shape != shape:
            raise ValueError(f"the input '{self.inputs[i]}' is bound with shape {shape}, but the value has {array.shape}")
        tensor = _array.borrow(array)
        lib.tenon_executor_set_input(self._handle.pointer, _lib.encode(self.inputs[i]), tensor.pointer)

    def output(self, i: int) -> Any:
        """A copy of the i-th output of the last forward, which it waits for."""
        tensor = make(lib.tenon_tensor_free, lib.tenon_executor_output, self._handle.pointer, i)
        return _array.view(tensor).copy()

    def set_monitor(self, monitor: Optional[Callable[[str, Any], None]]) -> None:
        """Calls `monitor(name, array)` after each node with each visible output ("conv0_output"); None stops it."""
        if monitor is None:
            self._monitor = None
            lib.tenon_executor_set_monitor(self._handle.pointer, _lib.Monitor(0), None)
            return
        call = monitor

        def show(name: bytes, tensor: int, _context: Any) -> None:
            call(name.decode("utf-8"), _array.view_pointer(tensor))

        callback = _lib.Monitor(show)
        lib.tenon_executor_set_monitor(self._handle.pointer, callback, None)
        self._monitor = callback

    def steps(self) -> List[Step]:
        """What runs each operator, in order of execution."""
        count, steps = c_size_t(), POINTER(_lib.Step)()
        lib.tenon_executor_steps(self._handle.pointer, byref(count), byref(steps))
        texts = [
            [getattr(steps[i], field).decode("utf-8") for field in ("node", "op", "implementation", "refusals")]
            for i in range(count.value)
        ]
        return [Step(node, op, name, refusals.split("\n") if refusals else []) for node, op, name, refusals in texts]

    def memory(self) -> Tuple[int, int]:
        """Bytes of activations and workspaces at their peak, and of parameters."""
        activations, parameters = c_size_t(), c_size_t()
        lib.tenon_executor_memory(self._handle.pointer, byref(activations), byref(parameters))
        return activations.value, parameters.value
