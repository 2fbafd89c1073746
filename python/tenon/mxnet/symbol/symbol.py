"""Symbol: a graph of operators, built in Python and understood by the engine."""

import json
import logging
import os
import warnings

from ... import _array, _env
from ...model import Model
from .. import _ops, attribute
from .. import name as naming
from ..base import MXNetError, NotImplementedForSymbol, _Null, no_training
from . import engine_node
from .node import Node, auxiliary_ids, graph_rows, topological

_MXNET_TYPES = {name: code for code, name in enumerate(["float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool"])}
_MXNET_TYPES["bfloat16"] = 12


_HIDDEN = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring", "mirror_stage")

#: Initial values that operators ask for their own variables.
_INITIAL = {
    ("BatchNorm", "moving_mean"): '["zero", {}]',
    ("BatchNorm", "moving_var"): '["one", {}]',
    ("LeakyReLU", "gamma"): '["Constant", {"value": 0.25}]',
}


class Symbol:
    """One or more outputs of a graph."""

    __slots__ = ("_outputs", "_backend", "_cache", "__weakref__")
    __array_priority__ = 1000.0

    def __init__(self, outputs, backend=None):
        self._outputs = list(outputs)
        self._backend = backend  # "accelerated", or None
        self._cache = {}

    # Looking at it.

    @property
    def name(self):
        return self._outputs[0][0].name if len(self._outputs) == 1 else None

    def __repr__(self):
        if len(self._outputs) > 1:
            return f"<{type(self).__name__} group [{', '.join(node.name for node, _ in self._outputs)}]>"
        return f"<{type(self).__name__} {self.name}>"

    def __len__(self):
        return len(self._outputs)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        if isinstance(index, str):
            names = self.list_outputs()
            found = [i for i, output in enumerate(names) if output == index]
            if not found:
                raise ValueError(f"Cannot find output that matches name {index}")
            if len(found) > 1:
                raise ValueError(f"There are multiple outputs with name \"{index}\"")
            index = found[0]
        if isinstance(index, slice):
            return Symbol(self._outputs[index], self._backend)
        if not isinstance(index, int):
            raise TypeError("Symbol only support integer index to fetch i-th output")
        if index >= len(self._outputs):
            raise IndexError("Index out of range")
        return Symbol([self._outputs[index]], self._backend)

    def __copy__(self):
        return self.__deepcopy__(None)

    def __deepcopy__(self, _):
        return self._substituted({})

    def __reduce__(self):
        return (load_json, (self.tojson(),))

    def __bool__(self):
        raise no_bool()

    def _nodes(self):
        if "nodes" not in self._cache:
            self._cache["nodes"] = topological(self._outputs)
        return self._cache["nodes"]

    def _auxiliary(self):
        if "auxiliary" not in self._cache:
            self._cache["auxiliary"] = auxiliary_ids(self._nodes())
        return self._cache["auxiliary"]

    def _variables(self, auxiliary):
        return [n.name for n in self._nodes() if n.op is None and (id(n) in self._auxiliary()) == auxiliary]

    def _absorbed(self):
        """The arrays that moved into engine nodes, by name."""
        return engine_node.arrays_of(self._nodes())

    def _expanded(self):
        """The outputs without engine nodes, as the engine reads them."""
        if "expanded" not in self._cache:
            self._cache["expanded"] = engine_node.expanded(self._outputs)
        return self._cache["expanded"]

    def _of_outputs(self, found):
        """What the engine found of each output."""
        return [found[node.output_name(index)] for node, index in self._expanded()]

    def list_arguments(self):
        return self._variables(False)

    def list_auxiliary_states(self):
        return self._variables(True)

    def list_inputs(self):
        return [node.name for node in self._nodes() if node.op is None]

    def list_outputs(self):
        return [node.output_name(index) for node, index in self._outputs]

    def get_internals(self):
        return Symbol([(node, i) for node in self._nodes() for i in range(node.visible)], self._backend)

    def get_children(self):
        inputs = [pair for node, _ in self._outputs for pair in node.inputs]
        return Symbol(inputs, self._backend) if inputs else None

    # Attributes.

    def attr(self, key):
        return _shown(self._outputs[0][0].attrs).get(key) if len(self._outputs) == 1 else None

    def list_attr(self, recursive=False):
        if recursive:
            raise DeprecationWarning("Symbol.list_attr with recursive=True has been deprecated. Please use attr_dict instead.")
        return _shown(self._outputs[0][0].attrs) if len(self._outputs) == 1 else {}

    def attr_dict(self):
        return {node.name: _shown(node.attrs) for node in self._nodes() if node.attrs}

    def _set_attr(self, **attributes):
        for key, value in attributes.items():
            if not isinstance(value, str):
                raise ValueError("Set Attr only accepts string values")
            for node, _ in self._outputs:
                node.attrs.update(_hidden({key: value}))

    # Text.

    def _model(self):
        """The engine's reading of the graph. Attributes may have changed, so the text decides."""
        text = json.dumps(graph_rows(self._expanded()))
        if self._cache.get("text") != text:
            self._cache["text"], self._cache["model"] = text, Model.from_json(text, self.name or "group")
        return self._cache["model"]

    def tojson(self, remove_amp_cast=True):
        if not any(node.inner is not None for node in self._nodes()):
            try:
                return self._model().json()
            except MXNetError:  # not a network (two variables of one name), but MXNet writes it
                pass
        return json.dumps(graph_rows(self._outputs), indent=2)

    def save(self, fname, remove_amp_cast=True):
        with open(os.fspath(fname), "w", encoding="utf-8") as file:
            file.write(self.tojson(remove_amp_cast))

    def debug_str(self):
        lines = ["Symbol Outputs:"]
        lines += [f"\toutput[{i}]={node.name}({index})" for i, (node, index) in enumerate(self._outputs)]
        for node in self._nodes():
            if node.op is None:
                lines.append(f"Variable:{node.name}")
                continue
            lines += ["--------------------", f"Op:{node.op}, Name={node.name}", "Inputs:"]
            lines += [f"\targ[{i}]={source.name}({index})" for i, (source, index) in enumerate(node.inputs)]
        return "\n".join(lines) + "\n"

    # Inference.

    def _known(self, args, kwargs, check):
        if args and kwargs:
            raise ValueError("Can only specify known argument shapes either by positional or kwargs way.")
        names = self.list_arguments()
        if args:
            if len(args) > len(names):
                raise MXNetError(f"{len(args)} values came, but there are only {len(names)} arguments")
            return {name: value for name, value in zip(names, args) if value is not None}
        for name, value in kwargs.items():
            check(name, value)
        unknown = [name for name in kwargs if name not in self.list_inputs()]
        if unknown:
            raise MXNetError(
                f"InferShapeKeyword argument name {unknown[0]} not found.\n"
                f"Candidate arguments: {', '.join(self.list_inputs())}"
            )
        return {name: value for name, value in kwargs.items() if value is not None}

    def _shapes(self, args, kwargs):
        def check(name, value):
            if value is not None and not isinstance(value, tuple):
                raise TypeError(f"Arguments must be shapes (tuple), but '{name}' is {type(value)}.")

        known = self._known(args, kwargs, check)
        # Dimension 0 and rank 0 stand for "unknown".
        legacy = {name: tuple(dim or -1 for dim in shape) if len(shape) else None for name, shape in known.items()}
        for name, array in self._absorbed().items():
            legacy.setdefault(name, array.shape)
        return self._model().infer_types(legacy, {})

    def _listed(self, found):
        """Of what the engine found: (name, what) of every argument, output and auxiliary state, in three lists."""
        arguments, auxiliary = self.list_arguments(), self.list_auxiliary_states()
        return (
            [(name, found[name]) for name in arguments],
            list(zip(self.list_outputs(), self._of_outputs(found))),
            [(name, found[name]) for name in auxiliary],
        )

    def infer_shape(self, *args, **kwargs):
        """(argument shapes, output shapes, auxiliary shapes); None three times where something does not follow."""
        listed = self._listed(self._shapes(args, kwargs))
        unknown = [(n, shape) for group in listed for n, (shape, _) in group if shape is None or -1 in shape]
        if unknown:
            shown = "\n  ".join(f"{name}: {_legacy(shape)}" for name, shape in unknown[:10])
            warnings.warn(
                "Cannot decide shape for the following arguments (0s in shape means unknown dimensions). "
                f"Consider providing them as input:\n  {shown}",
                stacklevel=2,
            )
            return (None, None, None)
        return tuple([shape for _, (shape, _) in group] for group in listed)

    def infer_shape_partial(self, *args, **kwargs):
        listed = self._listed(self._shapes(args, kwargs))
        return tuple([_legacy(shape) for _, (shape, _) in group] for group in listed)

    def _types(self, args, kwargs):
        known = self._known(args, kwargs, lambda name, value: _array.as_dtype(value))
        return self._model().infer_types({}, {name: _array.as_dtype(value) for name, value in known.items()})

    def infer_type_partial(self, *args, **kwargs):
        listed = self._listed(self._types(args, kwargs))
        return tuple([_type(dtype) for _, (_, dtype) in group] for group in listed)

    def infer_type(self, *args, **kwargs):
        """(argument types, output types, auxiliary types); None three times where something does not follow."""
        result = self.infer_type_partial(*args, **kwargs)
        if any(item is None for group in result for item in group):
            warnings.warn("Cannot decide type for some arguments. Consider providing them as input.", stacklevel=2)
            return (None, None, None)
        return result

    # Binding.

    def simple_bind(
        self, ctx, grad_req="write", type_dict=None, stype_dict=None, group2ctx=None, shared_arg_names=None,
        shared_exec=None, shared_buffer=None, **kwargs,
    ):  # fmt: skip
        """An executor with zero-filled arrays of the shapes that follow; keywords that are no tuple are ignored."""
        from ..executor import simple_bind

        return simple_bind(self, ctx, grad_req, type_dict, shared_arg_names, shared_exec, shared_buffer, kwargs)

    def bind(self, ctx, args, args_grad=None, grad_req="write", aux_states=None, group2ctx=None, shared_exec=None):
        """An executor over the given arrays."""
        from ..executor import bind

        return bind(self, ctx, args, args_grad, grad_req, aux_states)

    def eval(self, ctx=None, **kwargs):
        from ..context import current_context

        return self.bind(ctx or current_context(), kwargs).forward()

    def gradient(self, wrt):
        raise no_training("Symbol.gradient")

    def optimize_for(
        self, backend, args=None, aux=None, ctx=None, shape_dict=None, type_dict=None, stype_dict=None, skip_infer=False,
        **kwargs,
    ):  # fmt: skip
        """The symbol for the accelerated executor. Parameters that its engine nodes hold are removed from `args` and
        `aux`, as MXNet does."""
        optimised = self.get_backend_symbol(backend)
        if optimised is not self:
            optimised._absorb(args, aux)
        return optimised

    def get_backend_symbol(self, backend):
        if backend in ("MKLDNN", "MKLDNN_QUANTIZE", "default", "NONE"):
            return self
        if backend.lower() not in ("tensorrt", "tenon"):
            logging.error("Error optimizing for backend '%s' cannot be found", backend)
            return self
        copy = Symbol(self._expanded())._substituted({})
        nodes = copy._nodes()
        groups = [[nodes[place] for place in group] for group in copy._model().tensorrt_subgraphs()]
        made = Symbol(engine_node.partitioned(copy._outputs, groups), "accelerated")
        made._absorb(self._absorbed())
        return made

    def _absorb(self, *dictionaries):
        """Moves the arrays that engine nodes take out of the dictionaries."""
        given = {name: array for arrays in dictionaries for name, array in (arrays or {}).items()}
        for name in engine_node.absorb(self._outputs, given):
            for arrays in dictionaries:
                (arrays or {}).pop(name, None)
        self._cache.clear()

    # Composition.

    def _substituted(self, replacements):
        """A copy of the graph in which variables are replaced by (node, output) pairs."""
        made = {}
        for node in self._nodes():
            if node.op is None and node.name in replacements:
                made[id(node)] = replacements[node.name]
                continue
            inputs = [(made[id(source)][0], index if source.op else made[id(source)][1]) for source, index in node.inputs]
            made[id(node)] = (Node(node.op, node.name, dict(node.attrs), inputs, node.inner), 0)
        outputs = [(made[id(node)][0], index if node.op else made[id(node)][1]) for node, index in self._outputs]
        return Symbol(outputs, self._backend)

    def __call__(self, *args, **kwargs):
        """A copy with its variables replaced by other symbols."""
        name = kwargs.pop("name", None)
        if args and kwargs:
            raise TypeError("compose only accept input Symbols either as positional or keyword arguments, not both")
        given = dict(zip(self.list_arguments(), args)) if args else kwargs
        for value in given.values():
            if not isinstance(value, Symbol):
                raise TypeError("Compose expect `Symbol` as arguments")
        result = self._substituted({key: value._outputs[0] for key, value in given.items()})
        if name and len(result._outputs) == 1:
            result._outputs[0][0].name = name
        return result

    _compose = __call__

    # Arithmetic.

    def __neg__(self):
        return scalar("_MulScalar", self, -1.0)

    def __abs__(self):
        return self.abs()

    def __add__(self, other):
        return binary("_Plus", "_PlusScalar", self, other)

    __radd__ = __add__

    def __sub__(self, other):
        return binary("_Minus", "_MinusScalar", self, other)

    def __rsub__(self, other):
        return scalar("_RMinusScalar", self, other)

    def __mul__(self, other):
        return binary("_Mul", "_MulScalar", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return binary("_Div", "_DivScalar", self, other)

    def __rtruediv__(self, other):
        return scalar("_RDivScalar", self, other)

    def __mod__(self, other):
        return binary("_Mod", "_ModScalar", self, other)

    def __rmod__(self, other):
        return scalar("_RModScalar", self, other)

    def __pow__(self, other):
        return binary("_Power", "_PowerScalar", self, other)

    def __rpow__(self, other):
        return scalar("_RPowerScalar", self, other)

    def __eq__(self, other):
        return binary("_equal", "_equal_scalar", self, other)

    def __ne__(self, other):
        return binary("_not_equal", "_not_equal_scalar", self, other)

    def __gt__(self, other):
        return binary("_greater", "_greater_scalar", self, other)

    def __ge__(self, other):
        return binary("_greater_equal", "_greater_equal_scalar", self, other)

    def __lt__(self, other):
        return binary("_lesser", "_lesser_scalar", self, other)

    def __le__(self, other):
        return binary("_lesser_equal", "_lesser_equal_scalar", self, other)

    __hash__ = object.__hash__

    # Methods that MXNet has under other rules than the generated ones.

    def astype(self, dtype, copy=True):
        return op("cast")(self, dtype=dtype)

    def reshape(self, *shape, **kwargs):
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            shape = tuple(shape[0])
        elif not shape:
            shape = kwargs.pop("shape")
        return op("reshape")(self, shape=shape, **kwargs)

    def split_v2(self, *args, **kwargs):
        from . import split_v2

        return split_v2(self, *args, **kwargs)

    def as_nd_ndarray(self):
        return self

    def backward(self, *_, **__):
        raise no_training("backward")

    def _not_for_symbols(self, *_, **__):
        raise NotImplementedError("a symbol has no values; bind it and run forward")

    asnumpy = asscalar = copy = wait_to_read = as_in_context = detach = _not_for_symbols


def no_bool():
    return NotImplementedForSymbol("a symbol has no truth value; compare names, or bind it and run forward")


def _hidden(attrs):
    """The attributes as MXNet keeps them: those of its own that are no operator's between underscores."""
    return {f"__{key}__" if key in _HIDDEN else key: value for key, value in attrs.items()}


def _shown(attrs):
    """The attributes as MXNet lists them: its own hidden ones under both spellings."""
    bare = {key[2:-2]: value for key, value in attrs.items() if key[2:-2] in _HIDDEN and key == f"__{key[2:-2]}__"}
    return {**attrs, **bare}


def _legacy(shape):
    return () if shape is None else tuple(0 if dim == -1 else dim for dim in shape)


def _type(dtype):
    return None if dtype is None else dtype if dtype == _array.BFLOAT16 else dtype.type


def _output_of(value, op_name):
    if not isinstance(value, Symbol):
        raise TypeError(f"{op_name}: a Symbol is expected, but got {type(value)}")
    if len(value._outputs) != 1:
        raise MXNetError(f"{op_name}: a grouped symbol of {len(value._outputs)} outputs cannot be one input; index it")
    return value._outputs[0]


def create(op_name, hint, inputs, attributes, name, attr):
    """A node; inputs are symbols by name (or a list, for a variadic operator), missing ones become variables."""
    schema = _ops.find(op_name)
    name = naming.current().get(name, hint)
    attrs = {key: str(value) for key, value in _hidden(attribute.current().get(attr)).items()}
    attrs.update(attributes)
    if isinstance(inputs, list):
        pairs = [_output_of(value, hint) for value in inputs]
    else:
        known = {key: value for key, value in attributes.items() if key in schema.attribute_names}
        wanted = _ops.signature(op_name, known)["inputs"]
        unexpected = [key for key in inputs if key not in wanted]
        if unexpected:
            raise MXNetError(f"{name} ({schema.name}) has no input '{unexpected[0]}'; its inputs are {', '.join(wanted)}")
        pairs = []
        for key in wanted:
            if key in inputs:
                pairs.append(_output_of(inputs[key], hint))
            else:
                initial = {"__init__": _INITIAL[schema.name, key]} if (schema.name, key) in _INITIAL else {}
                pairs.append((Node(None, f"{name}_{key}", {**attrs, **initial}, []), 0))
    node = Node(schema.name, name, attrs, pairs)
    return Symbol([(node, i) for i in range(node.visible)])


def function(op_name, name=None):
    """The function of an operator, with MXNet's signature."""
    schema = _ops.find(op_name)
    parameters, count = schema.parameters, schema.count
    hint = (name or op_name).lower()

    def call(*args, **kwargs):
        node_name, attr = kwargs.pop("name", None), kwargs.pop("attr", None)
        kwargs.pop("out", None)
        hidden = {key: str(kwargs.pop(key)) for key in list(kwargs) if key.startswith("__") and key.endswith("__")}
        if count:
            values = list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else list(args)
            inputs = [value for value in values if isinstance(value, Symbol)]
            if len(inputs) != len(values):
                raise AssertionError(f"Positional arguments must be Symbol instances, but got {values}")
            named = [key for key, value in kwargs.items() if isinstance(value, Symbol)]
            inputs += [kwargs.pop(key) for key in named]
            attributes = _ops.attribute_texts(kwargs)
            attributes.setdefault(count, str(len(inputs)))
        else:
            for parameter, value in zip(parameters, args):
                if parameter in kwargs:
                    raise TypeError(f"{call.__name__}() got multiple values for argument '{parameter}'")
                kwargs[parameter] = value
            inputs = {key: kwargs.pop(key) for key in list(kwargs) if isinstance(kwargs[key], Symbol)}
            for key in schema.inputs:
                if key in kwargs and kwargs[key] is None:
                    del kwargs[key]
            attributes = _ops.attribute_texts(kwargs)
        unknown = [key for key in attributes if key not in schema.attribute_names]
        if unknown and not schema.attribute_names:
            attributes = {}  # an operator without parameters does not mind what it is given
        elif unknown:
            raise MXNetError(
                f"Cannot find argument '{unknown[0]}', Possible Arguments of {schema.name}: "
                f"{', '.join(schema.attribute_names)}"
            )
        return create(op_name, hint, inputs, {**hidden, **attributes}, node_name, attr)

    call._op = op_name
    return _ops.document(call, name or op_name, schema, "Symbol")


_functions = {}


def op(name):
    if name not in _functions:
        _functions[name] = function(name)
    return _functions[name]


def scalar(op_name, symbol, number):
    if not isinstance(number, (int, float)) and not hasattr(number, "item"):
        raise TypeError(f"type {type(number)} not supported")
    text = str(number.item() if hasattr(number, "item") else number)
    return create(op_name, op_name.lower(), [symbol], {"scalar": text}, None, None)


def binary(op_name, scalar_name, lhs, rhs):
    if isinstance(rhs, Symbol):
        return create(op_name, op_name.lower(), [lhs, rhs], {}, None, None)
    return scalar(scalar_name, lhs, rhs)


def Variable(name, attr=None, shape=None, lr_mult=None, wd_mult=None, dtype=None, init=None, stype=None, **kwargs):
    """An input of the network, with hints for inference."""
    if not isinstance(name, str):
        raise TypeError("Expect a string for variable `name`")
    attrs = _hidden(attribute.current().get(attr))
    if shape is not None:
        attrs["__shape__"] = str(tuple(shape))
    if lr_mult is not None:
        attrs["__lr_mult__"] = str(lr_mult)
    if wd_mult is not None:
        attrs["__wd_mult__"] = str(wd_mult)
    if dtype is not None:
        attrs["__dtype__"] = str(_MXNET_TYPES[_array.dtype_name(_array.as_dtype(dtype))])
    if init is not None:
        attrs["__init__"] = init if isinstance(init, str) else init.dumps()
    if stype is not None:
        attrs["__storage_type__"] = str({"default": 0, "row_sparse": 1, "csr": 2}[stype])
    for key, value in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            raise ValueError(
                f"Attribute name={key} is not supported. Additional attributes must start and end with double "
                "underscores, e.g, __yourattr__"
            )
        attrs[key] = str(value)
    return Symbol([(Node(None, name, attrs, []), 0)])


var = Variable


def Group(symbols, create_fn=Symbol):
    """Several symbols as one."""
    symbols = list(symbols)
    if not symbols or any(not isinstance(symbol, Symbol) for symbol in symbols):
        raise TypeError("Expected a list of symbols as input")
    return create_fn([pair for symbol in symbols for pair in symbol._outputs])


def _from_model(model):
    parsed = json.loads(model.json())
    nodes = []
    for row in parsed["nodes"]:
        inputs = [(nodes[item[0]], item[1]) for item in row["inputs"]]
        op_name = None if row["op"] == "null" else row["op"]
        nodes.append(Node(op_name, row["name"], dict(row.get("attrs", {})), inputs))
    return Symbol([(nodes[head[0]], head[1]) for head in parsed["heads"]])


def load_json(json_str):
    """Reads symbol JSON of any MXNet age."""
    if not isinstance(json_str, str):
        raise TypeError("fname required to be string")
    if f'"{engine_node.OP}"' in json_str:
        return Symbol(engine_node.read(json.loads(json_str)))
    return _from_model(Model.from_json(json_str))


def load(fname):
    if not isinstance(fname, (str, os.PathLike)):
        raise TypeError("fname need to be string")
    if not os.path.exists(fname):
        raise MXNetError(f"there is no file '{os.fspath(fname)}'")
    with open(fname, encoding="utf-8") as file:
        return load_json(file.read())


__all__ = ["Group", "Node", "Symbol", "Variable", "create", "function", "load", "load_json", "var", "_Null", "_env"]
