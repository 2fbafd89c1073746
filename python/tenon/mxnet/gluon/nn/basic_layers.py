"""Containers, dense layers, normalisation, embedding."""

import warnings

import numpy as np

from ... import ndarray as nd
from ... import symbol as sym
from ..block import Block, HybridBlock
from .activations import Activation

__all__ = [
    "BatchNorm", "BatchNormReLU", "Dense", "Dropout", "Embedding", "Flatten", "GroupNorm", "HybridLambda",
    "HybridSequential", "InstanceNorm", "Lambda", "LayerNorm", "Sequential",
]  # fmt: skip


class _Container:
    """What both kinds of sequences share."""

    def add(self, *blocks):
        for block in blocks:
            self.register_child(block)

    def __len__(self):
        return len(self._children)

    def __iter__(self):
        return iter(self._children.values())

    def __getitem__(self, key):
        layers = list(self._children.values())[key]
        if not isinstance(layers, list):
            return layers
        part = type(self)(prefix=self._prefix)
        with part.name_scope():
            part.add(*layers)
        return part


class Sequential(_Container, Block):
    """Blocks one after another."""

    def forward(self, x, *args):
        for block in self._children.values():
            x = block(x, *args)
            args = []
            if isinstance(x, (tuple, list)):
                x, args = x[0], x[1:]
        return (x, *args) if args else x

    def hybridize(self, active=True, **kwargs):
        if self._children and all(isinstance(child, HybridBlock) for child in self._children.values()):
            warnings.warn(
                f"All children of this Sequential layer '{self.prefix}' are HybridBlocks. Consider using HybridSequential "
                "for the best performance.",
                stacklevel=2,
            )
        super().hybridize(active, **kwargs)


class HybridSequential(_Container, HybridBlock):
    """Hybrid blocks one after another."""

    def hybrid_forward(self, F, x, *args):
        for block in self._children.values():
            x = block(x, *args)
            args = []
            if isinstance(x, (tuple, list)):
                x, args = x[0], x[1:]
        return (x, *args) if args else x


class Dense(HybridBlock):
    """A fully connected layer."""

    def __init__(
        self, units, activation=None, use_bias=True, flatten=True, dtype="float32", weight_initializer=None,
        bias_initializer="zeros", in_units=0, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self._flatten, self._units = flatten, units
        with self.name_scope():
            self.weight = self.params.get(
                "weight", shape=(units, in_units), init=weight_initializer, dtype=dtype, allow_deferred_init=True
            )
            self.bias = None
            if use_bias:
                self.bias = self.params.get("bias", shape=(units,), init=bias_initializer, dtype=dtype, allow_deferred_init=True)
            self.act = Activation(activation, prefix=f"{activation}_") if activation is not None else None

    def hybrid_forward(self, F, x, weight, bias=None):
        out = F.FullyConnected(
            x, weight, bias, no_bias=bias is None, num_hidden=self._units, flatten=self._flatten, name="fwd"
        )
        return out if self.act is None else self.act(out)

    def __repr__(self):
        shape = self.weight.shape
        return f"Dense({shape[1] if shape[1] else None} -> {shape[0]}, {self.act if self.act else 'linear'})"


class Dropout(HybridBlock):
    def __init__(self, rate, axes=(), **kwargs):
        super().__init__(**kwargs)
        self._rate, self._axes = rate, axes

    def hybrid_forward(self, F, x):
        return F.Dropout(x, p=self._rate, axes=self._axes, name="fwd", cudnn_off=False) if self._rate > 0 else F.identity(x)

    def __repr__(self):
        return f"Dropout(p = {self._rate}, axes={self._axes})"


class _Scaled(HybridBlock):
    """A normalisation with gamma and beta."""

    def _make(self, scale, center, beta_initializer, gamma_initializer, channels):
        with self.name_scope():
            self.gamma = self.params.get(
                "gamma", grad_req="write" if scale else "null", shape=(channels,), init=gamma_initializer,
                allow_deferred_init=True, differentiable=scale,
            )  # fmt: skip
            self.beta = self.params.get(
                "beta", grad_req="write" if center else "null", shape=(channels,), init=beta_initializer,
                allow_deferred_init=True, differentiable=center,
            )  # fmt: skip


class BatchNorm(_Scaled):
    def __init__(
        self, axis=1, momentum=0.9, epsilon=1e-5, center=True, scale=True, use_global_stats=False, beta_initializer="zeros",
        gamma_initializer="ones", running_mean_initializer="zeros", running_variance_initializer="ones", in_channels=0,
        **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self._kwargs = {
            "axis": axis, "eps": epsilon, "momentum": momentum, "fix_gamma": not scale, "use_global_stats": use_global_stats,
        }  # fmt: skip
        self._make(scale, center, beta_initializer, gamma_initializer, in_channels)
        with self.name_scope():
            self.running_mean = self.params.get(
                "running_mean", grad_req="null", shape=(in_channels,), init=running_mean_initializer,
                allow_deferred_init=True, differentiable=False,
            )  # fmt: skip
            self.running_var = self.params.get(
                "running_var", grad_req="null", shape=(in_channels,), init=running_variance_initializer,
                allow_deferred_init=True, differentiable=False,
            )  # fmt: skip

    def cast(self, dtype):
        super().cast("float32" if np.dtype(dtype).name == "float16" else dtype)

    def hybrid_forward(self, F, x, gamma, beta, running_mean, running_var):
        return F.BatchNorm(x, gamma, beta, running_mean, running_var, name="fwd", **self._kwargs)

    def __repr__(self):
        settings = ", ".join(f"{key}={value!r}" for key, value in self._kwargs.items())
        return f"BatchNorm({settings}, in_channels={self.gamma.shape[0] or None})"


class BatchNormReLU(BatchNorm):
    def hybrid_forward(self, F, x, gamma, beta, running_mean, running_var):
        return F.Activation(super().hybrid_forward(F, x, gamma, beta, running_mean, running_var), act_type="relu")


class LayerNorm(_Scaled):
    def __init__(
        self, axis=-1, epsilon=1e-5, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
        in_channels=0, prefix=None, params=None,
    ):  # fmt: skip
        super().__init__(prefix=prefix, params=params)
        self._axis, self._epsilon = axis, epsilon
        self._make(scale, center, beta_initializer, gamma_initializer, in_channels)

    def hybrid_forward(self, F, data, gamma, beta):
        return F.LayerNorm(data, gamma=gamma, beta=beta, axis=self._axis, eps=self._epsilon)


class InstanceNorm(_Scaled):
    def __init__(
        self, axis=1, epsilon=1e-5, center=True, scale=False, beta_initializer="zeros", gamma_initializer="ones",
        in_channels=0, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self._axis, self._epsilon = axis, epsilon
        self._make(scale, center, beta_initializer, gamma_initializer, in_channels)

    def hybrid_forward(self, F, x, gamma, beta):
        if self._axis == 1:
            return F.InstanceNorm(x, gamma, beta, name="fwd", eps=self._epsilon)
        x = x.swapaxes(1, self._axis)
        return F.InstanceNorm(x, gamma, beta, name="fwd", eps=self._epsilon).swapaxes(1, self._axis)


class GroupNorm(_Scaled):
    def __init__(
        self, num_groups=1, epsilon=1e-5, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
        prefix=None, params=None,
    ):  # fmt: skip
        super().__init__(prefix=prefix, params=params)
        self._kwargs = {"eps": epsilon, "num_groups": num_groups}
        self._make(scale, center, beta_initializer, gamma_initializer, num_groups)

    def hybrid_forward(self, F, data, gamma, beta):
        return F.GroupNorm(data, gamma=gamma, beta=beta, **self._kwargs)


class Embedding(HybridBlock):
    def __init__(self, input_dim, output_dim, dtype="float32", weight_initializer=None, sparse_grad=False, **kwargs):
        super().__init__(**kwargs)
        self._kwargs = {"input_dim": input_dim, "output_dim": output_dim, "dtype": dtype, "sparse_grad": sparse_grad}
        with self.name_scope():
            self.weight = self.params.get(
                "weight", shape=(input_dim, output_dim), init=weight_initializer, dtype=dtype, allow_deferred_init=True
            )

    def hybrid_forward(self, F, x, weight):
        return F.Embedding(x, weight, name="fwd", **self._kwargs)

    def __repr__(self):
        return f"Embedding({self._kwargs['input_dim']} -> {self._kwargs['output_dim']}, {self._kwargs['dtype']})"


class Flatten(HybridBlock):
    def hybrid_forward(self, F, x):
        return F.Flatten(x)

    def __repr__(self):
        return "Flatten"


class Lambda(Block):
    """A function, or the name of one of mx.nd, as a block."""

    def __init__(self, function, prefix=None):
        super().__init__(prefix=prefix)
        self._func_impl = getattr(nd, function) if isinstance(function, str) else function

    def forward(self, *args):
        return self._func_impl(*args)


class HybridLambda(HybridBlock):
    """A function of (F, x, …), or the name of an operator, as a block."""

    def __init__(self, function, prefix=None):
        super().__init__(prefix=prefix)
        if isinstance(function, str):
            self._func = lambda F, *args: getattr(sym if F is sym else nd, function)(*args)
        else:
            self._func = function

    def hybrid_forward(self, F, x, *args):
        return self._func(F, x, *args)
