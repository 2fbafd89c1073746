"""Executor: MXNet's bind interface over the engine's.

MXNet keeps every argument in an array that may be written at any time, the engine packs parameters once. So what the
caller feeds (shapes given to simple_bind, keywords of forward) are inputs of the program; every other array is a
parameter, read when the program is made and again when its version says that it was written. A parameter that is
written a second time becomes an input.
"""

import atexit
import sys

import numpy as np

from .. import _env
from .._array import as_array
from ..errors import Error
from . import ndarray as nd
from .base import MXNetError, no_training
from .context import Context, device_of
from .ndarray.ndarray import NDArray, as_dtype, clock


class Executor:
    """A symbol bound to arrays."""

    def __init__(self, symbol, ctx, args, aux, fed, grad_req, outputs, grads=None):
        self._symbol = symbol
        self._ctx = ctx
        self._names = symbol.list_arguments()
        self._aux_names = symbol.list_auxiliary_states()
        self.arg_arrays = [args[name] for name in self._names]
        self.aux_arrays = [aux[name] for name in self._aux_names]
        self.grad_arrays = [(grads or {}).get(name) for name in self._names]
        self._arrays = {**symbol._absorbed(), **args, **aux}
        self._grad_req = grad_req
        self._fed = set(fed)
        self._output_names = symbol.list_outputs()
        self.outputs = [NDArray(np.zeros(shape, dtype), ctx) for shape, dtype in outputs]
        self._program = None
        self._monitor = None
        self._seen = {}
        self._writes = {}
        self._clock = -1
        self._accelerated = _env.use_tensorrt() or symbol._backend == "accelerated" or _subgraph_wanted()
        for names in (self._names, self._aux_names, self._output_names):
            if len(set(names)) != len(names) and names is not self._output_names:
                raise ValueError(f"Duplicate names detected, {names}")

    @staticmethod
    def _dict(names, arrays):
        if len(set(names)) != len(names):
            raise ValueError(f"Duplicate names detected, {names}")
        return dict(zip(names, arrays))

    @property
    def arg_dict(self):
        return self._dict(self._names, self.arg_arrays)

    @property
    def aux_dict(self):
        return self._dict(self._aux_names, self.aux_arrays)

    @property
    def grad_dict(self):
        return self._dict(self._names, self.grad_arrays)

    @property
    def output_dict(self):
        return self._dict(self._output_names, self.outputs)

    def get_optimized_symbol(self):
        """The symbol with the engine nodes that `optimize_for` shows, where the executor is an accelerated one."""
        if not self._accelerated:
            return self._symbol
        optimised = self._symbol.get_backend_symbol("TensorRT")
        optimised._absorb({name: array for name, array in self._arrays.items() if name not in self._fed})
        return optimised

    # The program.

    def _stale(self):
        """True where a parameter was written since the program was made."""
        changed = False
        for name, (array, data, version) in self._seen.items():
            if array._data is not data or array._version[0] != version:
                self._writes[name] = self._writes.get(name, 0) + 1
                if self._writes[name] > 1:
                    self._fed.add(name)
                changed = True
        return changed

    def _make_program(self):
        parameters = {name: array for name, array in self._arrays.items() if name not in self._fed}
        self._seen = {name: (array, array._data, array._version[0]) for name, array in parameters.items()}
        model = self._symbol._model().with_parameters({name: as_array(a._data) for name, a in parameters.items()})
        shapes = {name: self._arrays[name].shape for name in self._fed if name in self._arrays}
        dtypes = {name: self._arrays[name]._data.dtype for name in shapes}
        self._program = _bind_program(model, shapes, dtypes, device_of(self._ctx), self._accelerated)
        self._feeds = [self._arrays[name] for name in self._program.inputs]
        self._fitting()
        self._set_program_monitor()

    def _fitting(self):
        """Output arrays of the types that the program has."""
        for array, (shape, dtype) in zip(self.outputs, self._program.output_types):
            if array.shape != shape or array._data.dtype != dtype:
                array._data = np.empty(shape, dtype)

    def forward(self, is_train=False, **kwargs):
        """Runs the network; returns the list of outputs, whose arrays the next call overwrites."""
        if is_train:
            raise no_training("forward(is_train=True)")
        for name, value in kwargs.items():
            self._feed(name, value)
        if clock[0] != self._clock:
            if self._program is None or self._stale():
                self._make_program()
            self._clock = clock[0]
        self._program.run([array._data for array in self._feeds], [array._data for array in self.outputs])
        return self.outputs

    def call(self, values):
        """Runs the network on arrays by name and gives new arrays, as blocks do."""
        if clock[0] != self._clock:
            if self._program is None or self._stale():
                self._make_program()
            self._clock = clock[0]
        program = self._program
        results = program.run([values[name]._data if name in values else self._arrays[name]._data for name in program.inputs])
        return [NDArray(result, self._ctx) for result in results]

    def _feed(self, name, value):
        target = self._arrays.get(name)
        if target is None or name in self._aux_names:
            raise TypeError(f"Unknown argument {name}")
        if not isinstance(value, (NDArray, np.ndarray)):
            raise ValueError("only accept keyword argument of NDArrays and numpy.ndarray")
        data = value._data if isinstance(value, NDArray) else value
        if data.shape != target.shape:
            raise ValueError(
                f"Shape not match! Argument {name}, need: {target.shape}, received: {data.shape}"
            )
        if name not in self._fed:
            self._fed.add(name)
            self._program, self._clock = None, -1
        np.copyto(target._data, data, casting="unsafe")

    def backward(self, out_grads=None, is_train=True):
        raise no_training("Executor.backward")

    # Parameters.

    def copy_params_from(self, arg_params, aux_params=None, allow_extra_params=False):
        for what, given, known in (("arguments", arg_params, self.arg_dict), ("auxiliary states", aux_params, self.aux_dict)):
            for name, array in (given or {}).items():
                if name in known:
                    if array.shape != known[name].shape:
                        raise MXNetError(
                            f"the parameter '{name}' has shape {array.shape}, but {known[name].shape} is bound"
                        )
                    known[name]._write(array._data)
                elif not allow_extra_params:
                    raise ValueError(f"Find name \"{name}\" that is not in the {what}")
        # Setting parameters as a whole does not make inputs of them.
        if self._program is not None and any(
            array._data is not data or array._version[0] != version for array, data, version in self._seen.values()
        ):
            self._program, self._clock = None, -1

    def reshape(self, partial_shaping=False, allow_up_sizing=False, **kwargs):
        """An executor for other input shapes that shares the parameters."""
        found = self._symbol._shapes((), {name: shape for name, shape in kwargs.items()})
        args, aux = {}, {}
        for name, array in zip(self._names, self.arg_arrays):
            shape = found[name][0]
            if shape is None or -1 in shape:
                raise MXNetError("Insufficient argument shapes provided.")
            if shape == array.shape:
                args[name] = array
                continue
            if not partial_shaping and name not in kwargs:
                raise MXNetError(
                    f"Shape of unspecified array arg:{name} changed. This can cause the new executor to not share "
                    "parameters with the old one. Please check for error in network. If this is intended, set "
                    "partial_shaping=True to suppress this warning."
                )
            if int(np.prod(shape)) > array.size and not allow_up_sizing:
                raise MXNetError(
                    f"New shape of arg:{name} larger than original. First making a big executor and then down sizing it is "
                    "more efficient than the reverse. If you really want to up size, set allow_up_sizing=True to enable "
                    "allocation of new arrays."
                )
            args[name] = nd.zeros(shape, self._ctx, array._data.dtype)
        for name, array in zip(self._aux_names, self.aux_arrays):
            aux[name] = array if found[name][0] == array.shape else nd.zeros(found[name][0], self._ctx, array._data.dtype)
        shapes = self._symbol._of_outputs(found)
        outputs = [(shape, array._data.dtype) for (shape, _), array in zip(shapes, self.outputs)]
        return Executor(self._symbol, self._ctx, args, aux, self._fed | set(kwargs), self._grad_req, outputs)

    # Looking inside.

    def set_monitor_callback(self, callback, monitor_all=False):
        """`callback(name, array)` for every output of every node."""
        self._monitor = callback
        if self._program is not None:
            self._set_program_monitor()

    def _set_program_monitor(self):
        callback = self._monitor
        if callback is None:
            return
        self._program.set_monitor(lambda name, array: callback(name, NDArray(array, self._ctx)))

    def debug_str(self):
        return self._symbol.debug_str()


def _subgraph_wanted():
    return _env.subgraph_backend().lower() in ("tensorrt", "tenon")


_summary = {"executors": 0, "operators": 0, "steps": 0, "by": {}}


def _bind_program(model, shapes, dtypes, device, accelerated):
    if not accelerated:
        return model.bind(shapes, dtypes, device, "plain")
    try:
        program = model.bind(shapes, dtypes, device, "cuda" if device.startswith("cuda") else "cpu")
    except Error as error:
        if "there is no backend" not in str(error):
            raise
        program = model.bind(shapes, dtypes, device, "plain")
    _remember(program)
    return program


def _remember(program):
    """For the one line at the end."""
    if _summary["executors"] == 0:
        atexit.register(_report)
    _summary["executors"] += 1
    _summary["backend"] = program.backend
    for step in program.steps():
        _summary["steps"] += 1
        _summary["by"][step.implementation] = _summary["by"].get(step.implementation, 0) + 1


def _report():
    if _env.log() == "off":
        return
    by = ", ".join(f"{count} {name}" for name, count in sorted(_summary["by"].items(), key=lambda item: -item[1])[:5])
    how = "accelerated" if _summary["backend"] != "plain" else "no accelerated backend in this build, ran plain"
    print(f"tenon: {how}: {_summary['executors']} executor(s), {_summary['steps']} steps ({by})", file=sys.stderr)


def _context(ctx):
    context = ctx if isinstance(ctx, Context) else Context(ctx)
    device_of(context)
    return context


def simple_bind(symbol, ctx, grad_req, type_dict, shared_arg_names, shared_exec, shared_buffer, keywords):
    """Allocates what the network needs for these shapes."""
    context = _context(ctx)
    arguments = symbol.list_arguments()
    given = {name: shape for name, shape in keywords.items() if isinstance(shape, tuple) and name in arguments}
    found = symbol._shapes((), given)
    unknown = [n for n in arguments + symbol.list_auxiliary_states() if found[n][0] is None or -1 in found[n][0]]
    if unknown:
        raise MXNetError(
            f"simple_bind error: the shapes of {', '.join(unknown[:10])} do not follow from "
            f"{given or 'no shapes at all'}; give them too"
        )
    types = _argument_types(symbol, type_dict)
    shared = dict(shared_buffer or {})
    if shared_exec is not None:
        shared.update(shared_exec.aux_dict)
        shared.update({name: shared_exec._arrays[name] for name in shared_arg_names or () if name in shared_exec._arrays})

    def allocate(name):
        shape, dtype = found[name][0], types[name]
        old = shared.get(name)
        if old is not None and old.shape == shape and old._data.dtype == dtype:
            return old
        made = nd.zeros(shape, context, dtype)
        if shared_buffer is not None:
            shared_buffer[name] = made
        return made

    args = {name: allocate(name) for name in arguments}
    aux = {name: allocate(name) for name in symbol.list_auxiliary_states()}
    fed = set(given) | {name for name in arguments if name.endswith("_label")}
    outputs = [(shape, dtype) for (shape, _), dtype in zip(symbol._of_outputs(found), symbol._of_outputs(types))]
    return Executor(symbol, context, args, aux, fed, grad_req, outputs)


def _argument_types(symbol, type_dict):
    """float32 where nothing is said; with a type_dict what it does not name is inferred."""
    given = {name: as_dtype(dtype) for name, dtype in (type_dict or {}).items() if name in symbol.list_inputs()}
    model = symbol._model()
    if not given:
        for name in symbol.list_arguments():
            given.setdefault(name, np.dtype(np.float32))
        hinted = {n.name for n in symbol._nodes() if n.op is None and n.attrs.get("__dtype__", "-1") not in ("-1", "0")}
        given = {name: dtype for name, dtype in given.items() if name not in hinted}
    found = {name: dtype for name, (_, dtype) in model.infer_types({}, given).items()}
    return {name: dtype if dtype is not None else np.dtype(np.float32) for name, dtype in found.items()}


def _listed(names, given, what):
    if isinstance(given, dict):
        missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(f"key `{missing[0]}` is missing in `{what}`")
        return {name: given[name] for name in names}
    if not isinstance(given, (list, tuple)):
        raise TypeError("Only accept list of NDArrays or dict of str to NDArray")
    if len(given) != len(names):
        raise ValueError(f"Length of {what} do not match the number of arguments")
    return dict(zip(names, given))


def bind(symbol, ctx, args, args_grad, grad_req, aux_states):
    """An executor over arrays that the caller made."""
    context = _context(ctx)
    arguments, auxiliary = symbol.list_arguments(), symbol.list_auxiliary_states()
    bound = _listed(arguments, args, "args")
    aux = _listed(auxiliary, aux_states if aux_states is not None else [], "aux_states")
    for name, array in (*bound.items(), *aux.items()):
        if not isinstance(array, NDArray):
            raise TypeError(f"'{name}' must be an NDArray, not {type(array)}")
    known = {**symbol._absorbed(), **bound, **aux}
    found = symbol._model().infer_types(
        {name: array.shape for name, array in known.items()}, {name: array._data.dtype for name, array in known.items()}
    )
    outputs = symbol._of_outputs(found)
    fed = {name for name in arguments if name == "data" or name.endswith("label")}
    grads = _listed(arguments, args_grad, "args_grad") if isinstance(args_grad, (list, tuple)) else args_grad
    return Executor(symbol, context, bound, aux, fed, grad_req, outputs, grads)


__all__ = ["Executor", "bind", "simple_bind"]
