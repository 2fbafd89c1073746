#include "backends/cpu/kernels/convolution.h"

namespace tenon::cpu {

double ConvolutionProblem::operations() const {
  return 2.0 * static_cast<double>(batch * filters * (channels / groups)) *
         static_cast<double>(product(dst) * product(kernel));
}

}  // namespace tenon::cpu
