"""Datasets and loaders in memory, and the transforms of images."""

from . import dataloader, dataset, sampler, vision  # noqa: F401
from .dataloader import DataLoader  # noqa: F401
from .dataset import ArrayDataset, Dataset, RecordFileDataset, SimpleDataset  # noqa: F401
from .sampler import *  # noqa: F403
