#include "backends/cuda/codegen/layer_plan.h"

#include <fmt/format.h>

#include "core/error.h"

namespace tenon::cuda {
namespace {

int div_up(int a, int b) {
  return (a + b - 1) / b;
}

int units_in(const BlockedShape& shape, Storage storage) {
  return shape.images * div_up(shape.channels, unit_of(storage)) * shape.h * shape.w;
}

/// A kernel in which a thread makes a unit of `dst`.
KernelSpec unit_spec(std::string text, const BlockedShape& dst, Storage storage, const EpilogueSpec& main,
                     const Target& target) {
  KernelSpec spec;
  spec.label = text;
  spec.text = std::move(text);
  spec.includes = {"units"};
  spec.storage = storage;
  spec.target = target;
  spec.main = main;
  spec.constants = {{"kImages", dst.images},
                    {"kChannels", dst.channels},
                    {"kDstH", dst.h},
                    {"kDstW", dst.w},
                    {"kChannelsLast", dst.channels_last}};
  spec.launch = {{div_up(units_in(dst, storage), 256), 1, 1}, 256, 0, 1};
  return spec;
}

void add(KernelSpec& spec, std::vector<std::pair<std::string, int>> constants) {
  spec.constants.insert(spec.constants.end(), constants.begin(), constants.end());
}

}  // namespace

KernelSpec pointwise_spec(const BlockedShape& shape, Storage storage, const EpilogueSpec& main, const Target& target) {
  return unit_spec("pointwise", shape, storage, main, target);
}

KernelSpec pooling_spec(const PoolingProblem& problem, const EpilogueSpec& main, const Target& target) {
  BlockedShape all_slices = problem.dst;
  all_slices.h *= problem.dst_d;
  KernelSpec spec = unit_spec("pooling", all_slices, problem.storage, main, target);
  add(spec, {{"kSrcD", problem.src_d},
             {"kSrcH", problem.src.h},
             {"kSrcW", problem.src.w},
             {"kDstSliceH", problem.dst.h},
             {"kKernelD", problem.kernel_d},
             {"kKernelH", problem.kernel_h},
             {"kKernelW", problem.kernel_w},
             {"kStrideZ", problem.stride_z},
             {"kStrideY", problem.stride_y},
             {"kStrideX", problem.stride_x},
             {"kPadZ", problem.pad_z},
             {"kPadY", problem.pad_y},
             {"kPadX", problem.pad_x},
             {"kMax", problem.type == PoolingType::max},
             {"kAverage", problem.type == PoolingType::average},
             {"kPower", problem.type == PoolingType::lp ? problem.p_value : 1},
             {"kCountPadding", problem.count_padding}});
  return spec;
}

KernelSpec global_pooling_spec(const BlockedShape& src, PoolingType type, Storage storage, const EpilogueSpec& main,
                               const Target& target) {
  const BlockedShape dst{src.images, src.channels, 1, 1, src.channels_last};
  KernelSpec spec = unit_spec("global_pooling", dst, storage, main, target);
  add(spec,
      {{"kSrcPixels", src.h * src.w}, {"kMax", type == PoolingType::max}, {"kAverage", type == PoolingType::average}});
  spec.launch.grid[0] = div_up(units_in(dst, storage), 8);
  return spec;
}

std::vector<KernelSpec> rows_candidates(const RowsProblem& problem, const EpilogueSpec& main, const Target& target) {
  std::vector<KernelSpec> specs;
  if (problem.inner % unit_of(problem.storage) != 0) return specs;
  const int together = problem.rows == 1 ? 1 : problem.rows == 2 ? 2 : problem.rows <= 4 ? 4 : 8;
  for (const int outputs : {1, 2, 4}) {
    KernelSpec spec;
    spec.text = "rows";
    spec.label = fmt::format("rows outputs={} rows={}", outputs, together);
    spec.storage = problem.storage;
    spec.target = target;
    spec.main = main;
    const int unit = unit_of(problem.storage);
    const int pitch = problem.f32_out ? problem.columns : div_up(problem.columns, unit) * unit;
    spec.constants = {{"kPitch", pitch},
                      {"kImages", problem.rows},
                      {"kSrcChannels", problem.inner},
                      {"kChannels", problem.columns},
                      {"kRowsOfBlock", together},
                      {"kOutputsOfWarp", outputs},
                      {"kF32Out", problem.f32_out}};
    spec.launch = {{div_up(pitch, 8 * outputs), div_up(problem.rows, together), 1}, 256, 0, 1};
    spec.weights = {WeightLayout::Order::rows, 8 * outputs, 0, 1, false};
    specs.push_back(std::move(spec));
  }
  return specs;
}

KernelSpec relayout_spec(const BlockedShape& dst, Storage storage, const Target& target) {
  KernelSpec spec = unit_spec("relayout", dst, storage, plain_epilogue(), target);
  spec.launch.grid[0] = dst.images * div_up(div_up(dst.channels, unit_of(storage)), 4) * div_up(dst.h * dst.w, 64);
  return spec;
}

KernelSpec reorder_spec(const BlockedShape& shape, Storage storage, bool to_blocks, const Target& target) {
  KernelSpec spec = unit_spec("reorder", shape, storage, plain_epilogue(), target);
  add(spec, {{"kToBlocks", to_blocks}});
  return spec;
}

}  // namespace tenon::cuda
