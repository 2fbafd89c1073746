// Region proposals.

#include "ops/proposal.h"

#include <algorithm>
#include <array>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "backends/cuda/runtime/refusal.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::int64_t kTile = 256;  // that counting sorts
constexpr std::size_t kMostAnchors = 64;

/// What the kernels take by value.
struct ProposalGeometry {
  std::int64_t batch, height, width, stride;
  std::int64_t count, considered, kept;
  float min_size, threshold;
  int iou_loss, anchors;
  std::array<ProposalBox, kMostAnchors> anchor;
};

ProposalGeometry geometry_of(const ProposalParameters& p) {
  ProposalGeometry g{p.batch,
                     p.height,
                     p.width,
                     p.stride,
                     p.count,
                     p.considered,
                     p.kept,
                     p.min_size,
                     p.threshold,
                     p.iou_loss ? 1 : 0,
                     static_cast<int>(p.anchors.size()),
                     {}};
  std::copy(p.anchors.begin(), p.anchors.end(), g.anchor.begin());
  return g;
}

/// Boxes, scores and two orders, of all images.
struct Scratch {
  explicit Scratch(std::int64_t boxes)
      : scores(padded(boxes, sizeof(ProposalBox))),
        order(scores + padded(boxes, sizeof(float))),
        spare(order + padded(boxes, sizeof(std::int32_t))),
        bytes(spare + padded(boxes, sizeof(std::int32_t))) {}

  static std::size_t padded(std::int64_t count, std::size_t size) {
    return (static_cast<std::size_t>(count) * size + 63) / 64 * 64;
  }

  std::size_t scores, order, spare, bytes;  // where each begins; boxes come first
};

class Proposal {
 public:
  Proposal(const StepRequest& request, const ProposalParameters& parameters)
      : g_(geometry_of(parameters)),
        scratch_(g_.batch * g_.count),
        decode_(kernel_of(request, "proposal_decode")),
        sort_tiles_(kernel_of(request, "proposal_sort_tiles")),
        merge_(kernel_of(request, "proposal_merge")),
        suppress_(kernel_of(request, "proposal_suppress")),
        refusals_(std::make_shared<KernelRefusals>(
            [parameters, refuse = DataRefusal(request.call)](const RefusalRecord& record) {
              parameters.refuse_image(refuse, record.position, static_cast<float>(record.real[0]),
                                      static_cast<float>(record.real[1]));
            })) {}

  std::size_t workspace_bytes() const { return scratch_.bytes; }

  void operator()(const Operands& at) const {
    void *boxes = at.workspace, *scores = at.workspace + scratch_.scores;
    void *order = at.workspace + scratch_.order, *spare = at.workspace + scratch_.spare;
    const unsigned grid = grid_size(g_.batch * g_.count, kThreads);
    launch(decode_, at.stream, grid, kThreads, g_, boxes, scores, at.src[0], at.src[1], at.src[2],
           refusals_->record(at.stream));
    launch(sort_tiles_, at.stream, grid, kThreads, g_, kTile, order, as_const(scores));
    for (std::int64_t run = kTile; run < g_.count; run *= 2) {
      launch(merge_, at.stream, grid, kThreads, g_, run, spare, as_const(order), as_const(scores));
      std::swap(order, spare);
    }
    constexpr unsigned most_threads = 1024;  // one block an image: as wide as it can be
    launch(suppress_, at.stream, grid_size(g_.batch, 1), most_threads, g_, at.dst[0], at.dst[1], order, spare,
           as_const(boxes), as_const(scores));
  }

 private:
  static const void* as_const(const void* pointer) { return pointer; }

  static GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
    return GpuFunction::get(
        device_of(request.memory),
        typed_text({{"T", "float"}}, {"refusal", "proposal"}, {{"MOST_ANCHORS", std::to_string(kMostAnchors)}}), name);
  }

  ProposalGeometry g_;
  Scratch scratch_;
  GpuFunction decode_, sort_tiles_, merge_, suppress_;
  std::shared_ptr<KernelRefusals> refusals_;
};

Offer offer_proposal(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  conditions.require(call.dtype_in(0) == DType::float32, "the data are {}, not float32", name(call.dtype_in(0)));
  const ProposalParameters parameters(call);
  conditions.require(parameters.anchors.size() <= kMostAnchors, "a cell has {} anchors, more than {}",
                     parameters.anchors.size(), kMostAnchors);
  if (conditions.refuse()) return conditions.reason();
  const Proposal proposal(request, parameters);
  StepPlan plan;
  plan.kernel = {proposal, proposal.workspace_bytes()};
  return plan;
}

}  // namespace

std::vector<Implementation> proposal_implementations() {
  return {{"cuda:proposal", {"_contrib_Proposal", "_contrib_MultiProposal"}, offer_proposal}};
}

}  // namespace tenon::cuda
