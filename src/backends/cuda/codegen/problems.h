#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/cuda/codegen/direct_plan.h"
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
/// A convolution of two spatial axes and the max-pool of two axes behind it.
DirectProblem pooled_problem(const ConvolutionProblem& convolution, const OpCall& pooling);
/// What the attributes of a stem (fuse.h) say.
DirectProblem pooled_problem(const OpCall& stem);
/// The kernels that can run it; `conv` is the convolution's epilogue, `pool` the pool's.
std::vector<KernelSpec> pooled_candidates(const DirectProblem& problem, const EpilogueSpec& conv,
                                          const EpilogueSpec& pool, const Target& target);
/// A stem's attributes of its geometry, as written.
std::map<std::string, std::string> stem_attributes(const DirectProblem& problem);

}  // namespace tenon::cuda
