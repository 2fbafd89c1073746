// The arithmetic of places in a tensor: pick and batch_take, ravel and unravel, index_array.

#include <array>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/axis_split.h"
#include "ops/rules.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

GpuFunction kernel_of(const StepRequest& request, const std::string& name, std::size_t bytes, DType index) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", bits_name(bytes)}, {"I", type_name(index)}}, {"refusal", "coordinates"},
                                     {{"MOST_AXES", std::to_string(kMostAxes)}}),
                          name);
}

/// What "pick" takes by value.
struct LineGeometry {
  std::int64_t outer, size, inner;
  int wraps;
};

Offer offer_pick(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const bool has_axis = call.node.op_name() == "pick";  // batch_take has rows
  const Shape& src = call.shape_in(0);
  const int axis = has_axis ? from_front(call.attributes().integer("axis"), src.rank()) : 1;
  const AxisSplit split = split_around(src, axis, axis + 1);
  const LineGeometry g{split.outer, split.size, split.inner,
                       has_axis && call.attributes().text("mode") == "wrap" ? 1 : 0};
  StepPlan plan;
  plan.kernel.run =
      [g, kernel = kernel_of(request, "pick", size_of(call.dtype_in(0)), call.dtype_in(1))](const Operands& at) {
        launch(kernel, at.stream, grid_size(g.outer * g.inner, kThreads), kThreads, g, at.dst[0], at.src[0], at.src[1]);
      };
  return plan;
}

/// What the other kernels take by value.
struct PlaceGeometry {
  std::int64_t count = 0;
  int depth = 0;
  std::array<std::int64_t, kMostAxes> size = {}, stride = {};

  void add(std::int64_t axis_size, std::int64_t axis_stride) {
    const auto axis = static_cast<std::size_t>(depth++);
    if (axis >= size.size()) return;
    size[axis] = axis_size;
    stride[axis] = axis_stride;
  }
};

Conditions place_conditions(const OpCall& call, const PlaceGeometry& g) {
  Conditions conditions = filled_conditions(call);
  conditions.require(g.depth <= kMostAxes, "there are {} axes, more than {}", g.depth, kMostAxes);
  return conditions;
}

Offer offer_ravel(const StepRequest& request) {
  const OpCall& call = request.call;
  const bool flattens = call.node.op_name() == "_ravel_multi_index";
  PlaceGeometry g;
  g.count = flattens ? call.shape_out().elements() : call.shape_in(0).elements();
  for (const std::int64_t size : call.attributes().ints("shape")) g.add(size, 0);
  const Conditions conditions = place_conditions(call, g);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run =
      [g, kernel = kernel_of(request, flattens ? "ravel" : "unravel", 1, call.dtype_in(0))](const Operands& at) {
        launch(kernel, at.stream, grid_size(g.count, kThreads), kThreads, g, at.dst[0], at.src[0]);
      };
  return plan;
}

Offer offer_index_array(const StepRequest& request) {
  const OpCall& call = request.call;
  const Shape& src = call.shape_in(0);
  PlaceGeometry g;
  g.count = src.elements();
  const auto add = [&](int axis) { g.add(src[axis], src.elements(axis + 1, src.rank())); };
  if (call.attributes().has("axes")) {
    for (const std::int64_t axis : call.attributes().ints("axes")) add(from_front(axis, src.rank()));
  } else {
    for (int axis = 0; axis < src.rank(); ++axis) add(axis);
  }
  const Conditions conditions = place_conditions(call, g);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [g, kernel = kernel_of(request, "index_array", 1, DType::int64)](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.count * g.depth, kThreads), kThreads, g, at.dst[0]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> coordinate_implementations() {
  return {{"cuda:pick", {"pick", "batch_take"}, offer_pick},
          {"cuda:ravel", {"_ravel_multi_index", "_unravel_index"}, offer_ravel},
          {"cuda:index_array", {"_contrib_index_array"}, offer_index_array}};
}

}  // namespace tenon::cuda
