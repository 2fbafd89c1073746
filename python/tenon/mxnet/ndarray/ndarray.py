"""NDArray: MXNet's array, over NumPy memory; operators run in the engine."""

import operator

import numpy as np

from ... import _array
from .. import _imperative, _ops
from ..base import MXNetError, _Null, no_training
from ..context import Context, cpu, current_context, device_of

_CODES = {0: "float32", 1: "float64", 2: "float16", 3: "uint8", 4: "int32", 5: "int8", 6: "int64", 7: "bool"}


#: Counts every write to any array, so that "nothing was written" is one comparison.
clock = [0]


def as_dtype(dtype):
    """A NumPy dtype; None is MXNet's default."""
    if dtype is None or dtype is _Null:
        return np.dtype(np.float32)
    return _array.as_dtype(_CODES.get(dtype, dtype) if isinstance(dtype, int) else dtype)


class NDArray:
    """An array in memory with a context.

    ``_data`` is the NumPy array; ``_version`` counts writes and is shared by views, so that an executor sees when a
    parameter was written.
    """

    __slots__ = ("_data", "_version", "_context", "_grad", "__weakref__")
    __array_priority__ = 1000.0
    stype = "default"
    writable = True

    def __init__(self, data, context=None, version=None):
        self._data = data
        self._context = context or current_context()
        self._version = version if version is not None else [0]
        self._grad = None

    # What it is.

    @property
    def shape(self):
        return self._data.shape

    @property
    def size(self):
        return self._data.size

    @property
    def ndim(self):
        return self._data.ndim

    @property
    def dtype(self):
        dtype = self._data.dtype
        return dtype if dtype == _array.BFLOAT16 else dtype.type

    @property
    def context(self):
        return self._context

    ctx = context

    @property
    def T(self):
        return self.transpose()

    @property
    def grad(self):
        return self._grad

    @property
    def handle(self):
        return self._data.ctypes.data

    def __repr__(self):
        shape = "x".join(str(dim) for dim in self.shape)
        return f"\n{self.asnumpy()}\n<NDArray {shape} @{self._context}>"

    def __len__(self):
        return self.shape[0]

    def __bool__(self):
        if self.size == 0:
            return False
        if self.size == 1:
            return bool(self.asscalar())
        raise ValueError("The truth value of an NDArray with multiple elements is ambiguous.")

    __nonzero__ = __bool__

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    def __getstate__(self):
        return {"data": self._data, "context": (self._context.device_type, self._context.device_id)}

    def __setstate__(self, state):
        self.__init__(state["data"], Context(*state["context"]))

    def __reduce__(self):
        return (_unpickle, (self._data, self._context.device_type, self._context.device_id))

    # Out of the array.

    def asnumpy(self):
        return self._data.copy()

    def __array__(self, dtype=None, copy=None):
        return self._data.astype(dtype) if dtype is not None else self._data.copy()

    def asscalar(self):
        if self.size != 1:
            raise ValueError("The current array is not a scalar")
        return self._data.reshape(-1)[0]

    def item(self):
        return self.asscalar().item()

    def tolist(self):
        return self._data.tolist()

    def wait_to_read(self):
        """Forward has waited already."""

    wait_to_write = wait_to_read

    def __dlpack__(self, stream=None, **_):
        return self._data.__dlpack__()

    def __dlpack_device__(self):
        return (1, 0)

    def to_dlpack_for_read(self):
        return self._data.__dlpack__()

    def to_dlpack_for_write(self):
        self._touch()
        return self._data.__dlpack__()

    # Copies.

    def copy(self):
        return NDArray(self._data.copy(), self._context)

    def copyto(self, other):
        if isinstance(other, Context):
            device_of(other)
            return NDArray(self._data.copy(), other)
        if isinstance(other, NDArray):
            if other._data is self._data:
                return other
            if other.shape != self.shape:
                raise MXNetError(f"copyto: the shapes differ: {self.shape} and {other.shape}")
            other._write(self._data)
            return other
        raise TypeError(f"copyto does not support type {type(other)}")

    def as_in_context(self, context):
        return self if context == self._context else self.copyto(context)

    as_in_ctx = as_in_context

    def as_nd_ndarray(self):
        return self

    def astype(self, dtype, copy=True):
        wanted = as_dtype(dtype)
        if not copy and wanted == self._data.dtype:
            return self
        return NDArray(_convert(self._data, wanted), self._context)

    def tostype(self, stype):
        if stype != "default":
            raise MXNetError(f"the storage type '{stype}' is sparse; Tenon's arrays are dense")
        return self

    def detach(self):
        return NDArray(self._data, self._context, self._version)

    def attach_grad(self, grad_req="write", stype=None):
        raise no_training("attach_grad")

    def backward(self, *_, **__):
        raise no_training("backward")

    def _write(self, values):
        self._data[...] = _convert(np.asarray(values), self._data.dtype) if values is not self._data else values
        self._touch()

    def _touch(self):
        self._version[0] += 1
        clock[0] += 1

    def _view(self, data):
        return NDArray(data, self._context, self._version)

    # Shapes.

    def reshape(self, *shape, **kwargs):
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            shape = tuple(shape[0])
        elif not shape:
            shape = kwargs.get("shape")
            assert shape, "Shape must be provided."
            shape = (shape,) if isinstance(shape, int) else shape
        if set(kwargs) - {"shape", "reverse"}:
            raise TypeError(f"Got unknown keywords in reshape: {', '.join(kwargs)}. Accepted: 'shape' and 'reverse'.")
        target = _reshaped(self.shape, tuple(int(dim) for dim in shape), bool(kwargs.get("reverse", False)))
        return self._view(self._data.reshape(target))

    def reshape_view(self, shape):
        return self.reshape(shape)

    # Indexing.

    def _key(self, key):
        items = key if isinstance(key, tuple) else (key,)
        return tuple([_index(item) for item in items])

    def __getitem__(self, key):
        result = self._data[self._checked(self._key(key))]
        if np.ndim(result) == 0:
            if isinstance(result, np.ndarray):
                return self._view(result.reshape(1))
            # A view where NumPy gives a number, so that it can be written.
            ranges = tuple(slice(i % n, i % n + 1) for i, n in zip(self._full_index(key), self.shape))
            return self._view(self._data[ranges].reshape(1))
        if not np.shares_memory(result, self._data):
            return NDArray(result, self._context)
        return self._view(result) if result.flags.c_contiguous else NDArray(result.copy(), self._context)

    def _full_index(self, key):
        items = key if isinstance(key, tuple) else (key,)
        return [int(item) for item in items if item is not None and item is not Ellipsis]

    def _checked(self, key):
        if len(key) > 0 and all(isinstance(item, (int, np.integer)) for item in key):
            for axis, (item, size) in enumerate(zip(key, self.shape)):
                if not -size <= item < size:
                    raise IndexError(f"index {item} is out of bounds for axis {axis} with size {size}")
        return key

    def __setitem__(self, key, value):
        if isinstance(value, NDArray):
            value = value._data
        wanted = self._data.dtype
        if isinstance(value, np.ndarray) and value.dtype != wanted:
            value = _convert(value, wanted)
        key = self._key(key)
        try:
            self._data[key] = value
        except ValueError:
            target = self._data[key]
            if np.size(value) != target.size:
                raise
            self._data[key] = np.asarray(value).reshape(target.shape)
        self._touch()

    def slice_assign(self, value, begin, end, step=()):
        steps = step or (None,) * len(begin)
        self[tuple(slice(*item) for item in zip(begin, end, steps))] = value
        return self

    def slice_assign_scalar(self, value, begin, end, step=()):
        return self.slice_assign(value, begin, end, step)

    # Arithmetic.

    def __neg__(self):
        return _invoke_scalar("_mul_scalar", self, -1.0)

    def __abs__(self):
        return self.abs()

    def __add__(self, other):
        return add(self, other)

    __radd__ = __add__

    def __sub__(self, other):
        return subtract(self, other)

    def __rsub__(self, other):
        return subtract(other, self)

    def __mul__(self, other):
        return multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return divide(self, other)

    def __rtruediv__(self, other):
        return divide(other, self)

    def __mod__(self, other):
        return modulo(self, other)

    def __rmod__(self, other):
        return modulo(other, self)

    def __pow__(self, other):
        return power(self, other)

    def __rpow__(self, other):
        return power(other, self)

    def __eq__(self, other):
        return equal(self, other) if other is not None else False

    def __ne__(self, other):
        return not_equal(self, other) if other is not None else True

    def __gt__(self, other):
        return greater(self, other)

    def __ge__(self, other):
        return greater_equal(self, other)

    def __lt__(self, other):
        return lesser(self, other)

    def __le__(self, other):
        return lesser_equal(self, other)

    __hash__ = object.__hash__

    def _in_place(self, result):
        if result.shape != self.shape:
            raise MXNetError(f"the result has shape {result.shape}, but is to be written into {self.shape}")
        self._write(result._data)
        return self

    def __iadd__(self, other):
        return self._in_place(add(self, other))

    def __isub__(self, other):
        return self._in_place(subtract(self, other))

    def __imul__(self, other):
        return self._in_place(multiply(self, other))

    def __itruediv__(self, other):
        return self._in_place(divide(self, other))

    def __imod__(self, other):
        return self._in_place(modulo(self, other))


def _unpickle(data, device_type, device_id):
    return NDArray(data, Context(device_type, device_id))


def _convert(data, dtype):
    """A copy in another element type, as MXNet's Cast converts it."""
    if dtype == data.dtype:
        return data.copy()
    if _array.BFLOAT16 in (dtype, data.dtype):
        source = data if data.ndim else data.reshape(1)
        return _imperative.run("Cast", {"dtype": _array.dtype_name(dtype)}, [_array.as_array(source)])[0].reshape(data.shape)
    return data.astype(dtype)


def _index(item):
    if isinstance(item, NDArray):
        return item._data if item._data.dtype == np.bool_ else item._data.astype(np.int64)
    if isinstance(item, (list, np.ndarray)):
        array = np.asarray(item)
        return array if array.dtype == np.bool_ else array.astype(np.int64)
    if isinstance(item, slice):
        return slice(*(None if part is None else operator.index(part) for part in (item.start, item.stop, item.step)))
    return item


def _reshaped(source, target, reverse):
    """The shape that MXNet's reshape codes mean."""
    if reverse or any(dim < -1 for dim in target):
        schema = {"shape": str(target), "reverse": str(reverse)}
        from ...model import Model  # shape rules live in the engine

        network = _imperative._network("Reshape", schema, 1)
        found = Model.from_json(network).infer_types({"in0": source}, {})["node_output"][0]
        if found is None or -1 in found:
            raise MXNetError(f"cannot reshape {source} to {target}")
        return found
    dims = [source[axis] if dim == 0 and axis < len(source) else dim for axis, dim in enumerate(target)]
    known = 1
    for dim in dims:
        known *= dim if dim != -1 else 1
    size = 1
    for dim in source:
        size *= dim
    if -1 not in dims and known < size:  # MXNet's library lets it pass, its Python does not
        raise ValueError(f"Cannot reshape array of size {size} into shape {tuple(target)}")
    if dims.count(-1) > 1 or (known and size % known) or (-1 not in dims and known > size):
        raise MXNetError(f"cannot reshape an array of shape {source} into shape {tuple(target)}")
    return tuple(dims)


def _taken(value):
    """The memory of an operand, C-contiguous."""
    if isinstance(value, NDArray):
        data = value._data
    else:
        data = np.asarray(value)
        data = data.astype(np.float32) if data.dtype.kind == "f" else data
    return data if data.flags.c_contiguous else np.ascontiguousarray(data)


def invoke(op, inputs, attributes, out=None):
    """Runs an operator; one visible output comes bare, several as a list."""
    context = inputs[0]._context if inputs and isinstance(inputs[0], NDArray) else current_context()
    arrays = [_taken(value) for value in inputs]
    results = _imperative.run(op, attributes, arrays)
    if out is not None:
        targets = out if isinstance(out, (list, tuple)) else [out]
        for target, result in zip(targets, results):
            if target.shape != result.shape:
                target._data = np.empty(result.shape, target._data.dtype) if target.size == 0 else target._data
            target._write(result)
        return out
    made = [NDArray(result, context) for result in results]
    return made[0] if len(made) == 1 else made


def function(op, name=None):
    """The function of an operator, with MXNet's signature."""
    schema = _ops.find(op)
    parameters, count = schema.parameters, schema.count

    def call(*args, **kwargs):
        out = kwargs.pop("out", None)
        kwargs.pop("name", None)
        context = kwargs.get("ctx", _Null)
        if isinstance(context, Context):
            kwargs["ctx"] = f"{context.device_type}({context.device_id})"
        elif context is None:
            del kwargs["ctx"]
        if count:
            values = list(args[0]) if len(args) == 1 and isinstance(args[0], (list, tuple)) else list(args)
            named = kwargs.pop("data", None)
            values += list(named) if isinstance(named, (list, tuple)) else []
            attributes = _ops.attribute_texts(kwargs)
            attributes.setdefault(count, str(len(values)))
            return invoke(op, values, attributes, out)
        if len(args) > len(parameters):
            args, beyond = args[: len(parameters)], args[len(parameters) :]
            out = beyond[0] if out is None else out
        for parameter, value in zip(parameters, args):
            if parameter in kwargs:
                raise TypeError(f"{call.__name__}() got multiple values for argument '{parameter}'")
            kwargs[parameter] = value
        values = []
        for parameter in schema.inputs:
            value = kwargs.get(parameter)
            if value is None or isinstance(value, (NDArray, np.ndarray)):
                kwargs.pop(parameter, None)
                if value is not None:
                    values.append(value)
            elif parameter not in schema.attribute_names:
                raise TypeError(f"Argument {parameter} must have NDArray type, but got {value!r}")
        # An operator without parameters does not mind what it is given.
        return invoke(op, values, _ops.attribute_texts(kwargs) if schema.attribute_names else {}, out)

    call._op = op
    return _ops.document(call, name or op, schema, "NDArray")


_functions = {}


def _op(name):
    if name not in _functions:
        _functions[name] = function(name)
    return _functions[name]


#: Operators that are methods of arrays (and of symbols).
METHODS = (
    "abs arccos arccosh arcsin arcsinh arctan arctanh argmax argmax_channel argmin argsort broadcast_axes broadcast_like "
    "broadcast_to cbrt ceil clip cos cosh degrees depth_to_space diag exp expand_dims expm1 fix flatten flip floor log "
    "log10 log1p log2 log_softmax max mean min nanprod nansum norm one_hot ones_like pad pick prod radians rcbrt "
    "reciprocal relu repeat reshape_like rint round rsqrt shape_array sigmoid sign sin sinh size_array slice slice_axis "
    "slice_like softmax softmin sort space_to_depth split sqrt square squeeze sum swapaxes take tan tanh tile topk "
    "transpose trunc zeros_like"
).split()
_FULL_NAMES = {"flatten": "Flatten", "pad": "Pad", "split": "SliceChannel", "swapaxes": "SwapAxis"}


def _method(name):
    full = _FULL_NAMES.get(name, name)

    def call(self, *args, **kwargs):
        if name in ("transpose", "broadcast_to", "tile", "expand_dims", "flip", "squeeze") and len(args) > 1:
            args = (args,)
        return _op(full)(self, *args, **kwargs)

    call.__name__ = name
    call.__doc__ = f"The function `{name}` of this array."
    return call


for _name in METHODS:
    if _ops.find(_FULL_NAMES.get(_name, _name)):
        setattr(NDArray, _name, _method(_name))


def _invoke_scalar(op, array, scalar):
    return invoke(op, [array], {"scalar": repr(float(scalar))})


def _binary(name, same, scalar_op, reverse_op):
    def call(lhs, rhs):
        left, right = isinstance(lhs, NDArray), isinstance(rhs, NDArray)
        if left and right:
            return invoke(same, [lhs, rhs], {})
        if left and isinstance(rhs, (int, float, np.generic)):
            return _invoke_scalar(scalar_op, lhs, rhs)
        if right and isinstance(lhs, (int, float, np.generic)):
            return _invoke_scalar(reverse_op, rhs, lhs)
        if isinstance(lhs, (int, float)) and isinstance(rhs, (int, float)):
            return getattr(operator, {"add": "add", "multiply": "mul", "subtract": "sub", "divide": "truediv"}[name])(lhs, rhs)
        raise TypeError(f"type {type(rhs if left else lhs)} not supported")

    call.__name__ = name
    call.__doc__ = f"Element-wise `{name}` with broadcasting; either side may be a number."
    return call


add = _binary("add", "broadcast_add", "_plus_scalar", "_plus_scalar")
subtract = _binary("subtract", "broadcast_sub", "_minus_scalar", "_rminus_scalar")
multiply = _binary("multiply", "broadcast_mul", "_mul_scalar", "_mul_scalar")
divide = _binary("divide", "broadcast_div", "_div_scalar", "_rdiv_scalar")
true_divide = divide
modulo = _binary("modulo", "broadcast_mod", "_mod_scalar", "_rmod_scalar")
power = _binary("power", "broadcast_power", "_power_scalar", "_rpower_scalar")
maximum = _binary("maximum", "broadcast_maximum", "_maximum_scalar", "_maximum_scalar")
minimum = _binary("minimum", "broadcast_minimum", "_minimum_scalar", "_minimum_scalar")
equal = _binary("equal", "broadcast_equal", "_equal_scalar", "_equal_scalar")
not_equal = _binary("not_equal", "broadcast_not_equal", "_not_equal_scalar", "_not_equal_scalar")
greater = _binary("greater", "broadcast_greater", "_greater_scalar", "_lesser_scalar")
greater_equal = _binary("greater_equal", "broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar")
lesser = _binary("lesser", "broadcast_lesser", "_lesser_scalar", "_greater_scalar")
lesser_equal = _binary("lesser_equal", "broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar")
logical_and = _binary("logical_and", "broadcast_logical_and", "_logical_and_scalar", "_logical_and_scalar")
logical_or = _binary("logical_or", "broadcast_logical_or", "_logical_or_scalar", "_logical_or_scalar")
logical_xor = _binary("logical_xor", "broadcast_logical_xor", "_logical_xor_scalar", "_logical_xor_scalar")


# Creation.


def _placed(data, ctx):
    context = Context(ctx) if ctx is not None else current_context()
    device_of(context)
    return NDArray(data, context)


def _dims(shape):
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(dim) for dim in shape)


def array(source_array, ctx=None, dtype=None):
    """A copy; float32 unless the source has a type (NDArray) or `dtype` says otherwise."""
    if isinstance(source_array, NDArray):
        dtype = source_array._data.dtype if dtype is None else dtype
        source_array = source_array._data
    elif isinstance(source_array, (list, tuple)) and any(isinstance(item, NDArray) for item in source_array):
        source_array = [item.asnumpy() if isinstance(item, NDArray) else item for item in source_array]
    data = _convert(np.asarray(source_array), as_dtype(dtype))
    return _placed(np.ascontiguousarray(data).reshape(data.shape), ctx)


def empty(shape, ctx=None, dtype=None):
    return zeros(shape, ctx, dtype)


def zeros(shape, ctx=None, dtype=None, **_):
    return _placed(np.zeros(_dims(shape), as_dtype(dtype)), ctx)


def ones(shape, ctx=None, dtype=None, **_):
    return full(shape, 1, ctx, dtype)


def full(shape, val, ctx=None, dtype=None, out=None):
    wanted = as_dtype(dtype)
    data = _convert(np.full(_dims(shape), val, np.float64), wanted)
    if out is not None:
        out._write(data)
        return out
    return _placed(data, ctx)


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, ctx=None, dtype="float32"):
    begin, end = (0, start) if stop is None else (start, stop)
    return _placed(np.repeat(np.arange(begin, end, step), repeat).astype(as_dtype(dtype)), ctx)


def linspace(start, stop, num, endpoint=True, ctx=None, dtype="float32"):
    return _placed(np.linspace(start, stop, num, endpoint).astype(as_dtype(dtype)), ctx)


def eye(N, M=0, k=0, ctx=None, dtype=None, **_):
    return _placed(np.eye(N, M or None, k, as_dtype(dtype)), ctx)


def from_numpy(ndarray, zero_copy=True):
    if not ndarray.flags.c_contiguous:
        raise ValueError("Only c-contiguous arrays are supported for zero-copy")
    return NDArray(ndarray if zero_copy else ndarray.copy(), cpu())


def concatenate(arrays, axis=0, always_copy=True):
    if len(arrays) == 1 and not always_copy:
        return arrays[0]
    return NDArray(np.concatenate([item._data for item in arrays], axis=axis), arrays[0]._context)


def moveaxis(tensor, source, destination):
    return NDArray(np.ascontiguousarray(np.moveaxis(tensor._data, source, destination)), tensor._context)


def split_v2(ary, indices_or_sections, axis=0, squeeze_axis=False):
    parts = np.split(ary._data, indices_or_sections, axis)
    parts = [np.squeeze(part, axis) if squeeze_axis else part for part in parts]
    made = [NDArray(np.ascontiguousarray(part), ary._context) for part in parts]
    return made[0] if len(made) == 1 else made


def onehot_encode(indices, out):
    out._write(np.eye(out.shape[1], dtype=out._data.dtype)[indices._data.astype(np.int64)])
    return out


def imdecode(str_img, clip_rect=(0, 0, 0, 0), out=None, index=0, channels=3, mean=None):
    from .. import image

    return image.imdecode(str_img, 1 if channels == 3 else 0)


def waitall():
    """Everything has been waited for already."""


class _Capsule:
    def __init__(self, capsule):
        self._capsule = capsule

    def __dlpack__(self, **_):
        return self._capsule

    def __dlpack_device__(self):
        return (1, 0)


def from_dlpack(dlpack):
    """An array that shares the memory of a DLPack capsule, or of anything with `__dlpack__`."""
    source = dlpack if hasattr(dlpack, "__dlpack__") else _Capsule(dlpack)
    return NDArray(_array._from_dlpack(source), cpu())


def to_dlpack_for_read(data):
    return data.to_dlpack_for_read()


def to_dlpack_for_write(data):
    return data.to_dlpack_for_write()


NDArray.split_v2 = lambda self, *args, **kwargs: split_v2(self, *args, **kwargs)
