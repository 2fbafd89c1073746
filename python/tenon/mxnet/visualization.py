"""mx.viz: a table and a picture of a network."""

import json
import math

from .base import Unsupported


def _parameter_count(node, channels, shapes):
    """What MXNet counts: the weights of four operators. `channels` of the layers before, both gamma and beta of a norm."""
    attrs = node.attrs
    if node.op == "Convolution":
        kernel = [int(size) for size in attrs["kernel"].strip("()").split(",") if size.strip()]
        outputs = int(attrs["num_filter"])
        weights = channels * outputs // int(attrs.get("num_group", "1")) * math.prod(kernel)
    elif node.op == "FullyConnected":
        outputs = int(attrs["num_hidden"])
        weights = channels * outputs
    elif node.op == "BatchNorm":
        return 2 * shapes[node.output_name(0)][1] if shapes else 0
    else:
        return int(attrs["input_dim"]) * int(attrs["output_dim"]) if node.op == "Embedding" else 0
    return weights + (0 if attrs.get("no_bias") == "True" else outputs)


def print_summary(symbol, shape=None, line_length=120, positions=(0.44, 0.64, 0.74, 1.0)):
    """Prints a row a layer: output shape, parameters, previous layers. The first variable is the data, as for MXNet."""
    shapes = {}
    if shape is not None:
        internals = symbol.get_internals()
        _, outputs, _ = internals.infer_shape(**shape)
        if outputs is None:
            raise ValueError("Input shape is incomplete")
        shapes = dict(zip(internals.list_outputs(), outputs))
    places = [int(line_length * place) for place in positions]

    def row(fields):
        line = ""
        for field, place in zip(fields, places):
            line = (line + str(field))[:place].ljust(place)
        print(line)

    print("_" * line_length)
    row(["Layer (type)", "Output Shape", "Param #", "Previous Layer"])
    print("=" * line_length)
    total = 0
    nodes = symbol._nodes()
    for node in nodes:
        if node.op is None and node is not nodes[0]:
            continue
        before = [source for source, _ in node.inputs if source.op is not None or source is nodes[0]]
        known = [shapes[source.output_name(0)] for source in before if source.output_name(0) in shapes]
        own = _parameter_count(node, sum(out[1] for out in known), shapes)
        names = [source.name for source in before]
        out = shapes.get(node.output_name(0), ())
        row([f"{node.name}({node.op or 'null'})", "x".join(str(d) for d in out[1:]), own, names[0] if names else ""])
        for more in names[1:]:
            row(["", "", "", more])
        print(("=" if node is nodes[-1] else "_") * line_length)
        total += own
    print(f"Total params: {total}")
    print("_" * line_length)


_FILLS = {
    "Convolution": "#fb8072", "Deconvolution": "#fb8072", "FullyConnected": "#fb8072", "BatchNorm": "#bebada",
    "Activation": "#ffffb3", "LeakyReLU": "#ffffb3", "Pooling": "#80b1d3", "Concat": "#fdb462", "Flatten": "#fdb462",
    "Reshape": "#fdb462", "Softmax": "#fccde5",
}  # fmt: skip


def plot_network(symbol, title="plot", save_format="pdf", shape=None, dtype=None, node_attrs=None, hide_weights=True):
    """A graphviz.Digraph of the network; needs the Python package graphviz. (`tenon show X --svg` needs nothing.)"""
    try:
        from graphviz import Digraph
    except ImportError as error:
        raise ImportError("Draw network requires graphviz library: pip install graphviz, or tenon show MODEL --svg FILE") from error
    shapes = {}
    if shape is not None:
        internals = symbol.get_internals()
        shapes = dict(zip(internals.list_outputs(), internals.infer_shape(**shape)[1]))
    attributes = {"shape": "box", "fixedsize": "true", "width": "1.3", "height": "0.8034", "style": "filled", **(node_attrs or {})}
    dot = Digraph(name=title, format=save_format)
    hidden = ("_weight", "_bias", "_beta", "_gamma", "_moving_var", "_moving_mean", "_running_var", "_running_mean")
    drawn = set()
    for node in symbol._nodes():
        if node.op is None and hide_weights and node.name.endswith(hidden):
            continue
        label = node.name if node.op is None else f"{node.op}\n{node.attrs.get('kernel', node.attrs.get('act_type', ''))}".strip()
        fill = "#8dd3c7" if node.op is None else _FILLS.get(node.op, "#fccde5")
        dot.node(name=node.name, label=label, **{**attributes, "fillcolor": fill, **({"shape": "oval"} if node.op is None else {})})
        drawn.add(node.name)
    for node in symbol._nodes():
        for source, index in node.inputs:
            if source.name in drawn:
                out = shapes.get(source.output_name(index))
                label = {"label": "x".join(str(d) for d in out[1:])} if out else {}
                dot.edge(tail_name=node.name, head_name=source.name, dir="back", arrowtail="open", **label)
    return dot


__all__ = ["Unsupported", "json", "plot_network", "print_summary"]
