// Normalisations by statistics of the data themselves.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/axis_split.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;  // what the kernels' shared memory is made for

/// What "normalize" and "l2_normalize" take by value.
struct NormGeometry {
  std::int64_t sets = 0, size = 0, step = 0, parameters = 1;
  int per_element = 0, gives_variance = 0;
  double eps = 0;
};

struct LrnGeometry {
  std::int64_t count = 0, channels = 0, step = 0, half = 0;
  double alpha = 0, beta = 0, knorm = 0;
};

NormGeometry geometry_of(const AxisSplit& split, double eps) {
  return {.sets = split.outer * split.inner, .size = split.size, .step = split.inner, .eps = eps};
}

int from_front(std::int64_t axis, int rank) {
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

NormGeometry affine_geometry(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const Shape& data = call.shape_in(0);
  const double eps = attributes.real("eps");
  const auto name = call.node.op_name();
  NormGeometry geometry;
  if (name == "InstanceNorm") {
    geometry = geometry_of(split_around(data, 2, data.rank()), eps);
    geometry.gives_variance = 1;
  } else if (name == "GroupNorm") {
    const std::int64_t sets = data[0] * attributes.integer("num_groups");
    geometry = geometry_of({sets, data.elements() / sets, 1}, eps);
  } else {
    const int axis = from_front(attributes.integer("axis"), data.rank());
    geometry = geometry_of(split_around(data, axis, axis + 1), eps);
    geometry.per_element = 1;
  }
  geometry.parameters = call.shape_in(1).elements();
  return geometry;
}

GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(request.call.dtype_in(0))}}, "normalize"), name);
}

Offer offer_affine(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "normalize"), g = affine_geometry(request.call)](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.sets, 1), kThreads, g, at.dst[0], at.dst[1], at.dst[2], at.src[0], at.src[1],
           at.src[2]);
  };
  return plan;
}

Offer offer_l2(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const Attributes& attributes = request.call.attributes();
  const Shape& data = request.call.shape_in(0);
  const std::string& mode = attributes.text("mode");
  const int first = mode == "spatial" ? 2 : 1, last = mode == "channel" ? 2 : data.rank();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "l2_normalize"),
                     g = geometry_of(split_around(data, first, last), attributes.real("eps"))](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.sets, 1), kThreads, g, at.dst[0], at.dst[1], at.src[0]);
  };
  return plan;
}

Offer offer_lrn(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const Attributes& attributes = request.call.attributes();
  const AxisSplit split = split_around(request.call.shape_in(0), 1, 2);
  const std::int64_t size = attributes.integer("nsize");
  const LrnGeometry geometry{split.outer * split.size * split.inner,
                             split.size,
                             split.inner,
                             size / 2,
                             attributes.real("alpha") / static_cast<double>(size),
                             attributes.real("beta"),
                             attributes.real("knorm")};
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "lrn"), g = geometry](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.count, kThreads), kThreads, g, at.dst[0], at.dst[1], at.src[0]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> normalization_implementations() {
  return {{"cuda:normalize", {"LayerNorm", "InstanceNorm", "GroupNorm"}, offer_affine},
          {"cuda:normalize", {"L2Normalization"}, offer_l2},
          {"cuda:lrn", {"LRN"}, offer_lrn}};
}

}  // namespace tenon::cuda
