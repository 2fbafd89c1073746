// pick and batch_take; cumsum.

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

AxisSplit split_along(const Shape& shape, std::int64_t written) {
  const int axis = static_cast<int>(written < 0 ? written + shape.rank() : written);
  return split_around(shape, axis, axis + 1);
}

Offer offer_pick(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const bool picks = call.node.op_name() == "pick";
  const AxisSplit split = split_along(call.shape_in(0), picks ? call.attributes().integer("axis") : 1);
  const int wraps = picks && call.attributes().text("mode") == "wrap" ? 1 : 0;
  const GpuFunction kernel = GpuFunction::get(
      device_of(request.memory),
      typed_text(
          {{"T", type_name(call.dtype_in(0))}, {"P", type_name(call.dtype_in(1))}, {"D", "float"}, {"S", "float"}},
          "lines"),
      "pick");
  StepPlan plan;
  plan.kernel.run = [kernel, split, wraps](const Operands& at) {
    const std::int64_t lines = split.outer * split.inner;
    launch(kernel, at.stream, grid_size(lines, kThreads), kThreads, lines, split.size, split.inner, wraps, at.dst[0],
           at.src[0], at.src[1]);
  };
  return plan;
}

Offer offer_cumsum(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& src = call.shape_in(0);
  const AxisSplit split = call.attributes().has("axis") ? split_along(src, call.attributes().integer("axis"))
                                                        : AxisSplit{1, src.elements(), 1};
  const DType dst = call.dtype_out();
  const GpuFunction kernel = GpuFunction::get(device_of(request.memory),
                                              typed_text({{"T", type_name(call.dtype_in(0))},
                                                          {"P", "int"},
                                                          {"D", type_name(dst)},
                                                          {"S", is_floating(dst) ? "double" : "i64"}},
                                                         "lines"),
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

std::vector<Implementation> lines_implementations() {
  return {{"cuda:pick", {"pick", "batch_take"}, offer_pick}, {"cuda:cumsum", {"_np_cumsum"}, offer_cumsum}};
}

}  // namespace tenon::cuda
