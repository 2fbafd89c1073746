#include "backends/cuda/codegen/convolution_plan.h"
#include "backends/cuda/engine/engine.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

int to_int(std::int64_t value) {
  return static_cast<int>(value);
}

/// Two spatial axes; a single one is a row.
ConvolutionProblem problem_of(const ConvolutionSizes& sizes, Storage storage) {
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
  problem.kernel_h = to_int(window.kernel[1]);
  problem.kernel_w = to_int(window.kernel[2]);
  problem.stride_y = to_int(window.stride[1]);
  problem.stride_x = to_int(window.stride[2]);
  problem.pad_y = to_int(window.pad_begin[1]);
  problem.pad_x = to_int(window.pad_begin[2]);
  problem.dilate_y = to_int(window.dilate[1]);
  problem.dilate_x = to_int(window.dilate[2]);
  problem.storage = storage;
  return problem;
}

Offer offer_convolution(const StepRequest& request) {
  const ConvolutionSizes sizes = convolution_sizes(request.call);
  Conditions conditions;
  conditions.require(sizes.window.rank <= 2, "there are {} spatial axes, not one or two", sizes.window.rank);
  conditions.require(request.constant[1] != nullptr, "the weight is computed");
  if (conditions.refuse()) return conditions.reason();
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  const ConvolutionProblem problem = problem_of(sizes, fused.storage());
  const auto candidates = convolution_candidates(problem, fused.epilogue(), {}, fused.target());
  conditions.require(!candidates.empty(), "{} groups of {} channels, neither one nor depthwise", problem.groups,
                     problem.src_channels);
  if (conditions.refuse()) return conditions.reason();
  const MemoryFormat format = blocked_format(fused.storage());
  return fused.plan(candidates, format, format, problem.src_channels / problem.groups, problem.taps());
}

}  // namespace

std::vector<Implementation> engine_convolution_implementations() {
  return {{"tenon:convolution", {"convolution"}, offer_convolution}};
}

}  // namespace tenon::cuda
