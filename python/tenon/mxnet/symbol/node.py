"""Nodes: operators applied to values, and variables."""

from .. import _ops


class Node:
    """An operator applied to (node, output) pairs, or a variable (op is None)."""

    __slots__ = ("op", "name", "attrs", "inputs", "inner")

    def __init__(self, op, name, attrs, inputs, inner=None):
        self.op = op
        self.name = name
        self.attrs = attrs
        self.inputs = inputs
        self.inner = inner  # of an engine node (engine_node.py)

    @property
    def signature(self):
        if self.inner is not None:
            return self.inner.signature
        hidden = {k for k in self.attrs if k.startswith("__")}
        known = _ops.find(self.op).attribute_names
        given = {k: v for k, v in self.attrs.items() if k not in hidden and k in known}
        return _ops.signature(self.op, given)

    @property
    def visible(self):
        return 1 if self.op is None else self.signature["visible"]

    def output_name(self, index):
        if self.op is None:
            return self.name
        output = self.signature["outputs"][index]
        return f"{self.name}_{output}" if self.name else output


def topological(outputs):
    """The nodes that the outputs need, depth first, inputs left to right."""
    order, done = [], set()
    for node, _ in outputs:
        stack = [(node, iter(node.inputs))]
        if id(node) in done:
            continue
        done.add(id(node))
        while stack:
            current, inputs = stack[-1]
            for source, _ in inputs:
                if id(source) not in done:
                    done.add(id(source))
                    stack.append((source, iter(source.inputs)))
                    break
            else:
                order.append(current)
                stack.pop()
    return order


def auxiliary_ids(nodes):
    """Ids of the variables that some operator uses as auxiliary state."""
    found = set()
    for node in nodes:
        if node.op is not None:
            for place in node.signature["auxiliary"]:
                if place < len(node.inputs) and node.inputs[place][0].op is None:
                    found.add(id(node.inputs[place][0]))
    return found


def graph_rows(outputs):
    """The graph as MXNet's JSON has it."""
    nodes = topological(outputs)
    ids = {id(node): i for i, node in enumerate(nodes)}
    rows = []
    for node in nodes:
        row = {"op": node.op or "null", "name": node.name}
        if node.attrs:
            row["attrs"] = node.attrs
        row["inputs"] = [[ids[id(source)], index, 0] for source, index in node.inputs]
        if node.inner is not None:
            row["subgraphs"] = [node.inner.rows()]
        rows.append(row)
    return {
        "nodes": rows,
        "arg_nodes": [i for i, node in enumerate(nodes) if node.op is None],
        "heads": [[ids[id(node)], index, 0] for node, index in outputs],
        "attrs": {"mxnet_version": ["int", 10901]},
    }
