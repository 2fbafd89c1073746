"""RNN: modes x directions x layers x state outputs, projection, clipping; blobs built in the graph.

With MKLDNN disabled by the environment the 1.9.1 wheel runs its RNN operator on uninitialised parameters
(wrong counts of inputs, wrong values), so only the results with MKLDNN enabled are used here.
"""

import numpy as np
from .core import V, O, Case

G = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


def blob_size(mode, L, D, I, H, P=None):
    g, R = G[mode], P or H
    n = 0
    for l in range(L):
        n += D * g * H * ((I if l == 0 else D * R) + R + 2)
    return n + (P * H * L * D if P else 0)


def rnn(r, name, mode, L=1, bi=False, so=False, P=None, dt="float32", op="RNN", note="", **a):
    T, N, I, H = r.i(1, 5), r.i(1, 3), r.i(1, 5), r.i(1, 5)
    if P:
        P = min(P, H)
    D = 2 if bi else 1
    at = {"state_size": H, "num_layers": L, "mode": mode}
    if bi or r.flag():
        at["bidirectional"] = bi
    if so or r.flag():
        at["state_outputs"] = so
    if r.flag():
        at["p"] = r.pick(0.0, 0.3)
    if P:
        at["projection_size"] = P
    at.update(a)
    ins = {
        "data": r.n(T, N, I, dtype=dt),
        "parameters": r.n(blob_size(mode, L, D, I, H, P), dtype=dt, scale=0.4),
        "state": r.n(L * D, N, P or H, dtype=dt),
    }
    vs = [V("data"), V("parameters"), V("state")]
    if mode == "lstm":
        ins["state_cell"] = r.n(L * D, N, H, dtype=dt)
        vs.append(V("state_cell"))
    return Case(
        name,
        O(op, *vs, name="rnn", **at),
        ins,
        rtol=(2e-5 if dt == "float32" else 1e-9) * (1 + L) * 2,
        note=note,
        prefer="only1",
    )


def cases(r):
    for mode in G:
        for L in (1, 2, 3):
            for bi in (False, True):
                for so in (False, True):
                    yield rnn(
                        r, "%s_L%d_%s%s" % (mode, L, "bi" if bi else "uni", "_states" if so else ""), mode, L, bi, so
                    )
        for bi in (False, True):
            yield rnn(r, "%s_float64_%s" % (mode, bi), mode, 2, bi, True, dt="float64")
        yield rnn(r, "%s_npx" % mode, mode, 1, False, False, op="_npx_rnn")
    for L in (1, 2):
        for bi in (False, True):
            yield rnn(r, "lstm_proj_L%d_%s" % (L, bi), "lstm", L, bi, True, P=2)
    # the way Gluon exports recurrent layers: parameter blob and begin states inside the graph
    for mode in G:
        for L, bi, ntc in ((1, False, False), (2, True, False), (1, True, True)):
            D, g = (2 if bi else 1), G[mode]
            T, N, I, H = r.i(2, 4), r.i(1, 3), r.i(1, 4), r.i(1, 4)
            ins = {"data": r.n(*((N, T, I) if ntc else (T, N, I)))}
            parts = []
            for t in ("weight", "bias"):
                for l in range(L):
                    for d in "lr"[:D]:
                        for k in ("i2h", "h2h"):
                            nm = "%s0_%s%d_%s_%s" % (mode, d, l, k, t)
                            w = (g * H, (I if l == 0 else D * H) if k == "i2h" else H) if t == "weight" else (g * H,)
                            ins[nm] = r.n(*w, scale=0.4)
                            parts.append(O("Reshape", V(nm), name=nm + "_reshape", shape=(-1,)))
            blob = O("_rnn_param_concat", *parts, name="blob", num_args=len(parts), dim=0)
            x = O("SwapAxis", V("data"), name="swap0", dim1=0, dim2=1) if ntc else V("data")
            st = [
                O("_zeros", name="%s0_begin_state_%d" % (mode, i), shape=(L * D, 0, H), dtype="float32", ctx="cpu(0)")
                for i in range(2 if mode == "lstm" else 1)
            ]
            y = O(
                "RNN",
                x,
                blob,
                *st,
                name=mode + "0_rnn0",
                state_size=H,
                num_layers=L,
                mode=mode,
                bidirectional=bi,
                state_outputs=True,
                p=0.0
            )
            outs = [y[i] for i in range(3 if mode == "lstm" else 2)]
            if ntc:
                outs[0] = O("SwapAxis", outs[0], name="swap1", dim1=0, dim2=1)
            yield Case(
                "gluon_%s_L%d_%d%s" % (mode, L, D, "_ntc" if ntc else ""),
                outs,
                ins,
                op="RNN",
                rtol=1e-4,
                prefer="only1",
            )
            if not ntc:
                y2 = O(
                    "RNN",
                    x,
                    blob,
                    *st,
                    name=mode + "0_rnn0",
                    state_size=H,
                    num_layers=L,
                    mode=mode,
                    bidirectional=bi,
                    state_outputs=False,
                    p=0.0
                )
                yield Case(
                    "gluon_%s_L%d_%d_last" % (mode, L, D),
                    O("FullyConnected", O("SequenceLast", y2, name="last"), name="fc", num_hidden=3),
                    ins,
                    op="RNN",
                    rtol=1e-4,
                    prefer="only1",
                )
    # an unrolled cell, as mx.rnn / gluon.rnn cells export it
    N, I, H, T = 2, 3, 4, 3
    h = V("h0")
    sp = O("SliceChannel", V("data"), name="steps", num_outputs=T, axis=1, squeeze_axis=True)
    for t in range(T):
        i2h = O("FullyConnected", sp[t], V("i2h_weight"), V("i2h_bias"), name="t%d_i2h" % t, num_hidden=H)
        h2h = O("FullyConnected", h, V("h2h_weight"), V("h2h_bias"), name="t%d_h2h" % t, num_hidden=H)
        h = O("Activation", O("elemwise_add", i2h, h2h, name="t%d_plus" % t), name="t%d_out" % t, act_type="tanh")
    yield Case(
        "unrolled_tanh_cell",
        h,
        {
            "data": r.n(N, T, I),
            "h0": r.n(N, H),
            "i2h_weight": r.n(H, I),
            "i2h_bias": r.n(H),
            "h2h_weight": r.n(H, H),
            "h2h_bias": r.n(H),
        },
        op="RNN",
        K=20,
    )
