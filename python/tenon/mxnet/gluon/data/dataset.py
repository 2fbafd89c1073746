"""Datasets: something with a length and items."""

import os


class Dataset:
    """Something with a length and items."""

    def __getitem__(self, index):
        raise NotImplementedError

    def __len__(self):
        raise NotImplementedError

    def transform(self, fn, lazy=True):
        made = _Transformed(self, fn)
        return made if lazy else SimpleDataset([made[i] for i in range(len(made))])

    def filter(self, fn):
        """The items of which `fn` is true."""
        return SimpleDataset([item for item in (self[i] for i in range(len(self))) if fn(item)])

    def take(self, count):
        """The first items."""
        return SimpleDataset([self[i] for i in range(min(count, len(self)))])

    def shard(self, num_shards, index):
        """One of several parts of nearly equal length."""
        size, rest = divmod(len(self), num_shards)
        start = size * index + min(index, rest)
        return SimpleDataset([self[i] for i in range(start, start + size + (index < rest))])

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


class RecordFileDataset(Dataset):
    """The records of an indexed record file, as bytes."""

    def __init__(self, filename):
        from ...recordio import MXIndexedRecordIO

        self._record = MXIndexedRecordIO(os.path.splitext(filename)[0] + ".idx", filename, "r")

    def __getitem__(self, index):
        return self._record.read_idx(self._record.keys[index])

    def __len__(self):
        return len(self._record.keys)
