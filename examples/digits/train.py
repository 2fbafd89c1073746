#!/usr/bin/env python3
"""Trains the digits network with MXNet 1.9.1 and writes everything in this folder that is not text.

    python3 -m venv venv && venv/bin/pip install mxnet==1.9.1 'numpy<1.24' scikit-learn==1.7.2
    venv/bin/python examples/digits/train.py

digits-symbol.json and digits-0030.params are what Module.save_checkpoint writes. held-back.npz has the quarter of
scikit-learn's digits that training never saw (`in/data`, 8x8 pixels of 0 to 16) and MXNet's own outputs for them
(`out/softmax_output`), held-back-labels.npy what they are. The PNGs are the first held-back digit of each class, 15 times
as bright.
"""
import pathlib
import random
import struct
import zlib

import mxnet as mx
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS, BATCH = 30, 64


def network():
    def unit(x, channels, name):
        x = mx.sym.Convolution(x, num_filter=channels, kernel=(3, 3), pad=(1, 1), no_bias=True, name=f"conv{name}")
        x = mx.sym.BatchNorm(x, name=f"bn{name}")  # fix_gamma is on by default: inference must take gamma as 1
        return mx.sym.Activation(x, act_type="relu", name=f"relu{name}")

    x = mx.sym.Variable("data") / 16
    x = unit(x, 16, 1)
    x = unit(x, 32, 2)
    x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool1")
    x = unit(x, 64, 3)
    x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool2")
    x = mx.sym.Dropout(mx.sym.Flatten(x), p=0.3, name="dropout")
    x = mx.sym.FullyConnected(x, num_hidden=10, name="fc")
    return mx.sym.SoftmaxOutput(x, name="softmax")


def write_png(path, pixels):
    """An 8-bit grey PNG."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(np.uint8))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def main():
    random.seed(1)
    np.random.seed(1)
    mx.random.seed(1)
    digits = load_digits()
    images = digits.images.astype(np.float32)[:, None]
    labels = digits.target.astype(np.float32)
    train_x, held_x, train_y, held_y = train_test_split(images, labels, test_size=0.25, random_state=1, stratify=labels)

    module = mx.mod.Module(network())
    module.fit(mx.io.NDArrayIter(train_x, train_y, BATCH, shuffle=True), num_epoch=EPOCHS, optimizer="adam",
               optimizer_params={"learning_rate": 2e-3}, initializer=mx.init.Xavier())
    module.save_checkpoint(str(HERE / "digits"), EPOCHS)

    symbol, arguments, auxiliary = mx.model.load_checkpoint(str(HERE / "digits"), EPOCHS)
    executor = symbol.simple_bind(mx.cpu(), data=held_x.shape, grad_req="null")
    executor.copy_params_from(arguments, auxiliary)
    outputs = executor.forward(is_train=False, data=mx.nd.array(held_x))[0].asnumpy()
    np.savez_compressed(HERE / "held-back.npz", **{"in/data": held_x, "out/softmax_output": outputs})
    np.save(HERE / "held-back-labels.npy", held_y)
    for digit in range(10):
        write_png(HERE / f"{digit}.png", held_x[int(np.argmax(held_y == digit)), 0] * 15)
    print(f"{len(held_y)} held-back digits, accuracy {np.mean(outputs.argmax(axis=1) == held_y):.4f}")


if __name__ == "__main__":
    main()
