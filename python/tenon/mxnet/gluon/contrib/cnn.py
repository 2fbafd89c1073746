"""Convolutions whose taps are moved by a convolution of their own."""

from ..block import HybridBlock
from ..nn import Activation
from ..nn.conv_layers import _tuple

__all__ = ["DeformableConvolution", "ModulatedDeformableConvolution"]


class _Deformable(HybridBlock):
    """`_maps`: numbers that the offset convolution makes for each tap."""

    _operator, _maps = None, 2

    def __init__(
        self, channels, kernel_size=(1, 1), strides=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1,
        num_deformable_group=1, layout="NCHW", use_bias=True, in_channels=0, activation=None, weight_initializer=None,
        bias_initializer="zeros", offset_weight_initializer="zeros", offset_bias_initializer="zeros", offset_use_bias=True,
        op_name=None, prefix=None, params=None,
    ):  # fmt: skip
        super().__init__(prefix=prefix, params=params)
        kernel = _tuple(kernel_size, 2)
        window = {"kernel": kernel, "stride": _tuple(strides, 2), "dilate": _tuple(dilation, 2), "pad": _tuple(padding, 2)}
        self._taps = num_deformable_group * kernel[0] * kernel[1]
        self._offset = {**window, "num_filter": self._maps * self._taps, "num_group": groups, "no_bias": not offset_use_bias}
        self._window = {
            **window, "num_filter": channels, "num_group": groups, "no_bias": not use_bias,
            "num_deformable_group": num_deformable_group,
        }  # fmt: skip
        inside = in_channels // groups

        def parameter(name, shape, init):
            return self.params.get(name, shape=shape, init=init, allow_deferred_init=True)

        with self.name_scope():
            rows = self._maps * self._taps
            self.deformable_conv_weight = parameter("deformable_conv_weight", (channels, inside, *kernel), weight_initializer)
            self.offset_weight = parameter("offset_weight", (rows, inside, *kernel), offset_weight_initializer)
            if offset_use_bias:
                self.offset_bias = parameter("offset_bias", (rows,), offset_bias_initializer)
            if use_bias:
                self.deformable_conv_bias = parameter("deformable_conv_bias", (channels,), bias_initializer)
            self.act = Activation(activation, prefix=f"{activation}_") if activation else None

    def hybrid_forward(self, F, x, deformable_conv_weight, offset_weight, offset_bias=None, deformable_conv_bias=None):
        biased = [x, offset_weight] + ([] if offset_bias is None else [offset_bias])
        moved = F.Convolution(*biased, **self._offset)
        last = [deformable_conv_weight] + ([] if deformable_conv_bias is None else [deformable_conv_bias])
        out = getattr(F.contrib, self._operator)(x, *self._moves(F, moved), *last, name="fwd", **self._window)
        return out if self.act is None else self.act(out)


class DeformableConvolution(_Deformable):
    """The offset convolution says where each tap reads."""

    _operator = "DeformableConvolution"

    def _alias(self):
        return "deformable_conv"

    def _moves(self, F, moved):
        return [moved]


class ModulatedDeformableConvolution(_Deformable):
    """It also says how much each tap counts."""

    _operator, _maps = "ModulatedDeformableConvolution", 3

    def _alias(self):
        return "modulated_deformable_conv"

    def _moves(self, F, moved):
        offsets = F.slice_axis(moved, axis=1, begin=0, end=2 * self._taps)
        return [offsets, F.sigmoid(F.slice_axis(moved, axis=1, begin=2 * self._taps, end=None)) * 2]
