"""python -m model_goldens KIND --out DIR: reference results for whole models, with their index.json.

    models  --models DIR    the checkpoints listed in checkpoints.py, which lie under DIR
    zoo     [NAME ...]      the Gluon vision zoo (all 34 names when none is given)
    extra                   the graphs of extra.py

Everything is computed twice, in two fresh processes: with oneDNN (MXNet's default; these values are stored) and without
(MXNet's own loops and OpenBLAS, no fusion). The largest difference of every output goes to differences.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

from . import checkpoints, extra, index, zoo


def run_pass(onednn, folder, arguments):
    """Runs this program as a worker that writes into the folder."""
    env = dict(os.environ, OMP_NUM_THREADS="1", MXNET_MKLDNN_ENABLED="1" if onednn else "0")
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MXNET_SUBGRAPH_BACKEND"):
        env.pop(name, None)
    if not onednn:
        env["MXNET_SUBGRAPH_BACKEND"] = "NONE"
        env["MXNET_USE_MKLDNN_RNN"] = "0"  # without it 1.9.1 hands the plain RNN a oneDNN state object and fails
    os.makedirs(folder, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "model_goldens", *arguments, "--out", folder, "--worker"],
        env=env,
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        check=True,
    )


def distances(on, off):
    """How far the arrays of two archives lie apart; inputs are the same and left out."""
    result = {}
    a, b = np.load(on), np.load(off)
    for key in a.files:
        assert a[key].shape == b[key].shape and a[key].dtype == b[key].dtype, (on, key)
        if key.startswith("in/"):
            assert np.array_equal(a[key], b[key]), (on, key)
            continue
        x, y = a[key].astype(np.float64), b[key].astype(np.float64)
        assert np.isfinite(x).all() and np.isfinite(y).all(), (on, key)
        numbers = {"max_abs": np.abs(x).max(), "std": x.std(), "max_abs_diff": np.abs(x - y).max()}
        result[key] = {name: float("%.4g" % number) for name, number in numbers.items()}
    return result


def summary(entry):
    """The entry, or its worst line when it is long (internals)."""
    if len(entry) <= 6:
        return entry
    worst = max(e["max_abs_diff"] / (e["max_abs"] or 1.0) for e in entry.values())
    return {"worst_relative_to_max": float("%.3g" % worst), "arrays": len(entry)}


def collect(work, out):
    """Moves the oneDNN results to `out` and records how far the other pass is away."""
    os.makedirs(out, exist_ok=True)
    record_path = os.path.join(out, "differences.json")
    record = {}
    if os.path.exists(record_path):
        with open(record_path) as f:
            record = json.load(f)
    for file in sorted(os.listdir(os.path.join(work, "on"))):
        on, off = os.path.join(work, "on", file), os.path.join(work, "off", file)
        if file.endswith(".npz"):
            record[file] = summary(distances(on, off))
            print(file, json.dumps(record[file]), flush=True)
        os.replace(on, os.path.join(out, file))
    with open(record_path, "w") as f:
        json.dump(record, f, indent=1, sort_keys=True)
        f.write("\n")


def work(a):
    if a.kind == "models":
        checkpoints.run(a.models, a.out)
    elif a.kind == "zoo":
        zoo.run(a.names[0], a.out)
    else:
        extra.run(a.out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kind", choices=("models", "zoo", "extra"))
    p.add_argument("names", nargs="*", help="networks of the zoo")
    p.add_argument("--out", required=True)
    p.add_argument("--models", help="folder of the checkpoints")
    p.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.kind == "models" and not a.models:
        p.error("models needs --models")
    if a.worker:
        return work(a)
    jobs = [["models", "--models", os.path.abspath(a.models)]] if a.kind == "models" else [["extra"]]
    if a.kind == "zoo":
        jobs = [["zoo", name] for name in a.names or zoo.NETWORKS]
    for job in jobs:
        with tempfile.TemporaryDirectory() as folder:
            run_pass(True, os.path.join(folder, "on"), job)
            run_pass(False, os.path.join(folder, "off"), job)
            collect(folder, a.out)
    index.write(a.kind, a.out, a.models)


if __name__ == "__main__":
    main()
