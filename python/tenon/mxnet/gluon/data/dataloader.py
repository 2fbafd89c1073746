"""A loader that batches a dataset; everything happens in this process, whatever `num_workers` says."""

import numpy as np

from ... import ndarray as nd
from ...ndarray.ndarray import NDArray
from .sampler import BatchSampler, RandomSampler, SequentialSampler

__all__ = ["DataLoader", "default_batchify_fn", "default_mp_batchify_fn"]


def default_batchify_fn(data):
    """Items of one shape as one array; tuples column by column."""
    if isinstance(data[0], NDArray):
        return nd.stack(*data)
    if isinstance(data[0], tuple):
        return [default_batchify_fn(list(column)) for column in zip(*data)]
    array = np.asarray(data)
    return nd.array(array, dtype=array.dtype if array.dtype != np.float64 else np.float32)


default_mp_batchify_fn = default_batchify_fn


class DataLoader:
    """Batches of a dataset."""

    def __init__(
        self, dataset, batch_size=None, shuffle=False, sampler=None, last_batch=None, batch_sampler=None, batchify_fn=None,
        num_workers=0, **_,
    ):  # fmt: skip
        self._dataset, self._batchify_fn, self._num_workers = dataset, batchify_fn or default_batchify_fn, num_workers
        if batch_sampler is None:
            if batch_size is None:
                raise ValueError("batch_size must be specified unless batch_sampler is specified")
            if sampler is None:
                sampler = RandomSampler(len(dataset)) if shuffle else SequentialSampler(len(dataset))
            elif shuffle:
                raise ValueError("shuffle must not be specified if sampler is specified")
            batch_sampler = BatchSampler(sampler, batch_size, last_batch or "keep")
        elif batch_size is not None or shuffle or sampler is not None or last_batch is not None:
            raise ValueError(
                "batch_size, shuffle, sampler and last_batch must not be specified if batch_sampler is specified."
            )
        self._batch_sampler = batch_sampler

    def __iter__(self):
        for rows in self._batch_sampler:
            yield self._batchify_fn([self._dataset[i] for i in rows])

    def __len__(self):
        return len(self._batch_sampler)


class _MultiWorkerIter:
    """Libraries derive loaders for training from it."""
