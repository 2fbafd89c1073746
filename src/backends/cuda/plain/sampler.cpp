// Sampling along a grid: GridGenerator, BilinearSampler, and both in one, SpatialTransformer.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(request.call.dtype_in(0))}}, {"plane", "sampler"}), name);
}

/// From pixel to pixel of `size`, in units of the image. Infinite for one pixel, which is at NaN, as in MXNet.
double unit_step(std::int64_t size) {
  return 2.0 / static_cast<double>(size - 1);
}

struct GridGeometry {
  std::int64_t batch, height, width;
  double step_y, step_x;
  int is_affine;
};

Offer offer_grid(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& dst = call.shape_out();
  const bool affine = call.attributes().text("transform_type") == "affine";
  const GridGeometry g{dst[0], dst[2], dst[3], unit_step(dst[2]), unit_step(dst[3]), affine ? 1 : 0};
  StepPlan plan;
  plan.kernel.run = [g, count = dst.elements(), unmoved_count = call.shape_out(1).elements(),
                     grid = kernel_of(request, affine ? "grid_of_map" : "grid_of_flow"),
                     unmoved = kernel_of(request, "grid_unmoved")](const Operands& at) {
    launch(grid, at.stream, grid_size(count, kThreads), kThreads, g, at.dst[0], at.src[0]);
    if (at.dst[1] == nullptr) return;
    launch(unmoved, at.stream, grid_size(unmoved_count, kThreads), kThreads, g, at.dst[1]);
  };
  return plan;
}

struct SamplerGeometry {
  std::int64_t batch, channels, height, width, dst_height, dst_width;
  double step_y, step_x;
};

Offer offer_sampler(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  const SamplerGeometry g{src[0], src[1], src[2], src[3], dst[2], dst[3], unit_step(dst[2]), unit_step(dst[3])};
  const bool along_grid = call.node.op_name() == "BilinearSampler";
  StepPlan plan;
  plan.kernel.run =
      [g, count = dst.elements(),
       kernel = kernel_of(request, along_grid ? "bilinear_sampler" : "spatial_transformer")](const Operands& at) {
        launch(kernel, at.stream, grid_size(count, kThreads), kThreads, g, at.dst[0], at.src[0], at.src[1]);
      };
  return plan;
}

}  // namespace

std::vector<Implementation> sampler_implementations() {
  return {{"cuda:grid_generator", {"GridGenerator"}, offer_grid},
          {"cuda:bilinear_sampler", {"BilinearSampler"}, offer_sampler},
          {"cuda:spatial_transformer", {"SpatialTransformer"}, offer_sampler}};
}

}  // namespace tenon::cuda
