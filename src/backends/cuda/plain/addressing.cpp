// Rows by indices that may be refused: take with mode=raise, gather_nd, scatter_nd, index_copy.

#include <array>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "backends/cuda/runtime/refusal.h"
#include "graph/graph.h"
#include "ops/axis_split.h"
#include "ops/data_refusal.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// What the kernels take by value.
struct AddressGeometry {
  std::int64_t outer = 1, rows = 1, count = 0, inner = 1;
  int depth = 0, from_the_end = 0;
  std::array<std::int64_t, kMostAxes> extent = {};
};

GpuFunction kernel_of(const StepRequest& request, const std::string& name, int data, int indices) {
  const OpCall& call = request.call;
  return GpuFunction::get(
      device_of(request.memory),
      typed_text({{"T", bits_name(size_of(call.dtype_in(data)))}, {"I", type_name(call.dtype_in(indices))}},
                 {"index_of", "refusal", "addressing"}, {{"MOST_AXES", std::to_string(kMostAxes)}}),
      name);
}

/// Refuses as an index of one axis, or of several.
std::shared_ptr<KernelRefusals> refusals_of(const OpCall& call, bool of_one_axis) {
  return std::make_shared<KernelRefusals>([refuse = DataRefusal(call), of_one_axis](const RefusalRecord& record) {
    const auto [index, axis, size] = record.detail;
    of_one_axis ? refuse.index(index, size) : refuse.index_of_axis(index, axis, size);
  });
}

Conditions addressing_conditions(const OpCall& call, const AddressGeometry& g) {
  Conditions conditions = filled_conditions(call);
  conditions.require(g.depth <= kMostAxes, "{} axes are addressed, more than {}", g.depth, kMostAxes);
  return conditions;
}

Offer gather_plan(const StepRequest& request, const AddressGeometry& g, bool of_one_axis) {
  StepPlan plan;
  plan.kernel.run = [g, kernel = kernel_of(request, "gather", 0, 1),
                     refusals = refusals_of(request.call, of_one_axis)](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.outer * g.count * g.inner, kThreads), kThreads, g, at.dst[0], at.src[0],
           at.src[1], refusals->record(at.stream));
  };
  return plan;
}

Offer offer_take(const StepRequest& request) {
  const OpCall& call = request.call;
  const Shape& src = call.shape_in(0);
  Conditions conditions = filled_conditions(call);
  conditions.require(call.attributes().text("mode") == "raise", "no index is refused");
  if (conditions.refuse()) return conditions.reason();
  const std::int64_t written = call.attributes().integer("axis");
  const int axis = static_cast<int>(written < 0 ? written + src.rank() : written);
  const AxisSplit split = split_around(src, axis, axis + 1);
  return gather_plan(request,
                     {.outer = split.outer,
                      .rows = split.size,
                      .count = call.shape_in(1).elements(),
                      .inner = split.inner,
                      .depth = 1,
                      .extent = {split.size}},
                     true);
}

/// The leading axes of `target`, as many as the indices have rows.
AddressGeometry geometry_of(const Shape& target, const Shape& indices) {
  AddressGeometry g;
  g.depth = static_cast<int>(indices[0]);
  g.rows = target.elements(0, g.depth);
  g.count = indices.elements(1, indices.rank());
  g.inner = target.elements(g.depth, target.rank());
  for (int axis = 0; axis < g.depth && axis < kMostAxes; ++axis)
    g.extent[static_cast<std::size_t>(axis)] = target[axis];
  return g;
}

Offer offer_gather(const StepRequest& request) {
  const OpCall& call = request.call;
  AddressGeometry g = geometry_of(call.shape_in(0), call.shape_in(1));
  g.from_the_end = 1;
  const Conditions conditions = addressing_conditions(call, g);
  if (conditions.refuse()) return conditions.reason();
  return gather_plan(request, g, false);
}

/// dst begins as input `base`, or with zeros where there is none.
Offer scatter_plan(const StepRequest& request, const AddressGeometry& g, int src, int indices, int base,
                   bool of_one_axis = false) {
  const OpCall& call = request.call;
  const Conditions conditions = addressing_conditions(call, g);
  if (conditions.refuse()) return conditions.reason();
  const std::size_t owner_bytes = static_cast<std::size_t>(g.rows) * sizeof(std::int64_t);
  const std::size_t bytes = static_cast<std::size_t>(call.shape_out().elements()) * size_of(call.dtype_out());
  StepPlan plan;
  plan.kernel.workspace_bytes = owner_bytes;
  plan.kernel.run = [=, claim = kernel_of(request, "claim", src, indices),
                     scatter = kernel_of(request, "scatter", src, indices),
                     refusals = refusals_of(call, of_one_axis)](const Operands& at) {
    const auto stream = static_cast<CUstream>(at.stream);
    const auto input = [&](int i) { return at.src[static_cast<std::size_t>(i)]; };
    if (base < 0) {
      check(driver().cuMemsetD8Async(reinterpret_cast<CUdeviceptr>(at.dst[0]), 0, bytes, stream));
    } else {
      copy_within(at.dst[0], input(base), bytes, at.stream);
    }
    check(driver().cuMemsetD8Async(reinterpret_cast<CUdeviceptr>(at.workspace), 0xff, owner_bytes, stream));
    RefusalRecord* const refused = refusals->record(at.stream);
    launch(claim, at.stream, grid_size(g.count, kThreads), kThreads, g, at.workspace, input(indices), refused);
    launch(scatter, at.stream, grid_size(g.count * g.inner, kThreads), kThreads, g, at.dst[0], input(src),
           static_cast<const void*>(at.workspace), input(indices), refused);
  };
  return plan;
}

Offer offer_scatter(const StepRequest& request) {
  return scatter_plan(request, geometry_of(request.call.shape_out(), request.call.shape_in(1)), 0, 1, -1);
}

Offer offer_scatter_set(const StepRequest& request) {
  return scatter_plan(request, geometry_of(request.call.shape_out(), request.call.shape_in(2)), 1, 2, 0);
}

Offer offer_index_copy(const StepRequest& request) {
  const Shape &dst = request.call.shape_out(), &indices = request.call.shape_in(1);
  return scatter_plan(
      request,
      {.rows = dst[0], .count = indices[0], .inner = dst.elements(1, dst.rank()), .depth = 1, .extent = {dst[0]}}, 2, 1,
      0, true);
}

}  // namespace

std::vector<Implementation> addressing_implementations() {
  return {{"cuda:gather", {"take"}, offer_take},
          {"cuda:gather", {"gather_nd"}, offer_gather},
          {"cuda:scatter", {"scatter_nd"}, offer_scatter},
          {"cuda:scatter", {"_scatter_set_nd"}, offer_scatter_set},
          {"cuda:scatter", {"_contrib_index_copy"}, offer_index_copy}};
}

}  // namespace tenon::cuda
