"""Random graphs of 5-25 operators and fixed awkward topologies."""

import numpy as np
from .core import V, O, Case


class Net:
    """Grows a random NCHW graph; every tensor in pool is (node, shape)."""

    def __init__(self, r, k):
        self.r, self.n, self.k, self.K = r, 0, k, 1
        self.N, self.C, self.H = r.i(1, 2), r.i(2, 4), r.pick(4, 6, 8)
        self.ins = {"data": r.n(self.N, self.C, self.H, self.H)}
        self.pool = [(V("data"), self.ins["data"].shape)]

    def name(self, op):
        self.n += 1
        return "%s%d" % (op, self.n)

    def pickt(self):
        return self.pool[-1] if self.r.i(0, 3) else self.pool[self.r.i(0, len(self.pool) - 1)]

    def add(self, node, shape):
        self.pool.append((node, shape))

    def conv(self):
        r = self.r
        x, s = self.pickt()
        f, k = r.i(2, 5), r.pick(1, 3)
        n = self.name("conv")
        a = dict(kernel=(k, k), pad=(k // 2, k // 2), num_filter=f)
        vs = [x, V(n + "_weight")]
        if r.flag():
            a["no_bias"] = True
        else:
            vs.append(V(n + "_bias"))
        y = O("Convolution", *vs, name=n, **a)
        self.K = max(self.K, s[1] * k * k)
        s = (s[0], f) + s[2:]
        if r.flag():
            b = self.name("bn")
            y = O(
                "BatchNorm",
                y,
                *[V("%s_%s" % (b, q)) for q in ("gamma", "beta", "moving_mean", "moving_var")],
                name=b,
                fix_gamma=r.flag(),
                eps=1e-5
            )
        if r.flag():
            y = O("Activation", y, name=self.name("act"), act_type=r.pick("relu", "tanh", "sigmoid", "softrelu"))
        self.add(y, s)

    def unary(self):
        x, s = self.pickt()
        op, a = self.r.pick(
            ("Activation", {"act_type": "relu"}),
            ("tanh", {}),
            ("LeakyReLU", {"act_type": "leaky", "slope": 0.1}),
            ("clip", {"a_min": -1, "a_max": 2}),
            ("_mul_scalar", {"scalar": 0.5}),
            ("_plus_scalar", {"scalar": 1.5}),
            ("abs", {}),
            ("square", {}),
            ("sigmoid", {}),
            ("L2Normalization", {"mode": "channel"}),
            ("LRN", {"nsize": 1}),
            ("Dropout", {"p": 0.5}),
            ("BlockGrad", {}),
            ("_rminus_scalar", {"scalar": 1.0}),
            ("hard_sigmoid", {}),
            ("erf", {}),
            ("softmax", {"axis": 1}),
        )
        self.add(O(op, x, name=self.name(op.strip("_")), **a), s)

    def same(self):
        """Two tensors of one shape: residual additions and the like."""
        by = {}
        for t in self.pool:
            by.setdefault(t[1], []).append(t)
        c = [v for v in by.values() if len(v) > 1]
        if not c:
            return self.unary()
        v = c[self.r.i(0, len(c) - 1)]
        i, j = self.r.i(0, len(v) - 2), len(v) - 1
        op = self.r.pick(
            "elemwise_add", "elemwise_add", "broadcast_add", "elemwise_mul", "_maximum", "elemwise_sub", "_hypot"
        )
        self.add(O(op, v[i][0], v[j][0], name=self.name(op.strip("_"))), v[0][1])

    def concat(self):
        by = {}
        for t in self.pool:
            by.setdefault((t[1][0],) + t[1][2:], []).append(t)
        v = max(by.values(), key=len)[-4:]
        if len(v) < 2 or sum(t[1][1] for t in v) > 14:
            return self.unary()
        s = (v[0][1][0], sum(t[1][1] for t in v)) + v[0][1][2:]
        self.add(O("Concat", *[t[0] for t in v], name=self.name("concat"), num_args=len(v), dim=1), s)

    def pooling(self):
        x, s = self.pickt()
        if s[2] < 4:
            return self.unary()
        self.add(
            O("Pooling", x, name=self.name("pool"), kernel=(2, 2), stride=(2, 2), pool_type=self.r.pick("max", "avg")),
            s[:2] + (s[2] // 2, s[3] // 2),
        )

    def gate(self):
        """Squeeze-and-excitation."""
        x, s = self.pickt()
        g = O("Pooling", x, name=self.name("gap"), kernel=(1, 1), global_pool=True, pool_type="avg")
        n = self.name("se")
        g = O("Convolution", g, V(n + "_weight"), V(n + "_bias"), name=n, kernel=(1, 1), num_filter=s[1])
        self.add(O("broadcast_mul", x, O("sigmoid", g, name=n + "_sig"), name=n + "_mul"), s)

    def split(self):
        x, s = self.pickt()
        if s[1] % 2:
            return self.unary()
        sp = O("SliceChannel", x, name=self.name("split"), num_outputs=2, axis=1)
        h = (s[0], s[1] // 2) + s[2:]
        self.add(sp[1], h)
        self.add(sp[0], h)

    def odd(self):
        """Operators a TensorRT engine would not take, in the middle of the graph."""
        r = self.r
        x, s = self.pickt()
        w = r.i(0, 5)
        n = self.name("odd")
        if w == 0:
            return self.add(O("topk", x, name=n, axis=1, k=min(2, s[1]), ret_typ="value"), (s[0], min(2, s[1])) + s[2:])
        if w == 1:
            return self.add(O("reverse", x, name=n, axis=2), s)
        if w == 2:
            return self.add(O("LRN", x, name=n, nsize=1, alpha=0.1), s)
        if w == 3:
            return self.add(O("sort", x, name=n, axis=3), s)
        if w == 4:
            return self.add(O("broadcast_add", x, O("argmax", x, name=n + "_am", axis=1, keepdims=True), name=n), s)
        return self.add(
            O(
                "where",
                O("_greater_scalar", x, name=n + "_c", scalar=0),
                x,
                O("_mul_scalar", x, name=n + "_m", scalar=0.1),
                name=n,
            ),
            s,
        )

    def shape(self):
        x, s = self.pickt()
        n = self.name("shp")
        if self.r.flag():
            y = O("transpose", O("Reshape", x, name=n + "a", shape=(0, 0, -1)), name=n + "b", axes=(0, 2, 1))
            y = O("Reshape", O("transpose", y, name=n + "c", axes=(0, 2, 1)), name=n + "d", shape=s)
            return self.add(y, s)
        (
            self.add(
                O(
                    "slice_axis",
                    O("Pad", x, name=n + "a", mode="edge", pad_width=(0, 0, 0, 0, 1, 1, 1, 1)),
                    name=n + "b",
                    axis=2,
                    begin=1,
                    end=s[2] + 1,
                ),
                s[:3] + (s[3] + 2,),
            )
            if False
            else self.add(
                O(
                    "slice",
                    O("Pad", x, name=n + "a", mode="edge", pad_width=(0, 0, 0, 0, 1, 1, 1, 1)),
                    name=n + "b",
                    begin=(None, None, 0, 1),
                    end=(None, None, s[2], s[3] + 1),
                ),
                s,
            )
        )

    def head(self):
        r = self.r
        x, s = self.pool[-1]
        if r.flag():
            x = O("Pooling", x, name="gpool", kernel=(1, 1), global_pool=True, pool_type="avg")
        if r.flag():
            x = O("Flatten", x, name="flat")
        y = O("FullyConnected", x, V("fc_weight"), V("fc_bias"), name="fc", num_hidden=r.i(2, 6))
        t = r.i(0, 2)
        return O("SoftmaxOutput", y, name="softmax") if t == 0 else O("softmax", y, name="prob") if t == 1 else y


def random_net(r, k):
    g = Net(r, k)
    n = r.i(6, 20)
    g.conv()
    while g.n < n:
        getattr(
            g,
            r.pick(
                "conv", "conv", "unary", "unary", "same", "same", "concat", "pooling", "gate", "split", "odd", "shape"
            ),
        )()
    outs = [g.head()]
    if k % 4 == 1:  # an inner tensor is also an output
        outs.append(g.pool[r.i(1, len(g.pool) - 1)][0])
    if k % 8 == 2:  # an input returned directly
        outs.append(V("data"))
    if k % 8 == 6:  # the same tensor twice
        outs.append(outs[0])
    return Case("random_%02d" % k, outs if len(outs) > 1 else outs[0], g.ins, op="graph", K=g.K * max(2, g.n))


def cases(r):
    for k in range(64):
        yield random_net(r, k)
    from .graphs_fixed import fixed

    yield from fixed(r)
