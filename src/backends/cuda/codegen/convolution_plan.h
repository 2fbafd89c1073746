#pragma once

#include <vector>

#include "backends/cuda/codegen/kernel_spec.h"

namespace tenon::cuda {

/// A convolution over two spatial axes in the kernels' layout.
struct ConvolutionProblem {
  int images = 1, src_channels = 1, src_h = 1, src_w = 1;
  int channels = 1, dst_h = 1, dst_w = 1, groups = 1;
  int kernel_h = 1, kernel_w = 1, stride_y = 1, stride_x = 1, pad_y = 0, pad_x = 0, dilate_y = 1, dilate_x = 1;
  bool side = false;  ///< a 1×1 convolution of the same input with the same stride rides along
  bool pool = false;  ///< of the results only the 2×2 maxima with stride 2 are stored, the epilogue applied to them
  Storage storage = Storage::f16;

  int taps() const { return kernel_h * kernel_w; }
  bool depthwise() const { return groups > 1 && groups == src_channels && groups == channels; }
};

/// The kernels that can run it, the one to take without measuring first. Empty where none can: groups that are neither
/// one nor as many as channels.
std::vector<KernelSpec> convolution_candidates(const ConvolutionProblem& problem, const EpilogueSpec& main,
                                               const EpilogueSpec& side, const Target& target);

/// A kernel of this text with the problem's sizes for constants; how it is cut and launched is still to be said.
KernelSpec convolution_spec(const ConvolutionProblem& problem, const EpilogueSpec& main, const EpilogueSpec& side,
                            const Target& target, std::string text);

/// A 7×7 convolution with stride 2 and padding 3 of up to four float32 planes, row-major, and the 3×3 max-pool with
/// stride 2 and padding 1 behind it.
struct StemProblem {
  int images = 1, src_channels = 3, src_h = 224, src_w = 224, channels = 64;
  Storage storage = Storage::f16;

  int conv_h() const { return (src_h - 1) / 2 + 1; }
  int conv_w() const { return (src_w - 1) / 2 + 1; }
  int dst_h() const { return (conv_h() - 1) / 2 + 1; }
  int dst_w() const { return (conv_w() - 1) / 2 + 1; }
};
/// `conv` is the convolution's epilogue, its operands one value a channel; `pool` the pool's. Empty where none can.
std::vector<KernelSpec> stem_candidates(const StemProblem& problem, const EpilogueSpec& conv, const EpilogueSpec& pool,
                                        const Target& target);

}  // namespace tenon::cuda
