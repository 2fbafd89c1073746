// Pooling, expressions alone, views.

#include "backends/cuda/codegen/problems.h"
#include "backends/cuda/engine/engine.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

Offer offer_pooling(const StepRequest& request) {
  const OpCall& call = request.call;
  const PoolingSizes sizes = pooling_sizes(call);
  Conditions conditions;
  conditions.require(sizes.window.rank <= 2, "there are {} spatial axes, not one or two", sizes.window.rank);
  conditions.require(sizes.type == PoolingType::max || sizes.type == PoolingType::average,
                     "it is neither a maximum nor an average");
  if (conditions.refuse()) return conditions.reason();
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  const MemoryFormat src_format = format_like(request.src[0], fused.storage(), call.shape_in(0));
  const MemoryFormat dst_format = format_like(request.src[0], fused.storage(), call.shape_out());
  const bool maximum = sizes.type == PoolingType::max;
  const BlockedShape src = blocked_shape(call.shape_in(0), src_format);
  const Window& window = sizes.window;
  const bool whole = window.kernel == window.src && window.pad_begin == Extent{0, 0, 0} && src.h * src.w >= 16;
  if (whole) {
    return fused.plan({{global_pooling_spec(src, maximum, fused.storage(), fused.epilogue(), fused.target())}, {}},
                      src_format, dst_format);
  }
  conditions.require(window.kernel[1] * window.kernel[2] <= 49, "a window of {}×{} is not unrolled", window.kernel[1],
                     window.kernel[2]);
  if (conditions.refuse()) return conditions.reason();
  PoolingProblem problem;
  problem.src = src;
  problem.dst = blocked_shape(call.shape_out(), dst_format);
  set_window(problem, window);
  problem.maximum = maximum;
  problem.count_padding = sizes.count_include_pad;
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
