"""Writes the models of the comparison with MXNet, which runs this: checkpoint, inputs, MXNet's own outputs.

    peers_export.py FOLDER BATCHES MODEL=CHECKPOINT[@EPOCH] …      CHECKPOINT `zoo` takes the Gluon network of that name

For each model: MODEL-symbol.json and MODEL-0000.params as MXNet 1.9.1 saves them (old files upgraded), MODEL-params.npz
with the same parameters, MODEL-bBATCH.npz with `in/data` and `out/0`, `out/1`, …, and
MODEL-bBATCH-data.npy with the input alone.
"""
import pathlib
import sys

import mxnet as mx
import numpy as np

# Input shapes without the batch, and the range of values a model's preprocessing gives.
INPUTS = {
    "det1": ((3, 120, 160), (-1, 1)), "det2": ((3, 24, 24), (-1, 1)), "det3": ((3, 48, 48), (-1, 1)),
    "gender-age": ((3, 112, 112), (0, 255)), "id_V1": ((1, 100, 100), (-1, 1)), "id_V3": ((3, 112, 112), (0, 255)),
    "inceptionv3": ((3, 299, 299), (-1, 1)),
}
ZOO_INPUT = ((3, 224, 224), (-1, 1))


def zoo_network(name, random):
    """The exported symbol, and parameters under which no activation dies out: He's scale, BatchNorms that do something."""
    net = mx.gluon.model_zoo.vision.get_model(name)
    symbol = net(mx.sym.var("data"))
    shapes, _, aux_shapes = symbol.infer_shape(data=(1, *INPUTS.get(name, ZOO_INPUT)[0]))
    shapes = dict(zip(symbol.list_arguments(), shapes)) | dict(zip(symbol.list_auxiliary_states(), aux_shapes))
    gain = 0.9 if name.startswith("mobilenet") else 0.65

    def draw(name, shape):
        if name.endswith("_weight"):
            return random.uniform(-1, 1, shape) * gain * np.sqrt(6 / np.prod(shape[1:]))
        middle, width = {"gamma": (1, 0.2), "var": (1, 0.3)}.get(name.rsplit("_", 1)[1], (0, 0.1))
        return random.uniform(middle - width, middle + width, shape)

    arrays = {name: mx.nd.array(draw(name, shape)) for name, shape in shapes.items() if name != "data"}
    auxiliary = set(symbol.list_auxiliary_states())
    return (symbol, {k: v for k, v in arrays.items() if k not in auxiliary},
            {k: v for k, v in arrays.items() if k in auxiliary})


def load(name, checkpoint, random):
    if checkpoint == "zoo":
        return zoo_network(name, random)
    prefix, _, epoch = checkpoint.partition("@")
    return mx.model.load_checkpoint(prefix, int(epoch or 0))


def main():
    folder, batches = pathlib.Path(sys.argv[1]), [int(batch) for batch in sys.argv[2].split(",")]
    for item in sys.argv[3:]:
        name, checkpoint = item.split("=", 1)
        random = np.random.RandomState(7)
        symbol, arguments, auxiliary = load(name, checkpoint, random)
        mx.model.save_checkpoint(str(folder / name), 0, symbol, arguments, auxiliary)
        np.savez(folder / f"{name}-params.npz", **{k: v.asnumpy() for k, v in (arguments | auxiliary).items()})
        shape, (low, high) = INPUTS.get(name, ZOO_INPUT)
        for batch in batches:
            data = random.uniform(low, high, (batch, *shape)).astype(np.float32)
            executor = symbol.simple_bind(mx.cpu(), data=data.shape, grad_req="null")
            executor.copy_params_from(arguments, auxiliary)
            outputs = executor.forward(is_train=False, data=mx.nd.array(data))
            np.savez(folder / f"{name}-b{batch}.npz", **{"in/data": data},
                     **{f"out/{i}": output.asnumpy() for i, output in enumerate(outputs)})
            np.save(folder / f"{name}-b{batch}-data.npy", data)


if __name__ == "__main__":
    main()
