"""What is done to an image before a network sees it."""

from .... import _refused, image
from .... import ndarray as nd
from ....base import no_training
from ...block import Block, HybridBlock
from ...nn import Sequential


class Compose(Sequential):
    """Transforms one after another."""

    def __init__(self, transforms):
        super().__init__()
        with self.name_scope():
            for transform in transforms:
                self.add(transform)

    def hybridize(self, active=True, **kwargs):
        """Images have all sizes; transforms run one by one."""


class Cast(HybridBlock):
    def __init__(self, dtype="float32"):
        super().__init__()
        self._dtype = dtype

    def hybrid_forward(self, F, x):
        return F.cast(x, self._dtype)


class ToTensor(HybridBlock):
    """(H, W, C) of 0 to 255 → (C, H, W) of 0 to 1."""

    def hybrid_forward(self, F, x):
        return F.image.to_tensor(x)


class Normalize(HybridBlock):
    def __init__(self, mean=0.0, std=1.0):
        super().__init__()
        self._mean, self._std = mean, std

    def hybrid_forward(self, F, x):
        return F.image.normalize(x, mean=_numbers(self._mean), std=_numbers(self._std))


def _numbers(value):
    return (value,) if isinstance(value, (int, float)) else tuple(float(v) for v in value)


class Resize(Block):
    def __init__(self, size, keep_ratio=False, interpolation=1):
        super().__init__()
        self._size, self._keep, self._interpolation = size, keep_ratio, interpolation

    def forward(self, x):
        if isinstance(self._size, int) and self._keep:
            return image.resize_short(x, self._size, self._interpolation)
        width, height = (self._size, self._size) if isinstance(self._size, int) else self._size
        return image.imresize(x, width, height, self._interpolation)


class CenterCrop(Block):
    def __init__(self, size, interpolation=1):
        super().__init__()
        self._size, self._interpolation = (size, size) if isinstance(size, int) else size, interpolation

    def forward(self, x):
        return image.center_crop(x, self._size, self._interpolation)[0]


class CropResize(Block):
    def __init__(self, x, y, width, height, size=None, interpolation=None):
        super().__init__()
        self._place, self._size, self._interpolation = (x, y, width, height), size, interpolation or 1

    def forward(self, x):
        left, top, width, height = self._place
        part = x[top : top + height, left : left + width]
        if self._size is None:
            return part
        size = (self._size, self._size) if isinstance(self._size, int) else self._size
        return image.imresize(nd.array(part, dtype=part.dtype), *size, self._interpolation)


def __getattr__(name):
    if name.startswith("Random"):
        return _refused.stand_in(f"gluon.data.vision.transforms.{name}", no_training)
    raise AttributeError(name)
