// Softmax in its spellings, and local response normalisation.

#include "backends/cpu/cpu.h"
#include "backends/cpu/engine.h"
#include "backends/cpu/onednn.h"
#include "graph/graph.h"

namespace tenon::cpu {
namespace {

using onednn::Argument;

/// The axes [first, last) that one softmax goes over.
struct Axes {
  int first, last;
};

Offer softmax_over(const StepRequest& request, Axes axes, dnnl::algorithm algorithm) {
  return onednn::offer_of([&]() -> Offer {
    const Shape& data = request.call.shape_in(0);
    const auto view = onednn::describe(
        {data.elements(0, axes.first), data.elements(axes.first, axes.last), data.elements(axes.last, data.rank())});
    const auto desc =
        onednn::describe_primitive<onednn::Softmax>(dnnl::prop_kind::forward_inference, algorithm, view, view, 1);
    StepPlan plan;
    plan.kernel =
        onednn::kernel_of(onednn::Softmax(desc), desc.scratchpad_desc(),
                          {{DNNL_ARG_SRC, view, Argument::From::src, 0}, {DNNL_ARG_DST, view, Argument::From::dst, 0}});
    plan.in_place = {0};
    return plan;
  });
}

Offer offer_softmax(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  Conditions conditions = float32_conditions(call);
  conditions.require(call.inputs.size() == 1, "the length of each row is given");
  conditions.require(!attributes.has("temperature") || attributes.real("temperature") == 1, "temperature is not 1");
  const int rank = call.shape_in(0).rank();
  conditions.require(rank > 0, "the data have rank 0");
  if (conditions.refuse()) return conditions.reason();
  const auto given = static_cast<int>(attributes.integer("axis"));
  const int axis = given < 0 ? given + rank : given;
  return softmax_over(
      request, {axis, axis + 1},
      call.node.op_name() == "softmax" ? dnnl::algorithm::softmax_accurate : dnnl::algorithm::softmax_log);
}

Offer offer_softmax_output(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = float32_conditions(call);
  const int rank = call.shape_in(0).rank();
  conditions.require(rank > 1, "the data have rank {}", rank);
  if (conditions.refuse()) return conditions.reason();
  const bool multi = call.attributes().flag("multi_output"), keep = call.attributes().flag("preserve_shape");
  return softmax_over(request,
                      multi  ? Axes{1, 2}
                      : keep ? Axes{rank - 1, rank}
                             : Axes{1, rank},
                      dnnl::algorithm::softmax_accurate);
}

Offer offer_softmax_activation(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = float32_conditions(call);
  const int rank = call.shape_in(0).rank();
  const bool channel = call.attributes().text("mode") == "channel";
  conditions.require(rank > 1, "the data have rank {}", rank);
  if (conditions.refuse()) return conditions.reason();
  return softmax_over(request, channel ? Axes{1, 2} : Axes{rank - 1, rank}, dnnl::algorithm::softmax_accurate);
}

Offer offer_lrn(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  Conditions conditions = float32_conditions(call);
  conditions.require(!request.read[1], "the norm is read");
  conditions.require(call.shape_in(0).rank() == 4, "the data have rank {}, not 4", call.shape_in(0).rank());
  if (conditions.refuse()) return conditions.reason();
  return onednn::offer_of([&]() -> Offer {
    const auto data = onednn::describe(call.shape_in(0), request.src[0]);
    const auto desc =
        onednn::describe_lrn(data, attributes.integer("nsize"), static_cast<float>(attributes.real("alpha")),
                             static_cast<float>(attributes.real("beta")), static_cast<float>(attributes.real("knorm")));
    StepPlan plan;
    plan.kernel =
        onednn::kernel_of(dnnl::lrn_forward(desc), desc.scratchpad_desc(),
                          {{DNNL_ARG_SRC, data, Argument::From::src, 0}, {DNNL_ARG_DST, data, Argument::From::dst, 0}});
    plan.src = {request.src[0]};
    plan.dst = {request.src[0], {}};
    return plan;
  });
}

}  // namespace

std::vector<Implementation> softmax_implementations() {
  // oneDNN 2.6 goes along an axis that is not the last by a plain loop.
  return {line_softmax_implementation(),
          {"onednn:softmax", {"softmax", "log_softmax"}, offer_softmax},
          {"onednn:softmax", {"SoftmaxOutput"}, offer_softmax_output},
          {"onednn:softmax", {"SoftmaxActivation"}, offer_softmax_activation},
          {"onednn:lrn", {"LRN"}, offer_lrn}};
}

}  // namespace tenon::cpu
