"""Initial values of parameters. Random ones are NumPy's, not MXNet's numbers."""

import json
import math
import re

import numpy as np

from .ndarray.random import _state

_registry = {}


def register(cls):
    _registry[cls.__name__.lower()] = cls
    return cls


class InitDesc(str):
    """The name of an array to initialise, with its attributes."""

    def __new__(cls, name, attrs=None, global_init=None):
        made = super().__new__(cls, name)
        made.attrs = attrs or {}
        made.global_init = global_init
        return made


class Initializer:
    """Fills arrays by their names: weights by the subclass, biases and means with 0, scales and variances with 1."""

    def __init__(self, **kwargs):
        self._kwargs = kwargs

    def dumps(self):
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self._kwargs.items())})"

    def __eq__(self, other):
        return type(self) is type(other) and self._kwargs == other._kwargs

    __hash__ = object.__hash__

    def __call__(self, desc, arr):
        written = getattr(desc, "attrs", {}).get("__init__", "")
        if written:
            create(written)._init_weight(desc, arr)
        elif desc.endswith("bias") or desc.endswith("beta"):
            arr[:] = 0.0
        elif desc.endswith("gamma"):
            arr[:] = 1.0
        elif not isinstance(desc, InitDesc) and re.search("moving_(mean|inv_var|avg)$", desc):
            arr[:] = 0.0  # names without attributes, as the first versions gave them
        elif not isinstance(desc, InitDesc) and desc.endswith("moving_var"):
            arr[:] = 1.0
        elif desc.endswith("min") or desc.endswith("max"):
            arr[:] = float(desc.endswith("max"))
        elif desc.endswith("weight"):
            self._init_weight(desc, arr)
        else:
            self._init_default(desc)

    def init_weight(self, name, arr):
        self._init_weight(name, arr)

    def _init_default(self, name):
        raise ValueError(
            f"Unknown initialization pattern for {name}. Default initialization is now limited to \"weight\", \"bias\", "
            "\"gamma\" (1.0), and \"beta\" (0.0). Please use mx.sym.Variable(init=mx.init.*) to set initialization pattern"
        )


@register
class Zero(Initializer):
    def _init_weight(self, _, arr):
        arr[:] = 0.0


@register
class One(Initializer):
    def _init_weight(self, _, arr):
        arr[:] = 1.0


_registry.update(zeros=Zero, ones=One)


@register
class Constant(Initializer):
    def __init__(self, value=0.0):
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, _, arr):
        arr[:] = self.value


@register
class Uniform(Initializer):
    def __init__(self, scale=0.07):
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, _, arr):
        arr[:] = _state.uniform(-self.scale, self.scale, arr.shape)


@register
class Normal(Initializer):
    def __init__(self, sigma=0.01):
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, _, arr):
        arr[:] = _state.normal(0, self.sigma, arr.shape)


@register
class Orthogonal(Initializer):
    def __init__(self, scale=1.414, rand_type="uniform"):
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale, self.rand_type = scale, rand_type

    def _init_weight(self, _, arr):
        rows, columns = arr.shape[0], int(np.prod(arr.shape[1:]))
        draw = _state.uniform(-1, 1, (rows, columns)) if self.rand_type == "uniform" else _state.normal(0, 1, (rows, columns))
        u, _, v = np.linalg.svd(draw, full_matrices=False)
        arr[:] = self.scale * (u if u.shape == draw.shape else v).reshape(arr.shape)


@register
class Xavier(Initializer):
    """Scaled by the number of inputs and outputs."""

    def __init__(self, rnd_type="uniform", factor_type="avg", magnitude=3):
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        self.rnd_type, self.factor_type, self.magnitude = rnd_type, factor_type, float(magnitude)

    def _init_weight(self, name, arr):
        if arr.ndim < 2:
            raise ValueError(f"Xavier initializer cannot be applied to vector {name}. It requires at least 2D.")
        window = float(np.prod(arr.shape[2:]))
        fan_in, fan_out = arr.shape[1] * window, arr.shape[0] * window
        factor = {"avg": (fan_in + fan_out) / 2, "in": fan_in, "out": fan_out}.get(self.factor_type)
        if factor is None:
            raise ValueError("Incorrect factor type")
        scale = math.sqrt(self.magnitude / factor)
        if self.rnd_type == "uniform":
            arr[:] = _state.uniform(-scale, scale, arr.shape)
        elif self.rnd_type == "gaussian":
            arr[:] = _state.normal(0, scale, arr.shape)
        else:
            raise ValueError("Unknown random type")


@register
class MSRAPrelu(Xavier):
    def __init__(self, factor_type="avg", slope=0.25):
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


@register
class Bilinear(Initializer):
    """The weights of an upsampling deconvolution."""

    def _init_weight(self, _, arr):
        height, width = arr.shape[2:]
        factor = np.ceil(width / 2.0)
        centre = (2 * factor - 1 - factor % 2) / (2.0 * factor)
        x = 1 - np.abs(np.arange(width) / factor - centre)
        y = 1 - np.abs(np.arange(height) / factor - centre)
        arr[:] = np.broadcast_to(np.outer(y, x), arr.shape)


@register
class LSTMBias(Initializer):
    """Zeros, but for the forget gate."""

    def __init__(self, forget_bias=1.0):
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = forget_bias

    def _init_weight(self, _, arr):
        hidden = arr.shape[0] // 4
        arr[:] = 0.0
        arr[hidden : 2 * hidden] = self.forget_bias


@register
class FusedRNN(Initializer):
    """The one vector of a FusedRNNCell: gate by gate by another initialiser, the forget gate's bias by a number."""

    def __init__(self, init, num_hidden, num_layers, mode, bidirectional=False, forget_bias=1.0):
        init = create(init)
        super().__init__(
            init=init.dumps() if init is not None else None, num_hidden=num_hidden, num_layers=num_layers, mode=mode,
            bidirectional=bidirectional, forget_bias=forget_bias,
        )  # fmt: skip
        self._init = init

    def _init_weight(self, desc, arr):
        from .rnn import FusedRNNCell

        how = {name: value for name, value in self._kwargs.items() if name != "init"}
        cell = FusedRNNCell(prefix="", **how)
        parts = cell.unpack_weights({"parameters": arr})
        for name, part in parts.items():
            given = InitDesc(name, global_init=getattr(desc, "global_init", None))
            if how["mode"] == "lstm" and name.endswith("_f_bias"):
                part[:] = how["forget_bias"]
            elif self._init is not None:
                self._init(given, part)
            else:
                given.global_init(given, part)
        arr[:] = cell.pack_weights(parts)["parameters"]


class Load:
    """Values from a file or a dict, else from another initialiser."""

    def __init__(self, param, default_init=None, verbose=False):
        if isinstance(param, str):
            from .ndarray import load

            param = load(param)
        self.param = {k[4:] if k.startswith(("arg:", "aux:")) else k: v for k, v in param.items()}
        self.default_init = default_init

    def __call__(self, name, arr):
        if name in self.param:
            arr[:] = self.param[name]
        elif self.default_init is None:
            raise AssertionError(f"Cannot Initialize {name}. Not found in loaded param and no default Initializer is provided.")
        else:
            self.default_init(name, arr)


class Mixed:
    """The first initialiser whose pattern matches the name."""

    def __init__(self, patterns, initializers):
        self.map = [(re.compile(pattern), init) for pattern, init in zip(patterns, initializers)]

    def __call__(self, name, arr):
        for pattern, init in self.map:
            if pattern.match(name):
                return init(name, arr)
        raise ValueError(f"Parameter name {name} did not match any pattern.")


def create(init, **kwargs):
    """From an instance, a name, or the text of `dumps`."""
    if init is None or isinstance(init, (Initializer, Load, Mixed)):
        return init
    if isinstance(init, type):
        return init(**kwargs)
    if init.startswith("["):
        name, kwargs = json.loads(init)
        return _registry[name.lower()](**kwargs)
    if init.lower() not in _registry:
        raise ValueError(f"Cannot find initializer {init}; there are {', '.join(sorted(_registry))}")
    return _registry[init.lower()](**kwargs)
