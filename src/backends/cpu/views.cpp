// Operators whose result is their first input, perhaps under another shape: nothing runs.

#include "backends/cpu/cpu.h"
#include "graph/graph.h"

namespace tenon::cpu {
namespace {

Conditions view_conditions(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions;
  conditions.require(call.dtype_in(0) == call.dtype_out(), "the type changes from {} to {}", name(call.dtype_in(0)),
                     name(call.dtype_out()));
  conditions.require(call.shape_in(0).elements() == call.shape_out().elements(), "{} elements become {}",
                     call.shape_in(0).elements(), call.shape_out().elements());
  for (std::size_t i = 1; i < request.read.size(); ++i) {
    conditions.require(!request.read[i], "output {} is read", i);
  }
  return conditions;
}

StepPlan view(const StepRequest& request, MemoryFormat format) {
  StepPlan plan;
  plan.view_of = 0;
  plan.src.resize(request.src.size());
  plan.src[0] = format;
  plan.dst.resize(request.read.size());
  plan.dst[0] = format;
  for (int i = 1; i < static_cast<int>(request.src.size()); ++i) plan.absorbed.push_back(i);
  return plan;
}

/// The shape changes: the order of the elements is what counts.
Offer offer_reshaped(const StepRequest& request) {
  const Conditions conditions = view_conditions(request);
  if (conditions.refuse()) return conditions.reason();
  return view(request, {});
}

/// The shape stays: any format will do.
Offer offer_same(const StepRequest& request) {
  Conditions conditions = view_conditions(request);
  const Attributes& attributes = request.call.attributes();
  conditions.require(!attributes.all().contains("mode") || attributes.text("mode") == "training",
                     "mode={} draws a random mask", attributes.all().contains("mode") ? attributes.text("mode") : "");
  if (conditions.refuse()) return conditions.reason();
  return view(request, request.src[0]);
}

}  // namespace

std::vector<Implementation> view_implementations() {
  return {{"cpu:view", {"Flatten", "Reshape", "expand_dims", "squeeze", "reshape_like"}, offer_reshaped},
          {"cpu:view",
           {"_copy", "BlockGrad", "make_loss", "MakeLoss", "_CrossDeviceCopy", "_identity_with_attr_like_rhs",
            "LinearRegressionOutput", "MAERegressionOutput", "SVMOutput", "Dropout", "Cast"},
           offer_same}};
}

}  // namespace tenon::cpu
