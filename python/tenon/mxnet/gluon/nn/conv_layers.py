"""Convolutions and pools."""

from ..block import HybridBlock
from .activations import Activation

__all__ = [
    "AvgPool1D", "AvgPool2D", "AvgPool3D", "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D",
    "Conv3DTranspose", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D", "GlobalMaxPool2D",
    "GlobalMaxPool3D", "MaxPool1D", "MaxPool2D", "MaxPool3D", "ReflectionPad2D",
]  # fmt: skip


def _tuple(value, rank):
    if isinstance(value, int):
        return (value,) * rank
    if len(value) != rank:
        raise AssertionError(f"{value} must be a number or {rank} of them")
    return tuple(value)


class _Conv(HybridBlock):
    def __init__(
        self, rank, channels, kernel_size, strides, padding, dilation, groups, layout, in_channels, activation, use_bias,
        weight_initializer, bias_initializer, transposed=None, prefix=None, params=None,
    ):  # fmt: skip
        super().__init__(prefix=prefix, params=params)
        kernel = _tuple(kernel_size, rank)
        self._channels, self._in_channels = channels, in_channels
        self._op = "Convolution" if transposed is None else "Deconvolution"
        self._kwargs = {
            "kernel": kernel, "stride": _tuple(strides, rank), "dilate": _tuple(dilation, rank), "pad": _tuple(padding, rank),
            "num_filter": channels, "num_group": groups, "no_bias": not use_bias, "layout": layout,
        }  # fmt: skip
        if transposed is not None:
            self._kwargs["adj"] = _tuple(transposed, rank)
        per_group = in_channels // groups
        if transposed is not None:
            shape = (in_channels, channels // groups, *kernel)
        else:
            shape = (channels, per_group, *kernel)
        if layout and layout.endswith("C"):
            shape = (shape[0], *kernel, shape[1])
        with self.name_scope():
            self.weight = self.params.get("weight", shape=shape, init=weight_initializer, allow_deferred_init=True)
            self.bias = None
            if use_bias:
                self.bias = self.params.get("bias", shape=(channels,), init=bias_initializer, allow_deferred_init=True)
            self.act = Activation(activation, prefix=f"{activation}_") if activation is not None else None

    def _alias(self):
        return "conv"

    def hybrid_forward(self, F, x, weight, bias=None):
        operator = getattr(F, self._op)
        out = operator(x, weight, name="fwd", **self._kwargs) if bias is None else operator(x, weight, bias, name="fwd", **self._kwargs)
        return out if self.act is None else self.act(out)

    def __repr__(self):
        k = self._kwargs
        rank = len(k["kernel"])
        text = f"{type(self).__name__}({self._in_channels or None} -> {self._channels}, kernel_size={k['kernel']}, stride={k['stride']}"
        text += f", padding={k['pad']}" if k["pad"] != (0,) * rank else ""
        text += f", dilation={k['dilate']}" if k["dilate"] != (1,) * rank else ""
        text += f", groups={k['num_group']}" if k["num_group"] != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        return text + (f", {self.act}" if self.act else "") + ")"


def _conv(rank, default_layout):
    class Conv(_Conv):
        def __init__(
            self, channels, kernel_size, strides=1, padding=0, dilation=1, groups=1, layout=default_layout, activation=None,
            use_bias=True, weight_initializer=None, bias_initializer="zeros", in_channels=0, **kwargs,
        ):  # fmt: skip
            super().__init__(
                rank, channels, kernel_size, strides, padding, dilation, groups, layout, in_channels, activation, use_bias,
                weight_initializer, bias_initializer, **kwargs,
            )  # fmt: skip

    Conv.__name__ = Conv.__qualname__ = f"Conv{rank}D"
    Conv.__doc__ = f"A convolution over {rank} dimension(s)."
    return Conv


def _transposed(rank, default_layout):
    class ConvTranspose(_Conv):
        def __init__(
            self, channels, kernel_size, strides=1, padding=0, output_padding=0, dilation=1, groups=1, layout=default_layout,
            activation=None, use_bias=True, weight_initializer=None, bias_initializer="zeros", in_channels=0, **kwargs,
        ):  # fmt: skip
            super().__init__(
                rank, channels, kernel_size, strides, padding, dilation, groups, layout, in_channels, activation, use_bias,
                weight_initializer, bias_initializer, transposed=output_padding, **kwargs,
            )  # fmt: skip

    ConvTranspose.__name__ = ConvTranspose.__qualname__ = f"Conv{rank}DTranspose"
    ConvTranspose.__doc__ = f"A transposed convolution over {rank} dimension(s)."
    return ConvTranspose


Conv1D, Conv2D, Conv3D = _conv(1, "NCW"), _conv(2, "NCHW"), _conv(3, "NCDHW")
Conv1DTranspose, Conv2DTranspose = _transposed(1, "NCW"), _transposed(2, "NCHW")
Conv3DTranspose = _transposed(3, "NCDHW")


class _Pooling(HybridBlock):
    def __init__(self, pool_size, strides, padding, ceil_mode, global_pool, pool_type, layout, count_include_pad=None, **kwargs):
        super().__init__(**kwargs)
        rank = len(pool_size)
        self._kwargs = {
            "kernel": pool_size, "stride": _tuple(pool_size if strides is None else strides, rank),
            "pad": _tuple(padding, rank), "global_pool": global_pool, "pool_type": pool_type, "layout": layout,
            "pooling_convention": "full" if ceil_mode else "valid",
        }  # fmt: skip
        if count_include_pad is not None:
            self._kwargs["count_include_pad"] = count_include_pad

    def _alias(self):
        return "pool"

    def hybrid_forward(self, F, x):
        return F.Pooling(x, name="fwd", **self._kwargs)

    def __repr__(self):
        k = self._kwargs
        return (
            f"{type(self).__name__}(size={k['kernel']}, stride={k['stride']}, padding={k['pad']}, "
            f"ceil_mode={k['pooling_convention'] == 'full'}, global_pool={k['global_pool']}, pool_type={k['pool_type']}, "
            f"layout={k['layout']})"
        )


def _pool(rank, kind, default_layout):
    if kind == "max":

        class Pool(_Pooling):
            def __init__(self, pool_size=2, strides=None, padding=0, layout=default_layout, ceil_mode=False, **kwargs):
                super().__init__(_tuple(pool_size, rank), strides, padding, ceil_mode, False, "max", layout, **kwargs)

    else:

        class Pool(_Pooling):
            def __init__(
                self, pool_size=2, strides=None, padding=0, layout=default_layout, ceil_mode=False, count_include_pad=True,
                **kwargs,
            ):  # fmt: skip
                super().__init__(
                    _tuple(pool_size, rank), strides, padding, ceil_mode, False, "avg", layout, count_include_pad, **kwargs
                )

    Pool.__name__ = Pool.__qualname__ = f"{kind.capitalize()}Pool{rank}D"
    Pool.__doc__ = f"{'The maximum' if kind == 'max' else 'The average'} of each window over {rank} dimension(s)."
    return Pool


def _global_pool(rank, kind, default_layout):
    class Pool(_Pooling):
        def __init__(self, layout=default_layout, **kwargs):
            super().__init__((1,) * rank, None, 0, True, True, kind, layout, **kwargs)

    Pool.__name__ = Pool.__qualname__ = f"Global{kind.capitalize()}Pool{rank}D"
    Pool.__doc__ = f"{'The maximum' if kind == 'max' else 'The average'} over all {rank} dimension(s)."
    return Pool


MaxPool1D, MaxPool2D, MaxPool3D = (_pool(r, "max", layout) for r, layout in ((1, "NCW"), (2, "NCHW"), (3, "NCDHW")))
AvgPool1D, AvgPool2D, AvgPool3D = (_pool(r, "avg", layout) for r, layout in ((1, "NCW"), (2, "NCHW"), (3, "NCDHW")))
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = (
    _global_pool(r, "max", layout) for r, layout in ((1, "NCW"), (2, "NCHW"), (3, "NCDHW"))
)
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    _global_pool(r, "avg", layout) for r, layout in ((1, "NCW"), (2, "NCHW"), (3, "NCDHW"))
)


class ReflectionPad2D(HybridBlock):
    def __init__(self, padding=0, **kwargs):
        super().__init__(**kwargs)
        self._padding = (0, 0, 0, 0, padding, padding, padding, padding) if isinstance(padding, int) else padding

    def hybrid_forward(self, F, x):
        return F.pad(x, mode="reflect", pad_width=self._padding)
