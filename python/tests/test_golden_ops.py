"""Every golden case of the operators, through mx.sym, and through mx.nd where it is one operator."""

import json

import numpy as np
import pytest
from conftest import ROOT

import tenon.mxnet as mx
from tenon import _array
from tenon.mxnet.symbol.symbol import load_json

FOLDER = ROOT / "tests" / "data" / "ops"
FAMILIES = sorted(path.stem for path in FOLDER.glob("*.json") if path.with_suffix(".npz").exists())


def read(path):
    """An archive; bfloat16, which NumPy lacks, is stored as float32."""
    return dict(np.load(path).items())


def as_nd(entry, arrays):
    return mx.nd.array(arrays[entry["key"]], dtype=entry["dtype"]).reshape(tuple(entry["shape"]) or (1,))


def agrees(value, expected, arrays):
    """Shape, type and values; some cases have a second legal answer."""
    actual = value._data
    if list(actual.shape) != expected["shape"] or _array.dtype_name(actual.dtype) != expected["dtype"]:
        return False
    actual = value.astype("float32").asnumpy() if actual.dtype == _array.BFLOAT16 else actual
    for key in ("key", "alt"):
        if key not in expected:
            continue
        wanted = arrays[expected[key]].astype(np.float64)
        finite = np.isfinite(wanted)
        allowed = expected["atol"] + expected["rtol"] * np.abs(np.where(finite, wanted, 0))
        got = actual.astype(np.float64)
        equal = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
        with np.errstate(invalid="ignore"):
            if bool(np.all(equal | (np.abs(got - wanted) <= allowed))):
                return True
    return False


def by_symbol(case, arrays):
    symbol = load_json(case["symbol"])
    args = {name: as_nd(entry, arrays) for name, entry in case["args"].items()}
    aux = {name: as_nd(entry, arrays) for name, entry in case["aux"].items()}
    return symbol.bind(mx.cpu(), args, aux_states=aux).forward()


def one_operator(case):
    nodes = json.loads(case["symbol"])["nodes"]
    made = [i for i, node in enumerate(nodes) if node["op"] != "null"]
    heads = json.loads(case["symbol"])["heads"]
    alone = len(made) == 1 and all(head[0] == made[0] for head in heads)
    return nodes, nodes[made[0]] if alone else None


def by_array(case, arrays, nodes, node):
    entries = {**case["args"], **case["aux"]}
    inputs = [as_nd(entries[nodes[i]["name"]], arrays) for i, *_ in node["inputs"]]
    attributes = {key: value for key, value in node.get("attrs", {}).items() if not key.startswith("__")}
    result = mx.nd.ndarray.invoke(node["op"], inputs, attributes)
    outputs = result if isinstance(result, list) else [result]
    heads = json.loads(case["symbol"])["heads"]
    return [outputs[head[1]] for head in heads if head[1] < len(outputs)]


@pytest.mark.parametrize("family", FAMILIES)
def test_family(family):
    index = json.loads((FOLDER / f"{family}.json").read_text())
    arrays = read(FOLDER / f"{family}.npz")
    failures, symbols, calls, skipped = [], 0, 0, 0
    for case in index["cases"]:
        entries = [*case["args"].values(), *case["aux"].values()]
        # Numpy mode (0-d arrays, empty ones, _np operators) is outside the classic interface.
        if case["np_shape"] or any(not entry["shape"] or 0 in entry["shape"] for entry in entries):
            skipped += 1
            continue
        try:
            outputs = by_symbol(case, arrays)
        except mx.MXNetError as error:
            if "no operator" in str(error) or "is not registered" in str(error) or "there is no operator" in str(error):
                skipped += 1
                continue
            failures.append(f"{case['name']} (sym): {error}")
            continue
        symbols += 1
        for output, expected in zip(outputs, case["outputs"]):
            if not agrees(output, expected, arrays):
                failures.append(f"{case['name']} (sym): {expected['name']}")
        nodes, node = one_operator(case)
        if node is None:
            continue
        calls += 1
        for output, expected in zip(by_array(case, arrays, nodes, node), case["outputs"]):
            if not agrees(output, expected, arrays):
                failures.append(f"{case['name']} (nd): {expected['name']}")
    print(f"{family}: {symbols} cases by mx.sym, {calls} by mx.nd, {skipped} skipped")
    assert failures == []
    assert symbols > 0 or family == "npops"
