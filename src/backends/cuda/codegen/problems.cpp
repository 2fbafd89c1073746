#include "backends/cuda/codegen/problems.h"

namespace tenon::cuda {
namespace {

int to_int(std::int64_t value) {
  return static_cast<int>(value);
}

}  // namespace

Storage storage_of(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return Storage::f32;
    case Precision::tf32:
      return Storage::tf32;
    case Precision::bf16:
      return Storage::bf16;
    case Precision::fp16:
      return Storage::f16;
  }
  return Storage::f32;
}

ConvolutionProblem convolution_problem(const OpCall& call) {
  const ConvolutionSizes sizes = convolution_sizes(call);
  const Window& window = sizes.window;
  ConvolutionProblem problem;
  problem.images = to_int(sizes.batch);
  problem.src_channels = to_int(sizes.src_channels);
  problem.channels = to_int(sizes.dst_channels);
  problem.groups = to_int(sizes.groups);
  problem.src_h = to_int(window.src[1]);
  problem.src_w = to_int(window.src[2]);
  problem.dst_h = to_int(window.dst[1]);
  problem.dst_w = to_int(window.dst[2]);
  set_window(problem, window);
  problem.dilate_y = to_int(window.dilate[1]);
  problem.dilate_x = to_int(window.dilate[2]);
  problem.storage = storage_of(precision_of(call.node));
  return problem;
}

StemProblem stem_problem(const ConvolutionProblem& convolution) {
  return {convolution.images, convolution.src_channels, convolution.src_h,
          convolution.src_w,  convolution.channels,     convolution.storage};
}

}  // namespace tenon::cuda
