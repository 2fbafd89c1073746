"""Engines: a model compiled for shapes, a device and a precision, called like a function."""

from __future__ import annotations

import html
import os
import threading
import time
from ctypes import byref
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _array, _dlpack, _lib
from ._lib import Handle, lib, make
from ._progress import Progress, Watch
from .errors import Error, InvalidArgument
from .executor import Executor, Step, bind_options

if TYPE_CHECKING:
    from .model import Model

#: Of the inputs, in their order; None for one that a call leaves as it is.
Shapes = Tuple[Optional[Tuple[int, ...]], ...]

#: The accelerated backend of each kind of device.
ACCELERATED = {"cpu": "cpu", "cuda": "cuda"}


class Engine:
    """A compiled model. Any number of threads may call it: they share its parameters, each has buffers of its own.

    >>> import numpy, tenon
    >>> e = tenon.zoo("squeezenet1.1").compile(data=(1, 3, 224, 224), backend="plain")
    >>> e
    <tenon.Engine squeezenet1.1 on cpu, plain: data (1, 3, 224, 224) float32 -> (1, 1000) float32>
    >>> y = e(numpy.zeros((1, 3, 224, 224), "float32"))
    >>> y.shape
    (1, 1000)
    """

    def __init__(
        self,
        model: "Model",
        shapes: Mapping[str, Sequence[int]],
        device: str,
        precision: str,
        backend: Optional[str],
        threads: int,
        tune: str,
        optimize: str,
        progress: Union[Progress, bool, None],
    ) -> None:
        for name in shapes:
            if name not in model.arguments:
                raise InvalidArgument(f"there is no input '{name}'; the inputs are {', '.join(model.inputs)}")
        self._begin(model, model._title, device, precision)
        self._shapes: Dict[str, Tuple[int, ...]] = {name: tuple(shape) for name, shape in shapes.items()}
        self._threads = threads
        self._tune = tune
        self._optimize = optimize
        self._progress = progress
        self._first = self._build_first(backend)

    def _begin(self, model: Optional["Model"], title: str, device: str, precision: str) -> None:
        self._model = model  # none of a plan
        self._title = title
        self._closed = False
        self._lock = threading.Lock()
        self._compiled: Dict[Shapes, Handle] = {}
        self._local = threading.local()
        self.device = device
        self._place = _dlpack.number_of(device)
        self.precision = precision
        self.backend = "plain"

    @classmethod
    def of_plan(cls, path: str) -> "Engine":
        """The engine that `save` wrote; `tenon.load_plan` calls it."""
        handle = make(lib.tenon_engine_free, lib.tenon_engine_load, _lib.encode(path))
        engine = cls.__new__(cls)
        info = _lib.EngineInfo()
        lib.tenon_engine_info(handle.pointer, byref(info))
        engine._begin(None, os.path.basename(path), info.device.decode(), info.precision.decode())
        engine._shapes, engine.backend = {}, "plan"
        engine._first = engine._first_session(handle)
        return engine

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes a plan file: the engine of the shapes that it was compiled for, which `tenon.load_plan` maps without
        compiling. It serves the same processor or GPU and the same version of Tenon."""
        if self._closed:
            raise InvalidArgument("the engine is closed")
        lib.tenon_engine_save(next(iter(self._compiled.values())).pointer, _lib.encode(os.fspath(path)))

    def _build_first(self, backend: Optional[str]) -> Executor:
        self.backend = backend if backend is not None else ACCELERATED.get(self.device.split(":")[0], "plain")
        try:
            return self._build(self._shapes)
        except Error as error:
            if backend is not None or "there is no backend" not in str(error):
                raise
        self.backend = "plain"  # a library without the accelerated backend
        return self._build(self._shapes)

    def _build(self, shapes: Mapping[str, Sequence[int]]) -> Executor:
        """Compiles the model for these shapes, for all threads, and gives this thread's session of it."""
        if self._model is None:
            bound = ", ".join(f"{name} {shape}" for name, (shape, _) in zip(self.inputs, self._first.input_types))
            raise InvalidArgument(f"the plan serves {bound} alone; compile the model for other shapes")
        options = bind_options(
            shapes, {}, self.device, self.backend, self._threads, self.precision, self._tune, self._optimize
        )
        with Watch(self._progress, self._title) as watch:
            options.progress = watch.callback
            handle = make(lib.tenon_engine_free, lib.tenon_engine_build, self._model._handle.pointer, byref(options))
        return self._first_session(handle)

    def _first_session(self, handle: Handle) -> Executor:
        """Keeps what was compiled, and gives this thread's session of it."""
        session = self._session(handle)
        key = tuple(shape for shape, _ in session.input_types)
        self._compiled[key] = handle
        self._executors()[key] = session
        return session

    def _session(self, handle: Handle) -> Executor:
        session = make(lib.tenon_executor_free, lib.tenon_engine_session, handle.pointer)
        return Executor(session, self.device, self.backend)

    def _executors(self) -> Dict[Shapes, Executor]:
        """This thread's sessions by input shapes."""
        if not hasattr(self._local, "executors"):
            self._local.executors = {}
        found: Dict[Shapes, Executor] = self._local.executors
        return found

    @property
    def inputs(self) -> List[str]:
        return self._first.inputs

    @property
    def outputs(self) -> List[str]:
        return self._first.outputs

    def __call__(self, *values: Any, out: Any = None, **named: Any) -> Any:
        """Runs the network on NumPy arrays or anything with DLPack; one output comes bare, several as a list.

        Inputs are given by position or by name. With `out` (an array, or a list of them) the results are written there.
        Arrays on the engine's own GPU are read where they lie, until the next call, and the results stay there: a
        tenon.DeviceArray, which the next call of this thread overwrites.
        """
        if self._closed:
            raise InvalidArgument("the engine is closed")
        arrays = self._arrangement(values, named)
        if self._place[0] != _dlpack.CPU and any(map(self._lies_there, arrays)):
            return self._call_there(arrays, out)
        key = tuple([None if array is None else array.shape for array in arrays])
        executors = self._executors()
        executor = executors.get(key)
        if executor is None:
            executor = self._executor_for(arrays)
            executors[key] = executor
        results = executor.run(arrays, [out] if isinstance(out, np.ndarray) else out)
        return results[0] if len(results) == 1 else results

    def _lies_there(self, value: Any) -> bool:
        return type(value) is not np.ndarray and _dlpack.device_of(value) == self._place

    def _call_there(self, arrays: List[Any], out: Any) -> Any:
        """A call with arrays of the engine's own GPU, whose results stay there."""
        if out is not None:
            raise TypeError("out= takes the host's arrays; with inputs on the GPU the results are tenon.DeviceArray")
        executor = self._executor_for(arrays)
        results = _dlpack.run(executor, arrays, self._lies_there)
        return results[0] if len(results) == 1 else results

    def _taken(self, value: Any) -> Any:
        if type(value) is np.ndarray or (self._place[0] != _dlpack.CPU and self._lies_there(value)):
            return value
        return _array.as_array(value)

    def _arrangement(self, values: Sequence[Any], named: Mapping[str, Any]) -> List[Any]:
        names = self.inputs
        arrays: List[Any] = [value if type(value) is np.ndarray else self._taken(value) for value in values[: len(names)]]
        if len(values) > len(names):
            raise TypeError(f"the network has {len(names)} inputs ({', '.join(names)}), but {len(values)} values came")
        arrays += [None] * (len(names) - len(arrays))
        for name, value in named.items():
            if name not in names:
                raise TypeError(f"there is no input '{name}'; the inputs are {', '.join(names)}")
            arrays[names.index(name)] = self._taken(value)
        return arrays

    def _executor_for(self, arrays: Sequence[Any]) -> Executor:
        """A session of this thread for these inputs; the model is compiled for shapes that are new."""
        shapes = dict(self._shapes)
        shapes.update({name: tuple(array.shape) for name, array in zip(self.inputs, arrays) if array is not None})
        with self._lock:
            for key, handle in self._compiled.items():
                if all(shapes.get(name, shape) == shape for name, shape in zip(self.inputs, key)):
                    executors = self._executors()
                    if key not in executors:
                        executors[key] = self._session(handle)
                    return executors[key]
            return self._build(shapes)

    def explain(self) -> List[Step]:
        """What runs each operator, and who was asked before and why they declined.

        >>> import tenon
        >>> e = tenon.zoo("squeezenet1.1").compile(data=(1, 3, 224, 224), backend="reference")
        >>> e.explain()[0].implementation
        'reference'
        """
        return self._first.steps()

    def profile(self, runs: int = 20, warm_up: int = 3) -> Dict[str, float]:
        """Times calls on zeros: milliseconds, wall time, minimum and median."""
        values = [np.zeros(shape, dtype) for shape, dtype in self._first.input_types]
        times = []
        for i in range(warm_up + runs):
            start = time.perf_counter()
            self(*values)
            if i >= warm_up:
                times.append((time.perf_counter() - start) * 1e3)
        activations, parameters = self._first.memory()
        return {
            "min_ms": min(times),
            "median_ms": float(np.median(times)),
            "runs": runs,
            "activation_bytes": activations,
            "parameter_bytes": parameters,
        }

    def close(self) -> None:
        """Lets the buffers go; `with` does it at its end."""
        self._closed = True
        self._model = None
        self._local = threading.local()
        self._compiled.clear()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _signature(self) -> Tuple[str, str]:
        def describe(types: Sequence[Tuple[Tuple[int, ...], Any]], names: Optional[Sequence[str]]) -> str:
            items = [f"{shape} {_array.dtype_name(dtype)}" for shape, dtype in types]
            return ", ".join(f"{name} {item}" for name, item in zip(names, items)) if names else ", ".join(items)

        first = self._first
        return describe(first.input_types, first.inputs), describe(first.output_types, None)

    def __repr__(self) -> str:
        inputs, outputs = self._signature()
        how = self.backend if self.precision == "fp32" else f"{self.backend} {self.precision}"
        return f"<tenon.Engine {self._title} on {self.device}, {how}: {inputs} -> {outputs}>"

    def _repr_html_(self) -> str:
        inputs, outputs = self._signature()
        counts: Dict[str, int] = {}
        for step in self.explain():
            counts[step.implementation] = counts.get(step.implementation, 0) + 1
        rows = "".join(f"<tr><td>{html.escape(name)}</td><td>{count}</td></tr>" for name, count in counts.items())
        head = f"{html.escape(self._title)} on {html.escape(self.device)}: {html.escape(inputs)} → {html.escape(outputs)}"
        return f"<p><b>{head}</b></p><table><tr><th>implementation</th><th>steps</th></tr>{rows}</table>"
