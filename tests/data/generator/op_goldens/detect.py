"""Detection and sampling operators."""

import numpy as np
from .core import V, O, Case


def boxes(r, *lead, size=1.0, mn=0.1):
    a = r.r.uniform(0, size * (1 - mn), lead + (2,))
    b = a + r.r.uniform(size * mn, size * 0.6, lead + (2,))
    return np.concatenate([a, b], -1).astype("float32")


def probs(r, n, c, a):
    e = np.exp(r.n(n, c, a, dtype="float64", scale=1.5))
    return (e / e.sum(1, keepdims=True)).astype("float32")


def cases(r):
    for i in range(12):
        a = {}
        if i:
            a["sizes"] = tuple(round(float(v), 3) for v in r.r.uniform(0.1, 0.9, r.i(1, 3)))
            a["ratios"] = tuple([r.pick(1, 2, 0.5)] + [r.pick(1, 2, 0.5, 3)] * r.i(0, 2))
        if i > 3:
            a["clip"] = r.flag()
        if i > 5:
            a["steps"] = (round(float(r.r.uniform(0.05, 0.5)), 3), round(float(r.r.uniform(0.05, 0.5)), 3))
        if i > 7:
            a["offsets"] = (r.pick(0.5, 0.3), r.pick(0.5, 0.7, 0.0))
        yield Case(
            "multibox_prior_%d" % i,
            O("_contrib_MultiBoxPrior" if i != 2 else "_npx_multibox_prior", V("data"), name="op", **a),
            {"data": r.n(1, 2, r.i(1, 4), r.i(1, 5))},
        )
    for i in range(14):
        n, c, A = r.i(1, 2), r.i(2, 4), r.i(4, 12)
        a = {}
        if i > 0:
            a["threshold"] = r.pick(0.01, 0.1, 0.3)
            a["nms_threshold"] = r.pick(0.3, 0.5, 0.7)
        if i > 2:
            a["clip"] = r.flag()
            a["force_suppress"] = r.flag()
        if i > 4:
            a["variances"] = r.pick((0.1, 0.1, 0.2, 0.2), (0.2, 0.1, 0.3, 0.1))
        if i > 6:
            a["nms_topk"] = r.pick(-1, 3, 5)
        if i == 9:
            a["nms_threshold"] = 0
        if i == 10:
            a["nms_threshold"] = 1.5
        if i == 11:
            a["threshold"] = 0.99
        if i == 12:
            a["background_id"] = 1
        yield Case(
            "multibox_detection_%d" % i,
            O(
                "_contrib_MultiBoxDetection" if i != 1 else "_npx_multibox_detection",
                V("cls_prob"),
                V("loc_pred"),
                V("anchor"),
                name="op",
                **a
            ),
            {"cls_prob": probs(r, n, c, A), "loc_pred": r.n(n, A * 4, scale=0.5), "anchor": boxes(r, 1, A)},
        )
    for i in range(16):
        n, w = r.i(4, 12), r.i(6, 7)
        lead = () if i == 0 else (r.i(1, 3),) if i < 12 else (2, 2)
        b = boxes(r, *lead, n)
        if i % 4 == 3:
            b = np.concatenate([(b[..., :2] + b[..., 2:]) / 2, b[..., 2:] - b[..., :2]], -1)
        d = np.zeros(lead + (n, w), "f")
        d[..., 0] = r.ints(0, 2, *lead, n)
        d[..., 1] = (r.distinct(*lead, n, dtype="float64") + 2.1) / 4
        d[..., 2:6] = b
        if w == 7:
            d[..., 6] = r.n(*lead, n)
        a = {"overlap_thresh": r.pick(0.2, 0.5, 0.7)}
        if i:
            a["valid_thresh"] = r.pick(0, 0.2, 0.4)
        if i > 2:
            a["topk"] = r.pick(-1, 3, 5)
        if i > 4:
            a["id_index"] = 0
        if i > 6:
            a["force_suppress"] = r.flag()
            a["background_id"] = r.pick(-1, 0)
        if i % 4 == 3:
            a["in_format"] = "center"
        if i % 3 == 2:
            a["out_format"] = "center"
        if i == 13:
            a["topk"] = 0
        if i == 14:
            a["valid_thresh"] = 2.0
        yield Case(
            "box_nms_%d" % i,
            O(r.pick("_contrib_box_nms", "_contrib_box_non_maximum_suppression"), V("data"), name="op", **a),
            {"data": d},
        )
    d = np.zeros((3, 5), "f")
    d[:, 0], d[:, 1:] = [0.3, 0.9, 0.5], boxes(r, 3)
    yield Case(
        "box_nms_5wide",
        O("_contrib_box_nms", V("data"), name="op", coord_start=1, score_index=0, overlap_thresh=0.3),
        {"data": d},
    )
    for f in ("corner", "center", None):
        for la, lb in (((4,), (3,)), ((2, 3), (2,)), ((1,), (5,))):
            yield Case(
                "box_iou_%s_%d" % (f, len(la)),
                O("_contrib_box_iou", V("lhs"), V("rhs"), name="op", **({"format": f} if f else {})),
                {"lhs": boxes(r, *la), "rhs": boxes(r, *lb)},
            )
    for i in range(6):
        a = {} if i == 0 else dict(std0=0.1, std1=0.1, std2=0.2, std3=0.2)
        if i > 1:
            a["format"] = r.pick("corner", "center")
        if i > 3:
            a["clip"] = r.pick(0.5, 1.0)
        yield Case(
            "box_decode_%d" % i,
            O("_contrib_box_decode", V("data"), V("anchors"), name="op", **a),
            {"data": r.n(2, 5, 4, scale=0.7), "anchors": boxes(r, 1, 5, size=20.0)},
        )
    for i in range(3):
        yield Case(
            "bipartite_matching_%d" % i,
            O(
                "_contrib_bipartite_matching",
                V("data"),
                name="op",
                threshold=r.pick(0.1, 0.3),
                is_ascend=i == 1,
                **({"topk": 2} if i == 2 else {})
            ),
            {"data": ((r.distinct(*((3, 4) if i else (2, 3, 4)), dtype="float64") + 2.1) / 4.2).astype("f")},
            exact=True,
        )
    for op in ("_contrib_Proposal", "_contrib_MultiProposal"):
        for i in range(8):
            h, w = r.i(3, 5), r.i(3, 5)
            a = {
                "scales": (8,) if i == 0 else r.pick((4, 8), (8, 16), (2, 4, 8)),
                "ratios": (1,) if i == 0 else r.pick((0.5, 1, 2), (1, 2)),
                "feature_stride": r.pick(8, 16),
                "rpn_pre_nms_top_n": r.pick(12, 24, 6000, 0),
                "rpn_post_nms_top_n": r.pick(4, 8, 12),
                "threshold": r.pick(0.5, 0.7, 0.9),
                "rpn_min_size": r.pick(1, 8, 16),
            }
            A = len(a["scales"]) * len(a["ratios"])
            a["output_score"] = i % 2 == 1
            if i == 6:
                a["iou_loss"] = True
            n = 1 if op == "_contrib_Proposal" else r.i(1, 2)
            fg = (r.distinct(n, A, h, w, dtype="float64") + 2.2) / 4.5
            yield Case(
                "%s_%d" % (op[9:].lower(), i),
                O(op, V("cls_prob"), V("bbox_pred"), V("im_info"), name="op", **a),
                {
                    "cls_prob": np.concatenate([1 - fg, fg], 1).astype("f"),
                    "bbox_pred": r.n(n, 4 * A, h, w, scale=0.2),
                    "im_info": np.tile(
                        np.array(
                            [
                                [
                                    h * a["feature_stride"] - r.pick(0, 3),
                                    w * a["feature_stride"] - r.pick(0, 5),
                                    r.pick(1.0, 0.5, 2.0),
                                ]
                            ],
                            "f",
                        ),
                        (n, 1),
                    ),
                },
                K=20,
            )
    from .detect_regions import more

    yield from more(r, boxes)
