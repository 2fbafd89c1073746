#!/usr/bin/env python3
"""Times networks by PyTorch with a CUDA graph beside Tenon's engine, one JSON line a model, precision and batch.

  bench/torch_gpu.py MODEL=3,112,112 … [--tenon PROGRAM] [--batch 1,32] [--precision fp32,tf32,fp16] [--out FILE]

MODEL is a checkpoint's prefix or a network of the zoo: resnet18_v2=3,224,224. The network is built from the model's own
symbol and parameters, BatchNorm folded into the convolution before it. That it is the same network is checked first: by
its outputs against Tenon's on the CPU. tf32 and fp16 run in NHWC, PyTorch's faster layout. --out writes all lines and
what they were made by as one JSON file. Needs the packages torch and tenon (PYTHONPATH=python).
"""
import argparse
import ast
import datetime
import json
import os
import shlex
import statistics
import subprocess
import sys

import numpy
import tenon

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("PyTorch is not installed")

TOLERANCE = 2e-4  # of the largest output: fp32 in another order
PRECISIONS = {"fp32": (torch.float32, torch.contiguous_format), "tf32": (torch.float32, torch.channels_last),
              "fp16": (torch.float16, torch.channels_last)}


def number(attributes, name, default):
    return ast.literal_eval(attributes[name]) if name in attributes else default


def pair(attributes, name, default):
    value = number(attributes, name, (default, default))
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def truth(attributes, name, default=False):
    return attributes.get(name, str(default)) in ("True", "true", "1")


class Network(torch.nn.Module):
    """The operators of a symbol, in order; values are kept by node."""

    def __init__(self, model):
        super().__init__()
        symbol = json.loads(model.json())
        self.nodes = symbol["nodes"]
        self.heads = [head[0] for head in symbol["heads"]]
        self.values = {name: torch.from_numpy(numpy.array(value)) for name, value in model.parameters.items()}
        self.readers = {}
        for node in self.nodes:
            for source in node["inputs"]:
                self.readers[source[0]] = self.readers.get(source[0], 0) + 1
        self.steps, self.where = [], {}
        for at, node in enumerate(self.nodes):
            if node["op"] == "null":
                self.where[at] = at
            elif node["op"] == "Dropout":
                self.where[at] = self.where[node["inputs"][0][0]]
            else:
                self.add(at, node)
        self.last = {}
        for step, (_, _, sources) in enumerate(self.steps):
            for source in sources:
                self.last[source] = step

    def parameter(self, node, which):
        source = node["inputs"][which][0] if which < len(node["inputs"]) else None
        return self.values.get(self.nodes[source]["name"]) if source is not None else None

    def keep(self, at, name, value):
        buffer = f"p{at}_{name}"
        self.register_buffer(buffer, value.clone())
        return buffer

    def add(self, at, node):
        attributes = node.get("attrs", {})
        sources = [self.where[source[0]] for source in node["inputs"] if self.nodes[source[0]]["name"] not in self.values]
        make = getattr(self, "make_" + node["op"], None)
        if make is None:
            sys.exit(f"{node['op']} has no PyTorch form here")
        self.where[at] = at
        step = make(at, node, attributes)
        if step is not None:
            self.steps.append((at, step, sources))

    def make_Convolution(self, at, node, attributes):
        weight, bias = self.parameter(node, 1), self.parameter(node, 2)
        if bias is None:
            bias = torch.zeros(weight.shape[0])
        names = self.keep(at, "weight", weight), self.keep(at, "bias", bias)
        geometry = [pair(attributes, "stride", 1), pair(attributes, "pad", 0), pair(attributes, "dilate", 1),
                    number(attributes, "num_group", 1)]
        return lambda x: F.conv2d(x, getattr(self, names[0]), getattr(self, names[1]), *geometry)

    def make_BatchNorm(self, at, node, attributes):
        gamma, beta, mean, variance = (self.parameter(node, i) for i in (1, 2, 3, 4))
        gamma = torch.ones_like(gamma) if truth(attributes, "fix_gamma", True) else gamma
        scale = gamma / torch.sqrt(variance + number(attributes, "eps", 1e-3))
        shift = beta - mean * scale
        before = self.where[node["inputs"][0][0]]
        folds = self.nodes[before]["op"] == "Convolution" and self.readers[node["inputs"][0][0]] == 1
        if folds:
            weight, bias = getattr(self, f"p{before}_weight"), getattr(self, f"p{before}_bias")
            weight.mul_(scale.reshape(-1, 1, 1, 1))
            bias.mul_(scale).add_(shift)
            self.where[at] = before
            return None
        names = self.keep(at, "scale", scale), self.keep(at, "shift", shift)

        def run(x):
            form = (1, -1, 1, 1) if x.dim() == 4 else (1, -1)
            return torch.addcmul(getattr(self, names[1]).view(form), x, getattr(self, names[0]).view(form))
        return run

    def make_FullyConnected(self, at, node, attributes):
        weight, bias = self.parameter(node, 1), self.parameter(node, 2)
        names = [self.keep(at, "weight", weight), self.keep(at, "bias", bias if bias is not None else torch.zeros(weight.shape[0]))]
        return lambda x: F.linear(x.flatten(1), getattr(self, names[0]), getattr(self, names[1]))

    def make_Activation(self, at, node, attributes):
        return {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}[attributes["act_type"]]

    def make_LeakyReLU(self, at, node, attributes):
        if attributes.get("act_type") != "prelu":
            slope = number(attributes, "slope", 0.25)
            return lambda x: F.leaky_relu(x, slope)
        name = self.keep(at, "slope", self.parameter(node, 1).reshape(-1))
        return lambda x: F.prelu(x, getattr(self, name))

    def make_Pooling(self, at, node, attributes):
        kind = attributes.get("pool_type", "max")
        if truth(attributes, "global_pool"):
            return (lambda x: x.mean((2, 3), keepdim=True)) if kind == "avg" else (lambda x: x.amax((2, 3), keepdim=True))
        geometry = [pair(attributes, "kernel", 1), pair(attributes, "stride", 1), pair(attributes, "pad", 0)]
        full = attributes.get("pooling_convention", "valid") == "full"
        if kind == "max":
            return lambda x: F.max_pool2d(x, *geometry, ceil_mode=full)
        return lambda x: F.avg_pool2d(x, *geometry, ceil_mode=full)

    def make_Flatten(self, at, node, attributes):
        return lambda x: x.flatten(1)

    def make_elemwise_add(self, at, node, attributes):
        return torch.add

    def make__minus_scalar(self, at, node, attributes):
        scalar = number(attributes, "scalar", 0)
        return lambda x: x - scalar

    def make__mul_scalar(self, at, node, attributes):
        scalar = number(attributes, "scalar", 1)
        return lambda x: x * scalar

    def make__maximum_scalar(self, at, node, attributes):
        scalar = number(attributes, "scalar", 0)
        return lambda x: torch.clamp(x, min=scalar)

    def make__minimum_scalar(self, at, node, attributes):
        scalar = number(attributes, "scalar", 0)
        return lambda x: torch.clamp(x, max=scalar)

    def make_clip(self, at, node, attributes):
        low, high = number(attributes, "a_min", None), number(attributes, "a_max", None)
        return lambda x: torch.clamp(x, low, high)

    def make_L2Normalization(self, at, node, attributes):
        eps = number(attributes, "eps", 1e-10)
        return lambda x: x / torch.sqrt((x * x).flatten(1).sum(1) + eps).view(-1, *[1] * (x.dim() - 1))

    def make_SoftmaxActivation(self, at, node, attributes):
        channel = attributes.get("mode") == "channel"
        return lambda x: torch.softmax(x, 1 if channel else -1)

    def make_SoftmaxOutput(self, at, node, attributes):
        return lambda x, *label: torch.softmax(x, -1)

    def forward(self, x):
        values = {at: x for at, node in enumerate(self.nodes) if node["op"] == "null" and node["name"] not in self.values}
        outputs = {self.where[head] for head in self.heads}
        for step, (at, run, sources) in enumerate(self.steps):
            values[at] = run(*[values[source] for source in sources])
            for source in sources:
                if self.last[source] == step and source not in outputs:
                    values.pop(source, None)
        return [values[self.where[head]] for head in self.heads]


def difference(network, model, shape):
    """The largest difference from Tenon's outputs on the CPU, in units of the largest output."""
    x = numpy.random.default_rng(7).uniform(-1, 1, shape).astype("float32")
    executor = model.compile(**{model.inputs[0]: shape})
    expected = executor(x)
    expected = expected if isinstance(expected, (list, tuple)) else [expected]
    with torch.no_grad():
        actual = [value.float().numpy() for value in network(torch.from_numpy(x))]
    return max(float(numpy.abs(a.reshape(e.shape) - e).max() / max(1e-6, numpy.abs(e).max()))
               for a, e in zip(actual, map(numpy.asarray, expected)))


def median_ms(network, x):
    """Milliseconds of network(x) recorded in a CUDA graph, of 300 replays, by events; parameters and `x` lie on the device."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(5):
            network(x)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        network(x)
    times = []
    for turn in range(330):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        if turn >= 30:
            times.append(begin.elapsed_time(end))
    return statistics.median(times)


def torch_ms(network, shape, dtype, layout):
    network = network.to("cuda", dtype)
    for name, buffer in network.named_buffers():
        if buffer.dim() == 4:
            setattr(network, name, buffer.to(memory_format=layout))
    return median_ms(network, torch.randn(shape, device="cuda", dtype=dtype).to(memory_format=layout))


def tenon_ms(program, prefix, name, shape, batches, precision):
    """By batch size, of `tenon bench`: the engine's forwards, the input on the device."""
    command = [program, "bench", prefix, "--shape", f"{name}=" + ",".join(map(str, (1, *shape))), "--device", "cuda:0",
               "--backend", "cuda", "--precision", precision, "--batch", ",".join(map(str, batches)), "--seconds", "0.5",
               "--warmup", "0.1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["batch"]: row["engine"]["median_ms"] for row in rows}


def model_of(name):
    """A checkpoint by its prefix, else a network of the zoo."""
    return tenon.load(name) if "/" in name or os.path.exists(name + "-symbol.json") else tenon.zoo(name)


def rows_of(entry, options):
    """What was found of one network, row by row."""
    name, _, text = entry.partition("=")
    shape = tuple(int(size) for size in text.split(","))
    batches = [int(batch) for batch in options.batch.split(",")]
    model = model_of(name)
    apart = difference(Network(model).eval(), model, (2, *shape))
    row = {"network": "/".join(name.split("/")[-2:]), "difference": apart}
    if not apart <= TOLERANCE:
        sys.exit(f"{name}: PyTorch's network computes something else: {apart:.2e} of the largest output")
    if options.check_only:
        yield row
        return
    for precision in options.precision.split(","):
        dtype, layout = PRECISIONS[precision]
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        ours = tenon_ms(options.tenon, name, model.inputs[0], shape, batches, precision) if options.tenon else {}
        with torch.no_grad():
            for batch in batches:
                theirs = torch_ms(Network(model).eval(), (batch, *shape), dtype, layout)
                found = {**row, "precision": precision, "batch": batch, "peer": f"PyTorch {torch.__version__}, CUDA graph",
                         "peer_ms": round(theirs, 4)}
                if batch in ours:
                    found |= {"tenon_ms": round(ours[batch], 4), "ratio": round(theirs / ours[batch], 2)}
                yield found


def write(path, rows):
    command = " ".join(shlex.quote(os.path.basename(word) if os.path.isabs(word) else word) for word in sys.argv)
    found = {"device": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
             "date": datetime.date.today().isoformat(), "command": command,
             "note": "ratio: PyTorch's time over Tenon's; difference: of PyTorch's outputs from Tenon's on the CPU, over the largest",
             "results": rows}
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(found, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL=C,H,W")
    parser.add_argument("--batch", default="1,32")
    parser.add_argument("--precision", default="fp32,fp16")
    parser.add_argument("--tenon", metavar="PROGRAM", help="the program whose engine is timed too, build/release/bin/tenon")
    parser.add_argument("--check-only", action="store_true", help="compare the outputs on the CPU and time nothing")
    parser.add_argument("--out", metavar="FILE")
    options = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    rows = []
    for entry in options.models:
        for row in rows_of(entry, options):
            print(json.dumps(row), flush=True)
            rows.append(row)
            if options.out:  # what was measured is kept, should the time run out
                write(options.out, rows)


main()
