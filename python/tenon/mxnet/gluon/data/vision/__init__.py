"""Transforms of images, and the data sets that lie on this machine."""

from . import datasets, transforms  # noqa: F401
from .datasets import *  # noqa: F403
