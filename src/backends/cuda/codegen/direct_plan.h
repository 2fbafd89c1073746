#pragma once

#include <vector>

#include "backends/cuda/codegen/convolution_plan.h"

namespace tenon::cuda {

/// A max-pool's window; 1×1 is none.
struct PoolWindow {
  int kernel_h = 1, kernel_w = 1, stride_y = 1, stride_x = 1, pad_y = 0, pad_x = 0;

  int taps() const { return kernel_h * kernel_w; }
};

/// What kernels/direct.cuh does at once: a convolution, the max-pool behind it, and the changes of layout around both.
struct DirectProblem {
  ConvolutionProblem convolution;
  PoolWindow pool;
  int dst_h = 1, dst_w = 1;  ///< of the results: behind the pool
  bool from_planes = false;  ///< the input is row-major float32
  bool to_planes = false;    ///< the results are
};

/// Without a pool, from blocks to blocks.
DirectProblem direct_problem(const ConvolutionProblem& convolution);

/// The kernels that can run it, the likeliest first; `main` is what is done to the results, `side` with a pool what is
/// done to the convolution's. Empty where a block's part of input and weights does not fit its shared memory, or the
/// problem is none for it.
std::vector<KernelSpec> direct_candidates(const DirectProblem& problem, const EpilogueSpec& main,
                                          const EpilogueSpec& side, const Target& target);

/// Whether ordinary multiplications may do: few channels, and few products a result.
bool has_few_products(const ConvolutionProblem& convolution);

/// Whether its multiplications take less time than what it spares: the layers around the convolution, their launches,
/// and what they would write for one another. By arithmetic: what is joined cannot be measured apart.
bool direct_pays(const DirectProblem& problem, const Target& target);

}  // namespace tenon::cuda
