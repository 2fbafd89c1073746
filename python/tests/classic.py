"""What scripts do with MXNet's interface, written once and run twice: by MXNet 1.9.1 and by Tenon.

    python classic.py RESULTS.json                        under MXNet
    python -m tenon.mxnet classic.py RESULTS.json         under Tenon

Every line `check(name, function)` records a value (or the kind of exception); test_classic.py compares the records.
"""

import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import warnings

import mxnet as mx
import numpy as np
from mxnet import gluon, nd, sym
from mxnet.gluon import nn

RESULTS = {}
RANDOM = np.random.RandomState(3)
FOLDER = tempfile.mkdtemp()
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")


def plain(value):
    """A value as JSON: arrays with type and shape, the rest as it is."""
    if isinstance(value, nd.NDArray):
        return {"nd": plain(value.asnumpy())}
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "shape": list(value.shape), "values": value.reshape(-1).tolist()}
    if isinstance(value, np.generic):
        return plain(np.asarray(value))
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)


def check(name, function):
    assert name not in RESULTS, name
    try:
        RESULTS[name] = plain(function())
        nd.waitall()  # MXNet raises late what went wrong in its queue
    except Exception as error:  # noqa: BLE001 (the kind is what is recorded)
        kinds = [mx.base.MXNetError, TypeError, ValueError, IndexError, KeyError, AssertionError, RuntimeError]
        kind = next((kind for kind in kinds if isinstance(error, kind)), type(error))
        RESULTS[name] = {"raises": "MXNetError" if kind is mx.base.MXNetError else kind.__name__}


def fails(function, *args, **kwargs):
    """Whether it raises, where MXNet's own kind of exception is an accident of its internals."""
    try:
        function(*args, **kwargs)
    except RuntimeError:
        return "RuntimeError"
    except ValueError:
        return "RuntimeError"
    return "nothing"


def numbers(*shape):
    return RANDOM.uniform(-2, 2, shape).astype("float32")


# ---- arrays: creation ----

check("nd.array list", lambda: nd.array([[1, 2], [3, 4]]))
check("nd.array numpy float64", lambda: nd.array(np.arange(3, dtype="float64")))
check("nd.array int", lambda: nd.array(np.arange(3), dtype="int32"))
check("nd.array of NDArray", lambda: nd.array(nd.ones((2,), dtype="int8")))
check("nd.array scalar", lambda: nd.array(5))
check("nd.zeros", lambda: nd.zeros((2, 3)))
check("nd.zeros int shape", lambda: nd.zeros(4, dtype="int64"))
check("nd.ones", lambda: nd.ones((1, 2), dtype="float16"))
check("nd.full", lambda: nd.full((2, 2), 7.5))
check("nd.arange one", lambda: nd.arange(5))
check("nd.arange", lambda: nd.arange(1, 10, 2.5))
check("nd.arange repeat", lambda: nd.arange(0, 3, repeat=2))
check("nd.arange int", lambda: nd.arange(3, dtype="int32"))
check("nd.linspace", lambda: nd.linspace(0, 1, 5))
check("nd.eye", lambda: nd.eye(3))
check("nd.eye rectangular", lambda: nd.eye(2, 4, 1))
check("nd.empty shape", lambda: nd.empty((2, 5)).shape)
check("nd.zeros_like", lambda: nd.zeros_like(nd.ones((2, 3))))
check("nd.ones_like", lambda: nd.ones_like(nd.zeros((2, 3))))
check("nd.full dtype", lambda: nd.full((2,), 3, dtype="uint8"))
check("nd.from_numpy", lambda: nd.from_numpy(np.ones((2, 2), "float32")))

# ---- arrays: what they are ----

A = numbers(3, 4)
B = np.abs(numbers(3, 4)) + 0.5
a, b = nd.array(A), nd.array(B)
check("shape", lambda: a.shape)
check("size", lambda: a.size)
check("ndim", lambda: a.ndim)
check("dtype", lambda: a.dtype)
check("dtype int", lambda: nd.ones((1,), dtype="int32").dtype)
check("context", lambda: str(a.context))
check("ctx", lambda: str(a.ctx))
check("stype", lambda: a.stype)
check("len", lambda: len(a))
check("repr", lambda: repr(nd.array([[1, 2], [3, 4]])))
check("T", lambda: a.T)
check("asscalar", lambda: nd.array([3.5]).asscalar())
check("asscalar of many", lambda: a.asscalar())
check("float", lambda: float(nd.array([2])))  # MXNet 1.9 refuses this
check("int", lambda: int(nd.array([2.7])))
check("bool", lambda: bool(nd.array([0])))
check("bool of many", lambda: bool(a))
check("iteration", lambda: [row.shape for row in a])
check("asnumpy is a copy", lambda: (a.asnumpy().__setitem__(0, 9), a.asnumpy()[0, 0] == A[0, 0])[1])
check("wait_to_read", lambda: a.wait_to_read())
check("astype", lambda: a.astype("int32"))
check("astype float16", lambda: a.astype(np.float16))
check("astype copy", lambda: a.astype("float32", copy=False) is a)
check("copy", lambda: a.copy())
check("copyto", lambda: a.copyto(nd.zeros((3, 4))))
check("copyto casts", lambda: a.copyto(nd.zeros((3, 4), dtype="float64")))
check("copyto context", lambda: str(a.copyto(mx.cpu(0)).context))
check("as_in_context", lambda: a.as_in_context(mx.cpu()) is a)
check("as_in_context other", lambda: str(a.as_in_context(mx.cpu(1)).context))
check("detach", lambda: a.detach())
check("tostype", lambda: a.tostype("default").stype)
check("waitall", lambda: nd.waitall())

# ---- arrays: arithmetic ----

for name, function in {
    "add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b, "div": lambda: a / b, "mod": lambda: a % b,
    "pow": lambda: b**a, "neg": lambda: -a, "abs": lambda: abs(a), "add scalar": lambda: a + 2, "radd": lambda: 2 + a,
    "rsub": lambda: 2 - a, "rdiv": lambda: 2 / b, "rmod": lambda: 3 % b, "rpow": lambda: 2**a, "pow scalar": lambda: b**0.5,
    "eq": lambda: a == a, "ne": lambda: a != b, "gt": lambda: a > b, "ge": lambda: a >= 0, "lt": lambda: a < b,
    "le": lambda: a <= 0, "broadcast": lambda: a + nd.ones((1, 4)), "broadcast rows": lambda: a * nd.ones((3, 1)),
    "int division": lambda: nd.array([7, 8], dtype="int32") / 2, "int add float": lambda: nd.array([7, 8], dtype="int32") + 1.5,
    "float16 add": lambda: nd.array([1, 2], dtype="float16") + nd.array([0.5, 3], dtype="float16"),
    "with numpy": lambda: a + B, "shapes differ": lambda: a + nd.ones((5, 5)), "types differ": lambda: a + nd.ones((3, 4), dtype="int32"),
    "none": lambda: a + None,
}.items():  # fmt: skip
    check(f"arithmetic {name}", function)


def in_place(operation):
    x = nd.array(A)
    return operation(x)


check("iadd", lambda: in_place(lambda x: x.__iadd__(1)))
check("isub", lambda: in_place(lambda x: x.__isub__(b)))
check("imul", lambda: in_place(lambda x: x.__imul__(b)))
check("itruediv", lambda: in_place(lambda x: x.__itruediv__(2)))
check("iadd keeps views", lambda: in_place(lambda x: (x[0].__iadd__(5), x)[1]))
for name in "add subtract multiply divide modulo power maximum minimum equal not_equal greater greater_equal lesser lesser_equal".split():
    check(f"nd.{name} arrays", lambda name=name: getattr(nd, name)(b, nd.array(B[::-1].copy())))
    check(f"nd.{name} scalar", lambda name=name: getattr(nd, name)(b, 1.5))
check("nd.maximum scalar first", lambda: nd.maximum(0, a))
check("nd.logical_and", lambda: nd.logical_and(a > 0, b > 1))
check("nd.logical_not", lambda: nd.logical_not(a > 0))

# ---- arrays: indexing ----

C = np.arange(24, dtype="float32").reshape(2, 3, 4)
c = nd.array(C)
for name, key in {
    "int": 1, "negative": -1, "slice": slice(0, 1), "two": (1, 2), "three": (1, 2, 3), "column": (slice(None), 1),
    "step": (slice(None), slice(0, 3, 2)), "negative step": (slice(None), slice(None, None, -1)), "ellipsis": (Ellipsis, 0),
    "newaxis": (None, 0), "list": [1, 0], "array": np.array([0, 1, 1]), "two lists": ([0, 1], [2, 0]),
    "mixed": (0, [0, 2]), "last": (slice(None), slice(None), -1), "empty tail": (1, slice(1, 3)),
    "out of range": 7, "out of range axis": (0, 9),
}.items():  # fmt: skip
    check(f"get {name}", lambda key=key: c[key])
check("get NDArray", lambda: c[nd.array([1, 0])])


def assigned(key, value):
    x = nd.array(C)
    x[key] = value
    return x


for name, key, value in [
    ("scalar", 0, 5), ("all", slice(None), 1), ("row", (0, 1), nd.array([9, 8, 7, 6])), ("slice", slice(0, 1), np.zeros((1, 3, 4))),
    ("column", (slice(None), 1), 3), ("broadcast", (slice(None), slice(0, 2)), nd.array([1, 2, 3, 4])), ("list", [0, 1], 2),
    ("element", (1, 2, 3), -1), ("step", (slice(None), slice(None), slice(0, 4, 2)), 0), ("wrong", 0, np.zeros((5,))),
]:  # fmt: skip
    check(f"set {name}", lambda key=key, value=value: assigned(key, value))
check("view of a row is written through", lambda: (lambda x: (x[1].__setitem__(slice(None), 4), x)[1])(nd.array(C)))
check("slices", lambda: nd.slice(c, begin=(0, 1), end=(2, 3)))
check("slice method", lambda: c.slice(begin=(0, None, 1), end=(1, None, 3)))
check("slice_axis", lambda: c.slice_axis(axis=1, begin=1, end=None))
check("take", lambda: c.take(nd.array([1, 0]), axis=2))
check("pick", lambda: nd.array([[1, 2], [3, 4]]).pick(nd.array([1, 0])))
check("one_hot", lambda: nd.one_hot(nd.array([0, 2]), 3))
check("where", lambda: nd.where(nd.array([1, 0]), nd.array([1, 2]), nd.array([3, 4])))
check("gather_nd", lambda: nd.gather_nd(c, nd.array([[0, 1], [1, 2]])))
check("boolean mask by where", lambda: nd.where(a > 0, a, nd.zeros_like(a)))

# ---- arrays: shapes ----

for name, shape in {
    "flat": (-1,), "zero": (0, -1), "same": (2, 12), "minus two": (-2,), "minus three": (-3, 0), "minus four": (-4, 1, 2, -2),
    "wrong": (5, 5), "two unknown": (-1, -1),
}.items():  # fmt: skip
    check(f"reshape {name}", lambda shape=shape: c.reshape(shape))
check("reshape arguments", lambda: c.reshape(4, 6))
check("reshape keyword", lambda: c.reshape(shape=(6, 4)))
check("reshape reverse", lambda: nd.ones((10, 5, 4)).reshape((-1, 0), reverse=True).shape)
check("nd.reshape", lambda: nd.reshape(c, shape=(3, 8)))
check("reshape_like", lambda: c.reshape_like(nd.ones((4, 6))))
check("expand_dims", lambda: c.expand_dims(1).shape)
check("squeeze", lambda: nd.ones((1, 2, 1)).squeeze().shape)
check("flatten", lambda: c.flatten())
check("transpose", lambda: c.transpose())
check("transpose axes", lambda: c.transpose((1, 0, 2)))
check("swapaxes", lambda: c.swapaxes(0, 2))
check("flip", lambda: c.flip(axis=1))
check("tile", lambda: nd.array([1, 2]).tile((2, 2)))
check("repeat", lambda: nd.array([1, 2]).repeat(2))
check("broadcast_to", lambda: nd.ones((1, 3)).broadcast_to((2, 3)))
check("broadcast_like", lambda: nd.ones((1, 3)).broadcast_like(nd.ones((2, 3))))
check("broadcast_axes", lambda: nd.ones((1, 3)).broadcast_axes(axis=0, size=2))
check("split", lambda: nd.split(c, num_outputs=2, axis=2))
check("split method", lambda: c.split(3, axis=1, squeeze_axis=True))
check("split_v2", lambda: nd.split_v2(c, (1, 3), axis=2))
check("concat", lambda: nd.concat(a, b, dim=0))
check("concat default", lambda: nd.concat(a, b))
check("stack", lambda: nd.stack(a, b, axis=1))
check("concatenate", lambda: nd.concatenate([a, b], axis=1))
check("moveaxis", lambda: nd.moveaxis(c, 0, 2))
check("pad", lambda: nd.pad(nd.ones((1, 1, 2, 2)), mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 1, 1), constant_value=3))
check("depth_to_space", lambda: nd.arange(8).reshape((1, 4, 1, 2)).depth_to_space(2))
check("diag", lambda: nd.diag(nd.array([1, 2])))
check("shape_array", lambda: c.shape_array())
check("size_array", lambda: c.size_array())

# ---- operators as functions and methods ----

for name in (
    "abs sign floor ceil round rint fix trunc square exp expm1 tanh sigmoid relu sin cos tan arctan arcsinh softsign degrees radians"
).split():
    check(f"unary {name}", lambda name=name: getattr(nd, name)(a))
for name in "sqrt rsqrt cbrt rcbrt log log2 log10 log1p reciprocal gamma gammaln".split():
    check(f"unary {name}", lambda name=name: getattr(nd, name)(b))
for name in "sum mean max min prod nansum".split():
    check(f"reduce {name}", lambda name=name: getattr(c, name)())
    check(f"reduce {name} axis", lambda name=name: getattr(c, name)(axis=1))
    check(f"reduce {name} keepdims", lambda name=name: getattr(nd, name)(c, axis=(0, 2), keepdims=True))
check("reduce exclude", lambda: nd.sum(c, axis=1, exclude=True))
check("norm", lambda: c.norm())
check("norm axis", lambda: nd.norm(c, ord=1, axis=1))
check("argmax", lambda: a.argmax(axis=1))
check("argmin", lambda: a.argmin(axis=0))
check("argmax all", lambda: nd.argmax(a))
check("argsort", lambda: a.argsort())
check("sort", lambda: a.sort(is_ascend=False))
check("topk", lambda: a.topk(k=2))
check("topk both", lambda: nd.topk(a, k=2, ret_typ="both"))
check("topk value", lambda: nd.topk(a, axis=0, k=1, ret_typ="value"))
check("clip", lambda: a.clip(-1, 1))
check("clip keywords", lambda: nd.clip(a, a_min=0, a_max=1))
check("dot", lambda: nd.dot(a, b.T))
check("dot transpose", lambda: nd.dot(a, b, transpose_b=True))
check("batch_dot", lambda: nd.batch_dot(c, c, transpose_b=True))
check("linalg.gemm2", lambda: nd.linalg.gemm2(a, b, transpose_b=True))
check("softmax", lambda: nd.softmax(a))
check("softmax axis", lambda: a.softmax(axis=0))
check("softmax temperature", lambda: nd.softmax(a, temperature=2.0))
check("log_softmax", lambda: a.log_softmax())
check("SoftmaxOutput", lambda: nd.SoftmaxOutput(a, nd.zeros((3,))))
check("L2Normalization", lambda: nd.L2Normalization(a))
check("smooth_l1", lambda: nd.smooth_l1(a, scalar=1.0))
check("add_n", lambda: nd.add_n(a, b, a))
check("cast", lambda: nd.cast(a, "int32"))
check("Cast", lambda: nd.Cast(a, dtype="float64"))
check("identity", lambda: nd.identity(a))
check("BlockGrad", lambda: nd.BlockGrad(a))
check("Embedding", lambda: nd.Embedding(nd.array([1, 0]), b, input_dim=3, output_dim=4))
check("SequenceMask", lambda: nd.SequenceMask(c, nd.array([1, 2, 1]), use_sequence_length=True, value=-1))
check("broadcast_add", lambda: nd.broadcast_add(a, nd.ones((1, 4))))
check("broadcast_maximum", lambda: nd.broadcast_maximum(a, nd.zeros((3, 1))))
check("elemwise_add", lambda: nd.elemwise_add(a, b))
check("out", lambda: (lambda x: (nd.elemwise_add(a, b, out=x), x)[1])(nd.zeros((3, 4))))
IMAGE = numbers(2, 3, 9, 8)
image = nd.array(IMAGE)
weight, bias = nd.array(numbers(4, 3, 3, 3)), nd.array(numbers(4))
check("Convolution", lambda: nd.Convolution(image, weight, bias, kernel=(3, 3), num_filter=4))
check("Convolution keywords", lambda: nd.Convolution(data=image, weight=weight, no_bias=True, kernel=(3, 3), num_filter=4, stride=(2, 2), pad=(1, 1)))
check("Convolution positions", lambda: nd.Convolution(image, weight, bias, (3, 3), (2, 1), (1, 1), (1, 0), 4))
check("Deconvolution", lambda: nd.Deconvolution(image, nd.array(numbers(3, 2, 2, 2)), kernel=(2, 2), stride=(2, 2), num_filter=2))
check("Pooling", lambda: nd.Pooling(image, kernel=(2, 2), stride=(2, 2), pool_type="max"))
check("Pooling avg", lambda: nd.Pooling(image, kernel=(3, 3), pool_type="avg", pad=(1, 1)))
check("Pooling global", lambda: nd.Pooling(image, global_pool=True, pool_type="avg", kernel=(1, 1)))
check("BatchNorm", lambda: nd.BatchNorm(image, nd.ones((3,)), nd.zeros((3,)), nd.array([0.1, 0.2, 0.3]), nd.array([1, 2, 3]), fix_gamma=False))
check("LayerNorm", lambda: nd.LayerNorm(a, nd.ones((4,)), nd.zeros((4,))))
check("InstanceNorm", lambda: nd.InstanceNorm(image, nd.ones((3,)), nd.zeros((3,))))
check("FullyConnected", lambda: nd.FullyConnected(a, nd.array(numbers(2, 4)), nd.array(numbers(2)), num_hidden=2))
check("FullyConnected no flatten", lambda: nd.FullyConnected(c, nd.array(numbers(2, 4)), no_bias=True, num_hidden=2, flatten=False))
for kind in "relu sigmoid tanh softrelu softsign".split():
    check(f"Activation {kind}", lambda kind=kind: nd.Activation(a, act_type=kind))
for kind in "leaky elu selu gelu".split():
    check(f"LeakyReLU {kind}", lambda kind=kind: nd.LeakyReLU(a, act_type=kind))
check("LeakyReLU prelu", lambda: nd.LeakyReLU(image, nd.array([0.1, 0.2, 0.3]), act_type="prelu"))
check("Dropout", lambda: nd.Dropout(a, p=0.5))
check("UpSampling", lambda: nd.UpSampling(image, scale=2, sample_type="nearest"))
check("LRN", lambda: nd.LRN(image, nsize=3))
check("SwapAxis", lambda: nd.SwapAxis(c, dim1=0, dim2=1))
check("contrib.box_iou", lambda: nd.contrib.box_iou(nd.array([[0, 0, 2, 2]]), nd.array([[1, 1, 3, 3]])))
check("contrib.box_nms", lambda: nd.contrib.box_nms(nd.array([[0, 0.9, 0, 0, 2, 2], [0, 0.8, 0, 0, 2, 2.1], [1, 0.7, 3, 3, 4, 4]])))
check("contrib.MultiBoxPrior", lambda: nd.contrib.MultiBoxPrior(nd.ones((1, 3, 2, 2)), sizes=(0.5, 0.25), ratios=(1, 2)))
check("contrib.AdaptiveAvgPooling2D", lambda: nd.contrib.AdaptiveAvgPooling2D(image, output_size=2))
check("contrib.BilinearResize2D", lambda: nd.contrib.BilinearResize2D(image, height=5, width=4))
check("image.to_tensor", lambda: nd.image.to_tensor(nd.ones((2, 2, 3), dtype="uint8") * 51))
check("image.normalize", lambda: nd.image.normalize(nd.ones((3, 2, 2)), mean=(0.1, 0.2, 0.3), std=(1, 2, 3)))
check("wrong attribute", lambda: nd.Pooling(image, kernel=(2, 2), wrong=3))
check("wrong choice", lambda: nd.Activation(a, act_type="rulu"))
check("wrong shape", lambda: nd.Convolution(image, nd.ones((4, 5, 3, 3)), bias, kernel=(3, 3), num_filter=4))
check("no operator", lambda: nd.NoSuchOperator)

# ---- files ----

path = os.path.join(FOLDER, "arrays")
check("save list", lambda: (nd.save(path, [a, b]), nd.load(path))[1])
check("save dict", lambda: (nd.save(path, {"x": a, "y": nd.ones((2,), dtype="int32")}), nd.load(path))[1])
check("save one", lambda: (nd.save(path, a), nd.load(path))[1])
check("save ten", lambda: (nd.save(path, [nd.ones((1,)) * i for i in range(12)]), nd.load(path))[1])
check("save text", lambda: nd.save(path, "text"))
check("load missing", lambda: nd.load(os.path.join(FOLDER, "missing")))

# ---- contexts, names, scopes ----

check("cpu", lambda: repr(mx.cpu()))
check("gpu", lambda: repr(mx.gpu(1)))
check("contexts are equal", lambda: mx.cpu(0) == mx.cpu() and mx.cpu(0) != mx.cpu(1) and mx.cpu() != mx.gpu())
check("Context", lambda: mx.Context("cpu", 1).device_type + str(mx.Context("gpu", 2).device_typeid))
check("current_context", lambda: str(mx.current_context()))


def within(context):
    with context:
        return str(mx.current_context()), str(nd.zeros((1,)).context)


check("with context", lambda: within(mx.cpu(2)))
check("num_gpus", lambda: mx.context.num_gpus())
check("gpu without one", lambda: nd.zeros((1,), ctx=mx.gpu(0)))

# ---- symbols ----


def mlp():
    with mx.name.NameManager():
        data = sym.Variable("data")
        net = sym.FullyConnected(data, num_hidden=5, name="fc1")
        net = sym.Activation(net, act_type="relu")
        net = sym.FullyConnected(net, num_hidden=3, name="fc2")
        return sym.SoftmaxOutput(net, name="softmax")


def convnet():
    with mx.name.NameManager():
        data = sym.var("data")
        net = sym.Convolution(data, kernel=(3, 3), num_filter=4, pad=(1, 1), name="conv")
        net = sym.BatchNorm(net, fix_gamma=False, name="bn")
        net = sym.Activation(net, act_type="relu", name="act")
        net = sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
        return sym.FullyConnected(sym.Flatten(net, name="flat"), num_hidden=3, name="fc")


net = mlp()
deep = convnet()
check("list_arguments", lambda: net.list_arguments())
check("list_outputs", lambda: net.list_outputs())
check("list_auxiliary_states", lambda: deep.list_auxiliary_states())
check("list_inputs", lambda: deep.list_inputs())
check("name", lambda: net.name)
check("symbol repr", lambda: repr(net))
check("group repr", lambda: repr(sym.Group([net, deep])))
check("internals", lambda: deep.get_internals().list_outputs())
check("internals by name", lambda: deep.get_internals()["act_output"].list_arguments())
check("internals missing", lambda: deep.get_internals()["nothing_output"])
check("children", lambda: net.get_children().list_outputs())
check("children of a variable", lambda: sym.var("x").get_children())
check("infer_shape", lambda: deep.infer_shape(data=(2, 3, 8, 8)))
check("infer_shape positions", lambda: (x + y).infer_shape((4, 7), (4, 7)))
check("infer_shape incomplete", lambda: net.infer_shape())
check("infer_shape_partial", lambda: net.infer_shape_partial(data=(4, 7)))
check("infer_shape contradiction", lambda: net.infer_shape(data=(2, 3), fc1_weight=(5, 9)))
check("infer_shape list", lambda: net.infer_shape(data=[2, 3]))
check("infer_shape unknown name", lambda: net.infer_shape(nothing=(1, 2)))
check("infer_type", lambda: deep.infer_type(data="float32"))
check("infer_type float16", lambda: deep.infer_type(data=np.float16))
check("infer_type incomplete", lambda: sym.var("x").infer_type())
check("attr", lambda: deep.get_internals()["conv_output"].attr("kernel"))
check("attr missing", lambda: net.attr("nothing"))
check("list_attr", lambda: deep.get_internals()["pool_output"].list_attr())
check("attr_dict", lambda: deep.attr_dict())
check("variable hints", lambda: sym.Variable("x", shape=(2, 3), dtype="float16", lr_mult=0.5).list_attr())
check("variable attributes", lambda: sym.Variable("x", __mine__="yes").attr("__mine__"))
check("variable wrong attribute", lambda: sym.Variable("x", mine="yes"))
check("variable shape is a hint", lambda: sym.FullyConnected(sym.Variable("x", shape=(2, 3)), num_hidden=4, name="f").infer_shape()[1])
check("json", lambda: json.loads(deep.tojson())["nodes"])
check("json heads", lambda: json.loads(sym.Group([net, deep]).tojson())["heads"])
check("json again", lambda: sym.load_json(deep.tojson()).tojson() == deep.tojson())
check("save and load", lambda: (deep.save(path + ".json"), sym.load(path + ".json").list_arguments())[1])
check("load_json damaged", lambda: fails(sym.load_json, "{"))
check("group", lambda: sym.Group([net, deep]).list_outputs())
check("index", lambda: sym.Group([net, deep])[1].list_outputs())
check("index name", lambda: sym.Group([net, deep])["fc_output"].name)
check("index out of range", lambda: net[3])
check("len of a group", lambda: len(sym.Group([net, deep])))
check("iteration of a group", lambda: [s.name for s in sym.Group([net, deep])])
check("split symbol", lambda: sym.split(sym.var("x"), num_outputs=3, name="s").list_outputs())
check("two outputs as one input", lambda: sym.relu(sym.split(sym.var("x"), num_outputs=2)))
check("compose", lambda: sym.relu(sym.var("x"), name="r")(x=sym.tanh(sym.var("y"), name="t")).list_arguments())
check("multiple values", lambda: sym.relu(sym.var("x"), data=sym.var("y")))
check("truth of a symbol", lambda: bool(sym.var("x") == sym.var("y")))
x, y = sym.var("x"), sym.var("y")


def names(make):
    with mx.name.NameManager():
        result = make()
        nodes = json.loads(result.tojson())["nodes"]
        return [(node["op"], node["name"], node.get("attrs", {})) for node in nodes]


for label, make in {
    "plus": lambda: x + y, "plus scalar": lambda: x + 1, "minus": lambda: x - y, "rminus": lambda: 1 - x, "mul": lambda: x * y,
    "mul scalar": lambda: x * 2.5, "div": lambda: x / y, "rdiv": lambda: 1 / x, "pow": lambda: x**2, "neg": lambda: -x,
    "eq": lambda: x == y, "gt scalar": lambda: x > 0, "relu": lambda: sym.relu(x), "concat": lambda: sym.concat(x, y, dim=1),
    "Concat": lambda: sym.Concat(x, y), "convolution": lambda: sym.Convolution(x, kernel=(1, 1), num_filter=2),
    "no bias": lambda: sym.FullyConnected(x, num_hidden=2, no_bias=True), "leaky": lambda: sym.LeakyReLU(x, act_type="prelu"),
    "sum": lambda: sym.sum(x, axis=1), "methods": lambda: x.reshape((0, -1)).sum(axis=1).expand_dims(0),
    "reuse": lambda: sym.relu(x) + sym.relu(x), "contrib": lambda: sym.contrib.box_nms(x), "softmax": lambda: sym.softmax(x, axis=1),
    "maximum": lambda: sym.maximum(x, y), "maximum scalar": lambda: sym.maximum(x, 1), "zeros": lambda: sym.zeros((2, 3)) + x,
    "slice_axis": lambda: x.slice_axis(axis=0, begin=0, end=1), "transpose": lambda: sym.transpose(x, axes=(1, 0)),
    "cast": lambda: x.astype("float16"), "dropout": lambda: sym.Dropout(x), "batch norm": lambda: sym.BatchNorm(x),
    "named": lambda: sym.exp(x, name="mine"), "attr": lambda: sym.exp(x, attr={"__k__": "v"}),
}.items():  # fmt: skip
    check(f"nodes of {label}", lambda make=make: names(make))


def prefixed():
    with mx.name.Prefix("p_"):
        return sym.FullyConnected(x, num_hidden=2).list_arguments(), sym.exp(x, name="e").name


def scoped():
    with mx.AttrScope(ctx_group="dev1"):
        return sym.exp(x).list_attr(), sym.var("z").list_attr()


def attributed():
    made = sym.exp(sym.var("x", attr={"lr_mult": "2"}), attr={"mirror_stage": "True"}, name="e")
    made._set_attr(ctx_group="d")
    with mx.AttrScope(__group__="4", force_mirroring="1"):
        outer = sym.exp(made, name="outer")
    kept = sorted(json.loads(outer.tojson())["nodes"][1]["attrs"].items())
    result = outer.bind(mx.cpu(), {"x": nd.array([0.0])}).forward()[0]
    return sorted(made.list_attr().items()), sorted(outer.list_attr().items()), kept, outer.attr("__group__"), result


check("Prefix", prefixed)
check("attributes that MXNet hides", attributed)
check("AttrScope", scoped)
check("unknown attribute", lambda: sym.Pooling(x, kernel=(2, 2), wrong="1"))
check("missing attribute", lambda: sym.Convolution(x, num_filter=2).infer_shape(x=(1, 1, 3, 3)))
check("eval", lambda: (x + y).eval(ctx=mx.cpu(), x=a, y=b))
check("eval two", lambda: sym.Group([x * 2, x + y]).eval(ctx=mx.cpu(), x=a, y=b))

# ---- executors ----

PARAMS = {"fc1_weight": numbers(5, 4), "fc1_bias": numbers(5), "fc2_weight": numbers(3, 5), "fc2_bias": numbers(3)}


def bound(**kwargs):
    executor = net.simple_bind(ctx=mx.cpu(), data=(3, 4), grad_req="null", **kwargs)
    executor.copy_params_from({name: nd.array(value) for name, value in PARAMS.items()})
    return executor


check("forward", lambda: bound().forward(is_train=False, data=a))
check("forward numpy", lambda: bound().forward(data=A))
check("forward keeps inputs", lambda: (lambda e: (e.forward(data=a), e.forward())[1])(bound()))
check("forward without data", lambda: bound().forward())
check("outputs are reused", lambda: (lambda e, y: (e.forward(data=b), bool((y.asnumpy() == e.outputs[0].asnumpy()).all()))[1])(*(lambda e: (e, e.forward(data=a)[0]))(bound())))
check("arg_dict", lambda: sorted(bound().arg_dict))
check("arg_arrays", lambda: [array.shape for array in bound().arg_arrays])
check("label is inferred", lambda: bound().arg_dict["softmax_label"].shape)
check("output_dict", lambda: list(bound().output_dict))
check("outputs before forward", lambda: bound().outputs[0].shape)
check("grad_dict", lambda: bound().grad_dict["fc1_weight"])
check("aux_dict", lambda: list(deep.simple_bind(mx.cpu(), data=(1, 3, 8, 8), grad_req="null").aux_dict))
check("arg_dict is written", lambda: (lambda e: (e.arg_dict["data"].__setitem__(slice(None), a), e.forward())[1])(bound()))
check("parameter is written", lambda: (lambda e: (e.forward(data=a), e.arg_dict["fc2_bias"].__setitem__(slice(None), 1), e.forward())[2])(bound()))


def written_twice():
    executor, results = bound(), []
    for value in (0, 1, 2, 3):
        executor.arg_dict["fc2_bias"][:] = nd.array([value, 0, 0])
        results.append(executor.forward(data=a)[0].asnumpy())
    return results


check("parameter is written often", written_twice)
check("forward unknown name", lambda: bound().forward(nothing=a))
check("forward wrong shape", lambda: bound().forward(data=nd.ones((2, 2))))
check("forward wrong type", lambda: bound().forward(data=3))
check("copy_params unknown", lambda: bound().copy_params_from({"nothing": a}))
check("copy_params extra", lambda: bound().copy_params_from({"nothing": a}, allow_extra_params=True))
check("copy_params wrong shape", lambda: bound().copy_params_from({"fc1_bias": nd.ones((9,))}))
check("simple_bind ignores lists", lambda: net.simple_bind(mx.cpu(), data=(3, 4), fc1_bias=[5], grad_req="null").arg_dict["fc1_bias"].shape)
check("simple_bind incomplete", lambda: fails(net.simple_bind, mx.cpu(), grad_req="null"))
check("simple_bind types", lambda: [array.dtype for array in net.simple_bind(mx.cpu(), data=(3, 4), type_dict={"data": "float16"}, grad_req="null").arg_arrays])
check("simple_bind zeros", lambda: net.simple_bind(mx.cpu(), data=(1, 4), grad_req="null").forward())
check("bind dict", lambda: (x + y).bind(mx.cpu(), {"x": a, "y": b}).forward())
check("bind list", lambda: (x - y).bind(mx.cpu(), [a, b]).forward())
check("bind missing", lambda: (x + y).bind(mx.cpu(), {"x": a}))
check("bind short list", lambda: (x + y).bind(mx.cpu(), [a]))
check("bind shares arrays", lambda: (lambda v: (lambda e: (e.forward(), v.__setitem__(slice(None), 1), e.forward()[0].asnumpy())[2])((x * 2).bind(mx.cpu(), {"x": v})))(nd.zeros((2,))))


def unlabelled():
    executor = net.get_internals()["fc2_output"].simple_bind(mx.cpu(), data=(3, 4), grad_req="null")
    executor.copy_params_from({name: nd.array(value) for name, value in PARAMS.items()})
    return executor


check("reshape executor", lambda: unlabelled().reshape(data=(2, 4)).forward(data=a[:2]))
check("reshape keeps parameters", lambda: (lambda e: e.reshape(data=(1, 4)).arg_dict["fc1_bias"])(unlabelled()))
check("reshape larger", lambda: unlabelled().reshape(data=(9, 4)))
check("reshape allowed", lambda: unlabelled().reshape(allow_up_sizing=True, data=(9, 4)).outputs[0].shape)
check("reshape parameters", lambda: unlabelled().reshape(data=(3, 6)))
check("reshape label", lambda: bound().reshape(data=(2, 4)))
check("reshape partial", lambda: bound().reshape(partial_shaping=True, data=(2, 4)).forward(data=a[:2]))


def aux_bound():
    executor = deep.simple_bind(mx.cpu(), data=(2, 3, 8, 8), grad_req="null")
    for name, array in executor.arg_dict.items():
        array[:] = np.cos(np.arange(array.size)).reshape(array.shape)
    executor.aux_dict["bn_moving_var"][:] = 2
    return executor.forward()


check("auxiliary states", aux_bound)


def shared_executor():
    big = bound()
    small = net.simple_bind(mx.cpu(), data=(1, 4), grad_req="null", shared_exec=big)
    return small.forward(data=a[:1])


check("shared_exec", shared_executor)

# ---- checkpoints and modules ----

prefix = os.path.join(FOLDER, "net")
ARGS = {name: nd.array(value) for name, value in PARAMS.items()}
check("save_checkpoint", lambda: mx.model.save_checkpoint(prefix, 3, net, ARGS, {}))
check("load_checkpoint", lambda: [mx.model.load_checkpoint(prefix, 3)[0].list_outputs(), mx.model.load_checkpoint(prefix, 3)[1]])
check("load_checkpoint missing", lambda: mx.model.load_checkpoint(prefix, 9))
check("checkpoint names", lambda: sorted(nd.load(prefix + "-0003.params")))


def module(**kwargs):
    made = mx.mod.Module(net.get_internals()["fc2_output"], context=mx.cpu(), label_names=None, **kwargs)
    made.bind(data_shapes=[("data", (2, 4))], for_training=False)
    made.set_params(ARGS, {})
    return made


def scored(metric):
    made = mx.mod.Module(net)
    rows = mx.io.NDArrayIter(ROWS, LABELS, batch_size=5)
    made.bind(rows.provide_data, rows.provide_label, for_training=False)
    made.set_params(ARGS, {})
    return [(name, float(value)) for name, value in made.score(rows, metric)]


ROWS = numbers(5, 4)
LABELS = np.array([0, 1, 2, 1, 0], "float32")
batch = mx.io.DataBatch([nd.array(ROWS[:2])])
check("module forward", lambda: (lambda m: (m.forward(batch), m.get_outputs())[1])(module()))
check("module predict", lambda: module().predict(mx.io.NDArrayIter(ROWS, batch_size=2)))
check("module predict list", lambda: module().predict(mx.io.NDArrayIter(ROWS, batch_size=2), merge_batches=False))
check("module predict batches", lambda: module().predict(mx.io.NDArrayIter(ROWS, batch_size=2), num_batch=1))
check("module predict always list", lambda: module().predict(mx.io.NDArrayIter(ROWS, batch_size=2), always_output_list=True))
check("module iter_predict", lambda: [(o[0].asnumpy(), n) for o, n, _ in module().iter_predict(mx.io.NDArrayIter(ROWS, batch_size=2))])
check("module score", lambda: scored("acc"))
check("module score two", lambda: scored(["acc", "ce"]))
check("module other batch size", lambda: (lambda m: (m.forward(mx.io.DataBatch([nd.array(ROWS)])), m.get_outputs())[1])(module()))
check("module reshape", lambda: (lambda m: (m.reshape([("data", (1, 4))]), m.forward(mx.io.DataBatch([nd.array(ROWS[:1])])), m.get_outputs())[2])(module()))
check("module get_params", lambda: module().get_params())
check("module names", lambda: (module().data_names, module().label_names, module().output_names))
check("module shapes", lambda: (module().data_shapes[0].shape, [list(s) for s in module().output_shapes]))
check("module load", lambda: (lambda m: (m.bind([("data", (2, 4))], for_training=False), m.forward(batch), m.get_outputs())[2])(mx.mod.Module.load(prefix, 3)))
check("module wrong data name", lambda: mx.mod.Module(net, data_names=["nothing"]))
check("module unbound", lambda: mx.mod.Module(net).forward(batch))
check("module without parameters", lambda: (lambda m: (m.bind([("data", (2, 4))], for_training=False), m.forward(batch)))(mx.mod.Module(net)))
check("module set_params missing", lambda: (lambda m: (m.bind([("data", (2, 4))], for_training=False), m.set_params({}, {"a": a})))(mx.mod.Module(net)))
check("module init_params", lambda: (lambda m: (m.bind([("data", (2, 4))], for_training=False), m.init_params(mx.init.One()), m.get_params())[2])(mx.mod.Module(net)))
check("module bind twice", lambda: (lambda m: (m.bind([("data", (7, 4))]), m.data_shapes[0].shape)[1])(module()))


def buckets(key):
    data = sym.var("data")
    return sym.FullyConnected(sym.sum(data, axis=1, keepdims=True), num_hidden=2, name="fc"), ("data",), None


def bucketing():
    made = mx.mod.BucketingModule(buckets, default_bucket_key=4)
    made.bind([("data", (2, 4))], for_training=False)
    made.init_params(mx.init.One())
    results = []
    for key in (4, 3):
        made.forward(mx.io.DataBatch([nd.ones((2, key))], bucket_key=key, provide_data=[mx.io.DataDesc("data", (2, key))]), is_train=False)
        results.append(made.get_outputs()[0].asnumpy())
    return results


check("bucketing", bucketing)
check("FeedForward", lambda: mx.model.FeedForward.load(prefix, 3).predict(mx.io.NDArrayIter(ROWS, batch_size=5)))

# ---- iterators and metrics ----


def batches(iterator):
    return [(item.data[0], item.pad, item.label[0] if item.label else None) for item in iterator]


check("NDArrayIter pad", lambda: batches(mx.io.NDArrayIter(ROWS, LABELS, batch_size=2)))
check("NDArrayIter discard", lambda: batches(mx.io.NDArrayIter(ROWS, LABELS, batch_size=2, last_batch_handle="discard")))
check("NDArrayIter dict", lambda: [d.name for d in mx.io.NDArrayIter({"p": ROWS, "q": ROWS}, batch_size=2).provide_data])
check("NDArrayIter provide_data", lambda: [(d.name, d.shape) for d in mx.io.NDArrayIter(ROWS, LABELS, batch_size=2).provide_data])
check("NDArrayIter provide_label", lambda: [(d.name, d.shape) for d in mx.io.NDArrayIter(ROWS, LABELS, batch_size=2).provide_label])
check("NDArrayIter reset", lambda: (lambda i: (len(list(i)), i.reset(), len(list(i))))(mx.io.NDArrayIter(ROWS, batch_size=2)))
check("NDArrayIter too few", lambda: type(mx.io.NDArrayIter(ROWS, batch_size=9)).__name__)
check("DataDesc", lambda: (repr(mx.io.DataDesc("data", (1, 2))), mx.io.DataDesc("data", (1, 2)).layout))
check("DataBatch wrong", lambda: mx.io.DataBatch(a))
check("ResizeIter", lambda: len(list(mx.io.ResizeIter(mx.io.NDArrayIter(ROWS, batch_size=2), 5))))
PREDICTED = nd.array(np.abs(numbers(5, 3)) / 6)


def measured(metric, label=None, predicted=None):
    metric.update([nd.array(LABELS) if label is None else label], [PREDICTED if predicted is None else predicted])
    name, value = metric.get()
    return name, [float(v) for v in value] if isinstance(value, list) else float(value)


check("metric Accuracy", lambda: measured(mx.metric.Accuracy()))
check("metric TopK", lambda: measured(mx.metric.TopKAccuracy(top_k=2)))
check("metric CrossEntropy", lambda: measured(mx.metric.CrossEntropy()))
check("metric MSE", lambda: measured(mx.metric.MSE(), nd.array(LABELS), nd.array(LABELS + 0.5)))
check("metric MAE", lambda: measured(mx.metric.MAE(), nd.array(LABELS), nd.array(LABELS - 0.5)))
check("metric RMSE", lambda: measured(mx.metric.RMSE(), nd.array(LABELS), nd.array(LABELS * 2)))
check("metric create", lambda: measured(mx.metric.create("acc")))
check("metric composite", lambda: measured(mx.metric.create(["acc", "ce"])))
check("metric custom", lambda: measured(mx.metric.np(lambda label, pred: float(pred.sum()))))
check("metric empty", lambda: str(mx.metric.Accuracy().get()))
check("metric reset", lambda: (lambda m: (measured(m), m.reset(), str(m.get()))[2])(mx.metric.Accuracy()))
check("metric unknown", lambda: mx.metric.create("nothing"))

# ---- initialisers ----


def initialised(init, name="fc_weight", shape=(2, 3)):
    array = nd.zeros(shape)
    init(mx.init.InitDesc(name), array)
    return array


check("init Zero", lambda: initialised(mx.init.Zero()))
check("init One", lambda: initialised(mx.init.One()))
check("init Constant", lambda: initialised(mx.init.Constant(2.5)))
check("init bias", lambda: initialised(mx.init.One(), "fc_bias"))
check("init gamma", lambda: initialised(mx.init.Zero(), "bn_gamma"))
check("init moving_var", lambda: initialised(mx.init.Zero(), "bn_moving_var"))
check("init Bilinear", lambda: initialised(mx.init.Bilinear(), "up_weight", (1, 1, 4, 4)))
check("init Xavier range", lambda: bool((np.abs(initialised(mx.init.Xavier()).asnumpy()) <= np.sqrt(3 / 2.5)).all()))
check("init dumps", lambda: json.loads(mx.init.Xavier(magnitude=2).dumps()))
check("init unknown name", lambda: initialised(mx.init.Zero(), "something"))

# ---- Gluon ----


def filled(block, shape=None):
    """Parameters by a formula, so that both sides have the same."""
    if shape is not None:
        block.initialize()
        block(nd.ones(shape))
    for place, parameter in enumerate(block._collect_params_with_prefix().values()):
        values = np.cos(np.arange(int(np.prod(parameter.shape))) * (place + 1)).reshape(parameter.shape)
        parameter.set_data(nd.array(np.abs(values) + 0.1 if parameter.name.endswith("var") else values * 0.5))
    return block


def sequence():
    made = nn.HybridSequential(prefix="net_")
    with made.name_scope():
        made.add(nn.Conv2D(4, 3, activation="relu"), nn.BatchNorm(), nn.MaxPool2D(), nn.Flatten(), nn.Dropout(0.5), nn.Dense(3))
    return made


check("gluon names", lambda: list(sequence().collect_params()))
check("gluon structural names", lambda: list(sequence()._collect_params_with_prefix()))
check("gluon select", lambda: list(sequence().collect_params(".*weight")))
check("gluon forward", lambda: filled(sequence(), IMAGE.shape)(image))


def hybrid():
    made = filled(sequence(), IMAGE.shape)
    made.hybridize()
    return made(image), made(image[:1]), made(image)


check("gluon hybridize", hybrid)


def changed_parameters():
    made = filled(sequence(), IMAGE.shape)
    made.hybridize()
    before = made(image).asnumpy()
    made[5].bias.set_data(nd.array([1, 2, 3]))
    return before, made(image).asnumpy()


check("gluon set_data after hybridize", changed_parameters)


def exported():
    made = filled(sequence(), IMAGE.shape)
    made.hybridize()
    made(image)
    made.export(os.path.join(FOLDER, "exported"))
    nodes = json.loads(open(os.path.join(FOLDER, "exported-symbol.json")).read())["nodes"]
    names_ = sorted(nd.load(os.path.join(FOLDER, "exported-0000.params")))
    block = gluon.SymbolBlock.imports(os.path.join(FOLDER, "exported-symbol.json"), "data", os.path.join(FOLDER, "exported-0000.params"))
    return [(n["op"], n["name"], n.get("attrs")) for n in nodes], names_, block(image)


check("gluon export and import", exported)
check("gluon export unhybridized", lambda: filled(sequence(), IMAGE.shape).export(os.path.join(FOLDER, "no")))


def saved():
    made = filled(sequence(), IMAGE.shape)
    made.save_parameters(path + ".params")
    other = sequence()
    other.load_parameters(path + ".params")
    return sorted(nd.load(path + ".params")), other(image)


check("gluon save and load", saved)
check("gluon load into another", lambda: nn.Dense(2).load_parameters(path + ".params"))
check("gluon load ignores extra", lambda: nn.Dense(2).load_parameters(path + ".params", ignore_extra=True, allow_missing=True))
check("gluon uninitialized", lambda: nn.Dense(2)(nd.ones((1, 2))))
check("gluon deferred", lambda: (lambda d: (d.initialize(), d.weight.data())[1])(nn.Dense(2)))
check("gluon shape after forward", lambda: (lambda d: (d.initialize(), d(nd.ones((1, 7))), d.weight.shape)[2])(nn.Dense(2)))
check("gluon Dense", lambda: filled(nn.Dense(3, activation="tanh", in_units=4), (1, 4))(a))
check("gluon Dense no flatten", lambda: filled(nn.Dense(3, flatten=False, in_units=4), (1, 4))(c))
check("gluon Embedding", lambda: filled(nn.Embedding(5, 2), (1,))(nd.array([1, 4])))
check("gluon LayerNorm", lambda: filled(nn.LayerNorm(), (1, 4))(a))
check("gluon InstanceNorm", lambda: filled(nn.InstanceNorm(), IMAGE.shape)(image))
check("gluon GroupNorm", lambda: filled(nn.GroupNorm(num_groups=1), IMAGE.shape)(image))
check("gluon Conv1D", lambda: filled(nn.Conv1D(2, 3), (1, 3, 7))(image[:, :, :, 0]))
check("gluon Conv2DTranspose", lambda: filled(nn.Conv2DTranspose(2, 3, strides=2), IMAGE.shape)(image))
check("gluon groups", lambda: filled(nn.Conv2D(3, 3, groups=3, in_channels=3), IMAGE.shape)(image))
check("gluon AvgPool2D", lambda: nn.AvgPool2D(3, 2, 1)(image))
check("gluon MaxPool2D ceil", lambda: nn.MaxPool2D(2, ceil_mode=True)(image))
check("gluon GlobalAvgPool2D", lambda: nn.GlobalAvgPool2D()(image))
check("gluon GlobalMaxPool2D", lambda: nn.GlobalMaxPool2D()(image))
for label, make in {
    "LeakyReLU": lambda: nn.LeakyReLU(0.1), "PReLU": nn.PReLU, "ELU": nn.ELU, "SELU": nn.SELU, "GELU": nn.GELU, "Swish": nn.Swish,
}.items():  # fmt: skip
    check(f"gluon {label}", lambda make=make: filled(make(), (1, 3))(a))
check("gluon Lambda", lambda: nn.Lambda("tanh")(a))
check("gluon HybridLambda", lambda: nn.HybridLambda(lambda F, v: F.relu(v))(a))
check("gluon Sequential", lambda: (lambda s: (s.add(nn.Lambda("relu"), nn.Flatten()), s(c))[1])(nn.Sequential()))
check("gluon len and index", lambda: (len(sequence()), type(sequence()[1]).__name__, len(sequence()[1:3])))
check("gluon repr Dense", lambda: repr(nn.Dense(3, in_units=4)))
check("gluon repr Conv2D", lambda: repr(nn.Conv2D(3, 3, padding=1, in_channels=2)))
check("gluon repr MaxPool2D", lambda: repr(nn.MaxPool2D()))


class Residual(gluon.HybridBlock):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.dense = nn.Dense(4, in_units=4)
            self.scale = self.params.get("scale", shape=(1,), init=mx.init.One())

    def hybrid_forward(self, F, x, scale):
        return F.broadcast_mul(self.dense(x), scale) + x


class TwoInputs(gluon.HybridBlock):
    def hybrid_forward(self, F, x, y):
        return x + y, F.concat(x, y, dim=0)


check("gluon own block", lambda: filled(Residual(prefix="r_"), (1, 4))(a))
check("gluon own block hybrid", lambda: (lambda r: (r.hybridize(), r(a))[1])(filled(Residual(prefix="r_"), (1, 4))))
check("gluon own names", lambda: list(Residual(prefix="r_").collect_params()))
check("gluon two inputs", lambda: TwoInputs()(a, b))
check("gluon two inputs hybrid", lambda: (lambda t: (t.hybridize(), t(a, b))[1])(TwoInputs()))
check("gluon symbol", lambda: Residual(prefix="r_")(sym.var("data")).list_arguments())
check("gluon hook", lambda: (lambda calls, d: (d.initialize(), d.register_forward_hook(lambda blk, i, o: calls.append(o.shape)), d(a), calls)[3])([], nn.Dense(2)))
check("gluon cast", lambda: (lambda d: (d.initialize(), d.cast("float16"), d.weight.data().dtype)[2])(nn.Dense(2, in_units=4)))
check("gluon apply", lambda: (lambda found: (sequence().apply(lambda blk: found.append(type(blk).__name__)), found)[1])([]))
check("gluon SymbolBlock", lambda: (lambda s: (s.initialize(), s(a).shape)[1])(gluon.SymbolBlock(sym.FullyConnected(sym.var("data"), num_hidden=2, name="fc"), sym.var("data"))))


def symbol_block_files():
    hidden = sym.relu(sym.FullyConnected(sym.var("data"), num_hidden=3, name="net0_first"))
    made = [gluon.nn.HybridSequential(prefix="") for _ in range(2)]
    for block in made:
        block.add(gluon.SymbolBlock(sym.FullyConnected(hidden, num_hidden=2, name="net0_last"), sym.var("data")))
    made[0].initialize(mx.init.One())
    made[0](a)
    path = os.path.join(FOLDER, "symbol-block.params")
    made[0].save_parameters(path)
    made[1].load_parameters(path)
    return sorted(nd.load(path)), sorted(made[1].collect_params()), made[1](a)


check("gluon SymbolBlock files", symbol_block_files)


def loader_batches():
    data = gluon.data.ArrayDataset(np.arange(10, dtype="float32").reshape(5, 2), np.arange(5, dtype="float32"))
    batches = mx.contrib.io.DataLoaderIter(gluon.data.DataLoader(data, 2))
    seen = [(batch.data[0][: 2 - batch.pad], batch.label[0][: 2 - batch.pad], batch.pad) for batch in batches]
    module = mx.mod.Module(sym.FullyConnected(sym.var("data"), num_hidden=2, no_bias=True, name="fc"), label_names=None)
    module.bind(batches.provide_data, for_training=False)
    module.init_params(mx.init.One())
    batches.reset()
    return seen, str(batches.provide_data), str(batches.provide_label), module.predict(batches)


check("contrib.io.DataLoaderIter", loader_batches)
check("gluon Constant", lambda: (lambda p: (p.initialize(), p.data())[1])(gluon.Constant("c", [[1, 2]])))
check("gluon Parameter", lambda: (lambda p: (p.initialize(mx.init.One()), p.data(), p.name, p.shape)[1:])(gluon.Parameter("w", shape=(2, 2))))
check("gluon Parameter wrong shape", lambda: gluon.Parameter("w", shape=(0, 2)).initialize())
check("gluon split_and_load", lambda: gluon.utils.split_and_load(a, [mx.cpu(0)])[0])
check("gluon split_data", lambda: gluon.utils.split_data(nd.arange(6), 3))
check("gluon GRU two layers", lambda: filled(gluon.rnn.GRU(3, 2, input_size=4, bidirectional=True), (2, 3, 4))(c))
check("gluon LSTM states", lambda: (lambda l: l(c, l.begin_state(3)))(filled(gluon.rnn.LSTM(3, input_size=4, layout="TNC"), (2, 3, 4))))
check("gluon RNN NTC", lambda: filled(gluon.rnn.RNN(3, input_size=4, layout="NTC"), (2, 3, 4))(c))
check("zoo unknown", lambda: gluon.model_zoo.vision.get_model("resnet19_v1"))
check("zoo children", lambda: (lambda n: (len(n.features), type(n.output).__name__))(gluon.model_zoo.vision.resnet18_v2()))
check("zoo classes", lambda: gluon.model_zoo.vision.squeezenet1_1(classes=10).output[0]._kwargs["num_filter"])
check("zoo structural names", lambda: list(gluon.model_zoo.vision.mobilenet_v2_0_25()._collect_params_with_prefix()))
check("transforms", lambda: gluon.data.vision.transforms.Compose([gluon.data.vision.transforms.ToTensor(), gluon.data.vision.transforms.Normalize(0.5, 0.25)])(nd.array(np.arange(12).reshape(2, 2, 3), dtype="uint8")))
check("ArrayDataset", lambda: [item for item in gluon.data.DataLoader(gluon.data.ArrayDataset(ROWS, LABELS), batch_size=2)][0])

# ---- what libraries of other people need ----


def set_all(block):
    """Known numbers in every parameter."""
    for i, (_, parameter) in enumerate(sorted(block.collect_params().items())):
        count = int(np.prod(parameter.shape))
        parameter.set_data(nd.array(np.sin(np.arange(count).reshape(parameter.shape) * 0.37 + i)))
    return block


SEQUENCE = nd.array(numbers(2, 3, 4))
LENGTHS = nd.array([2, 3])


def unrolled(cell, **settings):
    cell.initialize()
    cell.unroll(3, SEQUENCE)  # shapes become known
    return set_all(cell).unroll(3, SEQUENCE, **settings)


def sequential_cell():
    stack = gluon.rnn.SequentialRNNCell()
    for cell in (gluon.rnn.LSTMCell(5), gluon.rnn.DropoutCell(0.5), gluon.rnn.ResidualCell(gluon.rnn.GRUCell(5))):
        stack.add(cell)
    return stack


def two_ways():
    return gluon.rnn.BidirectionalCell(gluon.rnn.LSTMCell(5), gluon.rnn.GRUCell(3))


for kind in ("RNNCell", "LSTMCell", "GRUCell"):
    cell = getattr(gluon.rnn, kind)
    check(f"gluon {kind}", lambda cell=cell: unrolled(cell(5)))
    check(f"gluon {kind} merged", lambda cell=cell: unrolled(cell(5), merge_outputs=True))
    check(f"gluon {kind} valid_length", lambda cell=cell: unrolled(cell(5), valid_length=LENGTHS))
    check(f"gluon {kind} arguments", lambda cell=cell: cell(5, prefix="q_").unroll(2, sym.var("data"), merge_outputs=True)[0].list_arguments())
    check(f"gluon {kind} state_info", lambda cell=cell: cell(5).state_info(3))
check("gluon SequentialRNNCell", lambda: unrolled(sequential_cell(), merge_outputs=True))
check("gluon SequentialRNNCell names", lambda: [name.split("_", 1)[1] for name in sequential_cell().collect_params()])
check("gluon BidirectionalCell", lambda: unrolled(two_ways(), merge_outputs=True))
check("gluon BidirectionalCell valid_length", lambda: unrolled(two_ways(), valid_length=LENGTHS, merge_outputs=True))
check("gluon BidirectionalCell step", lambda: fails(two_ways(), SEQUENCE[:, 0], []))
check("gluon ZoneoutCell", lambda: unrolled(gluon.rnn.ZoneoutCell(gluon.rnn.LSTMCell(5), 0.1, 0.1)))
check("gluon cell step", lambda: (lambda c: (unrolled(c), c(SEQUENCE[:, 0], c.begin_state(batch_size=2)))[1])(gluon.rnn.LSTMCell(5)))
check("gluon unroll of a list", lambda: unrolled(gluon.rnn.RNNCell(5, activation="relu"), layout="NTC")[0])



def symbol_run(outputs, **given):
    """Names and values of a network over numbers that follow from the names."""
    group = sym.Group(outputs)
    shapes = group.infer_shape(data=(2, 3, 4))[0]
    arrays = {name: nd.array(np.sin(np.arange(np.prod(shape)) + len(name)).reshape(shape)) for name, shape in zip(group.list_arguments(), shapes)}
    results = group.bind(mx.cpu(), {**arrays, **given}).forward()
    return [group.list_arguments(), group.list_outputs(), results]


def symbol_unrolled(cell, length=3, merge=True, flat=lambda states: states, **how):
    outputs, states = cell.unroll(length, sym.var("data"), merge_outputs=merge, **how)
    return symbol_run(([outputs] if isinstance(outputs, sym.Symbol) else list(outputs)) + list(flat(states)))


def symbol_stack(kind):
    stack = mx.rnn.SequentialRNNCell()
    stack.add(kind(5, prefix="a_"))
    stack.add(mx.rnn.DropoutCell(0.5))
    stack.add(mx.rnn.ResidualCell(kind(5, prefix="b_")))
    return stack


def both_ways(kind):
    return mx.rnn.BidirectionalCell(kind(5, prefix="l_"), kind(5, prefix="r_"))


def weights(cell, **arrays):
    return {name: array for name, array in cell.unpack_weights(arrays).items()}


for kind in ("RNNCell", "LSTMCell", "GRUCell"):
    cell = getattr(mx.rnn, kind)
    check(f"mx.rnn {kind} unroll", lambda cell=cell: symbol_unrolled(cell(5)))
    check(f"mx.rnn {kind} internals", lambda cell=cell: [name for name in cell(5).unroll(2, sym.var("data"))[0][1].get_internals().list_outputs() if "_t1_" in name])
    check(f"mx.rnn {kind} TNC", lambda cell=cell: symbol_unrolled(cell(5), length=2, merge=False, layout="TNC"))
    check(f"mx.rnn {kind} Sequential", lambda cell=cell: symbol_unrolled(symbol_stack(cell), merge=False))
    check(f"mx.rnn {kind} Bidirectional", lambda cell=cell: symbol_unrolled(both_ways(cell), flat=lambda states: states[0] + states[1]))
    check(f"mx.rnn {kind} states", lambda cell=cell: [cell(5).state_info, cell(5).state_shape, [state.name for state in cell(5).begin_state(func=sym.Variable)]])
    check(f"mx.rnn {kind} unpack", lambda cell=cell: (lambda c, n: weights(c, **{c._prefix + "i2h_weight": nd.array(numbers(5 * n, 4)), c._prefix + "i2h_bias": nd.array(numbers(5 * n)), c._prefix + "h2h_weight": nd.array(numbers(5 * n, 5)), c._prefix + "h2h_bias": nd.array(numbers(5 * n))}))(cell(5), {"RNNCell": 1, "LSTMCell": 4, "GRUCell": 3}[cell.__name__]))
check("mx.rnn Zoneout", lambda: symbol_unrolled(mx.rnn.ZoneoutCell(mx.rnn.LSTMCell(5), 0.2, 0.3))[2])
check("mx.rnn own begin_state", lambda: symbol_run([mx.rnn.GRUCell(5).unroll(3, sym.var("data"), begin_state=[sym.ones((2, 5))], merge_outputs=True)[0]]))
check("mx.rnn wrong length", lambda: mx.rnn.RNNCell(5).unroll(3, [sym.var("a"), sym.var("b")]))
check("mx.rnn step of two ways", lambda: both_ways(mx.rnn.RNNCell)(sym.var("data"), []))
FUSED = ("rnn_relu", "rnn_tanh", "lstm", "gru")
for mode in FUSED:
    for ways in (False, True):
        fused = lambda mode=mode, ways=ways: mx.rnn.FusedRNNCell(5, 2, mode, ways, get_next_state=True, prefix="f_")  # noqa: E731
        rows = {"lstm": 4, "gru": 3}.get(mode, 1) * 5
        length = rows * (4 + 5 + 2 + 5 * (1 + ways) + 5 + 2) * (1 + ways)
        check(f"mx.rnn Fused {mode} {ways}", lambda fused=fused: symbol_unrolled(fused()))
        check(f"mx.rnn Fused {mode} {ways} unpack", lambda fused=fused, length=length: weights(fused(), f_parameters=nd.array(np.arange(length))))
        check(f"mx.rnn Fused {mode} {ways} pack", lambda fused=fused, length=length: fused().pack_weights(fused().unpack_weights({"f_parameters": nd.array(np.arange(length))})))
        check(f"mx.rnn Fused {mode} {ways} unfuse", lambda fused=fused: symbol_run([fused().unfuse().unroll(3, sym.var("data"), merge_outputs=True)[0]])[1:])


def fused_values():
    module = mx.mod.Module(mx.rnn.FusedRNNCell(4, 1, "lstm", prefix="g_", forget_bias=2.0).unroll(3, sym.var("data"), merge_outputs=True)[0], label_names=None)
    module.bind([("data", (2, 3, 4))], for_training=False)
    module.init_params(mx.init.One())
    return module.get_params()[0]


def rnn_checkpoint():
    cell, prefix = mx.rnn.LSTMCell(3), os.path.join(FOLDER, "rnn")
    net = cell.unroll(2, sym.var("data"), merge_outputs=True)[0]
    arrays = {name: nd.array(numbers(*shape)) for name, shape in zip(net.list_arguments(), net.infer_shape(data=(1, 2, 4))[0]) if name != "data"}
    mx.rnn.save_rnn_checkpoint(cell, prefix, 3, net, arrays, {})
    _, packed, _ = mx.rnn.load_rnn_checkpoint(cell, prefix, 3)
    return [sorted(nd.load(f"{prefix}-0003.params")), all((packed[name].asnumpy() == arrays[name].asnumpy()).all() for name in arrays)]


check("mx.rnn Fused initial values", fused_values)
check("mx.rnn checkpoint", rnn_checkpoint)

SIX = nd.array(np.arange(6).reshape(3, 2))
check("foreach", lambda: nd.contrib.foreach(lambda d, s: (d + s[0], [d * s[0]]), SIX, [nd.ones((2,))]))
check("foreach of two", lambda: nd.contrib.foreach(lambda d, s: (d[0] + d[1] + s, s + 1), [SIX, nd.ones((3, 2))], nd.ones((2,))))
check("while_loop", lambda: nd.contrib.while_loop(lambda i, s: i <= 5, lambda i, s: ([i + s], [i + 1, s + i]), [nd.array([0]), nd.array([1])], max_iterations=6))
check("while_loop needs a limit", lambda: nd.contrib.while_loop(lambda i: i < 3, lambda i: (i, i + 1), nd.array([0])))
check("cond", lambda: nd.contrib.cond(nd.array([2]) < 3, lambda: nd.ones((2,)), lambda: nd.zeros((2,))))
STRANGE = nd.array([1, np.inf, np.nan, -np.inf])
check("isinf isnan isfinite", lambda: [getattr(nd.contrib, name)(STRANGE) for name in ("isinf", "isnan", "isfinite")])

SCORES, CLASSES = nd.array(numbers(3, 4)), nd.array([0, 3, 1])
SIGNS = nd.array(np.sign(numbers(3, 4)))
check("SoftmaxCELoss", lambda: gluon.loss.SoftmaxCrossEntropyLoss()(SCORES, CLASSES))
check("SoftmaxCELoss weighted", lambda: gluon.loss.SoftmaxCELoss(weight=0.5)(SCORES, CLASSES, nd.array([[1], [0], [2]])))
check("SoftmaxCELoss dense", lambda: gluon.loss.SoftmaxCELoss(sparse_label=False)(SCORES, nd.softmax(SCORES * 2)))
check("SigmoidBCELoss", lambda: gluon.loss.SigmoidBCELoss()(SCORES, SIGNS > 0))
check("SigmoidBCELoss pos_weight", lambda: gluon.loss.SigmoidBCELoss()(SCORES, SIGNS > 0, None, nd.array([[1, 2, 3, 4]])))
check("SigmoidBCELoss from_sigmoid", lambda: gluon.loss.SigmoidBCELoss(from_sigmoid=True)(nd.sigmoid(SCORES), SIGNS > 0))
check("KLDivLoss", lambda: gluon.loss.KLDivLoss()(nd.log_softmax(SCORES), nd.softmax(SIGNS)))
check("HingeLoss", lambda: gluon.loss.HingeLoss()(SCORES, SIGNS))
check("SquaredHingeLoss", lambda: gluon.loss.SquaredHingeLoss(margin=0.5)(SCORES, SIGNS))
check("LogisticLoss", lambda: gluon.loss.LogisticLoss()(SCORES, SIGNS))
check("LogisticLoss binary", lambda: gluon.loss.LogisticLoss(label_format="binary")(SCORES, SIGNS > 0))
check("TripletLoss", lambda: gluon.loss.TripletLoss()(SCORES, SIGNS, SCORES * SIGNS))
check("CosineEmbeddingLoss", lambda: gluon.loss.CosineEmbeddingLoss()(SCORES, SIGNS, nd.array([1, -1, 1])))
for kind in ("L1Loss", "L2Loss", "HuberLoss"):
    check(kind, lambda kind=kind: getattr(gluon.loss, kind)()(SCORES, SIGNS))
check("loss repr", lambda: repr(gluon.loss.L2Loss()))


def concurrent(kind):
    block = kind(axis=1)
    block.add(gluon.contrib.nn.Identity(), nn.Lambda("relu") if kind is gluon.contrib.nn.Concurrent else nn.HybridLambda("relu"))
    return block


MAPS = nd.array(numbers(1, 12, 3, 2))
check("Concurrent", lambda: concurrent(gluon.contrib.nn.Concurrent)(MAPS))
check("HybridConcurrent", lambda: concurrent(gluon.contrib.nn.HybridConcurrent)(MAPS))
check("PixelShuffle1D", lambda: gluon.contrib.nn.PixelShuffle1D(3)(nd.array(numbers(2, 6, 4))))
check("PixelShuffle2D", lambda: gluon.contrib.nn.PixelShuffle2D((2, 3))(MAPS))
check("PixelShuffle3D", lambda: gluon.contrib.nn.PixelShuffle3D((1, 2, 3))(nd.array(numbers(1, 12, 1, 2, 1))))
check("SyncBatchNorm", lambda: (lambda b: (b.initialize(), b(MAPS))[1])(gluon.contrib.nn.SyncBatchNorm(in_channels=12)))
check("samplers", lambda: (list(gluon.data.BatchSampler(gluon.data.SequentialSampler(5), 2, "rollover")), list(gluon.data.IntervalSampler(5, 2)) if hasattr(gluon.data, "IntervalSampler") else [0, 2, 4, 1, 3], sorted(int(i) for i in gluon.data.RandomSampler(4))))
check("DataLoader lengths", lambda: [len(gluon.data.DataLoader(gluon.data.SimpleDataset(list(range(5))), 2, last_batch=how)) for how in ("keep", "discard")])
check("datasets", lambda: (lambda d: (list(d.take(2)), list(d.filter(lambda x: x % 2)), list(d.shard(2, 1))))(gluon.data.SimpleDataset(list(range(5)))))
check("loader needs a size", lambda: gluon.data.DataLoader(gluon.data.SimpleDataset([1])))

MAGIC = b"\x0a\x23\xd7\xce"
RECORDS = [b"", b"abc", b"1234" + MAGIC + b"56", MAGIC, b"123" + MAGIC]


def written(names=("plain.rec",)):
    record = mx.recordio.MXRecordIO(os.path.join(FOLDER, "plain.rec"), "w")
    for item in RECORDS[1:]:
        record.write(item)
    record.close()
    with open(os.path.join(FOLDER, "plain.rec"), "rb") as file:
        return file.read().hex()


def read():
    record = mx.recordio.MXRecordIO(os.path.join(FOLDER, "plain.rec"), "r")
    return [item.hex() if item is not None else None for item in [record.read() for _ in RECORDS]]


def indexed():
    paths = [os.path.join(FOLDER, name) for name in ("keys.idx", "keys.rec")]
    record = mx.recordio.MXIndexedRecordIO(*paths, "w")
    for key, item in enumerate(RECORDS[1:]):
        record.write_idx(key * 2, item)
    record.close()
    record = mx.recordio.MXIndexedRecordIO(*paths, "r")
    return [record.keys, record.read_idx(4).hex(), record.read_idx(0).hex(), open(paths[0]).read()]


check("recordio written", written)
check("recordio read", read)
check("recordio indexed", indexed)
check("recordio pack", lambda: mx.recordio.pack(mx.recordio.IRHeader(0, 4.0, 2574, 0), b"bytes").hex())
check("recordio unpack", lambda: (lambda h, s: [h.flag, h.label, h.id, s.hex()])(*mx.recordio.unpack(mx.recordio.pack((0, [1.0, 2.5], 7, 0), b"bytes"))))
check("attributes of any kind", lambda: type(sym.Convolution(sym.var("d"), kernel=(1, 1), num_filter=2, attr={"__init__": mx.init.Xavier()}).attr("__init__")).__name__)
check("initialize whatever the name", lambda: (lambda p: (p.initialize(mx.init.Constant(3)), p.data())[1])(gluon.Parameter("strange", shape=(2,))))
check("interpolation", lambda: [mx.image.image._get_interp_method(9, sizes) for sizes in ((2, 2, 4, 4), (4, 4, 2, 2), (4, 2, 2, 4))])

# ---- deformable convolutions, data sets of files, images in records ----

GRID = nd.array(np.sin(np.arange(2 * 4 * 5 * 6)).reshape(2, 4, 5, 6))
MOVES = nd.array(np.cos(np.arange(2 * 18 * 5 * 6)).reshape(2, 18, 5, 6))
MASK = nd.sigmoid(MOVES[:, :9])
TAPS = nd.array(np.sin(np.arange(3 * 4 * 9) + 1).reshape(3, 4, 3, 3))
WINDOW = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 3, "no_bias": True}


def deformable(kind, **how):
    block = getattr(gluon.contrib.cnn, kind)(3, kernel_size=3, padding=1, in_channels=4, weight_initializer="one", offset_weight_initializer=mx.init.Constant(0.01), **how)
    block.initialize()
    return [sorted(name.split("_", 1)[1] for name in block.collect_params()), block(GRID)]


check("nd.contrib.DeformableConvolution", lambda: nd.contrib.DeformableConvolution(GRID, MOVES, TAPS, **WINDOW))
check("nd.contrib.ModulatedDeformableConvolution", lambda: nd.contrib.ModulatedDeformableConvolution(GRID, MOVES, MASK, TAPS, **WINDOW))
for kind in ("DeformableConvolution", "ModulatedDeformableConvolution"):
    check(f"gluon {kind}", lambda kind=kind: deformable(kind))
    check(f"gluon {kind} activation", lambda kind=kind: deformable(kind, activation="relu", use_bias=False)[1])

PICTURE = (np.arange(6 * 5 * 3) * 7 % 256).astype("uint8").reshape(6, 5, 3)  # blue, green, red


def packed(fmt, **how):
    return mx.recordio.pack_img(mx.recordio.IRHeader(0, 3.0, 5, 0), PICTURE, img_fmt=fmt, **how)


def folder_of_images():
    for name in ("cat", "dog"):
        os.makedirs(os.path.join(FOLDER, "images", name), exist_ok=True)
        for i in range(2):
            with open(os.path.join(FOLDER, "images", name, f"{i}.png"), "wb") as file:
                file.write(mx.recordio.unpack(packed(".png"))[1])
    return gluon.data.vision.ImageFolderDataset(os.path.join(FOLDER, "images"))


def records_of_images():
    paths = [os.path.join(FOLDER, name) for name in ("pictures.idx", "pictures.rec")]
    record = mx.recordio.MXIndexedRecordIO(*paths, "w")
    for i in range(3):
        record.write_idx(i, packed(".png"))
    record.close()
    return gluon.data.vision.ImageRecordDataset(paths[1])


check("recordio pack_img png", lambda: mx.recordio.unpack_img(packed(".png"))[1])
check("recordio pack_img header", lambda: list(mx.recordio.unpack(packed(".jpg", quality=80))[0]))
check("recordio pack_img jpeg is near", lambda: bool(np.abs(mx.recordio.unpack_img(packed(".jpg", quality=100))[1].astype(int) - PICTURE).mean() < 40))
check("recordio pack_img kind", lambda: [mx.recordio.unpack(packed(fmt))[1][:2].hex() for fmt in (".jpg", ".png")])
check("ImageFolderDataset", lambda: (lambda d: [len(d), d.synsets, [os.path.basename(path) for path, _ in d.items], d[3][0], d[3][1]])(folder_of_images()))
check("ImageFolderDataset transform", lambda: folder_of_images().transform_first(gluon.data.vision.transforms.ToTensor())[1][0].shape)
check("ImageRecordDataset", lambda: (lambda d: [len(d), d[2][0], float(d[2][1])])(records_of_images()))
check("RecordFileDataset", lambda: (records_of_images(), mx.recordio.unpack(gluon.data.RecordFileDataset(os.path.join(FOLDER, "pictures.rec"))[1])[0].id)[1])
check("Parameter counts", lambda: [(name.split("_", 1)[1], p._differentiable) for name, p in (lambda b: (b.initialize(), b(GRID), b)[2])(nn.BatchNorm()).collect_params().items()])

# ---- the rest ----

check("version", lambda: mx.__version__)
check("autograd scopes", lambda: (mx.autograd.is_recording(), mx.autograd.is_training()))
check("assert_almost_equal", lambda: mx.test_utils.assert_almost_equal(a, A))
check("assert_almost_equal fails", lambda: mx.test_utils.assert_almost_equal(a, A + 1))
check("Features", lambda: mx.runtime.Features().is_enabled("CUDA"))
check("Features unknown", lambda: mx.runtime.Features().is_enabled("NOTHING"))
check("seed repeats", lambda: (lambda f: (f() == f()).all())(lambda: (mx.random.seed(3), nd.random.uniform(shape=(4,)).asnumpy())[1]))
check("random shapes", lambda: (nd.random.normal(0, 1, (2, 3)).shape, nd.random.randint(0, 5, (4,)).dtype, nd.random_uniform(shape=(2,)).shape))
check("random range", lambda: bool((nd.random.uniform(2, 3, (50,)).asnumpy() >= 2).all()))


check("reshape to another size", lambda: nd.ones((2, 3)).reshape((2, 4)))
check("reshape to another size, fewer", lambda: nd.ones((26,)).reshape((1, 1, 5, 5)))

def summary_text():
    net = sym.Convolution(sym.var("data"), kernel=(3, 3), num_filter=4, num_group=2, no_bias=True, name="conv")
    net = sym.Activation(sym.BatchNorm(net, fix_gamma=True, name="bn"), act_type="relu", name="act")
    net = sym.concat(net, sym.Pooling(net, kernel=(1, 1), pool_type="max", name="pool"), name="both")
    net = sym.SoftmaxOutput(sym.FullyConnected(sym.Flatten(net, name="flat"), num_hidden=5, name="fc"), name="softmax")
    texts = []
    for given in ({"shape": {"data": (2, 2, 5, 5)}}, {}):
        with contextlib.redirect_stdout(io.StringIO()) as text:
            mx.viz.print_summary(net, **given)
        texts.append([line.rstrip() for line in text.getvalue().splitlines()])
    return texts


check("print_summary", summary_text)
check("image resize_short", lambda: mx.image.resize_short(nd.zeros((10, 20, 3), dtype="uint8"), 5).shape)
check("image center_crop", lambda: mx.image.center_crop(nd.array(np.arange(108).reshape(6, 6, 3)), (4, 2), interp=1))
check("image fixed_crop", lambda: mx.image.fixed_crop(nd.array(np.arange(108).reshape(6, 6, 3)), 1, 2, 3, 3))
check("image color_normalize", lambda: mx.image.color_normalize(nd.ones((2, 2, 3)), nd.array([0.1, 0.2, 0.3]), nd.array([1, 2, 3])))
check("image scale_down", lambda: mx.image.scale_down((10, 20), (20, 30)))
check("image imdecode empty", lambda: mx.image.imdecode(b""))
check("dlpack", lambda: nd.from_dlpack(a.to_dlpack_for_read()))
check("pickle", lambda: __import__("pickle").loads(__import__("pickle").dumps(a)))

with open(sys.argv[1], "w") as file:
    json.dump(RESULTS, file, indent=0, sort_keys=True)
print(f"{len(RESULTS)} results")
