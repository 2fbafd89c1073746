#!/usr/bin/env python3
"""Writes the small files of tests/data/formats with MXNet 1.9.1: python make_files.py FOLDER"""
import pathlib
import struct
import sys

import mxnet as mx
import numpy as np


def write_params(folder):
    dense = {
        "arg:float32": mx.nd.array(np.arange(6).reshape(2, 3) / 4),
        "arg:float64": mx.nd.array(np.array([0.1, -2.5, 1e300]), dtype="float64"),
        "arg:float16": mx.nd.array(np.array([0.5, 65504, -1e-7]), dtype="float16"),
        "arg:int8": mx.nd.array(np.array([-128, 0, 127]), dtype="int8"),
        "arg:after_odd_bytes": mx.nd.array(np.array([1.5, -3])),
        "arg:uint8": mx.nd.array(np.array([[0], [255]]), dtype="uint8"),
        "arg:int32": mx.nd.array(np.array([-2**31, 2**31 - 1]), dtype="int32"),
        "aux:int64": mx.nd.array(np.array([-2**62, 2**62]), dtype="int64"),
        "aux:bool": mx.nd.array(np.array([True, False, True]), dtype="bool"),
    }
    mx.nd.save(str(folder / "v2.params"), dense)
    mx.nd.save(str(folder / "unnamed.params"), list(dense.values())[:3])
    mx.nd.save(str(folder / "row_sparse.params"),
               {"arg:weight": mx.nd.sparse.row_sparse_array(([[1, 2], [3, 4]], [0, 3]), shape=(5, 2))})
    mx.nd.save(str(folder / "csr.params"),
               {"arg:weight": mx.nd.sparse.csr_matrix(([1.0, 2, 3], [0, 2, 1], [0, 2, 2, 3]), shape=(3, 4))})
    mx.npx.set_np()
    mx.npx.save(str(folder / "v3.params"), {"scalar": mx.np.array(7.5), "empty": mx.np.zeros((0, 4)),
                                            "features.0.weight": mx.np.arange(4).reshape(2, 2)})
    mx.npx.reset_np()
    # What MXNet 1.9.1 for Python cannot write. V1: u32 magic, i32 rank, i64 dims, i32 device type and id, i32 type.
    v1 = struct.pack("<IiqqiiI4f", 0xF993FAC8, 2, 1, 4, 1, 0, 0, 1, 2, 3, 4)
    (folder / "v1.params").write_bytes(container(v1, b"fc_weight"))
    bfloat16 = struct.pack("<IiiqiiI3H", 0xF993FAC9, 0, 1, 3, 1, 0, 12, 0x3FC0, 0xC000, 0x3E80)
    (folder / "bfloat16.params").write_bytes(container(bfloat16, b"arg:w"))
    uint32 = struct.pack("<IiiqiiI2I", 0xF993FAC9, 0, 1, 2, 1, 0, 10, 1, 2)
    (folder / "uint32.params").write_bytes(container(uint32, b"arg:w"))


def container(record, name):
    return struct.pack("<QQQ", 0x112, 0, 1) + record + struct.pack("<QQ", 1, len(name)) + name


def small_network():
    data = mx.sym.Variable("data", shape=(0, 3, 8, 8), lr_mult=0.5)
    net = mx.sym.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=4, name="conv")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="bn")
    net = mx.sym.Activation(net, act_type="relu", name="relu")
    left = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    right = mx.sym.Convolution(net, kernel=(2, 2), stride=(2, 2), num_filter=4, no_bias=True, name="down")
    net = mx.sym.Concat(left, right, mx.sym.LeakyReLU(left, act_type="prelu", name="prelu"), dim=1, name="concat")
    net = mx.sym.FullyConnected(mx.sym.Dropout(net, p=0.3, name="drop"), num_hidden=5, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def shapes_network():
    data = mx.sym.Variable("data", shape=(2, 6, 4, 4))
    net = mx.sym.transpose(mx.sym.Reshape(data, shape=(0, -4, 2, -1, -2), name="split"), axes=(0, 2, 1, 3, 4))
    parts = mx.sym.SliceChannel(mx.sym.Reshape(net, shape=(2, 6, -1)), num_outputs=3, axis=1, name="parts")
    part = mx.sym.slice(parts[1] + 2.5 * parts[2], begin=(0, None, 1), end=(None, 2, None), name="cut")
    total = mx.sym.sum(mx.sym.broadcast_mul(part, mx.sym.mean(part, axis=(1, 2), keepdims=True)), axis=-1, name="total")
    top = mx.sym.topk(total, k=2, ret_typ="both", name="top")
    return mx.sym.Group([top, mx.sym.clip(mx.sym.dot(total, total, transpose_b=True), 0, float("inf"), name="clip")])


def write_symbols(folder):
    small_network().save(str(folder / "small.json"))
    shapes_network().save(str(folder / "shapes.json"))
    mx.npx.set_np()
    x = mx.sym.var("x").as_np_ndarray()
    (mx.sym.np.sum(x) + 1).save(str(folder / "np_shape.json"))
    mx.npx.reset_np()


def write_arrays(folder):
    np.save(folder / "float32.npy", np.arange(6, dtype="f4").reshape(2, 3))
    np.save(folder / "fortran.npy", np.asfortranarray(np.arange(6, dtype="i4").reshape(2, 3)))
    np.save(folder / "scalar.npy", np.array(2.5, dtype="f8"))


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1])
    for name, write in {"params": write_params, "symbol": write_symbols, "npy": write_arrays}.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        write(root / name)
