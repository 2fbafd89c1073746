"""Data sets that MXNet downloads, from files of their formats."""

import gzip
import struct

import numpy as np
import pytest

import tenon
import tenon.mxnet as mx

vision = mx.gluon.data.vision
IMAGES = (np.arange(3 * 28 * 28) % 251).astype("uint8").reshape(3, 28, 28, 1)
SMALL = (np.arange(2 * 3 * 32 * 32) % 253).astype("uint8").reshape(2, 3, 32, 32)


def write_mnist(folder, part):
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz", "wb") as file:
        file.write(struct.pack(">II", 2049, 3) + bytes([7, 0, 9]))
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz", "wb") as file:
        file.write(struct.pack(">IIII", 2051, 3, 28, 28) + IMAGES.tobytes())


@pytest.mark.parametrize("kind", [vision.MNIST, vision.FashionMNIST])
def test_mnist(tmp_path, kind):
    write_mnist(tmp_path, "t10k")
    data = kind(root=str(tmp_path), train=False)
    image, label = data[2]
    assert len(data) == 3 and label == 9 and image.dtype == np.uint8
    np.testing.assert_array_equal(image.asnumpy(), IMAGES[2])
    doubled = kind(root=str(tmp_path), train=False, transform=lambda image, label: (image.astype("float32") * 2, label + 1))
    assert doubled[0][1] == 8 and doubled[0][0].dtype == np.float32


def test_cifar(tmp_path):
    (tmp_path / "test_batch.bin").write_bytes(b"".join(bytes([label]) + image.tobytes() for label, image in zip((4, 1), SMALL)))
    data = vision.CIFAR10(root=str(tmp_path), train=False)
    assert len(data) == 2 and data[1][1] == 1
    np.testing.assert_array_equal(data[1][0].asnumpy(), SMALL[1].transpose(1, 2, 0))
    (tmp_path / "test.bin").write_bytes(b"".join(bytes([3, label]) + image.tobytes() for label, image in zip((40, 41), SMALL)))
    assert vision.CIFAR100(root=str(tmp_path), train=False, fine_label=True)[0][1] == 40
    assert vision.CIFAR100(root=str(tmp_path), train=False)[0][1] == 3


def test_a_loader_over_it(tmp_path):
    write_mnist(tmp_path, "train")
    loader = mx.gluon.data.DataLoader(vision.MNIST(root=str(tmp_path)), batch_size=2, last_batch="keep")
    shapes = [(images.shape, labels.asnumpy().tolist()) for images, labels in loader]
    assert shapes == [((2, 28, 28, 1), [7, 0]), ((1, 28, 28, 1), [9])]


def test_nothing_is_downloaded(tmp_path):
    with pytest.raises(tenon.errors.Unsupported, match="does not download data sets; put it there"):
        vision.MNIST(root=str(tmp_path))
