#include "backends/cpu/kernels/convolution.h"

namespace tenon::cpu {

double ConvolutionProblem::operations() const {
  const std::int64_t channels_of_group = channels / groups;
  return 2.0 * static_cast<double>(batch * filters * channels_of_group) *
         static_cast<double>(product(dst) * product(kernel));
}

std::string lacks(const ConvolutionProblem& problem, Isa isa) {
  if (isa == Isa::none) return "this processor has neither AVX2 nor AVX-512";
  if (problem.narrow && (isa != Isa::avx512 || !machine_has_bfloat16())) return "this processor lacks AVX512-BF16";
  return {};
}

}  // namespace tenon::cpu
