#!/usr/bin/env python3
"""What bf16 on the CPU changes: for each network the largest error and whether the first class stays the same.

    PYTHONPATH=python TENON_LIBRARY=build/release/lib/libtenon.so bench/bf16_accuracy.py resnet18_v2 mobilenetv2_1.0

A network is a name of the zoo, with parameters drawn from --seed, or PREFIX:EPOCH of a checkpoint with an input `data`.
Inputs are pictures of coarse patches with a little noise, drawn from the normal distribution, input i from seed i. The
reference is fp32 by plain library calls. An input counts for the first class where the reference's first two differ by
more than the bound, --bound times its largest output. Parameters that nobody trained prefer one class whatever the
input; so the same is said of outputs less their mean over all inputs, as another bias of the last layer would make them.
Fails where an error exceeds the bound or fewer than 99 % of those that count keep their class."""

import argparse
import sys

import numpy as np

import tenon


def network(name, seed):
    if ":" in name:
        prefix, epoch = name.rsplit(":", 1)
        return tenon.load(prefix, int(epoch))
    return tenon.zoo(name, seed=seed)


def picture(shape, seed):
    random = np.random.default_rng(seed)
    coarse = random.standard_normal(shape[:-2] + (7, 7), dtype=np.float32)
    rows, columns = (np.arange(size) * 7 // size for size in shape[-2:])
    return coarse[..., rows, :][..., columns] + np.float32(0.1) * random.standard_normal(shape, dtype=np.float32)


def kept(expected, actual, bound):
    """Of the inputs whose reference has a margin: how many keep their first class, how many there are, of how many
    classes."""
    second, first = np.sort(expected, axis=1)[:, -2:].T
    counted = first - second > bound * np.abs(expected).max(axis=1)
    before, after = expected.argmax(axis=1)[counted], actual.argmax(axis=1)[counted]
    return int((before == after).sum()), len(before), len(set(before.tolist()))


def compare(name, options):
    model = network(name, options.seed)
    shape = tuple(options.shape) if options.shape else tenon.zoo_input(name)
    plain = model.compile({"data": shape}, backend="plain", threads=options.threads)
    narrow = model.compile({"data": shape}, backend="cpu", precision="bf16", threads=options.threads)
    pictures = (picture(shape, seed) for seed in range(options.inputs))
    results = [[np.array(engine(data)).reshape(-1) for engine in (plain, narrow)] for data in pictures]
    expected, actual = np.array(results).transpose(1, 0, 2)
    worst = float((np.abs(actual - expected).max(axis=1) / np.abs(expected).max(axis=1)).max())
    same, counted, classes = kept(expected, actual, options.bound)
    mean = expected.mean(axis=0)
    centred = kept(expected - mean, actual - mean, options.bound)
    passed = worst <= options.bound and counted > 0 and same >= 0.99 * counted
    print(
        f"{name:18} error {worst:.2e} of the largest output; first class kept by {same} of {counted} inputs with a "
        f"margin, of {classes} classes; with outputs centred by {centred[0]} of {centred[1]}, of {centred[2]} classes; "
        f"bound {options.bound:.0e}, seeds 0 to {options.inputs - 1}: {'passed' if passed else 'FAILED'}",
        flush=True,
    )
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument("--inputs", type=int, default=500)
    parser.add_argument("--bound", type=float, default=2e-2)
    parser.add_argument("--seed", type=int, default=0, help="of the zoo's parameters")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--shape", type=int, nargs="+", help="of the input; default: what the network was made for")
    options = parser.parse_args()
    sys.exit(0 if all([compare(name, options) for name in options.networks]) else 1)


if __name__ == "__main__":
    main()
