#!/usr/bin/env python3
"""What bf16 on the CPU changes: for each network the largest error and whether the first class stays the same.

    PYTHONPATH=python TENON_LIBRARY=build/release/lib/libtenon.so bench/bf16_accuracy.py resnet18_v2 mobilenetv2_1.0

A network is a name of the zoo, with parameters drawn from --seed, or PREFIX:EPOCH of a checkpoint with an input `data`.
Inputs are drawn from the normal distribution, input i from seed i. The reference is fp32 by plain library calls. An
input counts for the first class where the reference's first two differ by more than the bound, --bound times its
largest output. Fails where an error exceeds the bound or fewer than 99 % of those that count keep their class."""

import argparse
import sys

import numpy as np

import tenon


def network(name, seed):
    if ":" in name:
        prefix, epoch = name.rsplit(":", 1)
        return tenon.load(prefix, int(epoch))
    return tenon.zoo(name, seed=seed)


def compare(name, options):
    model = network(name, options.seed)
    shape = tuple(options.shape) if options.shape else tenon.zoo_input(name)
    plain = model.compile({"data": shape}, backend="plain", threads=options.threads)
    narrow = model.compile({"data": shape}, backend="cpu", precision="bf16", threads=options.threads)
    worst, counted, same, classes = 0.0, 0, 0, set()
    for seed in range(options.inputs):
        data = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
        expected, actual = (np.asarray(engine(data)).reshape(-1) for engine in (plain, narrow))
        largest = np.abs(expected).max()
        worst = max(worst, float(np.abs(actual - expected).max() / largest))
        second, first = np.sort(expected)[-2:]
        if first - second > options.bound * largest:
            counted += 1
            same += int(expected.argmax() == actual.argmax())
            classes.add(int(expected.argmax()))
    passed = worst <= options.bound and counted > 0 and same >= 0.99 * counted
    print(
        f"{name:18} largest error {worst:.2e} of the largest output, bound {options.bound:.0e}; first class kept by "
        f"{same} of {counted} inputs with a margin, of {len(classes)} classes, out of seeds 0 to {options.inputs - 1}: "
        f"{'passed' if passed else 'FAILED'}",
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
