// The arithmetic of places in a tensor: pick and batch_take, ravel and unravel.

#include <algorithm>
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
                          typed_text({{"T", bits_name(bytes)}, {"I", type_name(index)}}, {"index_of", "coordinates"},
                                     {{"MOST_AXES", std::to_string(kMostAxes)}}),
                          name);
}

/// What "pick" takes by value.
struct LineGeometry {
  std::int64_t outer, size, inner;
  int wraps, converts;
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
                       has_axis && call.attributes().text("mode") == "wrap" ? 1 : 0, has_axis ? 1 : 0};
  StepPlan plan;
  plan.kernel.run =
      [g, kernel = kernel_of(request, "pick", size_of(call.dtype_in(0)), call.dtype_in(1))](const Operands& at) {
        launch(kernel, at.stream, grid_size(g.outer * g.inner, kThreads), kThreads, g, at.dst[0], at.src[0], at.src[1]);
      };
  return plan;
}

/// What "ravel" and "unravel" take by value.
struct PlaceGeometry {
  std::int64_t count = 0;
  int depth = 0;
  std::array<std::int64_t, kMostAxes> size = {};
};

Offer offer_ravel(const StepRequest& request) {
  const OpCall& call = request.call;
  const bool flattens = call.node.op_name() == "_ravel_multi_index";
  PlaceGeometry g;
  g.count = flattens ? call.shape_out().elements() : call.shape_in(0).elements();
  const std::vector<std::int64_t>& sizes = call.attributes().ints("shape");
  Conditions conditions = filled_conditions(call);
  conditions.require(sizes.size() <= kMostAxes, "there are {} axes, more than {}", sizes.size(), kMostAxes);
  if (conditions.refuse()) return conditions.reason();
  g.depth = static_cast<int>(sizes.size());
  std::ranges::copy(sizes, g.size.begin());
  StepPlan plan;
  plan.kernel.run =
      [g, kernel = kernel_of(request, flattens ? "ravel" : "unravel", 1, call.dtype_in(0))](const Operands& at) {
        launch(kernel, at.stream, grid_size(g.count, kThreads), kThreads, g, at.dst[0], at.src[0]);
      };
  return plan;
}

}  // namespace

std::vector<Implementation> coordinate_implementations() {
  return {{"cuda:pick", {"pick", "batch_take"}, offer_pick},
          {"cuda:ravel", {"_ravel_multi_index", "_unravel_index"}, offer_ravel}};
}

}  // namespace tenon::cuda
