"""ROI pooling family, resizing, deformable operators, Correlation, samplers, Crop."""

import numpy as np
from .core import V, O, Case


def rois(r, n, batch, size, boxes):
    b = boxes(r, n, size=size)
    return np.concatenate([r.ints(0, batch - 1, n, 1).astype("f"), b], 1).astype("float32")


def more(r, boxes):
    for i in range(8):
        N, C, H, W = r.i(1, 2), r.i(1, 3), r.i(5, 9), r.i(5, 9)
        sc = r.pick(1.0, 0.5, 0.25)
        ps = (r.i(1, 3), r.i(1, 3))
        rr = rois(r, r.i(1, 4), N, min(H, W) / sc, boxes)
        if i == 5:
            rr[0, 1:] = [-5, -4, 3, 4]
        if i == 6:
            rr[0, 1:] = [3, 3, 1, 1]
        if i == 7:
            rr[0, 1:] = [100, 100, 120, 120]
        yield Case(
            "roipooling_%d" % i,
            O(
                "ROIPooling" if i != 1 else "_npx_roi_pooling",
                V("data"),
                V("rois"),
                name="op",
                pooled_size=ps,
                spatial_scale=sc,
            ),
            {"data": r.distinct(N, C, H, W), "rois": rr},
            exact=True,
        )
        a = {"pooled_size": ps, "spatial_scale": sc}
        if i > 0:
            a["sample_ratio"] = r.pick(1, 2, 3, -1)
        if i > 3:
            a["aligned"] = r.flag() and i < 5
        c = C
        if i == 4:
            a["position_sensitive"] = True
            c = 2 * ps[0] * ps[1]
        ra = rr.copy()  # a negative batch index leaves its rows uninitialised on the CPU
        yield Case(
            "roialign_%d" % i,
            O("_contrib_ROIAlign", V("data"), V("rois"), name="op", **a),
            {"data": r.n(N, c, H, W), "rois": ra},
            K=9,
        )
    yield Case(
        "roialign_aligned",
        O(
            "_contrib_ROIAlign",
            V("data"),
            V("rois"),
            name="op",
            pooled_size=(2, 3),
            spatial_scale=0.5,
            aligned=True,
            sample_ratio=2,
        ),
        {"data": r.n(1, 2, 7, 7), "rois": rois(r, 3, 1, 14, boxes)},
        K=9,
    )
    for i in range(3):
        q = np.concatenate([r.ints(0, 1, 3, 1), r.u(2, 6, 3, 2), r.u(2, 5, 3, 2), r.u(-90, 90, 3, 1)], 1).astype("f")
        yield Case(
            "rroialign_%d" % i,
            O(
                "_contrib_RROIAlign",
                V("data"),
                V("rois"),
                name="op",
                pooled_size=(2, 3),
                spatial_scale=r.pick(1.0, 0.5),
                sampling_ratio=r.pick(-1, 2),
            ),
            {"data": r.n(2, 2, 8, 8), "rois": q},
            rtol=1e-4,
        )
        g = r.i(1, 3)
        yield Case(
            "psroipooling_%d" % i,
            O(
                "_contrib_PSROIPooling",
                V("data"),
                V("rois"),
                name="op",
                spatial_scale=1.0,
                output_dim=2,
                pooled_size=g,
                **({"group_size": g} if i else {})
            ),
            {"data": r.n(1, 2 * g * g, 8, 8), "rois": rois(r, 2, 1, 8, boxes)},
            K=9,
        )
        yield Case(
            "deformable_psroipooling_%d" % i,
            O(
                "_contrib_DeformablePSROIPooling",
                V("data"),
                V("rois"),
                *([V("trans")] if i else []),
                name="op",
                spatial_scale=1.0,
                output_dim=2,
                group_size=g,
                pooled_size=g,
                part_size=g,
                sample_per_part=2,
                trans_std=0.1,
                no_trans=i == 0
            ),
            {
                "data": r.n(1, 2 * g * g, 8, 8),
                "rois": rois(r, 2, 1, 8, boxes),
                **({"trans": r.n(2, 2, g, g)} if i else {}),
            },
            K=9,
        )
    for i in range(6):
        a = {"height": r.i(1, 9), "width": r.i(1, 9)}
        if i > 2:
            a["align_corners"] = i % 2 == 0
        yield Case(
            "resize_size_%d" % i,
            O("_contrib_BilinearResize2D", V("data"), name="op", **a),
            {"data": r.n(1, 2, r.i(1, 6), r.i(1, 6))},
            K=4,
        )
        yield Case(
            "resize_scale_%d" % i,
            O(
                "_contrib_BilinearResize2D",
                V("data"),
                name="op",
                scale_height=r.pick(2.0, 1.5, 0.5),
                scale_width=r.pick(2.0, 3.0, 0.6),
                **({"align_corners": False} if i > 3 else {})
            ),
            {"data": r.n(1, 1, r.i(2, 6), r.i(2, 6))},
            K=4,
        )
    for m in ("odd_scale", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"):
        for hw in ((4, 5), (5, 6)):
            yield Case(
                "resize_%s_%d" % (m, hw[0]),
                O(
                    "_contrib_BilinearResize2D",
                    V("data"),
                    name="op",
                    mode=m,
                    **({"scale_height": 2.0, "scale_width": 1.5} if m == "odd_scale" else {})
                ),
                {"data": r.n(1, 2, *hw)},
                K=4,
            )
    yield Case(
        "resize_like",
        O("_contrib_BilinearResize2D", V("data"), V("like"), name="op", mode="like"),
        {"data": r.n(1, 2, 3, 4), "like": r.n(1, 1, 5, 7)},
        K=4,
    )
    yield Case(
        "resize_like_half_pixel",
        O("_contrib_BilinearResize2D", V("data"), V("like"), name="op", mode="like", align_corners=False),
        {"data": r.n(1, 2, 6, 4), "like": r.n(1, 1, 3, 7)},
        K=4,
    )
    for o in (None, 1, 3, (2, 3), (4, 5), (7, 7), "(2,)"):
        yield Case(
            "adaptive_avg_%s" % (o,),
            O("_contrib_AdaptiveAvgPooling2D", V("data"), name="op", **({} if o is None else {"output_size": o})),
            {"data": r.n(2, 2, 5, 7)},
            K=35,
        )
    for op in ("_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution"):
        for i in range(6):
            k = (r.i(1, 3), r.i(1, 3))
            st, pd, dl = (r.i(1, 2), r.i(1, 2)), (r.i(0, 1), r.i(0, 1)), (r.i(1, 2), 1)
            dg, g = r.i(1, 2), r.i(1, 2)
            C, F = dg * g * r.i(1, 2), g * dg * r.i(1, 2)
            H, W = 6, 7
            oh, ow = [(n + 2 * p - (d * (q - 1) + 1)) // s + 1 for n, p, d, q, s in zip((H, W), pd, dl, k, st)]
            N = r.i(1, 2)
            nb = r.flag()
            ins = {"data": r.n(N, C, H, W), "offset": r.n(N, 2 * dg * k[0] * k[1], oh, ow)}
            if "Modulated" in op:
                ins["mask"] = r.u(0, 1, N, dg * k[0] * k[1], oh, ow)
            ins["weight"] = r.n(F, C // g, *k)
            if not nb:
                ins["bias"] = r.n(F)
            a = dict(
                kernel=k, stride=st, pad=pd, dilate=dl, num_filter=F, num_group=g, num_deformable_group=dg, no_bias=nb
            )
            if "Modulated" in op and i > 3:
                a["im2col_step"] = 2
            yield Case("%s_%d" % (op[9:].lower(), i), O(op, *[V(q) for q in ins], name="op", **a), ins, K=C * 9)
    for i in range(8):
        a = (
            dict(
                kernel_size=r.pick(1, 3),
                max_displacement=r.i(1, 2),
                stride1=r.i(1, 2),
                stride2=r.i(1, 2),
                pad_size=r.i(2, 4),
                is_multiply=i % 2 == 0,
            )
            if i
            else {}
        )
        yield Case(
            "correlation_%d" % i,
            O("Correlation", V("data1"), V("data2"), name="op", **a),
            {"data1": r.n(1, 3, 6, 7), "data2": r.n(1, 3, 6, 7)},
            K=27,
        )
    for i in range(3):
        h, w = r.i(2, 5), r.i(2, 5)
        aff = r.n(2, 6, scale=0.5)
        yield Case(
            "gridgenerator_affine_%d" % i,
            O("GridGenerator", V("data"), name="op", transform_type="affine", target_shape=(h, w)),
            {"data": aff},
            K=3,
        )
        yield Case(
            "gridgenerator_warp_%d" % i,
            O("GridGenerator", V("data"), name="op", transform_type="warp"),
            {"data": r.n(2, 2, h, w)},
        )
        d = r.n(2, 3, 5, 6)
        yield Case(
            "bilinearsampler_%d" % i,
            O("BilinearSampler", V("data"), V("grid"), name="op", **({"cudnn_off": True} if i else {})),
            {"data": d, "grid": r.u(-1.4, 1.4, 2, 2, h, w)},
            K=4,
        )
        yield Case(
            "spatialtransformer_%d" % i,
            O(
                "SpatialTransformer",
                V("data"),
                V("loc"),
                name="op",
                target_shape=(h, w),
                transform_type="affine",
                sampler_type="bilinear",
            ),
            {"data": d, "loc": aff},
            K=4,
            rtol=1e-4,
        )
        yield Case(
            "grid_sampler_chain_%d" % i,
            O(
                "BilinearSampler",
                V("data"),
                O("GridGenerator", V("loc"), name="grid", transform_type="affine", target_shape=(h, w)),
                name="op",
            ),
            {"data": d, "loc": aff},
            rtol=1e-4,
        )
        x = r.n(1, 2, 7, 8)
        yield Case(
            "crop_offset_%d" % i,
            O("Crop", V("data"), name="op", num_args=1, offset=(r.i(0, 2), r.i(0, 3)), h_w=(r.i(1, 5), r.i(1, 5))),
            {"data": x},
            exact=True,
        )
        yield Case(
            "crop_center_%d" % i,
            O("Crop", V("data"), name="op", num_args=1, center_crop=True, h_w=(r.i(1, 6), r.i(1, 6)), offset=(1, 1)),
            {"data": x},
            exact=True,
        )
        yield Case(
            "crop_like_%d" % i,
            O(
                "Crop",
                V("data"),
                V("like"),
                name="op",
                num_args=2,
                **(dict(offset=(1, 2)) if i == 1 else dict(center_crop=i == 2))
            ),
            {"data": x, "like": r.n(1, 3, r.i(1, 5), r.i(1, 5))},
            exact=True,
        )
    for i in range(2):
        yield Case(
            "ctc_%d" % i,
            O(
                ("CTCLoss", "_contrib_ctc_loss")[i],
                V("data"),
                V("label"),
                name="op",
                **({"blank_label": "last"} if i else {})
            ),
            {
                "data": r.n(5, 2, 4),
                "label": np.array([[1, 2], [2, 0]], "f") if not i else np.array([[0, 2], [1, -1]], "f"),
            },
            rtol=1e-4,
        )
    img = r.ints(0, 255, 5, 6, 3, dtype="uint8")
    yield Case("image_to_tensor", O("_image_to_tensor", V("data"), name="op"), {"data": img})
    yield Case("image_to_tensor_batch", O("_image_to_tensor", V("data"), name="op"), {"data": img[None]})
    yield Case(
        "image_normalize",
        O("_image_normalize", V("data"), name="op", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.1)),
        {"data": r.u(0, 1, 3, 4, 5)},
    )
    yield Case(
        "image_crop", O("_image_crop", V("data"), name="op", x=1, y=2, width=3, height=2), {"data": img}, exact=True
    )
    yield Case("image_flip_lr", O("_image_flip_left_right", V("data"), name="op"), {"data": img}, exact=True)
    yield Case("image_flip_tb", O("_image_flip_top_bottom", V("data"), name="op"), {"data": img[:4]}, exact=True)
    for a in (dict(size=(4, 3)), dict(size=4), dict(size=4, keep_ratio=True), dict(size=(9, 8), interp=0)):
        yield Case(
            "image_resize_%s" % "_".join(map(str, a.values())),
            O("_image_resize", V("data"), name="op", **a),
            {"data": img if "interp" in a else img.astype("f")},
            rtol=1e-4,
        )
