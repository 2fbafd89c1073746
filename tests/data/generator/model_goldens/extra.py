"""Graphs built with mx.sym: a recurrent classifier, an SSD head, a transformer block."""

import os

import numpy as np

from .formula import formula, parameter
from .running import bind_and_run


def lstm_classifier():
    import mxnet as mx

    s = mx.sym
    tokens = s.Variable("data")  # (batch, time), token numbers as float32
    x = s.Embedding(tokens, input_dim=50, output_dim=16, name="embed")
    x = s.SwapAxis(x, dim1=0, dim2=1, name="time_major")
    x = s.RNN(
        data=x,
        state=s.Variable("lstm_state"),
        state_cell=s.Variable("lstm_state_cell"),
        state_size=24,
        num_layers=2,
        bidirectional=True,
        mode="lstm",
        p=0.2,
        state_outputs=False,
        name="lstm",
    )
    x = s.SequenceLast(x, name="last")
    x = s.FullyConnected(x, num_hidden=32, name="hidden")
    x = s.Activation(x, act_type="tanh", name="hidden_tanh")
    x = s.Dropout(x, p=0.5, name="drop")
    x = s.FullyConnected(x, num_hidden=7, name="scores")
    out = s.SoftmaxOutput(x, name="softmax")
    n, t = 3, 11
    feed = {
        "data": np.floor(formula("data", (n, t), 25.0, 25.0)).astype(np.float32),
        "lstm_state": formula("lstm_state", (4, n, 24), 0.5, 0.0),
        "lstm_state_cell": formula("lstm_state_cell", (4, n, 24), 0.5, 0.0),
    }
    return out, feed


def ssd_head():
    import mxnet as mx

    s = mx.sym
    x = s.Variable("data")

    def unit_block(x, filters, name, stride=1):
        x = s.Convolution(
            x, kernel=(3, 3), pad=(1, 1), stride=(stride, stride), num_filter=filters, no_bias=True, name=name + "_conv"
        )
        x = s.BatchNorm(x, fix_gamma=False, eps=2e-5, name=name + "_bn")
        return s.Activation(x, act_type="relu", name=name + "_relu")

    x = unit_block(x, 16, "stem", 2)
    x = s.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="stem_pool")
    fine = unit_block(x, 32, "fine", 2)
    coarse = unit_block(fine, 48, "coarse", 2)
    classes, locs, classes_per_scale, anchors = [], [], 4, []
    for name, feature, sizes, ratios in (
        ("fine", fine, (0.2, 0.3), (1.0, 2.0, 0.5)),
        ("coarse", coarse, (0.5, 0.7), (1.0, 2.0)),
    ):
        per_cell = len(sizes) + len(ratios) - 1
        if name == "fine":
            scaled = s.L2Normalization(feature, mode="channel", name=name + "_norm")
            feature = s.broadcast_mul(
                scaled, s.Variable(name + "_scale_gamma", shape=(1, 32, 1, 1)), name=name + "_scaled"
            )
        c = s.Convolution(
            feature, kernel=(3, 3), pad=(1, 1), num_filter=per_cell * classes_per_scale, name=name + "_cls_pred"
        )
        c = s.Flatten(s.transpose(c, axes=(0, 2, 3, 1), name=name + "_cls_nhwc"), name=name + "_cls_flat")
        p = s.Convolution(feature, kernel=(3, 3), pad=(1, 1), num_filter=per_cell * 4, name=name + "_loc_pred")
        p = s.Flatten(s.transpose(p, axes=(0, 2, 3, 1), name=name + "_loc_nhwc"), name=name + "_loc_flat")
        a = s.contrib.MultiBoxPrior(feature, sizes=sizes, ratios=ratios, clip=False, name=name + "_anchors")
        classes.append(c)
        locs.append(p)
        anchors.append(a)
    cls = s.Concat(*classes, dim=1, name="cls_all")
    cls = s.Reshape(cls, shape=(0, -1, classes_per_scale), name="cls_rows")
    cls = s.transpose(cls, axes=(0, 2, 1), name="cls_channels")
    prob = s.SoftmaxActivation(cls, mode="channel", name="cls_prob")
    loc = s.Concat(*locs, dim=1, name="loc_all")
    anchor = s.Concat(*anchors, dim=1, name="anchors")
    det = s.contrib.MultiBoxDetection(
        prob,
        loc,
        anchor,
        name="detection",
        threshold=0.45,
        nms_threshold=0.45,
        force_suppress=False,
        variances=(0.1, 0.1, 0.2, 0.2),
        nms_topk=30,
    )
    return s.Group([det, prob, loc, anchor]), {"data": formula("data", (2, 3, 64, 64), 1.0, 0.0)}


def transformer_block():
    import mxnet as mx

    s = mx.sym
    heads, width, inner = 4, 32, 96
    x = s.Variable("data")  # (batch, time, width)

    def split(x, name):
        x = s.FullyConnected(x, num_hidden=width, flatten=False, name=name)
        x = s.Reshape(x, shape=(0, 0, -4, heads, -1), name=name + "_heads")
        x = s.transpose(x, axes=(0, 2, 1, 3), name=name + "_transposed")
        return s.Reshape(x, shape=(-3, -2), name=name + "_merged")

    q, k, v = split(x, "query"), split(x, "key"), split(x, "value")
    att = s.batch_dot(q, k, transpose_b=True, name="attention_scores") / float(np.sqrt(width // heads))
    att = s.softmax(att, axis=-1, name="attention")
    y = s.batch_dot(att, v, name="context")
    y = s.Reshape(y, shape=(-4, -1, heads, 0, 0), name="context_heads")
    y = s.transpose(y, axes=(0, 2, 1, 3), name="context_transposed")
    y = s.Reshape(y, shape=(0, 0, -3), name="context_merged")
    y = s.FullyConnected(y, num_hidden=width, flatten=False, name="projection")
    y = s.Dropout(y, p=0.1, name="projection_drop")
    x = s.LayerNorm(s.elemwise_add(x, y, name="attention_sum"), eps=1e-5, name="attention_norm")
    y = s.FullyConnected(x, num_hidden=inner, flatten=False, name="ffn1")
    y = s.LeakyReLU(y, act_type="gelu", name="ffn_gelu")
    y = s.FullyConnected(y, num_hidden=width, flatten=False, name="ffn2")
    y = s.LayerNorm(s.elemwise_add(x, y, name="ffn_sum"), eps=1e-5, name="ffn_norm")
    return s.Group([y, att]), {"data": formula("data", (2, 10, width), 1.0, 0.0)}


GRAPHS = {"lstm_classifier": lstm_classifier, "ssd_head": ssd_head, "transformer_block": transformer_block}


def run(out):
    import mxnet as mx

    for name, build in GRAPHS.items():
        sym, feed = build()
        shapes = {k: v.shape for k, v in feed.items()}
        arg_shapes, _, aux_shapes = sym.infer_shape(**shapes)
        args = {
            n: mx.nd.array(parameter(n, s))
            for n, s in zip(sym.list_arguments(), arg_shapes)
            if n not in feed and not n.endswith("_label")
        }
        aux = {n: mx.nd.array(parameter(n, s)) for n, s in zip(sym.list_auxiliary_states(), aux_shapes)}
        got = bind_and_run(sym, shapes, args, aux, feed)
        sym.save(os.path.join(out, name + "-symbol.json"))
        np.savez(
            os.path.join(out, name + ".npz"),
            **{"in/" + k: v for k, v in feed.items()},
            **{"out/" + k: v for k, v in got.items()}
        )
