"""Converts a checkpoint to the peers' formats: ONNX (read by ONNX Runtime, OpenVINO and MNN's converter) and ncnn.

    peers_convert.py FOLDER MODEL BATCH [ncnn]

Reads MODEL-symbol.json, MODEL-params.npz and the shape of MODEL-bBATCH.npz, and writes MODEL-bBATCH.onnx and
MODEL-outputs.json, or with the last word MODEL.ncnn.param, .bin and .json (ncnn takes one image at a time). Only the operators
of the models compared are known; another is an error. MXNet's own ONNX export is not used: it applies gamma in spite of fix_gamma.
"""
import ast
import dataclasses
import json
import pathlib
import sys

import numpy as np


@dataclasses.dataclass
class Layer:
    kind: str
    name: str
    inputs: list   # names of blobs
    attrs: dict    # parsed
    arrays: list   # parameters in the operator's order

    def get(self, key, default):
        return self.attrs.get(key, default)


@dataclasses.dataclass
class Network:
    layers: list   # a layer's output goes by its name
    outputs: list


def parse(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def read_network(folder, model):
    """The graph without its parameters' nodes, SoftmaxOutput's label, Dropout, and with BatchNorm's fix_gamma obeyed."""
    symbol = json.loads((folder / f"{model}-symbol.json").read_text())
    params = dict(np.load(folder / f"{model}-params.npz"))
    nodes, layers, alias = symbol["nodes"], [], {}
    for node in nodes:
        name, kind = node["name"], node["op"]
        if kind == "null":
            continue
        sources = [nodes[entry[0]] for entry in node["inputs"]]
        inputs = [alias.get(s["name"], s["name"]) for s in sources if s["name"] not in params]
        arrays = [params[s["name"]] for s in sources if s["name"] in params]
        attrs = {key: parse(value) for key, value in node.get("attrs", {}).items()}
        if kind == "Dropout":
            alias[name] = inputs[0]
            continue
        if kind == "BatchNorm" and attrs.get("fix_gamma", True):
            arrays[0] = np.ones_like(arrays[0])
        if kind == "SoftmaxOutput":
            inputs = inputs[:1]
        layers.append(Layer(kind, name, inputs, attrs, arrays))
    outputs = [nodes[head[0]]["name"] for head in symbol["heads"]]
    return join_clips(Network(layers, [alias.get(name, name) for name in outputs]))


def join_clips(network):
    """min(max(x, low), high), as old networks write relu6 → clip, which every peer knows."""
    by_name = {layer.name: layer for layer in network.layers}
    for layer in network.layers:
        source = by_name.get(layer.inputs[0])
        if layer.kind == "_minimum_scalar" and source and source.kind == "_maximum_scalar":
            layer.kind, layer.inputs = "clip", source.inputs
            layer.attrs = {"a_min": float(source.attrs["scalar"]), "a_max": float(layer.attrs["scalar"])}
    used = set(network.outputs) | {name for layer in network.layers for name in layer.inputs}
    network.layers = [layer for layer in network.layers if layer.name in used]
    return network


# ---- ONNX

def to_onnx(network, shape):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, initializers, rank = [], [], {"data": len(shape)}

    def constant(layer, suffix, array):
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), f"{layer.name}/{suffix}"))
        return f"{layer.name}/{suffix}"

    def add(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def window(layer):
        attributes = {"kernel_shape": layer.attrs["kernel"], "strides": layer.get("stride", (1, 1)),
                      "pads": layer.get("pad", (0, 0)) * 2}
        return attributes

    for layer in network.layers:
        x, kind, name = layer.inputs[0], layer.kind, layer.name
        rank[name] = rank[x]
        if kind == "Convolution":
            arrays = [constant(layer, i, array) for i, array in enumerate(layer.arrays)]
            add("Conv", [x, *arrays], name, group=layer.get("num_group", 1), dilations=layer.get("dilate", (1, 1)),
                **window(layer))
        elif kind == "BatchNorm":
            arrays = [constant(layer, i, array) for i, array in enumerate(layer.arrays)]
            add("BatchNormalization", [x, *arrays], name, epsilon=float(layer.get("eps", 1e-3)))
        elif kind == "Activation" and layer.attrs["act_type"] == "relu":
            add("Relu", [x], name)
        elif kind == "LeakyReLU" and layer.attrs["act_type"] == "prelu":
            slope = layer.arrays[0].reshape(-1, *[1] * (rank[x] - 2))
            add("PRelu", [x, constant(layer, "slope", slope)], name)
        elif kind == "Pooling" and layer.get("global_pool", False):
            add({"avg": "GlobalAveragePool", "max": "GlobalMaxPool"}[layer.attrs["pool_type"]], [x], name)
        elif kind == "Pooling" and layer.get("pool_type", "max") == "max":
            add("MaxPool", [x], name, ceil_mode=int(layer.get("pooling_convention", "valid") == "full"), **window(layer))
        elif kind == "Pooling" and layer.attrs["pool_type"] == "avg":
            add("AveragePool", [x], name, count_include_pad=int(layer.get("count_include_pad", True)), **window(layer))
        elif kind == "Concat":
            add("Concat", layer.inputs, name, axis=layer.get("dim", 1))
        elif kind == "FullyConnected":
            add("Flatten", [x], f"{name}/flat", axis=1)
            arrays = [constant(layer, i, array) for i, array in enumerate(layer.arrays)]
            add("Gemm", [f"{name}/flat", *arrays], name, transB=1)
            rank[name] = 2
        elif kind == "Flatten":
            add("Flatten", [x], name, axis=1)
            rank[name] = 2
        elif kind in ("SoftmaxOutput", "SoftmaxActivation"):
            add("Softmax", [x], name, axis=1)
        elif kind == "elemwise_add":
            add("Add", layer.inputs, name)
        elif kind == "clip":
            low, high = (constant(layer, key, np.array(layer.attrs[key])) for key in ("a_min", "a_max"))
            add("Clip", [x, low, high], name)
        elif kind in ("_minus_scalar", "_mul_scalar"):
            scalar = constant(layer, "scalar", np.array(layer.attrs["scalar"]))
            add({"_minus_scalar": "Sub", "_mul_scalar": "Mul"}[kind], [x, scalar], name)
        elif kind == "L2Normalization" and rank[x] == 2:
            add("ReduceL2", [x], f"{name}/norm", axes=[1], keepdims=1)
            add("Div", [x, f"{name}/norm"], name)
        else:
            raise NotImplementedError(f"node '{name}': no ONNX form of {kind} {layer.attrs}")

    graph = helper.make_graph(
        nodes, "model", [helper.make_tensor_value_info("data", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in network.outputs], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8  # what opset 13 came with: old enough for every peer
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


# ---- ncnn

def fold_batch_norms(network):
    """BatchNorm into the convolution before it where nothing else reads that, and activations into convolutions: what
    ncnn's own optimiser does, which its Python package lacks."""
    uses = {}
    for name in network.outputs + [name for layer in network.layers for name in layer.inputs]:
        uses[name] = uses.get(name, 0) + 1
    by_name, alias, kept = {}, {}, []
    for layer in network.layers:
        layer.inputs = [alias.get(name, name) for name in layer.inputs]
        source = by_name.get(layer.inputs[0])
        alone = source is not None and source.kind == "Convolution" and uses[layer.inputs[0]] == 1 and \
            "activation" not in source.attrs
        if alone and layer.kind == "BatchNorm":
            gamma, beta, mean, variance = (array.astype(np.float64) for array in layer.arrays)
            scale = gamma / np.sqrt(variance + layer.get("eps", 1e-3))
            weight, bias = source.arrays[0], source.arrays[1] if len(source.arrays) > 1 else 0
            source.arrays = [(weight * scale[:, None, None, None]).astype(np.float32),
                             ((bias - mean) * scale + beta).astype(np.float32)]
        elif alone and layer.kind == "Activation":
            source.attrs["activation"] = "9=1"
        elif alone and layer.kind == "clip":
            source.attrs["activation"] = f"9=3 -23310=2,{float(layer.attrs['a_min'])},{float(layer.attrs['a_max'])}"
        else:
            by_name[layer.name] = layer
            kept.append(layer)
            continue
        alias[layer.name] = source.name
        uses[source.name] = uses[layer.name]
    return Network(kept, [alias.get(name, name) for name in network.outputs])


def to_ncnn(network, shape):
    network = fold_batch_norms(network)
    lines, weights = [], []
    readers, taken = {}, {}
    for name in network.outputs + [name for layer in network.layers for name in layer.inputs]:
        readers[name] = readers.get(name, 0) + 1

    def take(name):
        """ncnn lets a blob be read once: a Split makes copies."""
        taken[name] = taken.get(name, 0) + 1
        return name if readers[name] == 1 else f"{name}/{taken[name] - 1}"

    def add(kind, name, inputs, parameters=""):
        lines.append(f"{kind} {name} {len(inputs)} 1 {' '.join([*inputs, name])} {parameters}".split())
        split(name)

    def split(name):
        count = readers.get(name, 0)
        if count > 1:
            lines.append(f"Split {name}/split 1 {count} {name} {' '.join(f'{name}/{i}' for i in range(count))}".split())

    def tagged(array):
        weights.extend([b"\0\0\0\0", array.astype("<f4").tobytes()])  # the tag says float32

    def plain(*arrays):
        weights.extend(array.astype("<f4").tobytes() for array in arrays)

    def pair(first, value):
        return f"{first}={value[1]} {first + 10}={value[0]}"

    _, channels, height, width = shape
    lines.append(f"Input data 0 1 data 0={width} 1={height} 2={channels}".split())
    split("data")
    for layer in network.layers:
        kind, name = layer.kind, layer.name
        x = [take(blob) for blob in layer.inputs]
        if kind == "Convolution":
            weight, group = layer.arrays[0], layer.get("num_group", 1)
            parameters = " ".join([
                f"0={weight.shape[0]}", pair(1, layer.attrs["kernel"]), pair(2, layer.get("dilate", (1, 1))),
                pair(3, layer.get("stride", (1, 1))), pair(4, layer.get("pad", (0, 0))),
                f"5={int(len(layer.arrays) > 1)} 6={weight.size}", f"7={group}" if group > 1 else "",
                layer.get("activation", "")])
            add("ConvolutionDepthWise" if group > 1 else "Convolution", name, x, parameters)
            tagged(weight)
            plain(*layer.arrays[1:])
        elif kind == "BatchNorm":
            gamma, beta, mean, variance = layer.arrays
            add("BatchNorm", name, x, f"0={gamma.size} 1={float(layer.get('eps', 1e-3))}")
            plain(gamma, mean, variance, beta)
        elif kind == "Activation" and layer.attrs["act_type"] == "relu":
            add("ReLU", name, x)
        elif kind == "LeakyReLU" and layer.attrs["act_type"] == "prelu":
            add("PReLU", name, x, f"0={layer.arrays[0].size}")
            plain(layer.arrays[0])
        elif kind == "Pooling" and layer.get("global_pool", False):
            add("Pooling", name, x, f"0={('max', 'avg').index(layer.attrs['pool_type'])} 4=1")
        elif kind == "Pooling" and layer.get("pool_type", "max") == "max":
            full = layer.get("pooling_convention", "valid") == "full"
            add("Pooling", name, x, f"0=0 {pair(1, layer.attrs['kernel'])} {pair(2, layer.get('stride', (1, 1)))} "
                                    f"{pair(3, layer.get('pad', (0, 0)))} 5={0 if full else 1}")
        elif kind == "Pooling" and layer.attrs["pool_type"] == "avg":
            add("Pooling", name, x, f"0=1 {pair(1, layer.attrs['kernel'])} {pair(2, layer.get('stride', (1, 1)))} "
                                    f"{pair(3, layer.get('pad', (0, 0)))} 5=1 6={int(layer.get('count_include_pad', True))}")
        elif kind == "Concat" and layer.get("dim", 1) == 1:
            add("Concat", name, x, "0=0")
        elif kind == "FullyConnected":
            weight = layer.arrays[0]
            add("InnerProduct", name, x, f"0={weight.shape[0]} 1={int(len(layer.arrays) > 1)} 2={weight.size}")
            tagged(weight)
            plain(*layer.arrays[1:])
        elif kind == "Flatten":
            add("Flatten", name, x)
        elif kind in ("SoftmaxOutput", "SoftmaxActivation"):
            add("Softmax", name, x, "0=0 1=1")
        elif kind == "elemwise_add":
            add("BinaryOp", name, x, "0=0")
        elif kind == "clip":
            add("Clip", name, x, f"0={float(layer.attrs['a_min'])} 1={float(layer.attrs['a_max'])}")
        elif kind in ("_minus_scalar", "_mul_scalar"):
            add("BinaryOp", name, x, f"0={1 if kind == '_minus_scalar' else 2} 1=1 2={float(layer.attrs['scalar'])}")
        elif kind == "L2Normalization":
            readers[f"{name}/norm"], readers[f"{name}/in"] = 1, 2
            add("Noop", f"{name}/in", x)
            add("Reduction", f"{name}/norm", [f"{name}/in/0"], "0=8 1=1")
            add("BinaryOp", name, [f"{name}/in/1", f"{name}/norm"], "0=3")
        else:
            raise NotImplementedError(f"node '{name}': no ncnn form of {kind} {layer.attrs}")
    blobs = sum(int(line[3]) for line in lines)
    text = "\n".join(["7767517", f"{len(lines)} {blobs}", *(" ".join(line) for line in lines)]) + "\n"
    return text, b"".join(weights), [take(name) for name in network.outputs]


def main():
    folder, model, batch = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    network = read_network(folder, model)
    shape = np.load(folder / f"{model}-b{batch}.npz")["in/data"].shape
    if sys.argv[4:] == ["ncnn"]:
        text, weights, outputs = to_ncnn(network, shape)
        (folder / f"{model}.ncnn.param").write_text(text)
        (folder / f"{model}.ncnn.bin").write_bytes(weights)
        (folder / f"{model}.ncnn.json").write_text(json.dumps(outputs))
    else:
        import onnx
        onnx.save(to_onnx(network, shape), folder / f"{model}-b{batch}.onnx")
        (folder / f"{model}-outputs.json").write_text(json.dumps(network.outputs))


if __name__ == "__main__":
    main()
