"""Containers and layers of mx.gluon.contrib.nn."""

from ..block import HybridBlock
from ..nn import BatchNorm, HybridSequential, Sequential

__all__ = ["Concurrent", "HybridConcurrent", "Identity", "PixelShuffle1D", "PixelShuffle2D", "PixelShuffle3D", "SyncBatchNorm"]


class Concurrent(Sequential):
    """Every block on the same input; their outputs side by side along `axis`."""

    def __init__(self, axis=-1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.axis = axis

    def forward(self, x):
        from ... import ndarray as nd

        return nd.concat(*[block(x) for block in self._children.values()], dim=self.axis)


class HybridConcurrent(HybridSequential):
    """`Concurrent` of hybrid blocks."""

    def __init__(self, axis=-1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.axis = axis

    def hybrid_forward(self, F, x):
        return F.concat(*[block(x) for block in self._children.values()], dim=self.axis)


class Identity(HybridBlock):
    """Gives what it gets: the branch of a residual that does nothing."""

    def hybrid_forward(self, F, x):
        return x


class SyncBatchNorm(BatchNorm):
    """A batch norm whose statistics are of several devices in training; in inference it is an ordinary one."""

    def __init__(
        self, in_channels=0, num_devices=None, momentum=0.9, epsilon=1e-5, center=True, scale=True, use_global_stats=False,
        beta_initializer="zeros", gamma_initializer="ones", running_mean_initializer="zeros",
        running_variance_initializer="ones", **kwargs,
    ):  # fmt: skip
        super().__init__(
            1, momentum, epsilon, center, scale, use_global_stats, beta_initializer, gamma_initializer,
            running_mean_initializer, running_variance_initializer, in_channels, **kwargs,
        )  # fmt: skip


class _PixelShuffle(HybridBlock):
    """(N, f·C, W…) → (N, C, f·W…): channels become pixels."""

    def __init__(self, factor, rank):
        super().__init__()
        self._factors = (int(factor),) * rank if isinstance(factor, int) else tuple(int(f) for f in factor)
        if len(self._factors) != rank:
            raise AssertionError(f"wrong length {len(self._factors)} of factors for {rank} dimensions")

    def hybrid_forward(self, F, x):
        factors, rank = self._factors, len(self._factors)
        product = 1
        for factor in factors:
            product *= factor
        split = F.reshape(x, (0, -4, -1, product) + (0,) * rank)
        for place, factor in enumerate(factors[:-1]):  # (N, C, product, …) → (N, C, f1, f2, …)
            rest = product // factor
            split = F.reshape(split, (0,) * (2 + place) + (-4, factor, rest) + (0,) * rank)
            product = rest
        order = [0, 1]
        for place in range(rank):
            order += [2 + rank + place, 2 + place]
        return F.reshape(F.transpose(split, tuple(order)), (0, 0) + (-3,) * rank)

    def __repr__(self):
        return f"{type(self).__name__}({self._factors[0] if len(self._factors) == 1 else self._factors})"


class PixelShuffle1D(_PixelShuffle):
    def __init__(self, factor):
        super().__init__(factor, 1)


class PixelShuffle2D(_PixelShuffle):
    def __init__(self, factor):
        super().__init__(factor, 2)


class PixelShuffle3D(_PixelShuffle):
    def __init__(self, factor):
        super().__init__(factor, 3)
