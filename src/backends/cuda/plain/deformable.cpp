// Deformable convolution: the columns of as many images as a bounded workspace holds, then their product with the
// weights, and so on.

#include "ops/deformable.h"

#include <algorithm>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;  // of the product: what its tiles are made for
/// Enough for all threads of a GPU, and little enough to be still in its cache when the product reads them.
constexpr std::int64_t kColumnBytes = 2 << 20;

/// What the kernels take by value.
struct DeformableGeometry {
  DeformableParameters p;
  std::int64_t first, images;
  std::int64_t channels, height, width, dst_height, dst_width;

  std::int64_t pixels() const { return dst_height * dst_width; }
  /// Of one image.
  std::int64_t columns() const { return channels * p.taps() * pixels(); }
  std::int64_t tiles() const { return images * p.groups * ((p.filters / p.groups + 15) / 16) * ((pixels() + 15) / 16); }
};

Offer offer_deformable(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const bool modulated = call.node.op_name() == "_contrib_ModulatedDeformableConvolution";
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  DeformableGeometry g{
      DeformableParameters(call.attributes(), modulated), 0, 0, src[1], src[2], src[3], dst[2], dst[3]};
  const std::int64_t batch = src[0];
  const std::int64_t image_bytes =
      g.columns() * static_cast<std::int64_t>(call.dtype_in(0) == DType::float64 ? sizeof(double) : sizeof(float));
  g.images = std::clamp(kColumnBytes / image_bytes, std::int64_t{1}, batch);

  const GpuDevice& device = device_of(request.memory);
  const std::string text = typed_text({{"T", type_name(call.dtype_in(0))}}, {"plane", "deformable"});
  StepPlan plan;
  plan.kernel.workspace_bytes = static_cast<std::size_t>(g.images * image_bytes);
  plan.kernel.run = [g, batch, columns = GpuFunction::get(device, text, "deformable_columns"),
                     product = GpuFunction::get(device, text, "deformable_product")](const Operands& at) {
    const auto weight = static_cast<std::size_t>(g.p.weight_input());
    const void *mask = g.p.modulated ? at.src[2] : nullptr, *bias = g.p.bias ? at.src[weight + 1] : nullptr;
    void* const gathered = at.workspace;
    for (DeformableGeometry turn = g; turn.first < batch; turn.first += g.images) {
      turn.images = std::min(g.images, batch - turn.first);
      launch(columns, at.stream, grid_size(turn.images * turn.columns(), kThreads), kThreads, turn, gathered, at.src[0],
             at.src[1], mask);
      launch(product, at.stream, grid_size(turn.tiles(), 1), kThreads, turn, at.dst[0],
             static_cast<const void*>(gathered), at.src[weight], bias);
    }
  };
  return plan;
}

}  // namespace

std::vector<Implementation> deformable_implementations() {
  return {{"cuda:deformable_convolution",
           {"_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution"},
           offer_deformable}};
}

}  // namespace tenon::cuda
