"""Gluon's data loaders for modules."""

from .. import ndarray as nd
from ..io import DataDesc, DataIter


class DataLoaderIter(DataIter):
    """The batches of a `gluon.data.DataLoader` for `Module.predict` and `score`; the last one is filled up with zeros."""

    def __init__(self, loader, data_name="data", label_name="softmax_label", dtype="float32"):
        data, label = next(iter(loader))
        super().__init__(data.shape[0])
        self._loader = loader
        self.dtype = dtype
        self.provide_data = [DataDesc(data_name, data.shape, dtype)]
        self.provide_label = [DataDesc(label_name, label.shape, dtype)]
        self._current_batch = None
        self.reset()

    def reset(self):
        self._iter = iter(self._loader)

    def iter_next(self):
        self._current_batch = next(self._iter, None)
        return self._current_batch is not None

    def _filled(self, array):
        if not self.getpad():
            return [array.astype(self.dtype)]
        full = nd.zeros((self.batch_size, *array.shape[1:]), dtype=self.dtype)
        full[: array.shape[0]] = array.astype(self.dtype)
        return [full]

    def getdata(self):
        return self._filled(self._current_batch[0])

    def getlabel(self):
        return self._filled(self._current_batch[1])

    def getpad(self):
        return self.batch_size - self._current_batch[0].shape[0]

    def getindex(self):
        return None
