"""index.json: enough to run a folder of goldens without knowing it."""

import glob
import json
import os

import numpy as np

from .checkpoints import CHECKPOINTS
from .zoo import gain

RELATIVE_TO_MAX = 1e-4


def outputs(path, prefix="out/"):
    return [key for key in np.load(path).files if key.startswith(prefix)]


def stored_inputs(path):
    return {key[3:]: {"key": key} for key in np.load(path).files if key.startswith("in/")}


def model_cases(base, path, models):
    name = base.rsplit("_", 1)[0]
    if name == "save_000800":
        symbol, params = models + "/mxnet/save_000800.json", {"formula": {"gain": 1.0}}
        inputs = {"data": {"formula": "data", "shape": [4, 37]}}
    else:
        prefix, epoch = next((c.prefix, c.epoch) for c in CHECKPOINTS if c.name == name)
        symbol, params = "%s/%s-symbol.json" % (models, prefix), "%s/%s-%04d.params" % (models, prefix, epoch)
        inputs = stored_inputs(path)
    yield {
        "name": base,
        "golden": base + ".npz",
        "symbol": symbol,
        "params": params,
        "inputs": inputs,
        "outputs": outputs(path),
    }


def zoo_cases(base, path):
    side = 299 if base == "inceptionv3" else 224
    for suffix, key, name, shape in (
        ("", "out/", "data", [1, 3, side, side]),
        ("_160", "out160/", "data160", [2, 3, 160, 160]),
    ):
        if outputs(path, key):
            yield {
                "name": base + suffix,
                "golden": base + ".npz",
                "symbol": base + "-symbol.json",
                "zoo": base,
                "params": {"formula": {"gain": gain(base)}},
                "inputs": {"data": {"formula": name, "shape": shape}},
                "outputs": outputs(path, key),
            }


def extra_cases(base, path):
    yield {
        "name": base,
        "golden": base + ".npz",
        "symbol": base + "-symbol.json",
        "params": {"formula": {"gain": 1.0}},
        "inputs": stored_inputs(path),
        "outputs": outputs(path),
    }


def write(kind, folder, models=None):
    """`models` is the folder of the checkpoints; the index holds its path relative to itself."""
    cases = []
    for path in sorted(glob.glob(os.path.join(folder, "*.npz"))):
        base = os.path.basename(path)[:-4]
        if base.endswith("_internals") or base == "legacy_ndarray":
            continue
        if kind == "models":
            cases += model_cases(base, path, os.path.relpath(models, folder))
        else:
            cases += (zoo_cases if kind == "zoo" else extra_cases)(base, path)
    with open(os.path.join(folder, "index.json"), "w") as f:
        json.dump({"kind": kind, "mxnet": "1.9.1", "relative_to_max": RELATIVE_TO_MAX, "cases": cases}, f, indent=1)
    print(kind, len(cases), "cases")
