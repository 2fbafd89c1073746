"""Resizing with the arithmetic of OpenCV, which MXNet calls: each axis alone, every pixel a weighted sum of a few.

OpenCV rounds weights for bytes to 11 bits, so that it may differ from this by one.
"""

import numpy as np

NEAREST, LINEAR, CUBIC, AREA, LANCZOS = range(5)


def _linear(part):
    return [1 - part, part]


def _cubic(part):
    """Keys' kernel with a = -0.75."""
    a, right = -0.75, 1 - part
    outer = part + 1
    return [
        ((a * outer - 5 * a) * outer + 8 * a) * outer - 4 * a,
        ((a + 2) * part - (a + 3)) * part * part + 1,
        ((a + 2) * right - (a + 3)) * right * right + 1,
        ((a * (right + 1) - 5 * a) * (right + 1) + 8 * a) * (right + 1) - 4 * a,
    ]


def _lanczos(part):
    """Eight taps of sinc(x) sinc(x / 4), which add up to one."""
    weights = np.stack([np.sinc(part - tap) * np.sinc((part - tap) / 4) for tap in range(-3, 5)])
    return list(weights / weights.sum(axis=0))


_KERNELS = {LINEAR: (_linear, 0), CUBIC: (_cubic, 1), LANCZOS: (_lanczos, 3)}


def _taps(source, target, kind):
    """Places and weights, one row a tap; the border is repeated. Pixel centres are at halves."""
    kernel, before = _KERNELS[kind]
    at = (np.arange(target) + 0.5) * (source / target) - 0.5
    low = np.floor(at).astype(np.int64)
    part = at - low
    if kind == LINEAR:
        part[(low < 0) | (low >= source - 1)] = 0
        low = np.clip(low, 0, source - 1)
    weights = kernel(part)
    places = [np.clip(low + tap - before, 0, source - 1) for tap in range(len(weights))]
    return np.stack(places), np.stack(weights)


def _shares(source, target):
    """Means over the area that a pixel covers: rows of the source, each with the share of it that is covered."""
    scale = source / target
    begin = np.arange(target) * scale
    end = np.minimum(begin + scale, source)
    places = np.floor(begin + 1e-9).astype(np.int64) + np.arange(int(np.ceil(scale)) + 1)[:, None]
    weights = np.clip(np.minimum(places + 1, end) - np.maximum(places, begin), 0, None)
    return np.minimum(places, source - 1), weights / weights.sum(axis=0)


def _grown(source, target):
    """What OpenCV takes for areas where the image does not shrink: linear, but flat around the source's pixels."""
    scale = source / target
    low = np.floor(np.arange(target) * scale).astype(np.int64)
    part = (np.arange(target) + 1) - (low + 1) / scale
    part = np.where(part <= 0, 0, part - np.floor(part))
    return np.stack([low, np.minimum(low + 1, source - 1)]), np.stack(_linear(part))


def _along_rows(image, places, weights):
    return sum(image[place] * weight[:, None, None] for place, weight in zip(places, weights.astype(np.float32)))


def resize(image, width, height, kind):
    """An array (height, width, channels) of the same type in another size."""
    old_height, old_width = image.shape[:2]
    if kind == NEAREST:
        rows = np.minimum(np.arange(height) * old_height // height, old_height - 1)
        columns = np.minimum(np.arange(width) * old_width // width, old_width - 1)
        return image[rows][:, columns]
    if kind != AREA:
        vertical, horizontal = _taps(old_height, height, kind), _taps(old_width, width, kind)
    else:
        taps = _shares if old_height >= height and old_width >= width else _grown
        vertical, horizontal = taps(old_height, height), taps(old_width, width)
    rows = _along_rows(image.astype(np.float32), *vertical)
    values = _along_rows(rows.transpose(1, 0, 2), *horizontal).transpose(1, 0, 2)
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        values = np.clip(np.floor(values + 0.5), limits.min, limits.max)
    return values.astype(image.dtype)
