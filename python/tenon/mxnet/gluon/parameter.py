"""Parameters of blocks, with initialisation that waits for shapes."""

import re
from collections import OrderedDict

import numpy as np

from .. import initializer
from .. import ndarray as nd
from .. import symbol as sym
from ..base import MXNetError, no_training
from ..context import Context, cpu, current_context
from ..ndarray.ndarray import as_dtype


class DeferredInitializationError(MXNetError):
    """The shape is not known yet."""


def shape_is_known(shape):
    return shape is not None and all(dim > 0 for dim in shape)


class Parameter:
    """A named array of a block."""

    def __init__(
        self, name, grad_req="write", shape=None, dtype=np.float32, lr_mult=1.0, wd_mult=1.0, init=None,
        allow_deferred_init=False, differentiable=True, stype="default", grad_stype="default",
    ):  # fmt: skip
        self.name = name
        self._shape = (shape,) if isinstance(shape, int) else None if shape is None else tuple(shape)
        self.dtype = dtype
        self.lr_mult, self.wd_mult = lr_mult, wd_mult
        self.init = init
        self.allow_deferred_init = allow_deferred_init
        self.grad_req = grad_req if differentiable else "null"
        self._differentiable = differentiable  # scripts that count weights ask for it
        self._data = None
        self._ctx = None
        self._deferred = None
        self._var = None

    def __repr__(self):
        return f"Parameter {self.name} (shape={self.shape}, dtype={np.dtype(self.dtype).name})"

    @property
    def shape(self):
        return self._shape

    @shape.setter
    def shape(self, new_shape):
        if self._shape is not None:
            fits = len(self._shape) == len(new_shape) and all(i in (0, -1, j) for i, j in zip(self._shape, new_shape))
            if not fits:
                raise AssertionError(f"Expected shape {new_shape} is incompatible with given shape {self._shape}.")
        self._shape = tuple(new_shape)

    def initialize(self, init=None, ctx=None, default_init=None, force_reinit=False):
        """Fills the array, or remembers to once its shape is known."""
        if self._data is not None and not force_reinit:
            return
        self._data = None
        contexts = [ctx] if isinstance(ctx, Context) else list(ctx or [current_context()])
        chosen = init if init is not None else self.init
        default = default_init if default_init is not None else initializer.Uniform()
        self._ctx, self._deferred = contexts, (chosen, default, None)
        if shape_is_known(self._shape):
            self._finish_deferred_init()
        elif not self.allow_deferred_init:
            self._deferred = None
            raise ValueError(f"Cannot initialize Parameter '{self.name}' because it has invalid shape: {self._shape}.")

    def _finish_deferred_init(self):
        if self._deferred is None:
            return
        chosen, default, value = self._deferred
        if not shape_is_known(self._shape):
            raise AssertionError(f"Cannot initialize Parameter '{self.name}': its shape {self._shape} is not known")
        self._deferred = None
        array = nd.zeros(self._shape, self._ctx[0], self.dtype)
        if value is not None:
            array._write(value._data)
        else:
            made = initializer.create(default if chosen is None else chosen)
            if isinstance(made, initializer.Initializer):
                made._init_weight(self.name, array)  # whatever the name says
            else:
                made(initializer.InitDesc(self.name), array)
        self._data = array

    def _check(self):
        if self._data is not None:
            return
        if self._deferred is not None:
            raise DeferredInitializationError(
                f"Parameter '{self.name}' has not been initialized yet because initialization was deferred. Actual "
                "initialization happens during the first forward pass. Please pass one batch of data through the network "
                "before accessing Parameters."
            )
        raise RuntimeError(
            f"Parameter '{self.name}' has not been initialized. Note that you should initialize parameters and create "
            "Trainer with Block.collect_params() instead of Block.params because the later does not include Parameters "
            "of nested child Blocks"
        )

    def data(self, ctx=None):
        self._check()
        return self._data

    def list_data(self):
        self._check()
        return [self._data]

    def list_ctx(self):
        if self._data is None and self._deferred is None:
            raise RuntimeError(f"Parameter '{self.name}' has not been initialized")
        return self._ctx

    def set_data(self, data):
        self.shape = data.shape
        if self._data is None:
            if self._deferred is None:
                raise AssertionError(f"Parameter '{self.name}' has not been initialized")
            self._deferred = (*self._deferred[:2], data)
            return
        self._data._write(data._data if isinstance(data, nd.NDArray) else np.asarray(data))

    def _load_init(self, data, ctx, cast_dtype=False, dtype_source="current"):
        """Takes a loaded array."""
        if self._shape is not None:
            for mine, its in zip(self._shape, data.shape):
                if mine > 0 and mine != its:
                    raise AssertionError(
                        f"Failed loading Parameter '{self.name}' from saved params: shape incompatible expected "
                        f"{self._shape} vs saved {data.shape}"
                    )
        self._shape = data.shape
        if np.dtype(self.dtype) != data._data.dtype:
            if not cast_dtype:
                raise AssertionError(
                    f"Failed loading Parameter '{self.name}' from saved params: dtype incompatible expected "
                    f"{np.dtype(self.dtype)} vs saved {data._data.dtype}. Set cast_dtype=True to cast the dtype of saved params."
                )
            if dtype_source == "current":
                data = data.astype(self.dtype)
            else:
                self.dtype = data.dtype
        contexts = [ctx] if isinstance(ctx, Context) else list(ctx or self._ctx or [cpu()])
        self._ctx, self._deferred = contexts, None
        if self._data is None:
            self._data = data.copyto(contexts[0])
        else:
            self._data._write(data._data)

    def cast(self, dtype):
        self.dtype = dtype
        if self._data is not None:
            self._data = self._data.astype(as_dtype(dtype))
        self._var = None

    def reset_ctx(self, ctx):
        self._ctx = [ctx] if isinstance(ctx, Context) else list(ctx)
        if self._data is not None:
            self._data = self._data.as_in_context(self._ctx[0])

    def var(self):
        if self._var is None:
            self._var = sym.var(
                self.name, shape=self.shape, dtype=self.dtype, lr_mult=self.lr_mult, wd_mult=self.wd_mult, init=self.init,
                stype="default",
            )
        return self._var

    def grad(self, ctx=None):
        raise no_training("Parameter.grad")

    list_grad = grad

    def zero_grad(self):
        """There are no gradients."""


class Constant(Parameter):
    """A parameter that is never trained."""

    def __init__(self, name, value):
        value = value if isinstance(value, nd.NDArray) else nd.array(value)
        self.value = value
        super().__init__(name, "null", value.shape, value.dtype, init=_Value(value))


class _Value(initializer.Initializer):
    def __init__(self, value):
        super().__init__()
        self._value = value

    def _init_weight(self, _, arr):
        arr[:] = self._value


class ParameterDict:
    """Parameters by full name; `get` makes them under a prefix."""

    def __init__(self, prefix="", shared=None):
        self._prefix = prefix
        self._params = OrderedDict()
        self._shared = shared

    prefix = property(lambda self: self._prefix)

    def __repr__(self):
        rows = "\n".join(f"  {parameter!r}" for parameter in self.values())
        return f"{self._prefix or ''} (\n{rows}\n)"

    def __getitem__(self, key):
        return self._params[key]

    def __iter__(self):
        return iter(self._params)

    def __len__(self):
        return len(self._params)

    def __contains__(self, key):
        return key in self._params

    def items(self):
        return self._params.items()

    def keys(self):
        return self._params.keys()

    def values(self):
        return self._params.values()

    def _known(self, name):
        if name in self._params:
            return self._params[name]
        if self._shared is not None and name in self._shared._params:
            self._params[name] = self._shared._params[name]
            return self._params[name]
        return None

    def get(self, name, **kwargs):
        full = self._prefix + name
        known = self._known(full)
        if known is None:
            known = self._params[full] = Parameter(full, **kwargs)
        elif kwargs.get("shape") is not None and known.shape is not None:
            shape = kwargs["shape"]
            shape = (shape,) if isinstance(shape, int) else tuple(shape)
            merged = tuple(j if i in (0, -1) else i for i, j in zip(known.shape, shape))
            known.shape = merged
        return known

    def get_constant(self, name, value=None):
        full = self._prefix + name
        known = self._known(full)
        if known is None:
            if value is None:
                raise KeyError(f"No constant named '{full}'. Please specify value if you want to create a new constant.")
            known = self._params[full] = Constant(full, value)
        return known

    def update(self, other):
        for name, parameter in other.items():
            if name in self._params and self._params[name] is not parameter:
                raise AssertionError(f"Cannot update self with other because they have different Parameters with the same name '{name}'")
            self._params[name] = parameter

    def initialize(self, init=None, ctx=None, verbose=False, force_reinit=False):
        for parameter in self.values():
            parameter.initialize(None, ctx, init or initializer.Uniform(), force_reinit=force_reinit)

    def reset_ctx(self, ctx):
        for parameter in self.values():
            parameter.reset_ctx(ctx)

    def list_ctx(self):
        return list(dict.fromkeys(ctx for parameter in self.values() for ctx in parameter.list_ctx()))

    def setattr(self, name, value):
        for parameter in self.values():
            setattr(parameter, name, value)

    def zero_grad(self):
        """There are no gradients."""

    def save(self, filename, strip_prefix=""):
        arrays = {}
        for name, parameter in self.items():
            if not name.startswith(strip_prefix):
                raise ValueError(f"Prefix '{strip_prefix}' is to be striped before saving, but Parameter's name '{name}' does not start with it.")
            arrays[name[len(strip_prefix) :]] = parameter.data()
        nd.save(filename, arrays)

    def load(
        self, filename, ctx=None, allow_missing=False, ignore_extra=False, restore_prefix="", cast_dtype=False,
        dtype_source="current",
    ):  # fmt: skip
        loaded = nd.load(filename)
        self._load(
            {restore_prefix + re.sub("^(arg:|aux:)", "", name): array for name, array in loaded.items()},
            str(filename), ctx, allow_missing, ignore_extra, cast_dtype, dtype_source,
        )  # fmt: skip

    def _load(self, arrays, source, ctx, allow_missing, ignore_extra, cast_dtype, dtype_source):
        missing = [name for name in self.keys() if name not in arrays]
        if missing and not allow_missing:
            raise AssertionError(f"Parameter '{missing[0]}' is missing in file '{source}'. Set allow_missing=True to ignore missing parameters.")
        for name, array in arrays.items():
            if name in self._params:
                self._params[name]._load_init(array, ctx, cast_dtype, dtype_source)
            elif not ignore_extra:
                raise AssertionError(
                    f"Parameter '{name}' loaded from file '{source}' is not present in ParameterDict, choices are: "
                    f"{', '.join(list(self.keys())[:10])}. Set ignore_extra=True to ignore. "
                )
