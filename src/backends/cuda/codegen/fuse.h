#pragma once

#include "backends/cuda/codegen/fused_ops.h"
#include "backends/cuda/codegen/kernel_spec.h"
#include "passes/body.h"

namespace tenon::cuda {

/// Joins what one kernel does at once:
///
///     t → convolution 3×3/2 → convolution 3×3 ─┐ $0        t → convolution_pair → convolution 3×3 {add(x, $0) …}
///      ↘ convolution 1×1/2 {add($0, x) …} ←────┘                       ↘────────────────↗ $0
///
/// (the expressions move to the convolution that comes last), a first convolution and its max-pool to a stem, and
///
///     convolution {relu(add(x, $0))} → pooling 2×2/2 {y}        convolution_pool {y(relu(add(x, $0)))}
///
/// where what the convolution applies never falls as x rises: then the maximum may come first. Must come after every
/// other pass.
void fuse_for_kernels(Body& body, const Target& target);

}  // namespace tenon::cuda
