#pragma once

#include <vector>

#include "backends/cuda/codegen/convolution_plan.h"

namespace tenon::cuda {

/// The cuts of kernels/persistent.cuh for a convolution, at most three, the likeliest first. Empty where it does not
/// run it, or where there is too little work to go around.
std::vector<KernelSpec> persistent_candidates(const ConvolutionProblem& problem, const EpilogueSpec& main,
                                              const EpilogueSpec& side, const Target& target);

}  // namespace tenon::cuda
