// _np_trace.

#include <algorithm>
#include <array>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/rules.h"

namespace tenon::cuda {
namespace {

/// What the kernel takes by value.
struct TraceGeometry {
  std::int64_t count = 0, length = 0, offset = 0, step = 0;
  int rank = 0;
  std::array<std::int64_t, kMostAxes> extent = {}, stride = {};
};

/// Of at most kMostAxes axes.
TraceGeometry geometry_of(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const Shape& src = call.shape_in(0);
  const int row = from_front(attributes.integer("axis1"), src.rank());
  const int column = from_front(attributes.integer("axis2"), src.rank());
  const std::int64_t k = attributes.integer("offset");
  const auto stride = [&](int axis) { return src.elements(axis + 1, src.rank()); };
  TraceGeometry g;
  g.count = call.shape_out().elements();
  g.length =
      std::max<std::int64_t>(0, std::min(k < 0 ? src[row] + k : src[row], k > 0 ? src[column] - k : src[column]));
  g.offset = k > 0 ? k * stride(column) : -k * stride(row);
  g.step = stride(row) + stride(column);
  for (int axis = 0; axis < src.rank(); ++axis) {
    if (axis == row || axis == column) continue;
    const auto at = static_cast<std::size_t>(g.rank++);
    g.extent[at] = src[axis];
    g.stride[at] = stride(axis);
  }
  return g;
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  conditions.require(call.shape_in(0).rank() <= kMostAxes, "there are {} axes, more than {}", call.shape_in(0).rank(),
                     kMostAxes);
  if (conditions.refuse()) return conditions.reason();
  constexpr unsigned threads = 128;
  StepPlan plan;
  plan.kernel.run = [g = geometry_of(call),
                     kernel = GpuFunction::get(device_of(request.memory),
                                               typed_text({{"T", type_name(call.dtype_in(0))}}, "trace",
                                                          {{"MOST_AXES", std::to_string(kMostAxes)}}),
                                               "trace")](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.count, threads), threads, g, at.dst[0], at.src[0]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> trace_implementations() {
  return {{"cuda:trace", {"_np_trace"}, offer}};
}

}  // namespace tenon::cuda
