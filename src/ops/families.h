#pragma once

#include <vector>

#include "graph/op.h"

// The families, a file each. Only registry.cpp and quantized.cpp read this list, so that a new family recompiles
// nothing else.

namespace tenon {

std::vector<Op> activation_ops();
std::vector<Op> allclose_ops();
std::vector<Op> arg_reduce_ops();
std::vector<Op> attention_ops();
std::vector<Op> batch_norm_ops();
std::vector<Op> binary_ops();
std::vector<Op> box_ops();
std::vector<Op> broadcast_ops();
std::vector<Op> cast_ops();
std::vector<Op> concat_ops();
std::vector<Op> convolution_ops();
std::vector<Op> correlation_ops();
std::vector<Op> ctc_ops();
std::vector<Op> cumulative_ops();
std::vector<Op> deformable_ops();
std::vector<Op> diag_ops();
std::vector<Op> dot_ops();
std::vector<Op> einsum_ops();
std::vector<Op> flatten_ops();
std::vector<Op> flip_ops();
std::vector<Op> fully_connected_ops();
std::vector<Op> identity_ops();
std::vector<Op> im2col_ops();
std::vector<Op> image_ops();
std::vector<Op> image_resize_ops();
std::vector<Op> indexing_ops();
std::vector<Op> init_ops();
std::vector<Op> linalg_ops();
std::vector<Op> multibox_ops();
std::vector<Op> normalization_ops();
std::vector<Op> numpy_elementwise_ops();
std::vector<Op> ordering_ops();
std::vector<Op> pad_ops();
std::vector<Op> pooling_ops();
std::vector<Op> proposal_ops();
std::vector<Op> psroi_ops();
std::vector<Op> quantize_ops();
std::vector<Op> quantized_arithmetic_ops();
std::vector<Op> quantized_ops();
std::vector<Op> reduce_ops();
std::vector<Op> reshape_ops();
std::vector<Op> resize_ops();
std::vector<Op> rnn_ops();
std::vector<Op> roi_ops();
std::vector<Op> sampler_ops();
std::vector<Op> scalar_ops();
std::vector<Op> select_ops();
std::vector<Op> sequence_ops();
std::vector<Op> slice_ops();
std::vector<Op> softmax_ops();
std::vector<Op> transpose_ops();
std::vector<Op> triangle_ops();
std::vector<Op> unary_ops();
std::vector<Op> upsampling_ops();

}  // namespace tenon
