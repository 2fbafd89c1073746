"""Inception v3."""

from ... import nn
from ...block import HybridBlock
from .densenet import HybridConcurrent


def _conv(channels, kernel_size=1, **kwargs):
    out = nn.HybridSequential(prefix="")
    out.add(nn.Conv2D(channels, kernel_size, use_bias=False, **kwargs), nn.BatchNorm(epsilon=0.001), nn.Activation("relu"))
    return out


def _branch(pool, *settings):
    """An optional pool, then convolutions of (channels, kernel, stride, padding)."""
    out = nn.HybridSequential(prefix="")
    if pool == "avg":
        out.add(nn.AvgPool2D(pool_size=3, strides=1, padding=1))
    elif pool == "max":
        out.add(nn.MaxPool2D(pool_size=3, strides=2))
    for channels, kernel, stride, padding in settings:
        out.add(_conv(channels, kernel, strides=stride, padding=padding))
    return out


def _block(prefix, *branches):
    out = HybridConcurrent(axis=1, prefix=prefix)
    with out.name_scope():
        for branch in branches:
            out.add(branch())
    return out


def _one(channels):
    return (channels, 1, 1, 0)


def _row(channels):
    return (channels, (1, 7), 1, (0, 3))


def _column(channels):
    return (channels, (7, 1), 1, (3, 0))


def _a(pool_features, prefix):
    return _block(
        prefix,
        lambda: _branch(None, _one(64)),
        lambda: _branch(None, _one(48), (64, 5, 1, 2)),
        lambda: _branch(None, _one(64), (96, 3, 1, 1), (96, 3, 1, 1)),
        lambda: _branch("avg", _one(pool_features)),
    )


def _b(prefix):
    return _block(
        prefix,
        lambda: _branch(None, (384, 3, 2, 0)),
        lambda: _branch(None, _one(64), (96, 3, 1, 1), (96, 3, 2, 0)),
        lambda: _branch("max"),
    )


def _c(inner, prefix):
    return _block(
        prefix,
        lambda: _branch(None, _one(192)),
        lambda: _branch(None, _one(inner), _row(inner), _column(192)),
        lambda: _branch(None, _one(inner), _column(inner), _row(inner), _column(inner), _row(192)),
        lambda: _branch("avg", _one(192)),
    )


def _d(prefix):
    return _block(
        prefix,
        lambda: _branch(None, _one(192), (320, 3, 2, 0)),
        lambda: _branch(None, _one(192), _row(192), _column(192), (192, 3, 2, 0)),
        lambda: _branch("max"),
    )


def _forked(*settings):
    """Convolutions, then 1×3 and 3×1 side by side."""
    out = nn.HybridSequential(prefix="")
    out.add(_branch(None, *settings))
    fork = HybridConcurrent(axis=1, prefix="")
    fork.add(_branch(None, (384, (1, 3), 1, (0, 1))))
    fork.add(_branch(None, (384, (3, 1), 1, (1, 0))))
    out.add(fork)
    return out


def _e(prefix):
    return _block(
        prefix,
        lambda: _branch(None, _one(320)),
        lambda: _forked(_one(384)),
        lambda: _forked(_one(448), (384, 3, 1, 1)),
        lambda: _branch("avg", _one(192)),
    )


class Inception3(HybridBlock):
    def __init__(self, classes=1000, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self.features.add(_conv(32, 3, strides=2), _conv(32, 3), _conv(64, 3, padding=1))
            self.features.add(nn.MaxPool2D(pool_size=3, strides=2), _conv(80, 1), _conv(192, 3))
            self.features.add(nn.MaxPool2D(pool_size=3, strides=2))
            self.features.add(_a(32, "A1_"), _a(64, "A2_"), _a(64, "A3_"), _b("B_"))
            self.features.add(_c(128, "C1_"), _c(160, "C2_"), _c(160, "C3_"), _c(192, "C4_"), _d("D_"))
            self.features.add(_e("E1_"), _e("E2_"), nn.AvgPool2D(pool_size=8), nn.Dropout(0.5))
            self.output = nn.Dense(classes)

    def hybrid_forward(self, F, x):
        return self.output(self.features(x))
