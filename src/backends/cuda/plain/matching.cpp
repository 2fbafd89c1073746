// Matching of rows and columns by score.

#include <algorithm>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;  // what the kernel's shared memory is made for

struct MatchingGeometry {
  std::int64_t batch, rows, columns, most;
  int ascending;
  float threshold;
};

Offer offer_matching(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Attributes& attributes = call.attributes();
  const Shape& data = call.shape_in(0);
  const bool ascending = attributes.flag("is_ascend");
  const std::int64_t topk = attributes.integer("topk");
  const auto threshold = static_cast<float>(attributes.real("threshold"));
  MatchingGeometry g{};
  g.batch = data.elements(0, data.rank() - 2);
  g.rows = data[data.rank() - 2];
  g.columns = data[data.rank() - 1];
  g.most = std::min(g.rows, g.columns);
  if (topk > 0) g.most = std::min(g.most, topk + 1);  // MXNet stops after topk + 1 matches
  g.ascending = ascending ? 1 : 0;
  g.threshold = ascending ? -threshold : threshold;
  const std::string text = typed_text({{"T", type_name(call.dtype_in(0))}}, "matching");
  StepPlan plan;
  plan.kernel.run =
      [g, kernel = GpuFunction::get(device_of(request.memory), text, "bipartite_matching")](const Operands& at) {
        launch(kernel, at.stream, grid_size(g.batch, 1), kThreads, g, at.dst[0], at.dst[1], at.src[0]);
      };
  return plan;
}

}  // namespace

std::vector<Implementation> matching_implementations() {
  return {{"cuda:bipartite_matching", {"_contrib_bipartite_matching"}, offer_matching}};
}

}  // namespace tenon::cuda
