#include "backends/cpu/cpu.h"
#include "backends/cpu/onednn.h"
#include "graph/graph.h"
#include "ops/spatial.h"

namespace tenon::cpu {
namespace {

using onednn::Argument;
using Dims = dnnl::memory::dims;

struct Window {
  Dims kernel, stride, pad_left, pad_right, dilate;
};

/// Each window as oneDNN counts it: the far side is padded so far that the last window fits.
Window window_of(const OpCall& call, const SlidingWindow& sliding, bool global) {
  Window window;
  for (int axis = 0; axis < sliding.rank; ++axis) {
    const std::size_t i = sliding.slot(axis);
    const std::int64_t src = call.shape_in(0)[2 + axis], dst = call.shape_out()[2 + axis];
    window.kernel.push_back(global ? src : sliding.kernel[i]);
    window.stride.push_back(global ? 1 : sliding.stride[i]);
    window.pad_left.push_back(global ? 0 : sliding.pad[i]);
    window.pad_right.push_back(std::max<std::int64_t>(
        0, (dst - 1) * window.stride.back() + window.kernel.back() - src - window.pad_left.back()));
    window.dilate.push_back(0);
  }
  return window;
}

dnnl::algorithm algorithm_of(const Attributes& attributes) {
  if (attributes.text("pool_type") == "max") return dnnl::algorithm::pooling_max;
  const bool counts_padding = !attributes.has("count_include_pad") || attributes.flag("count_include_pad");
  return counts_padding ? dnnl::algorithm::pooling_avg_include_padding : dnnl::algorithm::pooling_avg_exclude_padding;
}

/// oneDNN divides by the whole kernel where MXNet leaves out what hangs over the padding, and has its own idea of
/// windows that meet no data.
void require_same_windows(Conditions& conditions, const OpCall& call, const SlidingWindow& sliding,
                          const Window& window) {
  const bool includes = algorithm_of(call.attributes()) == dnnl::algorithm::pooling_avg_include_padding;
  for (int axis = 0; axis < sliding.rank; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    const std::int64_t pad = window.pad_left[a], far = window.pad_right[a], kernel = window.kernel[a];
    conditions.require(
        !includes || far <= pad,
        "the last window along spatial axis {} hangs over the padding by {}, which the divisor leaves out", axis,
        far - pad);
    conditions.require(pad < kernel && far < kernel,
                       "a window along spatial axis {} may hold only padding (kernel {}, padding {} and {})", axis,
                       kernel, pad, far);
  }
}

Offer offer_pooling(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  Conditions conditions = float32_conditions(call);
  const int rank = call.shape_in(0).rank() - 2;
  const std::string& type = attributes.text("pool_type");
  conditions.require(type == "max" || type == "avg", "pool_type={} is neither max nor avg", type);
  conditions.require(rank >= 1 && rank <= 3, "the data have {} spatial axes, not 1 to 3", rank);
  if (conditions.refuse()) return conditions.reason();
  conditions.require(!layout_of(attributes, rank).channels_last(), "the channels are the last axis");

  const bool global = attributes.flag("global_pool");
  SlidingWindow sliding;
  if (global) {
    sliding.rank = rank;
  } else {
    sliding = sliding_window(attributes);
  }
  const Window window = window_of(call, sliding, global);
  require_same_windows(conditions, call, sliding, window);
  if (conditions.refuse()) return conditions.reason();
  return onednn::offer_of([&]() -> Offer {
    const MemoryFormat format = request.src[0];
    const auto src = onednn::describe(call.shape_in(0), format), dst = onednn::describe(call.shape_out(), format);
    const auto desc = onednn::describe_primitive<onednn::Pooling>(
        dnnl::prop_kind::forward_inference, algorithm_of(attributes), src, dst, window.stride, window.kernel,
        window.dilate, window.pad_left, window.pad_right);
    StepPlan plan;
    plan.kernel =
        onednn::kernel_of(onednn::Pooling(desc), desc.scratchpad_desc(),
                          {{DNNL_ARG_SRC, src, Argument::From::src, 0}, {DNNL_ARG_DST, dst, Argument::From::dst, 0}});
    plan.src = {format};
    plan.dst = {format};
    return plan;
  });
}

}  // namespace

std::vector<Implementation> pooling_implementations() {
  return {{"onednn:pooling", {"Pooling"}, offer_pooling}};
}

}  // namespace tenon::cpu
