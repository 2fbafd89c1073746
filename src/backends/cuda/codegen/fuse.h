#pragma once

#include "backends/cuda/codegen/kernel_spec.h"
#include "passes/body.h"

namespace tenon::cuda {

// Three steps more than the primitives, which only generated kernels run.
//
//     convolution_pair(data, weight, side_weight, operands…)   a convolution, and a 1×1 convolution of the same data
//         with the same stride: outputs of the epilogue, then the second convolution's
//     convolution_pool(data, weight, operands…)   a convolution, the 2×2 maxima of its results with stride 2, epilogue
//     stem(data, weight, operands…)   convolution, epilogue `conv_epilogue`, 3×3 max-pool with stride 2, epilogue

/// Joins what one kernel does at once:
///
///     t → convolution 3×3/2 → convolution 3×3 ─┐ $0        t → convolution_pair → convolution 3×3 {add(x, $0) …}
///      ↘ convolution 1×1/2 {add($0, x) …} ←────┘                       ↘────────────────↗ $0
///
/// (the expressions move to the convolution that comes last), the first layers of a ResNet to a stem, and
///
///     convolution {relu(add(x, $0))} → pooling 2×2/2 {y}        convolution_pool {y(relu(add(x, $0)))}
///
/// where what the convolution applies never falls as x rises: then the maximum may come first. Must come after every
/// other pass.
void fuse_for_kernels(Body& body, const Target& target);

const Op& convolution_pair_op();
const Op& convolution_pool_op();
const Op& stem_op();

}  // namespace tenon::cuda
