"""Transforms of images; the data sets themselves are for training."""

from . import transforms  # noqa: F401
