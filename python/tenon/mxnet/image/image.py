"""Images: decoding, resizing, cropping. OpenCV does the work where it is installed; Pillow decodes elsewhere."""

import io
import os

import numpy as np

from .. import ndarray as nd
from .._refused import stand_in
from ..base import MXNetError, Unsupported, no_training
from ..ndarray.ndarray import NDArray
from . import _resizing


def _values(src):
    return src._data if isinstance(src, NDArray) else np.asarray(src)


def imdecode(buf, flag=1, to_rgb=True, out=None):
    """(height, width, channels) of uint8 from the bytes of a JPEG, PNG or other file."""
    data = bytes(buf._data) if isinstance(buf, NDArray) else bytes(buf)
    if not data:
        raise MXNetError("the image is empty: 0 bytes to decode")
    image = _decode(data, flag, to_rgb)
    if out is not None:
        out._write(image)
        return out
    return nd.array(image, dtype=np.uint8)


def _decode(data, flag, to_rgb):
    try:
        import cv2

        image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        if image is None:
            raise MXNetError("the bytes are no image that can be decoded")
        return image[:, :, None] if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if to_rgb else image
    except ImportError:
        pass
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise Unsupported("decoding an image needs Pillow or OpenCV: pip install pillow") from error
    try:
        opened = Image.open(io.BytesIO(data)).convert("RGB" if flag else "L")
    except UnidentifiedImageError as error:
        raise MXNetError("the bytes are no image that can be decoded") from error
    image = np.asarray(opened)
    return image[:, :, None] if image.ndim == 2 else image if to_rgb else image[:, :, ::-1]


def imread(filename, flag=1, to_rgb=True):
    path = os.fspath(filename)
    if not os.path.exists(path):
        raise MXNetError(f"there is no file '{path}'")
    with open(path, "rb") as file:
        return imdecode(file.read(), flag, to_rgb)


def imwrite(filename, img):
    from PIL import Image

    Image.fromarray(_values(img)).save(filename)


def _get_interp_method(interp, sizes=()):
    """The kind of interpolation: 9 chooses by the sizes (old height, old width, new height, new width), 10 at random."""
    if interp == 9:
        if not sizes:
            return 2
        old_height, old_width, new_height, new_width = sizes
        if new_height > old_height and new_width > old_width:
            return 2
        return 3 if new_height < old_height and new_width < old_width else 1
    if interp == 10:
        return int(np.random.randint(0, 5))
    if interp not in (0, 1, 2, 3, 4):
        raise ValueError(f"Unknown interp method {interp}")
    return interp


def imresize(src, w, h, interp=1):
    """The image in another size; `interp` is 0 nearest, 1 bilinear, 2 bicubic, 3 by area, 4 Lanczos, 9 by the sizes."""
    image = _values(src)
    if image.shape[:2] == (h, w):
        return nd.array(image, dtype=image.dtype)
    kind = _get_interp_method(interp, (*image.shape[:2], h, w))
    return nd.array(_resized(image, w, h, kind), dtype=image.dtype)


def _resized(image, width, height, kind):
    """By OpenCV where it is, whose bytes are MXNet's but for a few bicubic ones."""
    try:
        import cv2
    except ImportError:
        return _resizing.resize(image, width, height, kind)
    return cv2.resize(image, (width, height), interpolation=kind).reshape(height, width, image.shape[2])


def scale_down(src_size, size):
    """The crop size, made smaller where the image is."""
    width, height = size
    src_width, src_height = src_size
    if src_height < height:
        width, height = float(width * src_height) / height, src_height
    if src_width < width:
        width, height = src_width, float(height * src_width) / width
    return int(width), int(height)


def resize_short(src, size, interp=2):
    """The shorter edge becomes `size`."""
    height, width = src.shape[:2]
    if height > width:
        new_height, new_width = size * height // width, size
    else:
        new_height, new_width = size, size * width // height
    return imresize(src, new_width, new_height, interp)


def fixed_crop(src, x0, y0, w, h, size=None, interp=2):
    part = _values(src)[y0 : y0 + h, x0 : x0 + w]
    out = nd.array(part, dtype=part.dtype)
    return imresize(out, *size, interp) if size is not None and (w, h) != size else out


def center_crop(src, size, interp=2):
    """(crop, (x0, y0, width, height))"""
    height, width = src.shape[:2]
    new_width, new_height = scale_down((width, height), size)
    x0, y0 = int((width - new_width) / 2), int((height - new_height) / 2)
    return fixed_crop(src, x0, y0, new_width, new_height, size, interp), (x0, y0, new_width, new_height)


def random_crop(src, size, interp=2):
    height, width = src.shape[:2]
    new_width, new_height = scale_down((width, height), size)
    x0, y0 = np.random.randint(0, width - new_width + 1), np.random.randint(0, height - new_height + 1)
    return fixed_crop(src, x0, y0, new_width, new_height, size, interp), (x0, y0, new_width, new_height)


def color_normalize(src, mean, std=None):
    if mean is not None:
        src = src - mean
    return src / std if std is not None else src


def copyMakeBorder(src, top, bot, left, right, type=0, value=0.0, values=()):
    image = _values(src)
    padded = np.pad(image, ((top, bot), (left, right), (0, 0)), constant_values=value)
    return nd.array(padded, dtype=image.dtype)


class Augmenter:
    """One step that changes an image."""

    def __init__(self, **kwargs):
        self._kwargs = kwargs

    def __call__(self, src):
        raise NotImplementedError


class ResizeAug(Augmenter):
    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)

    def __call__(self, src):
        return resize_short(src, self._kwargs["size"], self._kwargs["interp"])


class ForceResizeAug(Augmenter):
    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)

    def __call__(self, src):
        return imresize(src, *self._kwargs["size"], self._kwargs["interp"])


class CenterCropAug(Augmenter):
    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)

    def __call__(self, src):
        return center_crop(src, self._kwargs["size"], self._kwargs["interp"])[0]


class CastAug(Augmenter):
    def __init__(self, typ="float32"):
        super().__init__(typ=typ)

    def __call__(self, src):
        return src.astype(self._kwargs["typ"])


class ColorNormalizeAug(Augmenter):
    def __init__(self, mean, std):
        super().__init__()
        self._mean = mean if mean is None or isinstance(mean, NDArray) else nd.array(mean)
        self._std = std if std is None or isinstance(std, NDArray) else nd.array(std)

    def __call__(self, src):
        return color_normalize(src, self._mean, self._std)


class SequentialAug(Augmenter):
    def __init__(self, ts):
        super().__init__()
        self.ts = ts

    def __call__(self, src):
        for step in self.ts:
            src = step(src)
        return src


def CreateAugmenter(
    data_shape, resize=0, rand_crop=False, rand_resize=False, rand_mirror=False, mean=None, std=None, brightness=0, contrast=0,
    saturation=0, hue=0, pca_noise=0, rand_gray=0, inter_method=2,
):  # fmt: skip
    """The steps that inference uses: resize, centre crop, cast, normalise."""
    if rand_crop or rand_resize or rand_mirror or brightness or contrast or saturation or hue or pca_noise or rand_gray:
        raise Unsupported("random changes of images belong to training; resize, crop, mean and std are there")
    steps = [ResizeAug(resize, inter_method)] if resize > 0 else []
    steps += [CenterCropAug((data_shape[2], data_shape[1]), inter_method), CastAug()]
    mean = np.array([123.68, 116.28, 103.53]) if mean is True else mean
    std = np.array([58.395, 57.12, 57.375]) if std is True else std
    return steps + ([ColorNormalizeAug(mean, std)] if mean is not None or std is not None else [])


class ImageIter:
    def __init__(self, *_, **__):
        raise Unsupported("mx.image.ImageIter reads record files for training; decode with mx.image.imread and batch with mx.io.NDArrayIter")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    if name.startswith(("Random", "ColorJitter", "Lighting", "HorizontalFlip", "Det", "ImageDet", "Brightness", "Contrast")):
        return stand_in(f"mx.image.{name}", no_training)
    raise AttributeError(f"mx.image has no '{name}'")
