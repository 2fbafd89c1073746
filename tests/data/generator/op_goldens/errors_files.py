"""Second half of the refused graphs: reductions, indexing, linear algebra, structure of the file."""

import json
from .core import V, O, tree_json


def more(E, d):
    x = V("data")
    yield E("sum_axis_range", O("sum", x, name="op", axis=3), d(data=(2, 3)))
    yield E("sum_axis_duplicate", O("sum", x, name="op", axis=(1, 1)), d(data=(2, 3)))
    yield E("norm_three_axes", O("norm", x, name="op", axis=(0, 1, 2)), d(data=(2, 3, 4)))
    yield E("norm_ord_3", O("norm", x, name="op", ord=3), d(data=(2, 3)))
    yield E("topk_k_too_large", O("topk", x, name="op", k=9), d(data=(2, 3)))
    yield E("argmax_axis_range", O("argmax", x, name="op", axis=2), d(data=(2, 3)))
    yield E(
        "sort_float16_cpu",
        O("sort", x, name="op"),
        d(data=(2, 3)),
        {"data": "float16"},
        note="limit of the CPU, not of the format",
    )
    yield E("pick_index_shape", O("pick", x, V("index"), name="op"), d(data=(2, 3), index=(3,)))
    yield E("take_axis_range", O("take", V("a"), V("indices"), name="op", axis=2), d(a=(2, 3), indices=(2,)))
    yield E(
        "take_raise_out_of_range",
        O("take", V("a"), V("indices"), name="op", mode="raise"),
        d(a=(2, 3), indices=(2,)),
        params={"indices": [0, 5]},
    )
    yield E(
        "embedding_weight_shape",
        O("Embedding", x, V("weight"), name="op", input_dim=4, output_dim=2),
        d(data=(3,), weight=(4, 3)),
    )
    yield E("gather_nd_too_deep", O("gather_nd", x, V("indices"), name="op"), d(data=(2, 3), indices=(3, 2)))
    yield E("dot_inner_size", O("dot", V("lhs"), V("rhs"), name="op"), d(lhs=(2, 3), rhs=(4, 2)))
    yield E("dot_transpose_vector", O("dot", V("lhs"), V("rhs"), name="op", transpose_a=True), d(lhs=(3,), rhs=(3,)))
    yield E("batch_dot_batch", O("batch_dot", V("lhs"), V("rhs"), name="op"), d(lhs=(2, 2, 3), rhs=(3, 3, 2)))
    yield E("batch_dot_rank_2", O("batch_dot", V("lhs"), V("rhs"), name="op"), d(lhs=(2, 3), rhs=(3, 2)))
    yield E("softmax_axis_range", O("softmax", x, name="op", axis=2), d(data=(2, 3)))
    yield E("softmax_output_label_shape", O("SoftmaxOutput", x, V("label"), name="op"), d(data=(4, 5), label=(3,)))
    yield E("where_shapes", O("where", V("c"), V("x"), V("y"), name="op"), d(c=(2, 2), x=(2, 3), y=(2, 3)))
    yield E("layernorm_gamma", O("LayerNorm", x, V("g"), V("b"), name="op"), d(data=(2, 3), g=(4,)))
    yield E("lrn_even_size", O("LRN", x, name="op", nsize=4), d(data=(1, 6, 2, 2)))
    yield E(
        "rnn_blob_size",
        O("RNN", x, V("parameters"), V("state"), V("cell"), name="op", state_size=4, num_layers=1, mode="lstm"),
        d(data=(3, 2, 5), parameters=(17,)),
    )
    yield E(
        "rnn_missing_mode",
        O("RNN", x, V("parameters"), V("state"), name="op", state_size=4, num_layers=1),
        d(data=(3, 2, 5)),
    )
    yield E("upsampling_missing_type", O("UpSampling", x, name="op", scale=2, num_args=1), d(data=(1, 1, 2, 2)))
    yield E("crop_too_large", O("Crop", x, name="op", num_args=1, h_w=(9, 9)), d(data=(1, 1, 4, 4)))
    yield E("depth_to_space_channels", O("depth_to_space", x, name="op", block_size=2), d(data=(1, 6, 2, 2)))
    yield E("space_to_depth_size", O("space_to_depth", x, name="op", block_size=2), d(data=(1, 1, 3, 4)))
    yield E("broadcast_to_size", O("broadcast_to", x, name="op", shape=(4, 5)), d(data=(2, 5)))
    yield E("broadcast_to_rank", O("broadcast_to", x, name="op", shape=(4, 2, 5)), d(data=(2, 5)))
    yield E("broadcast_axis_not_one", O("broadcast_axis", x, name="op", axis=0, size=4), d(data=(2, 5)))
    yield E("cast_bad_dtype", O("Cast", x, name="op", dtype="complex64"), d(data=(2, 5)))
    yield E("clip_missing_bound", O("clip", x, name="op", a_min=0), d(data=(2, 5)))
    yield E("scalar_not_a_number", O("_plus_scalar", x, name="op", scalar="one"), d(data=(2, 5)))
    yield E(
        "int_attribute_not_an_int", O("FullyConnected", x, V("w"), V("b"), name="op", num_hidden="many"), d(data=(2, 5))
    )
    yield E("negative_num_hidden", O("FullyConnected", x, V("w"), V("b"), name="op", num_hidden=-3), d(data=(2, 5)))
    yield E(
        "roialign_rois_shape",
        O("_contrib_ROIAlign", x, V("rois"), name="op", pooled_size=(2, 2), spatial_scale=1.0),
        d(data=(1, 2, 5, 5), rois=(3, 4)),
    )
    yield E("box_nms_narrow", O("_contrib_box_nms", x, name="op"), d(data=(5, 4)))
    yield E(
        "interleaved_heads",
        O("_contrib_interleaved_matmul_selfatt_qk", V("qkv"), name="op", heads=4),
        d(qkv=(3, 2, 18)),
    )
    yield E(
        "interleaved_float64_cpu",
        O("_contrib_interleaved_matmul_selfatt_qk", V("qkv"), name="op", heads=1),
        d(qkv=(3, 2, 6)),
        {"qkv": "float64"},
        note="limit of the CPU, not of the format",
    )
    yield E(
        "proposal_batch_2",
        O(
            "_contrib_Proposal",
            V("cls"),
            V("bbox"),
            V("info"),
            name="op",
            scales=(8,),
            ratios=(1,),
            rpn_post_nms_top_n=4,
        ),
        d(cls=(2, 2, 3, 3), bbox=(2, 4, 3, 3), info=(2, 3)),
    )
    yield E("unknown_input_shape", O("elemwise_add", V("lhs"), V("rhs"), name="op"), {}, note="no shapes given")
    yield E("unknown_operator", O("Convolutionn", x, name="op"), d(data=(1, 2)))
    yield E("operator_name_case", O("relU", x, name="op"), d(data=(1, 2)))
    good = json.loads(tree_json(O("elemwise_add", V("lhs"), O("relu", V("rhs"), name="r"), name="op")))

    def edit(f):
        g = json.loads(json.dumps(good))
        f(g)
        return json.dumps(g)

    S = d(lhs=(2, 2), rhs=(2, 2))
    yield E(
        "input_index_beyond_nodes", None, S, raw=edit(lambda g: g["nodes"][3].update(inputs=[[0, 0, 0], [9, 0, 0]]))
    )
    yield E("input_refers_forward", None, S, raw=edit(lambda g: g["nodes"][2].update(inputs=[[3, 0, 0]])))
    yield E("head_beyond_nodes", None, S, raw=edit(lambda g: g.update(heads=[[7, 0, 0]])))
    yield E("no_heads", None, S, raw=edit(lambda g: g.pop("heads")))
    yield E("no_nodes", None, S, raw=edit(lambda g: g.pop("nodes")))
    yield E("no_arg_nodes", None, S, raw=edit(lambda g: g.pop("arg_nodes")))
    yield E("node_without_op", None, S, raw=edit(lambda g: g["nodes"][2].pop("op")))
    yield E("node_without_name", None, S, raw=edit(lambda g: g["nodes"][2].pop("name")))
    yield E("node_without_inputs", None, S, raw=edit(lambda g: g["nodes"][2].pop("inputs")))
    yield E("too_many_inputs", None, S, raw=edit(lambda g: g["nodes"][2].update(inputs=[[1, 0, 0], [0, 0, 0]])))
    yield E("too_few_inputs", None, S, raw=edit(lambda g: g["nodes"][3].update(inputs=[[0, 0, 0]])))
    yield E("duplicate_argument_names", None, S, raw=edit(lambda g: g["nodes"][1].update(name="lhs")))
    yield E("truncated_text", None, S, raw=json.dumps(good)[:150])
    yield E("json_array", None, S, raw="[1, 2]")
    yield E("attribute_not_a_string", None, S, raw=edit(lambda g: g["nodes"][2].update(attrs={"scalar": 3})))
