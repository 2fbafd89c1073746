// Running sums along an axis.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/arithmetic.h"
#include "ops/axis_split.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

AxisSplit split_of(const OpCall& call) {
  const Shape& src = call.shape_in(0);
  if (!call.attributes().has("axis")) return {1, src.elements(), 1};
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  const int first = axis < 0 ? axis + src.rank() : axis;
  return split_around(src, first, first + 1);
}

Offer offer_cumsum(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const AxisSplit split = split_of(call);
  const DType dst = call.dtype_out();
  const GpuFunction kernel = GpuFunction::get(
      device_of(request.memory),
      typed_text(
          {{"T", type_name(call.dtype_in(0))}, {"D", type_name(dst)}, {"S", is_floating(dst) ? "double" : "i64"}},
          "cumsum"),
      "running_sum");
  StepPlan plan;
  plan.kernel.run = [kernel, split](const Operands& at) {
    const std::int64_t lines = split.outer * split.inner;
    launch(kernel, at.stream, grid_size(lines, kThreads), kThreads, lines, split.size, split.inner, at.dst[0],
           at.src[0]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> cumsum_implementations() {
  return {{"cuda:cumsum", {"_np_cumsum"}, offer_cumsum}};
}

}  // namespace tenon::cuda
