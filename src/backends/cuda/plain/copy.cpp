// Whatever only moves elements: the reference says which (ops/kernel_form.h), a map moves them.

#include "backends/cuda/plain/families.h"
#include "backends/cuda/plain/strided_map.h"
#include "backends/cuda/runtime/memory.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"

namespace tenon::cuda {
namespace {

/// One number everywhere. The map reads an input, of which it takes nothing, for a map has one.
Kernel fill_kernel(const StepRequest& request, StridedMap map, const CopyForm::Part& part) {
  const std::string type = type_name(request.call.dtype_out(part.dst));
  map.src_offset = {0};
  return map_kernel(device_of(request.memory), {type, {type_name(request.call.dtype_in(0))}, "", "convert<D>(p0)"}, map,
                    {{0}, part.dst, {part.value}});
}

/// Whether the map is one run of bytes.
bool is_run(const StridedMap& map) {
  return map.axes.empty() || (map.axes.size() == 1 && map.axes[0].dst == 1 && map.axes[0].src[0] == 1);
}

Kernel run_kernel(const StridedMap& map, std::size_t size, int src, int dst) {
  const auto bytes = static_cast<std::size_t>(map.count()) * size;
  const auto from = static_cast<std::uint64_t>(map.src_offset[0]) * size;
  const auto to = static_cast<std::uint64_t>(map.dst_offset) * size;
  return {[=](const Operands& operands) {
    const auto* const source = static_cast<const std::byte*>(operands.src[static_cast<std::size_t>(src)]);
    auto* const target = static_cast<std::byte*>(operands.dst[static_cast<std::size_t>(dst)]);
    if (target != nullptr) copy_within(target + to, source + from, bytes, operands.stream);
  }};
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  if (!call.node.op->reference) return "the operator has no reference";
  const auto form = call.node.op->reference(call).form;
  const auto* copies = form ? std::get_if<CopyForm>(&form->what) : nullptr;
  if (copies == nullptr) return "it does more than move elements";
  std::vector<Kernel> parts;
  for (const CopyForm::Part& part : copies->parts) {
    const StridedMap map = map_of(part.copy);
    if (map.axes.size() > kMostAxes) return "it walks too many axes";
    if (part.src < 0) {
      parts.push_back(fill_kernel(request, map, part));
      continue;
    }
    const TensorType& src = call.inputs[static_cast<std::size_t>(part.src)];
    const TensorType& dst = call.outputs[static_cast<std::size_t>(part.dst)];
    if (src.dtype != dst.dtype) return "the type changes on the way";
    const std::size_t size = size_of(*src.dtype);
    parts.push_back(is_run(map) ? run_kernel(map, size, part.src, part.dst)
                                : map_kernel(device_of(request.memory), {bits_name(size), {bits_name(size)}, "", "a"},
                                             map, {{part.src}, part.dst}));
  }
  StepPlan plan;
  plan.kernel.run = [parts = std::move(parts)](const Operands& operands) {
    for (const Kernel& part : parts) part.run(operands);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> copy_implementations() {
  return {{"cuda:copy", {}, offer}};
}

}  // namespace tenon::cuda
