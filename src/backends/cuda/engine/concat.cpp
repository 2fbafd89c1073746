// Concat of channels in blocks, where each input fills its last one: units of 16 bytes are copied as they are, or were
// written where they belong. What lies row-major is joined so.

#include <algorithm>
#include <array>

#include "backends/cuda/engine/engine.h"
#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr std::size_t kMostJoined = 32, kUnit = 16;
constexpr unsigned kThreads = 256;

/// What "concat" takes by value.
struct ConcatGeometry {
  std::int64_t images = 0, units = 0;
  int sources = 0;
  std::array<std::int64_t, kMostJoined + 1> begin = {};
  std::array<const void*, kMostJoined> src = {};

  std::size_t offset(std::size_t i) const { return static_cast<std::size_t>(begin[i]) * kUnit; }
};

ConcatGeometry geometry_of(const OpCall& call, MemoryFormat format) {
  const Shape& dst = call.shape_out();
  ConcatGeometry g;
  g.images = dst[0];
  g.sources = static_cast<int>(call.inputs.size());
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const Shape& src = call.inputs[i].shape;
    g.begin[i + 1] = g.begin[i] + src[1] / format.block * src.elements(2, src.rank());
  }
  g.units = g.begin[call.inputs.size()];
  return g;
}

void join(const GpuFunction& kernel, ConcatGeometry g, const Operands& at) {
  const auto* dst = static_cast<const std::byte*>(at.dst[0]);
  bool placed = true;
  for (std::size_t i = 0; i < at.src.size(); ++i) {
    g.src[i] = at.src[i];
    placed = placed && at.src[i] == dst + g.offset(i);
  }
  if (placed) return;
  launch(kernel, at.stream, grid_size(g.images * g.units, kThreads), kThreads, g, at.dst[0]);
}

Offer offer_concat(const StepRequest& request) {
  const OpCall& call = request.call;
  const auto lying = std::ranges::find_if(request.src, [](MemoryFormat format) { return !format.row_major(); });
  if (lying == request.src.end()) return copy_implementations().front().offer(request);
  const MemoryFormat blocked = blocked_format(storage_in(*lying));
  Conditions conditions;
  conditions.require(call.attributes().integer("dim") == 1, "dim={} is not that of the channels",
                     call.attributes().integer("dim"));
  conditions.require(call.inputs.size() <= kMostJoined, "{} inputs are more than {}", call.inputs.size(), kMostJoined);
  conditions.require(call.dtype_out() == DType::float32, "the output is {}, not float32", name(call.dtype_out()));
  conditions.require(call.shape_out().elements() > 0, "there are no elements");
  if (conditions.refuse()) return conditions.reason();
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const TensorType& input = call.inputs[i];
    conditions.require(input.dtype == DType::float32, "input {} is {}, not float32", i, name(*input.dtype));
    conditions.require(input.shape[1] % blocked.block == 0, "input {} has {} channels, which blocks of {} do not fit",
                       i, input.shape[1], blocked.block);
    conditions.require(request.constant[i] == nullptr, "input {} is a parameter", i);
  }
  if (conditions.refuse()) return conditions.reason();
  const ConcatGeometry g = geometry_of(call, blocked);
  const GpuFunction kernel = GpuFunction::get(
      device_of(request.memory), typed_text({{"T", "float"}}, "concat", {{"MOST_JOINED", std::to_string(kMostJoined)}}),
      "concat");
  StepPlan plan;
  plan.src.assign(call.inputs.size(), blocked);
  plan.dst = {blocked};
  for (std::size_t i = 0; g.images == 1 && i < call.inputs.size(); ++i) {
    if (g.offset(i) % 64 == 0) plan.parts.push_back({static_cast<int>(i), g.offset(i)});
  }
  plan.kernel.run = [kernel, g](const Operands& at) { join(kernel, g, at); };
  return plan;
}

}  // namespace

std::vector<Implementation> engine_concat_implementations() {
  return {{"tenon:concat", {"Concat"}, offer_concat}};
}

}  // namespace tenon::cuda
