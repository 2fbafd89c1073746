#pragma once

#include "graph/op.h"
#include "ops/spatial.h"

namespace tenon {

/// Sizes of a convolution or a deconvolution with channels first. The batch and the channels are those of the whole
/// tensors; group g joins the g-th part of the source channels with the g-th part of the destination's.
struct ConvolutionProblem {
  std::int64_t batch = 1, groups = 1;
  std::int64_t src_channels = 1, dst_channels = 1;
  Extent src{1, 1, 1}, dst{1, 1, 1};
  SlidingWindow window;
  bool has_bias = false;

  /// Of a Convolution or a Deconvolution. Refuses what MXNet does not run on a CPU: channels that are last, float16.
  static ConvolutionProblem of(const OpCall& call);
};

/// Inputs data, weight (dst_channels, src_channels / groups, kernel…) and, where has_bias, bias.
Kernel convolution_kernel(DType dtype, const ConvolutionProblem& problem);
/// Inputs data, weight (src_channels, dst_channels / groups, kernel…) and, where has_bias, bias.
Kernel deconvolution_kernel(DType dtype, const ConvolutionProblem& problem);

}  // namespace tenon
