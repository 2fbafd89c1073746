"""Datasets, and a loader that batches them in order."""

import numpy as np

from ... import ndarray as nd
from ...ndarray.ndarray import NDArray


class Dataset:
    """Something with a length and items."""

    def __getitem__(self, index):
        raise NotImplementedError

    def __len__(self):
        raise NotImplementedError

    def transform(self, fn, lazy=True):
        made = _Transformed(self, fn)
        return made if lazy else SimpleDataset([made[i] for i in range(len(made))])

    def transform_first(self, fn, lazy=True):
        return self.transform(lambda x, *rest: (fn(x), *rest) if rest else fn(x), lazy)


class SimpleDataset(Dataset):
    def __init__(self, data):
        self._data = data

    def __len__(self):
        return len(self._data)

    def __getitem__(self, index):
        return self._data[index]


class _Transformed(Dataset):
    def __init__(self, data, fn):
        self._data, self._fn = data, fn

    def __len__(self):
        return len(self._data)

    def __getitem__(self, index):
        item = self._data[index]
        return self._fn(*item) if isinstance(item, tuple) else self._fn(item)


class ArrayDataset(Dataset):
    """Rows of arrays of one length."""

    def __init__(self, *arrays):
        self._arrays = arrays
        if any(len(array) != len(arrays[0]) for array in arrays):
            raise AssertionError("All arrays must have the same length")

    def __len__(self):
        return len(self._arrays[0])

    def __getitem__(self, index):
        items = tuple(array[index] for array in self._arrays)
        return items[0] if len(items) == 1 else items


def default_batchify_fn(data):
    if isinstance(data[0], NDArray):
        return nd.stack(*data)
    if isinstance(data[0], tuple):
        return [default_batchify_fn(list(column)) for column in zip(*data)]
    array = np.asarray(data)
    return nd.array(array, dtype=array.dtype if array.dtype != np.float64 else np.float32)


class DataLoader:
    """Batches of a dataset; everything happens in this process."""

    def __init__(
        self, dataset, batch_size=None, shuffle=False, sampler=None, last_batch=None, batch_sampler=None, batchify_fn=None,
        num_workers=0, **_,
    ):  # fmt: skip
        self._dataset, self._size, self._shuffle = dataset, batch_size, shuffle
        self._keep = last_batch in (None, "keep")
        self._batches = batch_sampler
        self._sampler = sampler
        self._batchify = batchify_fn or default_batchify_fn

    def _indices(self):
        if self._batches is not None:
            yield from self._batches
            return
        order = list(self._sampler) if self._sampler is not None else list(range(len(self._dataset)))
        if self._shuffle:
            np.random.shuffle(order)
        for start in range(0, len(order), self._size):
            rows = order[start : start + self._size]
            if len(rows) == self._size or self._keep:
                yield rows

    def __iter__(self):
        for rows in self._indices():
            yield self._batchify([self._dataset[i] for i in rows])

    def __len__(self):
        return sum(1 for _ in self._indices())
