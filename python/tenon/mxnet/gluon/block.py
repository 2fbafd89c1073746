"""Blocks: networks as Python objects. A hybridised block runs as one network in the engine."""

import os
import re
import threading
import warnings
from collections import OrderedDict

import numpy as np

from .. import name as naming
from .. import ndarray as nd
from .. import symbol as sym
from ..base import MXNetError
from ..context import cpu
from ..executor import Executor
from ..ndarray.ndarray import NDArray
from ..symbol.symbol import Symbol
from .parameter import DeferredInitializationError, Parameter, ParameterDict, shape_is_known


class _BlockScope:
    """Gives blocks their prefixes: the enclosing scope's, the kind of block, and a number."""

    _local = threading.local()
    _top = {}

    def __init__(self, block):
        self._block = block
        self._counter = {}
        self._before = []

    @staticmethod
    def create(prefix, params, hint):
        current = getattr(_BlockScope._local, "current", None)
        if current is None:
            if prefix is None:
                number = _BlockScope._top.get(hint, 0)
                _BlockScope._top[hint] = number + 1
                prefix = f"{hint}{number}_"
            return prefix, ParameterDict(prefix) if params is None else ParameterDict(params.prefix, params)
        if prefix is None:
            number = current._counter.get(hint, 0)
            current._counter[hint] = number + 1
            prefix = f"{hint}{number}_"
        if params is None:
            parent = current._block.params
            made = ParameterDict(parent.prefix + prefix, parent._shared)
        else:
            made = ParameterDict(params.prefix, params)
        return current._block.prefix + prefix, made

    def __enter__(self):
        if self._block._empty_prefix:
            return self
        self._before.append((getattr(_BlockScope._local, "current", None), naming.Prefix(self._block.prefix)))
        _BlockScope._local.current = self
        self._before[-1][1].__enter__()
        return self

    def __exit__(self, *exception):
        if self._block._empty_prefix:
            return
        before, names = self._before.pop()
        names.__exit__(*exception)
        _BlockScope._local.current = before


def _flatten(args):
    """All arrays in nested lists, and how to nest them again."""
    if isinstance(args, (NDArray, Symbol)) or args is None:
        return [args], 0
    if not isinstance(args, (list, tuple)):
        raise ValueError(f"HybridBlock requires input to be (nested) list of Symbol or NDArray, but got {args} of type {type(args)}")
    flat, layout = [], []
    for item in args:
        values, how = _flatten(item)
        flat += values
        layout.append(how)
    return flat, layout


def _regroup(flat, layout):
    if layout == 0:
        return flat[0], flat[1:]
    items = []
    for how in layout:
        item, flat = _regroup(flat, how)
        items.append(item)
    return items, flat


class Block:
    """A part of a network: parameters, children, forward."""

    def __init__(self, prefix=None, params=None):
        self._empty_prefix = prefix == ""
        self._prefix, self._params = _BlockScope.create(prefix, params, self._alias())
        self._name = self._prefix[:-1] if self._prefix.endswith("_") else self._prefix
        self._scope = _BlockScope(self)
        self._children = OrderedDict()
        self._reg_params = {}
        self._forward_hooks = OrderedDict()
        self._forward_pre_hooks = OrderedDict()

    def _alias(self):
        return type(self).__name__.lower()

    prefix = property(lambda self: self._prefix)
    name = property(lambda self: self._name)
    params = property(lambda self: self._params)

    def __repr__(self):
        rows = []
        for key, child in self._children.items():
            rows.append(f"  ({key}): " + repr(child).replace("\n", "\n  "))
        body = "\n".join(rows)
        return f"{type(self).__name__}(\n{body}\n)" if rows else f"{type(self).__name__}(\n\n)"

    def __setattr__(self, name, value):
        if hasattr(self, name):
            existing = getattr(self, name)
            if isinstance(existing, (Parameter, Block)) and not isinstance(value, type(existing)) and not isinstance(existing, Block):
                raise TypeError(f"Changing attribute type for {self.name} from {type(existing)} to {type(value)}is not allowed.")
        if isinstance(value, Block):
            self.register_child(value, name)
        elif isinstance(value, Parameter):
            self._reg_params[name] = value
        super().__setattr__(name, value)

    def name_scope(self):
        return self._scope

    def register_child(self, block, name=None):
        self._children[str(len(self._children)) if name is None else name] = block

    def register_forward_hook(self, hook):
        return _register(self._forward_hooks, hook)

    def register_forward_pre_hook(self, hook):
        return _register(self._forward_pre_hooks, hook)

    def apply(self, fn):
        for child in self._children.values():
            child.apply(fn)
        fn(self)
        return self

    def collect_params(self, select=None):
        """All parameters of this block and its children; `select` is a pattern for their names."""
        found = ParameterDict(self._params.prefix)
        if select is None:
            found.update(self.params)
        else:
            pattern = re.compile(select)
            found.update({name: parameter for name, parameter in self.params.items() if pattern.match(name)})
        for child in self._children.values():
            found.update(child.collect_params(select))
        return found

    def _collect_params_with_prefix(self, prefix=""):
        dotted = f"{prefix}." if prefix else ""
        found = OrderedDict((dotted + key, parameter) for key, parameter in self._reg_params.items())
        for key, child in self._children.items():
            found.update(child._collect_params_with_prefix(dotted + key))
        return found

    def initialize(self, init=None, ctx=None, verbose=False, force_reinit=False):
        self.collect_params().initialize(init, ctx, verbose, force_reinit)

    def cast(self, dtype):
        for child in self._children.values():
            child.cast(dtype)
        for parameter in self.params.values():
            parameter.cast(dtype)

    def hybridize(self, active=True, **kwargs):
        for child in self._children.values():
            child.hybridize(active, **kwargs)

    def save_parameters(self, filename, deduplicate=False):
        """Parameters by their places in the block: `features.0.weight`."""
        parameters = self._collect_params_with_prefix()
        if deduplicate:
            first = {}
            for key, parameter in parameters.items():
                first.setdefault(id(parameter), key)
            parameters = OrderedDict((key, parameter) for key, parameter in parameters.items() if first[id(parameter)] == key)
        nd.save(filename, {key: parameter.data() for key, parameter in parameters.items()})

    def load_parameters(self, filename, ctx=None, allow_missing=False, ignore_extra=False, cast_dtype=False, dtype_source="current"):
        """Files with names by place, and older ones with names without the block's prefix."""
        loaded = nd.load(filename)
        self._load_arrays(loaded, str(filename), ctx, allow_missing, ignore_extra, cast_dtype, dtype_source)

    def _load_arrays(self, loaded, source, ctx, allow_missing, ignore_extra, cast_dtype, dtype_source):
        parameters = self._collect_params_with_prefix()
        if not loaded and not parameters:
            return
        if not isinstance(loaded, dict):
            raise MXNetError(f"'{source}' has no names")
        if not any("." in name for name in loaded):
            arrays = {self.prefix + re.sub("^(arg:|aux:)", "", name): array for name, array in loaded.items()}
            self.collect_params()._load(arrays, source, ctx, allow_missing, ignore_extra, cast_dtype, dtype_source)
            return
        if not allow_missing:
            shared = {id(parameters[name]) for name in loaded if name in parameters}
            for name, parameter in parameters.items():
                if id(parameter) not in shared:
                    raise AssertionError(
                        f"Parameter '{name}' is missing in file '{source}', which contains parameters: "
                        f"{', '.join(list(loaded)[:10])}. Set allow_missing=True to ignore missing parameters."
                    )
        for name, array in loaded.items():
            if name in parameters:
                parameters[name]._load_init(array, ctx, cast_dtype, dtype_source)
            elif not ignore_extra:
                raise ValueError(
                    f"Parameter '{name}' loaded from file '{source}' is not present in this block, which contains "
                    f"parameters {', '.join(list(parameters)[:10])}. Set ignore_extra=True to ignore. "
                )

    def save_params(self, filename):
        warnings.warn("save_params is deprecated. Please use save_parameters.", stacklevel=2)
        self.collect_params().save(filename, strip_prefix=self.prefix)

    def load_params(self, filename, ctx=None, allow_missing=False, ignore_extra=False):
        warnings.warn("load_params is deprecated. Please use load_parameters.", stacklevel=2)
        self.load_parameters(filename, ctx, allow_missing, ignore_extra)

    def __call__(self, *args, **kwargs):
        for hook in self._forward_pre_hooks.values():
            hook(self, args)
        out = self.forward(*args, **kwargs)
        for hook in self._forward_hooks.values():
            hook(self, args, out)
        return out

    def forward(self, *args):
        raise NotImplementedError

    def summary(self, *inputs):
        """Prints a row for each block: output shape, parameters."""
        rows, handles = [], []

        def record(block, _, out):
            flat, _ = _flatten(out if isinstance(out, (list, tuple)) else [out])
            own = sum(int(np.prod(p.shape)) for p in block.params.values() if shape_is_known(p.shape))
            rows.append((f"{type(block).__name__}-{len(rows) + 1}", ", ".join(str(o.shape) for o in flat), own))

        self.apply(lambda block: handles.append(block.register_forward_hook(record)))
        try:
            self(*inputs)
        finally:
            for handle in handles:
                handle.detach()
        line = "-" * 80
        print(line, f"{'Layer (type)':>20}  {'Output Shape':>42} {'Param #':>15}", "=" * 80, sep="\n")
        for layer, shape, own in rows:
            print(f"{layer:>20}  {shape:>42} {own:>15}")
        total = sum(int(np.prod(p.shape)) for p in self.collect_params().values())
        print("=" * 80, f"Total params: {total}", line, sep="\n")


class _HookHandle:
    def __init__(self, hooks, number):
        self._hooks, self._number = hooks, number

    def detach(self):
        self._hooks.pop(self._number, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.detach()


def _register(hooks, hook):
    number = max(hooks, default=0) + 1
    hooks[number] = hook
    return _HookHandle(hooks, number)


class HybridBlock(Block):
    """A block whose forward is written once for arrays and symbols (`hybrid_forward`)."""

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix, params)
        self._graph = None
        self._executors = {}
        self._active = False
        self._backend = None

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if isinstance(value, HybridBlock):
            self._clear_cached_op()

    def register_child(self, block, name=None):
        if not isinstance(block, HybridBlock):
            raise ValueError(
                f"Children of HybridBlock must also be HybridBlock, but {block} has type {type(block)}. If you are using "
                "Sequential, please try HybridSequential instead."
            )
        super().register_child(block, name)
        self._clear_cached_op()

    def _clear_cached_op(self):
        self._graph = None
        self._executors = {}

    def hybridize(self, active=True, backend=None, clear=True, **kwargs):
        self._active = active
        if clear:
            self._clear_cached_op()
        self._backend = backend
        super().hybridize(active, **kwargs)

    def cast(self, dtype):
        self._clear_cached_op()
        super().cast(dtype)

    def optimize_for(self, x, *args, backend=None, clear=False, **kwargs):
        """Compiles for the accelerated executor and runs once."""
        self.hybridize(True, backend or "tenon", clear)
        self(x, *args)

    def infer_shape(self, *args):
        """Sets the shapes of all parameters from the inputs."""
        inputs, out = self._get_graph(*args)
        flat, _ = _flatten(list(args))
        names = [item.name for item in inputs]
        shapes = {name: value.shape for name, value in zip(names, [f for f in flat if f is not None]) if name in out.list_inputs()}
        types = {name: value._data.dtype for name, value in zip(names, [f for f in flat if f is not None]) if name in out.list_inputs()}
        found = out._model().infer_types(shapes, types)
        for name, parameter in self.collect_params().items():
            if name in found and found[name][0] is not None and not shape_is_known(parameter.shape):
                parameter.shape = found[name][0]

    def _get_graph(self, *args):
        if self._graph is None:
            flat, layout = _flatten(list(args))
            real = [item for item in flat if item is not None]
            names = ["data"] if len(real) == 1 else [f"data{i}" for i in range(len(real))]
            variables = iter([sym.var(name) for name in names])
            inputs = [None if item is None else next(variables) for item in flat]
            grouped, _ = _regroup(inputs, layout)
            parameters = {key: parameter.var() for key, parameter in self._reg_params.items()}
            with self.name_scope():
                out = self._symbolic(*grouped, **parameters)
            outputs, self._layout = _flatten(out if isinstance(out, (list, tuple)) else [out])
            self._single = not isinstance(out, (list, tuple))
            group = outputs[0] if len(outputs) == 1 else sym.Group(outputs)
            self._graph = [item for item in inputs if item is not None], group
        return self._graph

    def _symbolic(self, *inputs, **parameters):
        return self.hybrid_forward(sym, *inputs, **parameters)

    def _executor_for(self, arrays):
        """The executor of the whole network for inputs of these types."""
        key = tuple([(array.shape, array._data.dtype) for array in arrays])
        known = self._executors.get(key)
        parameters = self.collect_params()
        if known is not None and all(known._arrays[n] is parameters[n]._data for n in known._parameter_names):
            return known
        inputs, graph = self._graph
        symbol = Symbol(graph._outputs, self._chosen_backend())
        bound = {item.name: nd.zeros(array.shape, dtype=array._data.dtype) for item, array in zip(inputs, arrays)}
        needed = symbol.list_arguments() + symbol.list_auxiliary_states()
        names = [name for name in needed if name not in bound]
        bound.update({name: parameters[name].data() for name in names})
        auxiliary = symbol.list_auxiliary_states()
        args = {name: array for name, array in bound.items() if name in needed and name not in auxiliary}
        found = symbol._model().infer_types(
            {name: bound[name].shape for name in needed}, {name: bound[name]._data.dtype for name in needed}
        )
        outputs = symbol._of_outputs(found)
        fed = {item.name for item in inputs}
        made = Executor(symbol, arrays[0].context, args, {name: bound[name] for name in auxiliary}, fed, "null", outputs)
        made._parameter_names = names
        self._executors[key] = made
        return made

    def _chosen_backend(self):
        return "accelerated" if self._backend is not None and self._backend.lower() in ("tensorrt", "tenon") else None

    def _call_cached_op(self, *args):
        inputs, _ = self._get_graph(*args)
        arrays = [item for item in _flatten(list(args))[0] if item is not None]
        for parameter in self.collect_params().values():
            if parameter._data is None:
                self._finish(*args)
                break
        executor = self._executor_for(arrays)
        outputs = executor.call({item.name: array for item, array in zip(inputs, arrays)})
        if self._single:
            return outputs[0]
        return _regroup(outputs, self._layout)[0]

    def _finish(self, *args):
        """Initialises what waited for its shape."""
        self.infer_shape(*args)
        for parameter in self.collect_params().values():
            parameter._finish_deferred_init()
            parameter._check()

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)

    def forward(self, x, *args):
        if isinstance(x, Symbol):
            parameters = {key: parameter.var() for key, parameter in self._reg_params.items()}
            with self.name_scope():
                return self.hybrid_forward(sym, x, *args, **parameters)
        if not isinstance(x, NDArray):
            first = _flatten([x])[0]
            if not first or not isinstance(first[0], NDArray):
                raise ValueError(f"In HybridBlock, there must be one NDArray or one Symbol in the input, but got {type(x)}")
        if self._active:
            return self._call_cached_op(x, *args)
        try:
            parameters = {key: parameter.data() for key, parameter in self._reg_params.items()}
        except DeferredInitializationError:
            self._finish(x, *args)
            parameters = {key: parameter.data() for key, parameter in self._reg_params.items()}
        return self.hybrid_forward(nd, x, *args, **parameters)

    def hybrid_forward(self, F, x, *args, **kwargs):
        raise NotImplementedError

    def export(self, path, epoch=0, remove_amp_cast=True):
        """Writes PATH-symbol.json and PATH-EPOCH.params; the block must have run hybridised."""
        if self._graph is None:
            raise RuntimeError("Please first call block.hybridize() and then run forward with this block at least once before calling export.")
        _, graph = self._graph
        graph.save(f"{path}-symbol.json", remove_amp_cast=remove_amp_cast)
        arguments, auxiliary = set(graph.list_arguments()), set(graph.list_auxiliary_states())
        arrays = {}
        for name, parameter in self.collect_params().items():
            if name in arguments:
                arrays[f"arg:{name}"] = parameter.data()
            elif name in auxiliary:
                arrays[f"aux:{name}"] = parameter.data()
            else:
                warnings.warn(f"Parameter '{name}' is not found in the graph.", stacklevel=3)
        file = f"{path}-{epoch:04d}.params"
        nd.save(file, arrays)
        return f"{path}-symbol.json", file


class SymbolBlock(HybridBlock):
    """A block made of a symbol."""

    @staticmethod
    def imports(symbol_file, input_names, param_file=None, ctx=None):
        """From a checkpoint."""
        symbol = sym.load(os.fspath(symbol_file))
        names = [input_names] if isinstance(input_names, str) else list(input_names)
        block = SymbolBlock(symbol, [sym.var(name) for name in names])
        if param_file is not None:
            block.collect_params().load(param_file, ctx=ctx, cast_dtype=True, dtype_source="saved")
        return block

    def __init__(self, outputs, inputs, params=None):
        super().__init__(prefix="")
        self._prefix, self._params = "", ParameterDict("", params)
        inputs = [inputs] if isinstance(inputs, Symbol) and len(inputs) == 1 else list(inputs)
        single = isinstance(outputs, Symbol) and len(outputs) == 1
        group = outputs if isinstance(outputs, Symbol) else sym.Group(list(outputs))
        names = [item.name for item in inputs]
        hinted = group.attr_dict()
        for place, name in enumerate(group.list_arguments() + group.list_auxiliary_states()):
            if name in names:
                continue
            auxiliary = place >= len(group.list_arguments())
            hints = hinted.get(name, {})
            code = hints.get("__dtype__", "-1")
            self.params.get(
                name, grad_req="null" if auxiliary else "write", allow_deferred_init=True,
                dtype=np.float32 if code in ("-1", "0") else nd.ndarray.as_dtype(int(code)).type,
            )  # fmt: skip
        shared = len(os.path.commonprefix(list(self.params.keys())))  # MXNet leaves it out of files, letter by letter
        self._reg_params = {name[shared:]: parameter for name, parameter in self.params.items()}
        self._graph = inputs, group
        self._single = single
        self._layout = [0] * len(group)
        self._active = True

    def __repr__(self):
        inputs, group = self._graph
        return f"SymbolBlock(\n{group!r} : {len(inputs)} -> {len(group)}\n)"

    def _alias(self):
        return "symbolblock"

    def _clear_cached_op(self):
        self._executors = {}

    def hybridize(self, active=True, backend=None, **kwargs):
        self._backend = backend
        self._executors = {}

    def _finish(self, *args):
        self.infer_shape(*args)
        for parameter in self.collect_params().values():
            parameter._finish_deferred_init()
            parameter._check()

    def forward(self, x, *args):
        if isinstance(x, Symbol):
            inputs, group = self._graph
            return group(**{item.name: value for item, value in zip(inputs, (x, *args))})
        return self._call_cached_op(x, *args)

    def hybrid_forward(self, F, x, *args, **kwargs):
        raise NotImplementedError


__all__ = ["Block", "HybridBlock", "SymbolBlock", "cpu"]
