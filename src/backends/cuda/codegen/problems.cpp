#include "backends/cuda/codegen/problems.h"

#include <algorithm>

#include <fmt/format.h>

#include "graph/graph.h"

namespace tenon::cuda {
namespace {

int to_int(std::int64_t value) {
  return static_cast<int>(value);
}

/// 7×7/2 and 3×3/2, padded around the middle: what the kernels of stem_candidates() are made for.
bool is_resnet_stem(const DirectProblem& problem) {
  const ConvolutionProblem& conv = problem.convolution;
  const PoolWindow& pool = problem.pool;
  const StemProblem stem{conv.images, conv.src_channels, conv.src_h, conv.src_w, conv.channels, conv.storage};
  return conv.kernel_h == 7 && conv.kernel_w == 7 && conv.stride_y == 2 && conv.stride_x == 2 && conv.pad_y == 3 &&
         conv.pad_x == 3 && conv.groups == 1 && conv.dilate_y == 1 && conv.dilate_x == 1 &&
         conv.dst_h == stem.conv_h() && conv.dst_w == stem.conv_w() && pool.kernel_h == 3 && pool.kernel_w == 3 &&
         pool.stride_y == 2 && pool.stride_x == 2 && pool.pad_y == 1 && pool.pad_x == 1 &&
         problem.dst_h == stem.dst_h() && problem.dst_w == stem.dst_w();
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

DirectProblem pooled_problem(const ConvolutionProblem& convolution, const OpCall& pooling) {
  const Window window = pooling_sizes(pooling).window;
  DirectProblem problem = direct_problem(convolution);
  set_window(problem.pool, window);
  problem.dst_h = to_int(window.dst[1]);
  problem.dst_w = to_int(window.dst[2]);
  problem.from_planes = true;
  return problem;
}

DirectProblem pooled_problem(const OpCall& stem) {
  const Attributes& attributes = stem.attributes();
  const auto at = [&](std::string_view name, std::size_t axis) { return to_int(attributes.ints(name)[axis]); };
  const auto size = [](const Shape& shape, int axis) { return to_int(shape[axis]); };
  ConvolutionProblem convolution;
  convolution.images = size(stem.shape_in(0), 0);
  convolution.src_channels = size(stem.shape_in(0), 1);
  convolution.src_h = size(stem.shape_in(0), 2);
  convolution.src_w = size(stem.shape_in(0), 3);
  convolution.channels = size(stem.shape_out(), 1);
  convolution.dst_h = at("conv_size", 0);
  convolution.dst_w = at("conv_size", 1);
  convolution.kernel_h = at("kernel", 0);
  convolution.kernel_w = at("kernel", 1);
  convolution.stride_y = at("stride", 0);
  convolution.stride_x = at("stride", 1);
  convolution.pad_y = at("pad", 0);
  convolution.pad_x = at("pad", 1);
  convolution.storage = storage_of(precision_of(stem.node));
  const PoolWindow pool{at("pool_kernel", 0), at("pool_kernel", 1), at("pool_stride", 0),
                        at("pool_stride", 1), at("pool_pad", 0),    at("pool_pad", 1)};
  return {convolution, pool, size(stem.shape_out(), 2), size(stem.shape_out(), 3), true, false};
}

std::map<std::string, std::string> stem_attributes(const DirectProblem& problem) {
  const auto two = [](int y, int x) { return fmt::format("({}, {})", y, x); };
  const ConvolutionProblem& convolution = problem.convolution;
  const PoolWindow& pool = problem.pool;
  return {{"size", two(problem.dst_h, problem.dst_w)},
          {"conv_size", two(convolution.dst_h, convolution.dst_w)},
          {"kernel", two(convolution.kernel_h, convolution.kernel_w)},
          {"stride", two(convolution.stride_y, convolution.stride_x)},
          {"pad", two(convolution.pad_y, convolution.pad_x)},
          {"pool_kernel", two(pool.kernel_h, pool.kernel_w)},
          {"pool_stride", two(pool.stride_y, pool.stride_x)},
          {"pool_pad", two(pool.pad_y, pool.pad_x)}};
}

std::vector<KernelSpec> pooled_candidates(const DirectProblem& problem, const EpilogueSpec& conv,
                                          const EpilogueSpec& pool, const Target& target) {
  const ConvolutionProblem& convolution = problem.convolution;
  if (is_resnet_stem(problem)) {
    return stem_candidates({convolution.images, convolution.src_channels, convolution.src_h, convolution.src_w,
                            convolution.channels, convolution.storage},
                           conv, pool, target);
  }
  const bool per_channel = std::ranges::all_of(conv.per_channel, [](bool flag) { return flag; });
  if (conv.expressions.size() != 1 || !per_channel) return {};
  return direct_pays(problem, target) ? direct_candidates(problem, pool, conv, target) : std::vector<KernelSpec>{};
}

}  // namespace tenon::cuda
