// Pooling, expressions alone, views.

#include "backends/cuda/codegen/problems.h"
#include "backends/cuda/engine/engine.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

/// `src` and `dst` as they lie; the window knows how many of their rows make a slice.
PoolingProblem pooling_problem(const PoolingSizes& sizes, BlockedShape src, BlockedShape dst) {
  const Window& window = sizes.window;
  const auto size = [](std::int64_t extent) { return static_cast<int>(extent); };
  PoolingProblem problem;
  problem.src_d = size(window.src[0]);
  problem.dst_d = size(window.dst[0]);
  src.h = size(window.src[1]);
  src.w = size(window.src[2]);
  dst.h = size(window.dst[1]);
  dst.w = size(window.dst[2]);
  problem.src = src;
  problem.dst = dst;
  set_window(problem, window);
  problem.kernel_d = size(window.kernel[0]);
  problem.stride_z = size(window.stride[0]);
  problem.pad_z = size(window.pad_begin[0]);
  problem.type = sizes.type;
  problem.p_value = sizes.p_value;
  problem.count_padding = sizes.count_include_pad;
  return problem;
}

Offer offer_pooling(const StepRequest& request) {
  const OpCall& call = request.call;
  const PoolingSizes sizes = pooling_sizes(call);
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  const MemoryFormat src_format = format_like(request.src[0], fused.storage(), call.shape_in(0));
  const MemoryFormat dst_format = format_like(request.src[0], fused.storage(), call.shape_out());
  const bool maximum = sizes.type == PoolingType::max;
  const BlockedShape src = blocked_shape(call.shape_in(0), src_format);
  const Window& window = sizes.window;
  const bool whole = window.kernel == window.src && window.pad_begin == Extent{0, 0, 0} && src.h * src.w >= 16;
  if (whole && (maximum || sizes.type == PoolingType::average)) {
    return fused.plan({{global_pooling_spec(src, maximum, fused.storage(), fused.epilogue(), fused.target())}, {}},
                      src_format, dst_format);
  }
  PoolingProblem problem = pooling_problem(sizes, src, blocked_shape(call.shape_out(), dst_format));
  problem.storage = fused.storage();
  return fused.plan({{pooling_spec(problem, fused.epilogue(), fused.target())}, {}}, src_format, dst_format);
}

Offer offer_pointwise(const StepRequest& request) {
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  const MemoryFormat format = format_like(request.src[0], fused.storage(), request.call.shape_out());
  const BlockedShape dst = blocked_shape(request.call.shape_out(), format);
  return fused.plan({{pointwise_spec(dst, fused.storage(), fused.epilogue(), fused.target())}, {}}, format, format);
}

/// (N, C, 1, 1) and (N, C) are the same bytes in blocks.
Offer offer_view(const StepRequest& request) {
  const Shape& src = request.call.shape_in(0);
  const Shape& dst = request.call.shape_out();
  const MemoryFormat format = request.src[0];
  Conditions conditions;
  conditions.require(!format.row_major(), "the data lies row-major");
  const bool same = src.rank() >= 2 && dst.rank() >= 2 && src[0] == dst[0] && src[1] == dst[1] &&
                    src.elements(2, src.rank()) == dst.elements(2, dst.rank());
  conditions.require(same, "{} and {} differ in images or channels", src.str(), dst.str());
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.view_of = 0;
  plan.src.assign(request.call.inputs.size(), format);
  plan.dst.assign(request.call.outputs.size(), format);
  return plan;
}

}  // namespace

std::vector<Implementation> engine_layer_implementations() {
  return {{"tenon:pooling", {"pooling"}, offer_pooling},
          {"tenon:pointwise", {"pointwise"}, offer_pointwise},
          {"view", {"Flatten", "Reshape", "expand_dims", "squeeze"}, offer_view}};
}

}  // namespace tenon::cuda
