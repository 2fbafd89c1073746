"""Engine nodes: what `optimize_for("TensorRT")` shows of a network, with MXNet's operator, names and numbers.

    data -> conv -> bn -> relu -> topk      becomes      data -> TensorRT0 -> topk
              ^ w     ^ gamma, …                                  inner: conv -> bn -> relu, w, gamma, …

Nothing runs them. Whoever binds puts the operators back (`expanded`), and the engine, which knows shapes then, cuts
subgraphs of its own, which hold at least as much.
"""

from .node import Node, auxiliary_ids, graph_rows, topological

OP = "_TensorRT"

#: MXNet moved only variables into a subgraph that these read, in another place than the first.
_WEIGHTED = ("BatchNorm", "Convolution", "Deconvolution", "FullyConnected")


class Inner:
    """What an engine node stands for: the outputs of its graph, the variables that its inputs are for, in the order in
    which that graph reads them, and the arrays of the other variables by name."""

    __slots__ = ("arrays", "outputs", "variables")

    def __init__(self, outputs, arrays):
        self.outputs = outputs
        self.arrays = arrays
        self.variables = [node for node in topological(outputs) if node.op is None and node.name not in arrays]

    @property
    def signature(self):
        auxiliary = auxiliary_ids(topological(self.outputs))
        return {
            "outputs": [node.output_name(index) for node, index in self.outputs],
            "visible": len(self.outputs),
            "auxiliary": [place for place, variable in enumerate(self.variables) if id(variable) in auxiliary],
        }

    def rows(self):
        return graph_rows(self.outputs)


def _engine_node(name, outputs, inputs, arrays):
    """`inputs` are pairs by the id of the variable of the inner graph that they feed."""
    inner = Inner(outputs, arrays)
    names = {"subgraph_params_names": ";".join(arrays)}
    return Node(OP, name, names, [inputs[id(variable)] for variable in inner.variables], inner)


def _keeps(consumer, place):
    """True where the variable that is read there moves inside under its own name."""
    return consumer.op in _WEIGHTED and consumer.inputs[place][0].name != consumer.inputs[0][0].name


def partitioned(outputs, groups):
    """The outputs of a copy in which each group of nodes is one engine node, none of whose variables has an array yet."""
    nodes = topological(outputs)
    group_of = {id(node): number for number, group in enumerate(groups) for node in group}
    read = [(pair, group_of.get(id(node))) for node in nodes for pair in node.inputs] + [(pair, None) for pair in outputs]
    given = [[] for _ in groups]  # the outputs of each group, in the graph's order
    rank = {id(node): place for place, node in enumerate(nodes)}
    for pair, reader in sorted(read, key=lambda item: (rank[id(item[0][0])], item[0][1])):
        number = group_of.get(id(pair[0]))
        if number is not None and number != reader and pair not in given[number]:
            given[number].append(pair)

    # Inputs are filled in when every node is there: a group may come before nodes that it reads.
    made = {id(node): Node(node.op, node.name, node.attrs, []) if node.op else node for node in nodes}
    engines = []
    for number, group in enumerate(groups):
        variables = {}  # of values from outside
        for node in group:
            for place, (source, index) in enumerate(node.inputs):
                if group_of.get(id(source)) == number:
                    made[id(node)].inputs.append((made[id(source)], index))
                elif source.op is None and _keeps(node, place):
                    made[id(node)].inputs.append((source, 0))
                else:
                    key = id(source), index
                    if key not in variables:
                        variables[key] = (source, index), Node(None, f"{source.output_name(index)}0", {}, [])
                    made[id(node)].inputs.append((variables[key][1], 0))
        inner = [(made[id(node)], index) for node, index in given[number]]
        kept = {id(node): (node, 0) for node in topological(inner) if node.op is None}
        outside = {id(variable): pair for pair, variable in variables.values()}
        engines.append(_engine_node(f"TensorRT{number}", inner, {**kept, **outside}, {}))

    def outer(pair):
        number = group_of.get(id(pair[0]))
        return (made[id(pair[0])], pair[1]) if number is None else (engines[number], given[number].index(pair))

    for node in nodes:
        if node.op and id(node) not in group_of:
            made[id(node)].inputs = [outer(pair) for pair in node.inputs]
    for engine in engines:
        engine.inputs = [outer(pair) for pair in engine.inputs]
    return [outer(pair) for pair in outputs]


def absorb(outputs, given):
    """Moves arrays of the dictionary `given` into the engine nodes, where nobody else reads the variable; returns the
    names that moved."""
    nodes = topological(outputs)
    outside = {node.name for node, _ in outputs if node.op is None}
    for node in nodes:
        for place, (source, _) in enumerate(node.inputs):
            if source.op is None and (node.inner is None or node.inner.variables[place].name != source.name):
                outside.add(source.name)
    moved = []
    for node in nodes:
        if node.inner is None:
            continue
        names = [variable.name for variable in node.inner.variables if variable.name in given and variable.name not in outside]
        inputs = {id(variable): pair for variable, pair in zip(node.inner.variables, node.inputs)}
        full = _engine_node(node.name, node.inner.outputs, inputs, {**node.inner.arrays, **{name: given[name] for name in names}})
        node.attrs, node.inputs, node.inner = full.attrs, full.inputs, full.inner
        moved += names
    return list(dict.fromkeys(moved))


def arrays_of(nodes):
    """The arrays that moved into engine nodes, by name."""
    return {name: array for node in nodes if node.inner is not None for name, array in node.inner.arrays.items()}


def expanded(outputs):
    """The outputs of the same graph with operators in the place of engine nodes."""
    nodes = topological(outputs)
    if all(node.inner is None for node in nodes):
        return outputs
    made = {}

    def copy(node, owner):
        if node.op is not None:
            made[owner, id(node)] = Node(node.op, node.name, node.attrs, [])

    for node in nodes:
        copy(node, None)
        for inner in topological(node.inner.outputs) if node.inner is not None else ():
            copy(inner, id(node))

    def outer(pair):
        node, index = pair
        if node.inner is None:
            return made.get((None, id(node)), node), index
        source, place = node.inner.outputs[index]
        return made[id(node), id(source)], place

    for node in nodes:
        if node.inner is None:
            if node.op is not None:
                made[None, id(node)].inputs = [outer(pair) for pair in node.inputs]
            continue
        fed = {id(variable): pair for variable, pair in zip(node.inner.variables, node.inputs)}
        for member in topological(node.inner.outputs):
            if member.op is not None:
                made[id(node), id(member)].inputs = [
                    outer(fed[id(source)]) if id(source) in fed else (made.get((id(node), id(source)), source), index)
                    for source, index in member.inputs
                ]
    return [outer(pair) for pair in outputs]


def _from_rows(graph, absorbed, shared):
    """The outputs of a graph. Variables named in `absorbed` are one with those of `shared`, by name: several engine nodes
    may have held one parameter."""
    nodes = []
    for row in graph["nodes"]:
        inputs = [(nodes[item[0]], item[1]) for item in row["inputs"]]
        attrs = dict(row.get("attrs", {}))
        if row["op"] == OP:
            inside = [name for name in attrs["subgraph_params_names"].split(";") if name]
            inner = Inner(_from_rows(row["subgraphs"][0], inside, shared), dict.fromkeys(inside))
            nodes.append(Node(OP, row["name"], attrs, inputs, inner))
        elif row["op"] == "null" and row["name"] in absorbed:
            nodes.append(shared.setdefault(row["name"], Node(None, row["name"], attrs, [])))
        else:
            nodes.append(Node(None if row["op"] == "null" else row["op"], row["name"], attrs, inputs))
    return [(nodes[head[0]], head[1]) for head in graph["heads"]]


def read(graph):
    """The outputs of a graph that was saved with engine nodes. A symbol's file has no arrays, so what moved into the
    nodes is out again, and the operators are what they were."""
    return expanded(_from_rows(graph, (), {}))
