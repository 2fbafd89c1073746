#include "backends/reference/reference.h"

#include "graph/graph.h"

namespace tenon {
namespace {

Offer offer(const StepRequest& request) {
  const Op& op = *request.call.node.op;
  if (!op.reference) return "the operator has no reference";
  StepPlan plan;
  plan.kernel = op.reference(request.call);
  return plan;
}

}  // namespace

Implementation reference_implementation() {
  return {"reference", {}, offer};
}

}  // namespace tenon
