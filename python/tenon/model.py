"""Models: a network and its parameters, immutable, shared by everything that is bound to it."""

from __future__ import annotations

import html
import json
import os
from ctypes import byref, c_void_p
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from . import _array, _lib
from ._lib import Handle, lib, make
from ._progress import Progress
from .engine import Engine
from .executor import Executor, bind

Shape = Sequence[int]


class Parameters(Mapping[str, Any]):
    """The parameters of a model as read-only NumPy arrays, by name; nothing is copied."""

    def __init__(self, model: "Model") -> None:
        self._model = model
        self._names = _lib.name_list(lib.tenon_model_names, model._handle.pointer, _lib.PARAMETERS)

    def __getitem__(self, name: str) -> Any:
        pointer = self._model._handle.pointer
        if name not in self._names:
            raise KeyError(name)
        return _array.view(make(lib.tenon_tensor_free, lib.tenon_model_parameter, pointer, _lib.encode(name)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Model:
    """A network and its parameters.

    >>> import tenon
    >>> m = tenon.zoo("squeezenet1.1", seed=1)
    >>> m.inputs, m.outputs
    (['data'], ['squeezenet0_flatten0_flatten0_output'])
    """

    def __init__(self, handle: Handle, title: str) -> None:
        self._handle = handle
        self._title = title

    @staticmethod
    def from_json(text: str, title: str = "model") -> "Model":
        """Parses symbol JSON of any MXNet age; the model has no parameters yet."""
        data = _lib.encode(text)
        return Model(make(lib.tenon_model_free, lib.tenon_model_from_json, data, len(data)), title)

    def _list(self, which: int) -> List[str]:
        return _lib.name_list(lib.tenon_model_names, self._handle.pointer, which)

    @property
    def inputs(self) -> List[str]:
        """Arguments that have no parameter: what a caller feeds, labels included."""
        return self._list(_lib.INPUTS)

    @property
    def outputs(self) -> List[str]:
        return self._list(_lib.OUTPUTS)

    @property
    def arguments(self) -> List[str]:
        return self._list(_lib.ARGUMENTS)

    @property
    def auxiliary_states(self) -> List[str]:
        return self._list(_lib.AUXILIARY_STATES)

    @property
    def parameters(self) -> Parameters:
        """Arguments and auxiliary states by name.

        >>> import tenon
        >>> tenon.zoo("squeezenet1.1").parameters["squeezenet0_conv0_weight"].shape
        (64, 3, 3, 3)
        """
        return Parameters(self)

    def with_parameters(self, parameters: Mapping[str, Any]) -> "Model":
        """The same network with these parameters instead."""
        arrays = {name: _array.as_array(value) for name, value in parameters.items()}
        tensors = [_array.borrow(array, keep=True) for array in arrays.values()]
        pointers = (c_void_p * len(tensors))(*[tensor.pointer.value for tensor in tensors])
        names = _lib.c_strings(list(arrays))
        handle = make(
            lib.tenon_model_free,
            lib.tenon_model_with_parameters,
            self._handle.pointer,
            len(tensors),
            names,
            pointers,
        )
        return Model(handle, self._title)

    def json(self) -> str:
        """The symbol as MXNet 1.9 writes it."""
        text = c_void_p()
        lib.tenon_model_json(self._handle.pointer, byref(text))
        return _lib.take_string(text)

    def tensorrt_subgraphs(self) -> List[List[int]]:
        """What MXNet's TensorRT integration would have joined into one node each: places among the nodes of `json()`.

        >>> import tenon
        >>> [len(nodes) for nodes in tenon.zoo("resnet18_v2").tensorrt_subgraphs()]
        [69]
        """
        text = c_void_p()
        lib.tenon_model_tensorrt_subgraphs(self._handle.pointer, byref(text))
        found: List[List[int]] = json.loads(_lib.take_string(text))
        return found

    def save(self, prefix: Union[str, "os.PathLike[str]"], epoch: int = 0) -> None:
        """Writes PREFIX-symbol.json and PREFIX-EPOCH.params as MXNet 1.9 does."""
        lib.tenon_model_save(self._handle.pointer, _lib.encode(os.fspath(prefix)), epoch)

    def infer(
        self, dtypes: Optional[Mapping[str, Any]] = None, **shapes: Optional[Shape]
    ) -> Dict[str, Tuple[Optional[Tuple[int, ...]], Any]]:
        """What follows from the shapes of some arguments: (shape, dtype) of every argument, state and output.

        >>> import tenon
        >>> tenon.zoo("squeezenet1.1").infer(data=(2, 3, 224, 224))["squeezenet0_flatten0_flatten0_output"]
        ((2, 1000), dtype('float32'))
        """
        return self.infer_types(shapes, dtypes or {})

    def infer_types(
        self, shapes: Mapping[str, Optional[Shape]], dtypes: Mapping[str, Any]
    ) -> Dict[str, Tuple[Optional[Tuple[int, ...]], Any]]:
        """`infer` for names that are no Python identifiers."""
        known = _array.types(shapes, dtypes)
        found = make(lib.tenon_types_free, lib.tenon_model_infer, self._handle.pointer, len(known), known)
        result = {}
        for i in range(lib.tenon_types_count(found.pointer)):
            name, shape, dtype = _array.read_type(lib.tenon_types_get(found.pointer, i).contents)
            result[name] = (shape, dtype)
        return result

    def bind(
        self,
        shapes: Mapping[str, Shape],
        dtypes: Optional[Mapping[str, Any]] = None,
        device: str = "cpu",
        backend: str = "plain",
        threads: int = 0,
        precision: str = "fp32",
    ) -> Executor:
        """An executor for these input shapes: the lowest level, one thread at a time."""
        return bind(self._handle, shapes, dtypes or {}, device, backend, threads, precision)

    def compile(
        self,
        shapes: Optional[Mapping[str, Shape]] = None,
        *,
        device: str = "cpu",
        precision: str = "fp32",
        backend: Optional[str] = None,
        threads: int = 0,
        tune: str = "off",
        optimize: str = "speed",
        progress: Union[Progress, bool, None] = None,
        **more_shapes: Shape,
    ) -> Engine:
        """Makes the network ready to be called with inputs of these shapes.

        `tune` "fast" or "full" times the implementations that accept a step. `optimize` "memory" makes do, on the CPU,
        with packed weights that take no more bytes than the original ones. `progress` is called as
        `progress(done, total, node)` after each step that is decided, and stops the timing with False; without it a line on
        a terminal tells of builds that take longer than a second (False: no line, True: always). Ctrl-C ends a build.

        >>> import numpy, tenon
        >>> with tenon.zoo("mobilenet0.25").compile(data=(2, 3, 32, 32)) as e:
        ...     e(numpy.zeros((2, 3, 32, 32), "float32")).shape
        (2, 1000)
        """
        return Engine(self, {**(shapes or {}), **more_shapes}, device, precision, backend, threads, tune, optimize, progress)

    def __repr__(self) -> str:
        names = ", ".join(self.inputs)
        return f"<tenon.Model {self._title}: {names} -> {', '.join(self.outputs)}, {len(self.parameters)} parameters>"

    def _repr_html_(self) -> str:
        parameters = self.parameters
        arrays = [(name, parameters[name]) for name in parameters]
        size = sum(array.nbytes for _, array in arrays) / 1e6
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{array.shape}</td><td>{_array.dtype_name(array.dtype)}</td></tr>"
            for name, array in arrays
        )
        head = f"{self._title}: {', '.join(self.inputs)} → {', '.join(self.outputs)}"
        return (
            f"<p><b>{html.escape(head)}</b></p><details><summary>{len(arrays)} parameters, {size:.1f} MB</summary>"
            f"<table><tr><th>name</th><th>shape</th><th>type</th></tr>{rows}</table></details>"
        )


def load(prefix: Union[str, "os.PathLike[str]"], epoch: Optional[int] = None) -> Model:
    """Reads PREFIX-symbol.json and PREFIX-EPOCH.params; without an epoch, the newest."""
    path = os.fspath(prefix)
    handle = make(lib.tenon_model_free, lib.tenon_model_load, _lib.encode(path), -1 if epoch is None else epoch)
    return Model(handle, os.path.basename(path))


def load_plan(path: Union[str, "os.PathLike[str]"]) -> Engine:
    """Maps the plan file that `Engine.save` or `tenon build` wrote; it stays as it is while the engine lives. A plan of a
    GPU holds machine code: load only those that you would run."""
    return Engine.of_plan(os.fspath(path))


def load_files(symbol: Union[str, "os.PathLike[str]"], params: Union[str, "os.PathLike[str]", None] = None) -> Model:
    """Reads the two files by their paths."""
    symbol_path = os.fspath(symbol)
    params_path = None if params is None else _lib.encode(os.fspath(params))
    handle = make(lib.tenon_model_free, lib.tenon_model_load_files, _lib.encode(symbol_path), params_path)
    return Model(handle, os.path.basename(symbol_path))


def zoo(name: str, seed: int = 0, pretrained: bool = False, folder: Optional[str] = None) -> Model:
    """A network of MXNet's model zoo: parameters initialised from the seed, or the trained ones that MXNet downloaded.

    >>> import tenon
    >>> tenon.zoo("resnet18_v2", seed=0)
    <tenon.Model resnet18_v2: data -> resnetv20_dense0_fwd_output, 98 parameters>
    """
    if pretrained:
        where = None if folder is None else _lib.encode(folder)
        return Model(make(lib.tenon_model_free, lib.tenon_model_zoo_pretrained, _lib.encode(name), where), name)
    return Model(make(lib.tenon_model_free, lib.tenon_model_zoo, _lib.encode(name), seed), name)


def zoo_names() -> List[str]:
    """The names `zoo` knows.

    >>> import tenon
    >>> len(tenon.zoo_names())
    34
    """
    return _lib.name_list(lib.tenon_zoo_names)


def devices() -> List[str]:
    """What models can be bound on here.

    >>> import tenon
    >>> tenon.devices()[0]
    'cpu'
    """
    return _lib.name_list(lib.tenon_devices)


def zoo_input(name: str) -> Tuple[int, ...]:
    """The shape of the input that a network of the zoo was made for, batch 1.

    >>> import tenon
    >>> tenon.zoo_input("inceptionv3")
    (1, 3, 299, 299)
    """
    types = make(lib.tenon_types_free, lib.tenon_zoo_input, _lib.encode(name))
    shape = _array.read_type(lib.tenon_types_get(types.pointer, 0).contents)[1]
    return shape or ()
