// Pooling, reductions of planes, expressions alone, views.

#include <algorithm>

#include "backends/cuda/codegen/problems.h"
#include "backends/cuda/engine/engine.h"
#include "backends/cuda/runtime/memory.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"

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
  const BlockedShape src = blocked_shape(call.shape_in(0), src_format);
  const Window& window = sizes.window;
  const bool whole = window.kernel == window.src && window.pad_begin == Extent{0, 0, 0} && src.h * src.w >= 16;
  if (whole && sizes.type != PoolingType::lp) {
    return fused.plan({{global_pooling_spec(src, sizes.type, fused.storage(), fused.epilogue(), fused.target())}, {}},
                      src_format, dst_format);
  }
  PoolingProblem problem = pooling_problem(sizes, src, blocked_shape(call.shape_out(), dst_format));
  problem.storage = fused.storage();
  return fused.plan({{pooling_spec(problem, fused.epilogue(), fused.target())}, {}}, src_format, dst_format);
}

/// Whether all of each plane is reduced, and nothing else.
bool reduces_planes(const OpCall& call) {
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  const auto form = call.node.op->reference(call).form;
  const auto* reduction = form ? std::get_if<Reduction>(&form->what) : nullptr;
  if (reduction == nullptr || src.rank() < 3 || dst.rank() < 2 || dst[0] != src[0] || dst[1] != src[1]) return false;
  const std::int64_t plane = src.elements(2, src.rank());
  return reduction->terms == plane && std::ranges::all_of(reduction->reduced, [&](const Reduction::Dim& dim) {
           return dim.size == 1 || dim.stride < plane;
         });
}

/// Means, sums and maxima of planes that lie in blocks.
Offer offer_reduction(const StepRequest& request) {
  const OpCall& call = request.call;
  const MemoryFormat format = request.src[0];
  Conditions conditions;
  conditions.require(!format.row_major(), "the data lies row-major");
  conditions.require(call.dtype_in(0) == DType::float32 && call.dtype_out() == DType::float32,
                     "the data is {} and the output {}, not float32", name(call.dtype_in(0)), name(call.dtype_out()));
  conditions.require(call.shape_in(0).elements() > 0, "there are no elements");
  conditions.require(reduces_planes(call), "other axes than those of the planes are reduced");
  if (conditions.refuse()) return conditions.reason();
  const auto op = call.node.op_name();
  const PoolingType type = op == "max" ? PoolingType::max : op == "mean" ? PoolingType::average : PoolingType::sum;
  const GpuDevice& device = device_of(request.memory);
  const FusedKernel kernel(device, global_pooling_spec(blocked_shape(call.shape_in(0), format), type,
                                                       storage_in(format), plain_epilogue(), target_of(device)));
  StepPlan plan;
  plan.src = {format};
  plan.dst = {format};
  plan.kernel.run = [kernel](const Operands& at) {
    KernelPointers pointers;
    pointers.src = at.src[0];
    pointers.dst[0] = at.dst[0];
    kernel.launch(at.stream, pointers);
  };
  return plan;
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
          {"tenon:reduce", {"mean", "sum", "max"}, offer_reduction},
          {"tenon:pointwise", {"pointwise"}, offer_pointwise},
          {"view", {"Flatten", "Reshape", "expand_dims", "squeeze"}, offer_view}};
}

}  // namespace tenon::cuda
