// topk, sort and argsort; one_hot; SequenceMask.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/axis_split.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::int64_t kCounted = 1 << 12;  // elements of a line: counting takes the square of it
constexpr std::int64_t kRun = 256;          // of select.cuh

GpuFunction kernel_of(const StepRequest& request, const std::string& name, DType element, DType position,
                      DType result) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(element)}, {"P", type_name(position)}, {"D", type_name(result)}},
                                     {"index_of", "select"}),
                          name);
}

struct SortGeometry {
  std::int64_t outer, size, inner, kept;
  int ascending;
};

/// Which output is what; -1: none.
struct SortOutputs {
  int values = -1, positions = -1, mask = -1;
};

SortOutputs outputs_of(const OpCall& call) {
  if (call.node.op_name() == "argsort") return {.positions = 0};
  if (call.node.op_name() == "sort") return {.values = 0, .positions = 1};
  const std::string& wanted = call.attributes().text("ret_typ");
  if (wanted == "mask") return {.mask = 0};
  if (wanted == "indices") return {.positions = 0};
  return {.values = 0, .positions = 1};
}

SortGeometry sort_geometry(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const Shape& src = call.shape_in(0);
  AxisSplit split{1, src.elements(), 1};
  if (attributes.has("axis")) {
    const std::int64_t written = attributes.integer("axis");
    const int axis = static_cast<int>(written < 0 ? written + src.rank() : written);
    split = split_around(src, axis, axis + 1);
  }
  const std::int64_t k = call.node.op_name() == "topk" ? attributes.integer("k") : 0;
  return {split.outer, split.size, split.inner, k > 0 ? k : split.size, attributes.flag("is_ascend") ? 1 : 0};
}

/// The three outputs that the kernels may write; null for those that are not.
struct SortTargets {
  void *values, *positions, *mask;

  SortTargets(const SortOutputs& outputs, const Operands& at)
      : values(target(outputs.values, at)), positions(target(outputs.positions, at)), mask(target(outputs.mask, at)) {}

 private:
  static void* target(int which, const Operands& at) {
    return which < 0 ? nullptr : at.dst[static_cast<std::size_t>(which)];
  }
};

/// Each element by counting what stands before it.
StepPlan counting_plan(const SortGeometry& g, const SortOutputs& outputs, const GpuFunction& sort) {
  StepPlan plan;
  plan.kernel.run = [=](const Operands& at) {
    const SortTargets to(outputs, at);
    launch(sort, at.stream, grid_size(g.outer * g.size * g.inner, kThreads), kThreads, g, to.values, to.positions,
           to.mask, at.src[0]);
  };
  return plan;
}

/// By merging runs, between two halves of the workspace.
template <class KernelOf>
StepPlan merging_plan(const SortGeometry& g, const SortOutputs& outputs, KernelOf kernel) {
  const std::int64_t count = g.outer * g.size * g.inner;
  StepPlan plan;
  plan.kernel.workspace_bytes = 2 * static_cast<std::size_t>(count) * sizeof(std::int64_t);
  plan.kernel.run = [=, runs = kernel("sort_runs"), merge = kernel("sort_merge"),
                     place = kernel("sort_place")](const Operands& at) {
    const unsigned blocks = grid_size(count, kThreads);
    const SortTargets to(outputs, at);
    void *order = at.workspace, *next = at.workspace + static_cast<std::size_t>(count) * sizeof(std::int64_t);
    launch(runs, at.stream, blocks, kThreads, g, order, at.src[0]);
    for (std::int64_t width = kRun; width < g.size; width *= 2) {
      launch(merge, at.stream, blocks, kThreads, g, width, next, static_cast<const void*>(order), at.src[0]);
      std::swap(order, next);
    }
    launch(place, at.stream, blocks, kThreads, g, to.values, to.positions, to.mask, static_cast<const void*>(order),
           at.src[0]);
  };
  return plan;
}

Offer offer_sort(const StepRequest& request) {
  const OpCall& call = request.call;
  const SortGeometry g = sort_geometry(call);
  const SortOutputs outputs = outputs_of(call);
  Conditions conditions = filled_conditions(call);
  conditions.require(call.node.op_name() != "sort" || call.dtype_in(0) != DType::float16,
                     "sort takes no float16, as MXNet's does not");
  if (conditions.refuse()) return conditions.reason();
  const DType position = call.dtype_out(outputs.mask >= 0 ? outputs.mask : outputs.positions);
  const auto kernel = [&](const char* name) { return kernel_of(request, name, call.dtype_in(0), position, position); };
  return g.size <= kCounted ? counting_plan(g, outputs, kernel("sort")) : merging_plan(g, outputs, kernel);
}

Offer offer_one_hot(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "one_hot", call.dtype_out(), call.dtype_in(0), call.dtype_out()),
                     count = call.shape_in(0).elements(), depth = attributes.integer("depth"),
                     on = attributes.real("on_value"), off = attributes.real("off_value")](const Operands& at) {
    launch(kernel, at.stream, grid_size(count * depth, kThreads), kThreads, count, depth, on, off, at.dst[0],
           at.src[0]);
  };
  return plan;
}

struct SequenceGeometry {
  std::int64_t count, row;
  std::int64_t step_extent, step_stride, batch_extent, batch_stride;
};

Offer offer_sequence_mask(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& src = call.shape_in(0);
  const bool has_lengths = call.inputs.size() > 1;
  const bool time_first = call.attributes().integer("axis") == 0;
  const SequenceGeometry g =
      time_first ? SequenceGeometry{src.elements(), src.elements(2, src.rank()), src[0], src[1], src[1], 1}
                 : SequenceGeometry{src.elements(), src.elements(2, src.rank()), src[1], 1, src[0], src[1]};
  StepPlan plan;
  plan.kernel.run = [g, has_lengths, value = call.attributes().real("value"),
                     kernel = kernel_of(request, "sequence_mask", call.dtype_in(0),
                                        has_lengths ? call.dtype_in(1) : DType::int32,
                                        call.dtype_out())](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.count, kThreads), kThreads, g, value, at.dst[0], at.src[0],
           has_lengths ? at.src[1] : nullptr);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> select_implementations() {
  return {{"cuda:sort", {"topk", "sort", "argsort"}, offer_sort},
          {"cuda:one_hot", {"one_hot"}, offer_one_hot},
          {"cuda:sequence_mask", {"SequenceMask"}, offer_sequence_mask}};
}

}  // namespace tenon::cuda
