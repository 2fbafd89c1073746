"""Batches of data from arrays."""

from collections import namedtuple

import numpy as np

from . import ndarray as nd
from .base import Unsupported
from .ndarray.ndarray import NDArray, as_dtype


class DataDesc(namedtuple("DataDesc", ["name", "shape"])):
    """Name, shape, type and layout of one input."""

    def __new__(cls, name, shape, dtype=np.float32, layout="NCHW"):
        made = super().__new__(cls, name, tuple(shape))
        made.dtype = dtype
        made.layout = layout
        return made

    def __repr__(self):
        return f"DataDesc[{self.name},{self.shape},{self.dtype},{self.layout}]"

    @staticmethod
    def get_batch_axis(layout):
        return 0 if layout is None else layout.find("N")

    @staticmethod
    def get_list(shapes, types):
        if types is None:
            return [DataDesc(name, shape) for name, shape in shapes]
        types = dict(types)
        return [DataDesc(name, shape, types[name]) for name, shape in shapes]


class DataBatch:
    """One batch: lists of arrays, and how many rows at its end are padding."""

    def __init__(self, data, label=None, pad=None, index=None, bucket_key=None, provide_data=None, provide_label=None):
        if data is not None and not isinstance(data, (list, tuple)):
            raise AssertionError("Data must be list of NDArrays")
        if label is not None and not isinstance(label, (list, tuple)):
            raise AssertionError("Label must be list of NDArrays")
        self.data = data
        self.label = label
        self.pad = pad
        self.index = index
        self.bucket_key = bucket_key
        self.provide_data = provide_data
        self.provide_label = provide_label

    def __str__(self):
        data = [item.shape for item in self.data]
        label = [item.shape for item in self.label] if self.label else None
        return f"{type(self).__name__}: data shapes: {data} label shapes: {label}"


class DataIter:
    """The interface of iterators over batches."""

    def __init__(self, batch_size=0):
        self.batch_size = batch_size

    def __iter__(self):
        return self

    def reset(self):
        """Starts again."""

    def next(self):
        if not self.iter_next():
            raise StopIteration
        return DataBatch(self.getdata(), self.getlabel(), self.getpad(), self.getindex())

    def __next__(self):
        return self.next()


def _named(given, default):
    if given is None:
        return []
    if isinstance(given, (np.ndarray, NDArray)):
        given = [given]
    if isinstance(given, (list, tuple)):
        names = [default] if len(given) == 1 else [f"_{i}_{default}" for i in range(len(given))]
        given = dict(zip(names, given))
    if not isinstance(given, dict):
        raise TypeError("Input must be NDArray, numpy.ndarray, h5py.Dataset a list of them or dict with them as values")
    arrays = []
    for name, value in given.items():
        data = value._data if isinstance(value, NDArray) else np.asarray(value)
        if not isinstance(value, NDArray):
            data = data.astype(as_dtype(None))  # as MXNet's nd.array makes it
        arrays.append((name, data))
    return arrays


class NDArrayIter(DataIter):
    """Batches of arrays in memory, in order or shuffled; the last is padded, discarded or rolled over."""

    def __init__(
        self, data, label=None, batch_size=1, shuffle=False, last_batch_handle="pad", data_name="data",
        label_name="softmax_label",
    ):  # fmt: skip
        super().__init__(batch_size)
        self.data = _named(data, data_name)
        self.label = _named(label, label_name)
        self.num_data = self.data[0][1].shape[0]
        for name, array in self.data + self.label:
            if array.shape[0] != self.num_data:
                raise ValueError(f"'{name}' has {array.shape[0]} rows, the first input {self.num_data}")
        self.idx = np.arange(self.num_data)
        self.shuffle = shuffle
        self.last_batch_handle = last_batch_handle
        self.num_source = len(self.data)
        self.cursor = -batch_size
        self._kept = np.empty(0, self.idx.dtype)
        self._order = self.idx
        if last_batch_handle not in ("pad", "discard", "roll_over"):
            raise NotImplementedError(f"last_batch_handle={last_batch_handle}")
        self.reset()

    @property
    def provide_data(self):
        return [DataDesc(name, (self.batch_size, *array.shape[1:]), array.dtype) for name, array in self.data]

    @property
    def provide_label(self):
        return [DataDesc(name, (self.batch_size, *array.shape[1:]), array.dtype) for name, array in self.label]

    def hard_reset(self):
        self._kept = self._kept[:0]
        self.reset()

    def reset(self):
        if self.shuffle:
            np.random.shuffle(self.idx)
        self._order = np.concatenate([self._kept, self.idx])
        self._kept = self._kept[:0]
        self.cursor = -self.batch_size

    def iter_next(self):
        self.cursor += self.batch_size
        total = len(self._order)
        if self.last_batch_handle == "discard":
            return self.cursor + self.batch_size <= total
        if self.last_batch_handle == "roll_over" and self.cursor < total < self.cursor + self.batch_size:
            self._kept = self._order[self.cursor :]
            return False
        return self.cursor < total

    def _rows(self):
        rows = self._order[self.cursor : self.cursor + self.batch_size]
        return np.concatenate([rows, self._order[: self.batch_size - len(rows)]])

    def getdata(self):
        return [nd.NDArray(array[self._rows()]) for _, array in self.data]

    def getlabel(self):
        return [nd.NDArray(array[self._rows()]) for _, array in self.label]

    def getpad(self):
        beyond = self.cursor + self.batch_size - len(self._order)
        return beyond if self.last_batch_handle == "pad" and beyond > 0 else 0

    def getindex(self):
        return None


class ResizeIter(DataIter):
    """Another iterator, cut or repeated to a number of batches."""

    def __init__(self, data_iter, size, reset_internal=True):
        super().__init__(data_iter.batch_size)
        self.data_iter, self.size, self.reset_internal = data_iter, size, reset_internal
        self.provide_data, self.provide_label = data_iter.provide_data, data_iter.provide_label
        self.cur = 0

    def reset(self):
        self.cur = 0
        if self.reset_internal:
            self.data_iter.reset()

    def next(self):
        if self.cur == self.size:
            raise StopIteration
        self.cur += 1
        try:
            return self.data_iter.next()
        except StopIteration:
            self.data_iter.reset()
            return self.data_iter.next()


class PrefetchingIter(DataIter):
    """The batches of one iterator; nothing is fetched ahead."""

    def __init__(self, iters, rename_data=None, rename_label=None):
        self._iter = iters[0] if isinstance(iters, list) else iters
        super().__init__(self._iter.batch_size)
        self.provide_data, self.provide_label = self._iter.provide_data, self._iter.provide_label

    def reset(self):
        self._iter.reset()

    def next(self):
        return self._iter.next()


class CSVIter(NDArrayIter):
    """Rows of comma-separated numbers."""

    def __init__(self, data_csv, data_shape, label_csv=None, label_shape=(1,), batch_size=1, round_batch=True, **_):
        read = np.loadtxt(data_csv, delimiter=",", dtype=np.float32, ndmin=2)
        rows = read.reshape(-1, *data_shape)
        labels = np.zeros((len(rows), *label_shape), np.float32)
        if label_csv is not None:
            labels = np.loadtxt(label_csv, delimiter=",", dtype=np.float32, ndmin=2).reshape(-1, *label_shape)
        labels = labels.reshape(-1) if tuple(label_shape) == (1,) else labels
        super().__init__(rows, labels, batch_size, False, "pad" if round_batch else "discard", "data", "label")


def _record_iterator(name):
    def make(*_, **__):
        raise Unsupported(
            f"mx.io.{name} reads record files for training, which Tenon does not; decode images with mx.image.imread and "
            "feed them through NDArrayIter"
        )

    make.__name__ = name
    return make


ImageRecordIter = _record_iterator("ImageRecordIter")
ImageRecordUInt8Iter = _record_iterator("ImageRecordUInt8Iter")
ImageRecordInt8Iter = _record_iterator("ImageRecordInt8Iter")
ImageDetRecordIter = _record_iterator("ImageDetRecordIter")
LibSVMIter = _record_iterator("LibSVMIter")
MNISTIter = _record_iterator("MNISTIter")
