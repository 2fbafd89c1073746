// Position-sensitive pooling of regions.

#include "ops/psroi.h"

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "backends/cuda/runtime/refusal.h"
#include "graph/graph.h"
#include "ops/regions.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;

GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(request.call.dtype_in(0))}}, {"refusal", "plane", "psroi"}),
                          name);
}

struct PsroiGeometry {
  Regions regions;
  std::int64_t groups, outputs;
};

PsroiGeometry geometry_of(const OpCall& call) {
  return {Regions(call), psroi_groups(call.attributes()), call.shape_out()[1]};
}

/// Of regions whose image is not there.
std::shared_ptr<KernelRefusals> refusals_of(const OpCall& call) {
  return std::make_shared<KernelRefusals>(
      [refuse = DataRefusal(call), images = call.shape_in(0)[0]](const RefusalRecord& record) {
        refuse_image(refuse, record.position, record.detail[0], images);
      });
}

Offer offer_psroi_pooling(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "psroi_pooling"), g = geometry_of(request.call),
                     count = request.call.shape_out().elements(),
                     refusals = refusals_of(request.call)](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, kThreads), kThreads, g, at.dst[0], at.src[0], at.src[1],
           refusals->record(at.stream));
  };
  return plan;
}

struct ShiftGeometry {
  std::int64_t classes, parts, samples;
  float deviation;
};

Offer offer_deformable(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Attributes& attributes = call.attributes();
  const bool shifted = !attributes.flag("no_trans");
  const ShiftGeometry shifts{shifted ? call.shape_in(2)[1] / 2 : 1, psroi_parts(attributes),
                             attributes.integer("sample_per_part"), static_cast<float>(attributes.real("trans_std"))};
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "deformable_psroi_pooling"), g = geometry_of(call), shifts, shifted,
                     count = call.shape_out().elements(), refusals = refusals_of(call)](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, kThreads), kThreads, g, shifts, at.dst[0], at.src[0], at.src[1],
           shifted ? at.src[2] : nullptr, refusals->record(at.stream));
  };
  return plan;
}

}  // namespace

std::vector<Implementation> psroi_implementations() {
  return {{"cuda:psroi_pooling", {"_contrib_PSROIPooling"}, offer_psroi_pooling},
          {"cuda:psroi_pooling", {"_contrib_DeformablePSROIPooling"}, offer_deformable}};
}

}  // namespace tenon::cuda
