#pragma once

#include "backends/cuda/codegen/convolution_plan.h"
#include "passes/primitives.h"

namespace tenon::cuda {

Storage storage_of(Precision precision);
/// The last two spatial axes of the window, as the fields that a convolution and a pooling have in common.
template <class Problem>
void set_window(Problem& problem, const Window& window) {
  problem.kernel_h = static_cast<int>(window.kernel[1]);
  problem.kernel_w = static_cast<int>(window.kernel[2]);
  problem.stride_y = static_cast<int>(window.stride[1]);
  problem.stride_x = static_cast<int>(window.stride[2]);
  problem.pad_y = static_cast<int>(window.pad_begin[1]);
  problem.pad_x = static_cast<int>(window.pad_begin[2]);
}
/// A convolution of one or two spatial axes (a single one is a row), stored as its precision says.
ConvolutionProblem convolution_problem(const OpCall& call);
/// The stem that a 7×7 convolution with stride 2 begins.
StemProblem stem_problem(const ConvolutionProblem& convolution);

}  // namespace tenon::cuda
