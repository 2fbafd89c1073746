"""Engines: a model compiled for shapes, a device and a precision, called like a function."""

from __future__ import annotations

import html
import threading
import time
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from . import _array
from .errors import Error, InvalidArgument
from .executor import Executor, Step

if TYPE_CHECKING:
    from .model import Model

#: The accelerated backend of each kind of device.
ACCELERATED = {"cpu": "cpu", "cuda": "cuda"}


class Engine:
    """A compiled model. Any number of threads may call it; each has buffers of its own.

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
    ) -> None:
        for name in shapes:
            if name not in model.arguments:
                raise InvalidArgument(f"there is no input '{name}'; the inputs are {', '.join(model.inputs)}")
        self._model: Optional["Model"] = model
        self._title = model._title
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._threads = threads
        self._precision = precision
        self._local = threading.local()
        self._made: List[Executor] = []
        self.device = device
        first = self._first(backend)
        self.backend = first.backend
        self._executors()[self._key(first)] = first

    def _first(self, backend: Optional[str]) -> Executor:
        if backend is not None:
            return self._bind(self._shapes, backend)
        try:
            return self._bind(self._shapes, ACCELERATED[self.device.split(":")[0]])
        except Error as error:
            if "there is no backend" not in str(error):
                raise
            return self._bind(self._shapes, "plain")  # a library without the accelerated backend

    def _bind(self, shapes: Mapping[str, Sequence[int]], backend: str) -> Executor:
        if self._model is None:
            raise InvalidArgument("the engine is closed")
        executor = self._model.bind(shapes, device=self.device, backend=backend, threads=self._threads, precision=self._precision)
        self._made.append(executor)
        return executor

    def _executors(self) -> Dict[Tuple[Any, ...], Executor]:
        """This thread's executors by input shapes."""
        if not hasattr(self._local, "executors"):
            self._local.executors = {}
        found: Dict[Tuple[Any, ...], Executor] = self._local.executors
        return found

    @staticmethod
    def _key(executor: Executor) -> Tuple[Any, ...]:
        return tuple(shape for shape, _ in executor.input_types)

    @property
    def inputs(self) -> List[str]:
        return self._made[0].inputs

    @property
    def outputs(self) -> List[str]:
        return self._made[0].outputs

    def __call__(self, *values: Any, out: Any = None, **named: Any) -> Any:
        """Runs the network on NumPy arrays or anything with DLPack; one output comes bare, several as a list.

        Inputs are given by position or by name. With `out` (an array, or a list of them) the results are written there.
        """
        if self._model is None:
            raise InvalidArgument("the engine is closed")
        arrays = self._arrangement(values, named)
        key = tuple([None if array is None else array.shape for array in arrays])
        executors = self._executors()
        executor = executors.get(key)
        if executor is None:
            executor = self._executor_for(arrays)
            executors[key] = executor
        results = executor.run(arrays, [out] if isinstance(out, np.ndarray) else out)
        return results[0] if len(results) == 1 else results

    def _arrangement(self, values: Sequence[Any], named: Mapping[str, Any]) -> List[Any]:
        names = self.inputs
        arrays: List[Any] = [
            value if type(value) is np.ndarray else _array.as_array(value) for value in values[: len(names)]
        ]
        if len(values) > len(names):
            raise TypeError(f"the network has {len(names)} inputs ({', '.join(names)}), but {len(values)} values came")
        arrays += [None] * (len(names) - len(arrays))
        for name, value in named.items():
            if name not in names:
                raise TypeError(f"there is no input '{name}'; the inputs are {', '.join(names)}")
            arrays[names.index(name)] = _array.as_array(value)
        return arrays

    def _executor_for(self, arrays: Sequence[Any]) -> Executor:
        shapes = dict(self._shapes)
        shapes.update({name: array.shape for name, array in zip(self.inputs, arrays) if array is not None})
        same = shapes == self._shapes
        if same and not self._executors() and threading.current_thread() is threading.main_thread():
            return self._made[0]
        for known in self._executors().values():
            bound = {name: shape for name, (shape, _) in zip(known.inputs, known.input_types)}
            if all(bound[name] == tuple(shape) for name, shape in shapes.items() if name in bound):
                return known
        return self._bind(shapes, self.backend)

    def explain(self) -> List[Step]:
        """What runs each operator, and who was asked before and why they declined.

        >>> import tenon
        >>> e = tenon.zoo("squeezenet1.1").compile(data=(1, 3, 224, 224), backend="reference")
        >>> e.explain()[0].implementation
        'reference'
        """
        return self._made[0].steps()

    def profile(self, runs: int = 20, warm_up: int = 3) -> Dict[str, float]:
        """Times calls on zeros: milliseconds, wall time, minimum and median."""
        values = [np.zeros(shape, dtype) for shape, dtype in self._made[0].input_types]
        times = []
        for i in range(warm_up + runs):
            start = time.perf_counter()
            self(*values)
            if i >= warm_up:
                times.append((time.perf_counter() - start) * 1e3)
        activations, parameters = self._made[0].memory()
        return {
            "min_ms": min(times),
            "median_ms": float(np.median(times)),
            "runs": runs,
            "activation_bytes": activations,
            "parameter_bytes": parameters,
        }

    def close(self) -> None:
        """Lets the buffers go; `with` does it at its end."""
        self._model = None
        self._local = threading.local()
        del self._made[1:]

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _signature(self) -> Tuple[str, str]:
        def describe(types: Sequence[Tuple[Tuple[int, ...], Any]], names: Optional[Sequence[str]]) -> str:
            items = [f"{shape} {_array.dtype_name(dtype)}" for shape, dtype in types]
            return ", ".join(f"{name} {item}" for name, item in zip(names, items)) if names else ", ".join(items)

        first = self._made[0]
        return describe(first.input_types, first.inputs), describe(first.output_types, None)

    def __repr__(self) -> str:
        inputs, outputs = self._signature()
        return f"<tenon.Engine {self._title} on {self.device}, {self.backend}: {inputs} -> {outputs}>"

    def _repr_html_(self) -> str:
        inputs, outputs = self._signature()
        counts: Dict[str, int] = {}
        for step in self.explain():
            counts[step.implementation] = counts.get(step.implementation, 0) + 1
        rows = "".join(f"<tr><td>{html.escape(name)}</td><td>{count}</td></tr>" for name, count in counts.items())
        head = f"{html.escape(self._title)} on {html.escape(self.device)}: {html.escape(inputs)} → {html.escape(outputs)}"
        return f"<p><b>{head}</b></p><table><tr><th>implementation</th><th>steps</th></tr>{rows}</table>"
