// im2col and col2im.

#include <array>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// What the kernels take by value.
struct WindowGeometry {
  using PerAxis = std::array<std::int64_t, kMostAxes>;
  std::int64_t images = 0, pixels = 1, taps = 1, steps = 1;
  int rank = 0;
  PerAxis size = {}, kernel = {}, windows = {}, stride = {}, dilate = {}, pad = {};
};

/// `image` has batch, channels and spatial axes, at most kMostAxes of these.
WindowGeometry geometry_of(const OpCall& call, const Shape& image) {
  const Attributes& attributes = call.attributes();
  const auto number = [&](const char* name, std::size_t axis, std::int64_t otherwise) {
    const auto given = attributes.ints(name);
    return given.empty() ? otherwise : given[axis];
  };
  WindowGeometry g;
  g.images = image.elements(0, 2);
  g.pixels = image.elements(2, image.rank());
  g.rank = image.rank() - 2;
  for (int i = 0; i < g.rank; ++i) {
    const auto axis = static_cast<std::size_t>(i);
    g.size[axis] = image[2 + i];
    g.kernel[axis] = number("kernel", axis, 1);
    g.stride[axis] = number("stride", axis, 1);
    g.dilate[axis] = number("dilate", axis, 1);
    g.pad[axis] = number("pad", axis, 0);
    const std::int64_t reach = g.dilate[axis] * (g.kernel[axis] - 1) + 1;
    g.windows[axis] = (g.size[axis] + 2 * g.pad[axis] - reach) / g.stride[axis] + 1;
    g.taps *= g.kernel[axis];
    g.steps *= g.windows[axis];
  }
  return g;
}

Offer plan_of(const StepRequest& request, const char* name, const Shape& image) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  conditions.require(image.rank() - 2 <= kMostAxes, "there are {} spatial axes, more than {}", image.rank() - 2,
                     kMostAxes);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [g = geometry_of(call, image), count = call.shape_out().elements(),
                     kernel = GpuFunction::get(device_of(request.memory),
                                               typed_text({{"T", type_name(call.dtype_in(0))}}, "columns",
                                                          {{"MOST_AXES", std::to_string(kMostAxes)}}),
                                               name)](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, kThreads), kThreads, g, at.dst[0], at.src[0]);
  };
  return plan;
}

Offer offer_im2col(const StepRequest& request) {
  return plan_of(request, "im2col", request.call.shape_in(0));
}

Offer offer_col2im(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  return plan_of(request, "col2im", request.call.shape_out());
}

}  // namespace

std::vector<Implementation> columns_implementations() {
  return {{"cuda:im2col", {"im2col"}, offer_im2col}, {"cuda:col2im", {"col2im"}, offer_col2im}};
}

}  // namespace tenon::cuda
