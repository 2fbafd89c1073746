#pragma once

#include "backends/cuda/codegen/kernel_spec.h"
#include "passes/body.h"

namespace tenon::cuda {

// Two steps more than the primitives, which only generated kernels run.
//
//     convolution_pair(data, weight, side_weight, operands…)   a convolution, and a 1×1 convolution of the same data
//         with the same stride: outputs of the epilogue, then the second convolution's
//     stem(data, weight, operands…)   convolution, epilogue `conv_epilogue`, 3×3 max-pool with stride 2, epilogue

/// Joins what one kernel does at once:
///
///     t → convolution 3×3/2 → convolution 3×3 ─┐ $0        t → convolution_pair → convolution 3×3 {add(x, $0) …}
///      ↘ convolution 1×1/2 {add($0, x) …} ←────┘                       ↘────────────────↗ $0
///
/// (the expressions move to the convolution that comes last) and the first layers of a ResNet to a stem. Must come
/// after every other pass.
void fuse_for_kernels(Body& body, const Target& target);

const Op& convolution_pair_op();
const Op& stem_op();

}  // namespace tenon::cuda
