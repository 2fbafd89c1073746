"""Case description, runner and packer of the operator goldens.

A graph is written as light nodes (V, O) so that describing a case never touches MXNet;
the runner turns it into a real mx.sym graph, binds it on the CPU and runs it.
"""

import json
import zlib
import numpy as np


class Node:
    def __init__(self, op, ins, name, attrs, index=None):
        self.op, self.ins, self.name, self.attrs, self.index = op, ins, name, attrs, index

    def __getitem__(self, i):
        n = Node(self.op, self.ins, self.name, self.attrs, i)
        n.base = getattr(self, "base", self)
        return n

    def key(self):
        return ("variable", self.name) if self.op is None else id(getattr(self, "base", self))


def V(name, **attrs):
    return Node(None, [], name, attrs)


def O(op, *ins, name=None, **attrs):
    return Node(op, list(ins), name or "op", attrs)


class Case:
    def __init__(
        self,
        name,
        out,
        inputs=None,
        op=None,
        K=1,
        exact=False,
        np_shape=False,
        note="",
        rtol=None,
        prefer="0",
        cached=False,
    ):
        self.name, self.out, self.inputs = name, out, inputs or {}
        self.K, self.exact, self.np_shape, self.note, self.rtol = K, exact, np_shape, note, rtol
        self.cached = cached  # run through CachedOp: the output shape is not known when binding
        self.prefer = prefer  # which result is stored where MKLDNN off ('0') and on ('1') differ
        o = out[0] if isinstance(out, (list, tuple)) else out
        self.op = op or o.op or "variable"


class R:
    """Random values of one family."""

    def __init__(self, seed, family):
        self.r = np.random.RandomState((seed * 7919 + zlib.crc32(family.encode())) % (2**32))

    def i(self, lo, hi):
        return int(self.r.randint(lo, hi + 1))

    def pick(self, *xs):
        return xs[self.r.randint(len(xs))]

    def flag(self):
        return bool(self.r.randint(2))

    def n(self, *shape, dtype="float32", scale=1.0, shift=0.0):
        return (self.r.standard_normal(shape) * scale + shift).astype(dtype)

    def u(self, lo, hi, *shape, dtype="float32"):
        return self.r.uniform(lo, hi, shape).astype(dtype)

    def ints(self, lo, hi, *shape, dtype="int32"):
        return self.r.randint(lo, hi + 1, shape).astype(dtype)

    def distinct(self, *shape, dtype="float32", scale=None, shift=None):
        """No two equal values, well spaced."""
        n = int(np.prod(shape)) if shape else 1
        v = self.r.permutation(n).astype("float64")
        if np.dtype(dtype).kind == "f":
            v = (v - n / 2 + 0.25) * (4.0 / max(n, 4)) if scale is None else v * scale + (shift or 0)
        return v.reshape(shape).astype(dtype)

    def shape(self, ndim, lo=1, hi=6):
        return tuple(self.i(lo, hi) for _ in range(ndim))


def fmt(v):
    if isinstance(v, bool):
        return "True" if v else "False"
    return str(v)


def build(out):
    """Node tree -> mx.sym.Symbol."""
    import ctypes
    import mxnet as mx
    from mxnet.base import _LIB, c_str, check_call, SymbolHandle
    from mxnet._ctypes.symbol import _symbol_creator

    memo = {}

    def one(n):
        k = n.key()
        if k not in memo:
            if n.op is None:
                memo[k] = mx.sym.var(n.name, **n.attrs)
            else:
                h = SymbolHandle()
                check_call(_LIB.NNGetOpHandle(c_str(n.op), ctypes.byref(h)))
                args = [one(x) for x in n.ins]
                keys = [a for a, v in n.attrs.items()]
                vals = [fmt(v) for v in n.attrs.values()]
                memo[k] = _symbol_creator(h.value, args, {}, keys, vals, n.name, False)
        s = memo[k]
        return s if n.index is None else s[n.index]

    if isinstance(out, (list, tuple)):
        return mx.sym.Group([one(x) for x in out])
    return one(out)


def tree_json(out):
    """Node tree -> symbol JSON without asking MXNet (for graphs it refuses)."""
    nodes, ids = [], {}

    def one(n):
        k = n.key()
        if k not in ids:
            ins = [one(x) for x in n.ins]
            ids[k] = len(nodes)
            d = {"op": n.op or "null", "name": n.name, "inputs": ins}
            if n.attrs:
                d["attrs"] = {a: fmt(v) for a, v in n.attrs.items()}
            nodes.append(d)
        return [ids[k], n.index or 0, 0]

    heads = [one(x) for x in (out if isinstance(out, (list, tuple)) else [out])]
    return json.dumps(
        {
            "nodes": nodes,
            "arg_nodes": [i for i, d in enumerate(nodes) if d["op"] == "null"],
            "heads": heads,
            "attrs": {"mxnet_version": ["int", 10901]},
        },
        indent=1,
    )


def write_aliases(out, js):
    """MXNet saves canonical operator names; put back the alias a case was written with."""
    asked, todo = {}, list(out) if isinstance(out, (list, tuple)) else [out]
    while todo:
        n = todo.pop()
        if n.op and n.key() not in asked:
            asked[n.key()] = n
            todo.extend(n.ins)
    want = {n.name: n.op for n in asked.values()}
    g = json.loads(js)
    changed = [n for n in g["nodes"] if n["op"] != "null" and want.get(n["name"], n["op"]) != n["op"]]
    note = ", ".join(sorted({"%s is an alias of %s" % (want[n["name"]], n["op"]) for n in changed}))
    for n in changed:
        n["op"] = want[n["name"]]
    return (json.dumps(g, indent=2), note) if changed else (js, "")


def fill(name, shape, dtype, rng):
    if np.dtype(dtype).kind in "iub":
        return rng.randint(0, 3, shape).astype(dtype)
    if name.endswith(("var", "gamma")):
        return rng.uniform(0.5, 2.0, shape).astype(dtype)
    return (rng.standard_normal(shape) * 0.5).astype(dtype)


def run_cached(sym, inputs, np_shape):
    import mxnet as mx

    with mx.util.np_shape(np_shape):
        outs = mx.nd.CachedOp(sym)(*[mx.nd.array(inputs[k], dtype=inputs[k].dtype) for k in sym.list_inputs()])
        outs = [o.asnumpy() for o in (outs if isinstance(outs, (list, tuple)) else [outs])]
    return {k: inputs[k] for k in sym.list_arguments()}, {}, outs, sym.list_outputs()


def run_symbol(sym, inputs, seed, np_shape=False):
    """Bind on the CPU, set inputs, run forward. Returns args, aux, outputs as numpy dicts."""
    import mxnet as mx

    with mx.util.np_shape(np_shape):
        names, auxn = sym.list_arguments(), sym.list_auxiliary_states()
        shapes = {k: v.shape for k, v in inputs.items() if k in names}
        types = {k: v.dtype.type for k, v in inputs.items() if k in names}
        if names:
            exe = sym.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **shapes)
        else:
            exe = sym.bind(mx.cpu(), {})
        rng = np.random.RandomState(seed)
        got = ({}, {})
        for store, d, src in ((got[0], exe.arg_dict, names), (got[1], exe.aux_dict, auxn)):
            for k in src:
                a = d[k]
                v = inputs.get(k)
                if v is None:
                    v = fill(k, a.shape, a.dtype, rng)
                assert v.dtype == a.dtype, ("dtype", k, v.dtype, a.dtype)
                assert tuple(v.shape) == tuple(a.shape), ("shape", k, v.shape, a.shape)
                if v.size:
                    mx.nd.array(v, dtype=v.dtype).copyto(a)
                store[k] = v
        outs = exe.forward(is_train=False)
        outs = [o.asnumpy() for o in outs]
    return got[0], got[1], outs, sym.list_outputs()


def tolerance(case, o):
    """(rtol, atol) of one output; exact for integers, shape ops and index results."""
    if case.exact or o.dtype.kind in "iub":
        return 0.0, 0.0
    k = max(1.0, float(case.K)) ** 0.5
    r = {"float16": 4e-3 * max(1.0, k / 4), "float32": 1e-5 * k, "float64": 1e-9 * k}.get(str(o.dtype), 1e-2)
    if case.rtol:
        r = case.rtol
    f = o[np.isfinite(o)].astype("float64") if o.size else np.zeros(0)
    rms = float(np.sqrt(np.mean(f * f))) if f.size else 0.0
    if not np.isfinite(rms):
        rms = 0.0
    return float("%.3g" % r), float("%.3g" % max(0.2 * r * rms, 1e-37))


def close(a, b, rtol, atol):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind not in "f" or (rtol == 0 and atol == 0):
        return bool(np.array_equal(a, b) or (a.dtype.kind == "f" and np.array_equal(a, b, equal_nan=True)))
    with np.errstate(all="ignore"):
        return bool(np.allclose(a.astype("f8"), b.astype("f8"), rtol=rtol, atol=atol, equal_nan=True))
