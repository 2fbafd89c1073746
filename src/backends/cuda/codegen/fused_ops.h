#pragma once

#include <vector>

#include "graph/op.h"

namespace tenon::cuda {

// Three steps more than the primitives, which only generated kernels run.
//
//     convolution_pair(data, weight, side_weight, operands…)   a convolution, and a 1×1 convolution of the same data
//         with the same stride: outputs of the epilogue, then the second convolution's
//     convolution_pool(data, weight, operands…)   a convolution, the 2×2 maxima of its results with stride 2, epilogue
//     stem(data, weight, operands…)   convolution of few planes with results of `conv_size`, epilogue `conv_epilogue`,
//         max-pool to `size`, epilogue

const Op& convolution_pair_op();
const Op& convolution_pool_op();
const Op& stem_op();
/// The three.
std::vector<const Op*> fused_ops();

}  // namespace tenon::cuda
