"""Stored checkpoints: outputs for a drawn input, every internal output of some, and what the legacy loaders give."""

import collections
import json
import os

import numpy as np

from .formula import fnv1a64, formula, parameter
from .running import bind_and_run

Checkpoint = collections.namedtuple("Checkpoint", "name prefix epoch low high shapes internals")

CHECKPOINTS = [
    # MTCNN: pixels as (x - 127.5) / 128
    Checkpoint(
        "det1",
        "mtcnn/det1",
        1,
        -127.5 / 128,
        127.5 / 128,
        [(1, 3, 12, 12), (3, 3, 12, 12), (1, 3, 48, 64), (3, 3, 48, 64), (1, 3, 96, 73), (3, 3, 96, 73)],
        False,
    ),
    Checkpoint("det2", "mtcnn/det2", 1, -127.5 / 128, 127.5 / 128, [(1, 3, 24, 24), (3, 3, 24, 24)], False),
    Checkpoint("det3", "mtcnn/det3", 1, -127.5 / 128, 127.5 / 128, [(1, 3, 48, 48), (3, 3, 48, 48)], True),
    # pixels as they are
    Checkpoint("gender-age", "gender-age/model", 0, 0.0, 255.0, [(1, 3, 112, 112), (3, 3, 112, 112)], False),
    Checkpoint(
        "id_V1", "mobileface/id_V1", 0, -1.0, 1.0, [(1, 1, 100, 100), (3, 1, 100, 100), (1, 1, 112, 112)], False
    ),
    Checkpoint("id_V3", "mobileface/id_V3", 0, 0.0, 255.0, [(1, 3, 112, 112), (3, 3, 112, 112)], False),
]


def seed_of(name, shape):
    return fnv1a64(name + "_" + "x".join(map(str, shape))) & 0x7FFFFFFF


def run_checkpoint(checkpoint, models, out):
    """One npz per shape, and one with every internal output for the first shape where that is asked for."""
    import mxnet as mx

    sym, args, aux = mx.model.load_checkpoint(os.path.join(models, checkpoint.prefix), checkpoint.epoch)
    for shape in checkpoint.shapes:
        x = (
            np.random.RandomState(seed_of(checkpoint.name, shape))
            .uniform(checkpoint.low, checkpoint.high, shape)
            .astype(np.float32)
        )
        got = bind_and_run(sym, {"data": shape}, args, aux, {"data": x})
        data = {"in/data": x}
        data.update({"out/" + k: v for k, v in got.items()})
        np.savez(os.path.join(out, "%s_%s.npz" % (checkpoint.name, "x".join(map(str, shape)))), **data)
        if checkpoint.internals and shape == checkpoint.shapes[0]:
            every = sym.get_internals()
            known = set(sym.list_inputs())
            inner = mx.sym.Group([every[n] for n in every.list_outputs() if n not in known])
            os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
            inner_outputs = bind_and_run(inner, {"data": shape}, args, aux, {"data": x})
            del os.environ["MXNET_SUBGRAPH_BACKEND"]
            data = {"in/data": x}
            data.update({"out/" + k: v for k, v in inner_outputs.items()})
            np.savez_compressed(os.path.join(out, checkpoint.name + "_internals.npz"), **data)
    with open(os.path.join(out, checkpoint.name + "-resaved.json"), "w") as f:
        f.write(sym.tojson())


def run_sample(path, out):
    """The framework's own sample of the oldest kind: what MXNet makes of it, and its output for parameters by the formula."""
    import mxnet as mx

    sym = mx.sym.load(path)
    with open(os.path.join(out, "save_000800-resaved.json"), "w") as f:
        f.write(sym.tojson())
    shape = (4, 37)
    arg_shapes, out_shapes, aux_shapes = sym.infer_shape(data=shape)
    facts = {
        "arguments": dict(zip(sym.list_arguments(), arg_shapes)),
        "argument_order": sym.list_arguments(),
        "auxiliary_states": dict(zip(sym.list_auxiliary_states(), aux_shapes)),
        "auxiliary_order": sym.list_auxiliary_states(),
        "outputs": dict(zip(sym.list_outputs(), out_shapes)),
        "internals": sym.get_internals().list_outputs(),
        "attributes": sym.attr_dict(),
    }
    with open(os.path.join(out, "save_000800-facts.json"), "w") as f:
        json.dump(facts, f, indent=1, sort_keys=True)
    args = {
        n: mx.nd.array(parameter(n, s))
        for n, s in zip(sym.list_arguments(), arg_shapes)
        if n not in ("data", "softmax_label")
    }
    aux = {n: mx.nd.array(parameter(n, s)) for n, s in zip(sym.list_auxiliary_states(), aux_shapes)}
    x = formula("data", shape, 1.0, 0.0)
    got = bind_and_run(sym, {"data": shape}, args, aux, {"data": x})
    np.savez(os.path.join(out, "save_000800_4x37.npz"), **{"in/data": x}, **{"out/" + k: v for k, v in got.items()})


def run(models, out):
    import mxnet as mx

    for checkpoint in CHECKPOINTS:
        run_checkpoint(checkpoint, models, out)
    run_sample(os.path.join(models, "mxnet", "save_000800.json"), out)
    arrays = mx.nd.load(os.path.join(models, "mxnet", "legacy_ndarray.v0"))
    assert isinstance(arrays, list)
    np.savez(os.path.join(out, "legacy_ndarray.npz"), **{"arr/%d" % i: a.asnumpy() for i, a in enumerate(arrays)})
