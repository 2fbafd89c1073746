#include "ops/registry.h"

#include "ops/families.h"

namespace tenon {
namespace {

using Family = std::vector<Op> (*)();

// clang-format off: one a line
constexpr Family kFamilies[] = {
    activation_ops,
    allclose_ops,
    arg_reduce_ops,
    attention_ops,
    batch_norm_ops,
    binary_ops,
    box_ops,
    broadcast_ops,
    cast_ops,
    concat_ops,
    convolution_ops,
    correlation_ops,
    ctc_ops,
    cumulative_ops,
    deformable_ops,
    diag_ops,
    dot_ops,
    einsum_ops,
    flatten_ops,
    flip_ops,
    fully_connected_ops,
    identity_ops,
    im2col_ops,
    image_ops,
    image_resize_ops,
    indexing_ops,
    init_ops,
    linalg_ops,
    multibox_ops,
    normalization_ops,
    numpy_elementwise_ops,
    ordering_ops,
    pad_ops,
    pooling_ops,
    proposal_ops,
    psroi_ops,
    quantize_ops,
    quantized_arithmetic_ops,
    quantized_ops,
    reduce_ops,
    reshape_ops,
    resize_ops,
    rnn_ops,
    roi_ops,
    sampler_ops,
    scalar_ops,
    select_ops,
    sequence_ops,
    slice_ops,
    softmax_ops,
    transpose_ops,
    triangle_ops,
    unary_ops,
    upsampling_ops,
};
// clang-format on

OpRegistry build() {
  OpRegistry registry;
  for (const Family family : kFamilies) {
    for (Op& op : family()) registry.add(std::move(op));
  }
  return registry;
}

}  // namespace

const OpRegistry& ops() {
  static const OpRegistry registry = build();
  return registry;
}

}  // namespace tenon
