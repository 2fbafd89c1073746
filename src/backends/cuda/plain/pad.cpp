// Pad, as a map of its own: what lies outside is no stride away.

#include "ops/pad.h"
#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

/// What the kernel takes by value.
struct PadGeometry {
  std::int64_t count = 0;
  int rank = 0, mode = 0;
  std::int64_t dst_extent[kMostAxes] = {}, src_extent[kMostAxes] = {}, before[kMostAxes] = {};
  double value = 0;
};

PadGeometry geometry_of(const OpCall& call) {
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  const std::string& mode = call.attributes().text("mode");
  const auto widths = pad_widths(call);
  PadGeometry g{dst.elements(), dst.rank(), mode == "constant" ? 0 : mode == "edge" ? 1 : 2};
  g.value = call.attributes().real("constant_value");
  for (int axis = 0; axis < g.rank; ++axis) {
    g.dst_extent[axis] = dst[axis];
    g.src_extent[axis] = src[axis];
    g.before[axis] = widths[2 * static_cast<std::size_t>(axis)];
  }
  return g;
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  conditions.require(call.shape_out().rank() <= kMostAxes, "there are {} axes, more than {}", call.shape_out().rank(),
                     kMostAxes);
  if (conditions.refuse()) return conditions.reason();
  constexpr unsigned threads = 256;
  StepPlan plan;
  plan.kernel.run = [g = geometry_of(call),
                     kernel = GpuFunction::get(
                         device_of(request.memory),
                         typed_text({{"T", type_name(call.dtype_in(0))}}, "pad", {{"AXES", std::to_string(kMostAxes)}}),
                         "pad")](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.count, threads), threads, g, at.dst[0], at.src[0]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> pad_implementations() {
  return {{"cuda:pad", {"Pad", "_npi_pad"}, offer}};
}

}  // namespace tenon::cuda
