"""Data sets of images from files that are there; nothing is downloaded."""

import gzip
import os
import warnings

import numpy as np

from .... import image, recordio
from .... import ndarray as nd
from ....base import Unsupported
from ..dataset import Dataset, RecordFileDataset

__all__ = ["CIFAR10", "CIFAR100", "FashionMNIST", "ImageFolderDataset", "ImageRecordDataset", "MNIST"]


class _InMemory(Dataset):
    """All images (N, H, W, C) and labels, read once."""

    def __init__(self, root, transform):
        self._root, self._transform = os.path.expanduser(root), transform
        self._data, self._label = self._read()

    def _path(self, name):
        path = os.path.join(self._root, name)
        if not os.path.exists(path):
            raise Unsupported(f"there is no file '{path}', and Tenon does not download data sets; put it there")
        return path

    def __getitem__(self, index):
        item = nd.array(self._data[index], dtype=self._data.dtype), self._label[index]
        return self._transform(*item) if self._transform is not None else item

    def __len__(self):
        return len(self._label)


class MNIST(_InMemory):
    """Handwritten digits, from the four gzip files of their authors."""

    def __init__(self, root="~/.mxnet/datasets/mnist", train=True, transform=None):
        self._train = train
        super().__init__(root, transform)

    def _read(self):
        part = "train" if self._train else "t10k"
        with gzip.open(self._path(f"{part}-labels-idx1-ubyte.gz")) as file:
            labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int32)
        with gzip.open(self._path(f"{part}-images-idx3-ubyte.gz")) as file:
            return np.frombuffer(file.read(), np.uint8, offset=16).reshape(len(labels), 28, 28, 1), labels


class FashionMNIST(MNIST):
    """Clothes in the same format."""

    def __init__(self, root="~/.mxnet/datasets/fashion-mnist", train=True, transform=None):
        super().__init__(root, train, transform)


class CIFAR10(_InMemory):
    """Small photographs of ten classes, from the binary files."""

    _label_bytes = 1

    def __init__(self, root="~/.mxnet/datasets/cifar10", train=True, transform=None):
        self._train = train
        super().__init__(root, transform)

    def _files(self):
        return [f"data_batch_{i}.bin" for i in range(1, 6)] if self._train else ["test_batch.bin"]

    def _read(self):
        parts = [np.fromfile(self._path(name), np.uint8) for name in self._files()]
        rows = np.concatenate(parts).reshape(-1, 3072 + self._label_bytes)
        images = rows[:, self._label_bytes :].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(images), self._labels(rows).astype(np.int32)

    def _labels(self, rows):
        return rows[:, 0]


class CIFAR100(CIFAR10):
    """The same with a coarse and a fine label."""

    _label_bytes = 2

    def __init__(self, root="~/.mxnet/datasets/cifar100", fine_label=False, train=True, transform=None):
        self._fine = fine_label
        super().__init__(root, train, transform)

    def _files(self):
        return ["train.bin"] if self._train else ["test.bin"]

    def _labels(self, rows):
        return rows[:, int(self._fine)]


class ImageFolderDataset(Dataset):
    """Images in a folder a class; `items` are (path, label), `synsets` the names of the classes."""

    def __init__(self, root, flag=1, transform=None):
        self._root, self._flag, self._transform = os.path.expanduser(root), flag, transform
        self._exts = [".jpg", ".jpeg", ".png"]
        self.synsets, self.items = [], []
        for folder in sorted(os.listdir(self._root)):
            path = os.path.join(self._root, folder)
            if not os.path.isdir(path):
                warnings.warn(f"Ignoring {path}, which is not a directory.", stacklevel=3)
                continue
            self.synsets.append(folder)
            names = [name for name in sorted(os.listdir(path)) if os.path.splitext(name)[1].lower() in self._exts]
            self.items += [(os.path.join(path, name), len(self.synsets) - 1) for name in names]

    def __getitem__(self, index):
        item = image.imread(self.items[index][0], self._flag), self.items[index][1]
        return self._transform(*item) if self._transform is not None else item

    def __len__(self):
        return len(self.items)


class ImageRecordDataset(RecordFileDataset):
    """Images and labels of an indexed record file."""

    def __init__(self, filename, flag=1, transform=None):
        super().__init__(filename)
        self._flag, self._transform = flag, transform

    def __getitem__(self, index):
        header, data = recordio.unpack(super().__getitem__(index))
        item = image.imdecode(data, self._flag), header.label
        return self._transform(*item) if self._transform is not None else item
