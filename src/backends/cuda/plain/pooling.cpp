// Pooling by a kernel of our own: MXNet's conventions (a last window that hangs over the padding, averages that count
// part of it) are not cuDNN's.

#include "backends/cuda/plain/families.h"
#include "backends/cuda/plain/pool_kernel.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/arithmetic.h"
#include "ops/spatial.h"

namespace tenon::cuda {
namespace {

/// What the kernel "pool" takes by value.
struct PoolGeometry {
  std::int64_t planes = 0, channels = 0;
  int src[3] = {}, dst[3] = {}, kernel[3] = {}, stride[3] = {}, pad[3] = {};
  int channels_last = 0;
  double power = 1;
};

PoolGeometry geometry_of(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const int rank = call.shape_in(0).rank() - 2;
  const Layout layout = layout_of(attributes, rank);
  const Extent src = spatial_extent(call.shape_in(0), layout), dst = spatial_extent(call.shape_out(), layout);
  SlidingWindow window;
  if (attributes.flag("global_pool")) {
    window.kernel = src;
  } else {
    window = sliding_window(attributes);
  }
  PoolGeometry geometry;
  geometry.channels = call.shape_in(0)[layout.channel];
  geometry.planes = call.shape_in(0)[0] * geometry.channels;
  geometry.channels_last = layout.channels_last() ? 1 : 0;
  for (std::size_t i = 0; i < 3; ++i) {
    geometry.src[i] = static_cast<int>(src[i]);
    geometry.dst[i] = static_cast<int>(dst[i]);
    geometry.kernel[i] = static_cast<int>(window.kernel[i]);
    geometry.stride[i] = static_cast<int>(window.stride[i]);
    geometry.pad[i] = static_cast<int>(window.pad[i]);
  }
  return geometry;
}

PoolKind kind_of(const std::string& word) {
  return word == "max"   ? PoolKind::max
         : word == "avg" ? PoolKind::average
         : word == "sum" ? PoolKind::sum
                         : PoolKind::lp;
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  Conditions conditions = filled_conditions(call);
  conditions.require(is_floating(call.dtype_in(0)), "the data are {}, not of a floating type", name(call.dtype_in(0)));
  if (conditions.refuse()) return conditions.reason();
  const bool old = call.node.op_name() == "Pooling_v1";
  PoolDivisor divisor = old ? PoolDivisor::kernel : PoolDivisor::inside_pad;
  if (attributes.has("count_include_pad") && !attributes.flag("count_include_pad")) divisor = PoolDivisor::real;
  StepPlan plan;
  plan.kernel.run = pool_kernel(request, divisor, old);
  return plan;
}

}  // namespace

std::function<void(const Operands&)> pool_kernel(const StepRequest& request, PoolDivisor divisor, bool zeros_compete) {
  const OpCall& call = request.call;
  const PoolKind kind = kind_of(call.attributes().text("pool_type"));
  PoolGeometry geometry = geometry_of(call);
  if (kind == PoolKind::lp) geometry.power = static_cast<double>(call.attributes().integer("p_value"));
  const GpuFunction kernel = GpuFunction::get(
      device_of(request.memory), pool_text(type_name(call.dtype_in(0)), kind, divisor, zeros_compete), "pool");
  constexpr unsigned threads = 128;
  return [kernel, geometry, blocks = grid_size(call.shape_out().elements(), threads)](const Operands& operands) {
    launch(kernel, operands.stream, blocks, threads, geometry, operands.dst[0], operands.src[0]);
  };
}

std::vector<Implementation> pooling_implementations() {
  return {{"cuda:pool", {"Pooling", "Pooling_v1"}, offer}};
}

}  // namespace tenon::cuda
