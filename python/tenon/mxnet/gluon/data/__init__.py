"""Datasets and loaders in memory, and the transforms of images."""

from . import vision  # noqa: F401
from .dataset import ArrayDataset, DataLoader, Dataset, SimpleDataset  # noqa: F401
