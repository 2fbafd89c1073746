// ROIAlign and its rotated form, which may refuse a region.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "backends/cuda/runtime/refusal.h"
#include "graph/graph.h"
#include "ops/regions.h"

namespace tenon::cuda {
namespace {

/// What the kernel takes by value.
struct AlignGeometry {
  Regions regions;
  std::int64_t dst_channels = 0, samples = 0, most_samples = kMostSamples;
  int rotated = 0, aligned = 0, position_sensitive = 0;
};

AlignGeometry geometry_of(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  AlignGeometry g{Regions(call)};
  g.dst_channels = call.shape_out()[1];
  g.rotated = call.node.op_name() == "_contrib_RROIAlign" ? 1 : 0;
  g.samples = attributes.integer(g.rotated != 0 ? "sampling_ratio" : "sample_ratio");
  if (g.rotated == 0) {
    g.aligned = attributes.flag("aligned") ? 1 : 0;
    g.position_sensitive = attributes.flag("position_sensitive") ? 1 : 0;
  }
  return g;
}

/// What a refusal is about, as the kernel numbers it.
enum Subject { kImage, kSize, kHeight, kWidth };

/// Numbers are said as the reference computes them: in float but for float64.
template <class A>
void refuse_region(const DataRefusal& refuse, const AlignGeometry& g, const RefusalRecord& record) {
  const auto first = static_cast<A>(record.real[0]), second = static_cast<A>(record.real[1]);
  switch (record.detail[0]) {
    case kImage:
      refuse_image(refuse, record.position, record.detail[1], g.regions.batch);
    case kSize:
      refuse_size(refuse, record.position, first, second);
    case kHeight:
      refuse_span(refuse, record.position, first, g.regions.pooled_height);
    default:
      refuse_span(refuse, record.position, first, g.regions.pooled_width);
  }
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const AlignGeometry g = geometry_of(call);
  const DType dtype = call.dtype_in(0);
  const auto refusals = std::make_shared<KernelRefusals>([g, refuse = DataRefusal(call), dtype](const auto& record) {
    dtype == DType::float64 ? refuse_region<double>(refuse, g, record) : refuse_region<float>(refuse, g, record);
  });
  constexpr unsigned threads = 128;
  StepPlan plan;
  plan.kernel.run = [=,
                     kernel =
                         GpuFunction::get(device_of(request.memory),
                                          typed_text({{"T", type_name(dtype)}}, {"refusal", "roi_align"}), "roi_align"),
                     count = call.shape_out().elements()](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, threads), threads, g, at.dst[0], at.src[0], at.src[1],
           refusals->record(at.stream));
  };
  return plan;
}

}  // namespace

std::vector<Implementation> roi_align_implementations() {
  return {{"cuda:roi_align", {"_contrib_ROIAlign", "_contrib_RROIAlign"}, offer}};
}

}  // namespace tenon::cuda
