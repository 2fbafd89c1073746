// softmax and its relatives: a block a line or, where lines are many and short, a thread.

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/arithmetic.h"
#include "ops/axis_split.h"

namespace tenon::cuda {
namespace {

/// The axes a line covers.
AxisSplit split_of(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const Shape& data = call.shape_in(0);
  const int rank = data.rank();
  const auto name = call.node.op_name();
  if (name == "SoftmaxOutput") {
    if (attributes.flag("multi_output")) return split_around(data, 1, 2);
    return attributes.flag("preserve_shape") ? split_around(data, rank - 1, rank) : split_around(data, 1, rank);
  }
  if (name == "SoftmaxActivation") {
    return attributes.text("mode") == "channel" ? split_around(data, 1, 2) : split_around(data, rank - 1, rank);
  }
  const std::int64_t axis = attributes.integer("axis");
  const int front = static_cast<int>(axis < 0 ? axis + rank : axis);
  return split_around(data, front, front + 1);
}

/// A block that reduces a line of a few elements idles: short lines, and those that neighbours read side by side where
/// they are enough to fill a device.
bool suits_threads(const AxisSplit& split) {
  constexpr std::int64_t kShort = 32, kSideBySide = 32, kEnough = 16384;
  return split.size <= kShort || (split.inner >= kSideBySide && split.outer * split.inner >= kEnough);
}

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  Conditions conditions = filled_conditions(call);
  conditions.require(is_floating(call.dtype_in(0)), "the data are {}, not of a floating type", name(call.dtype_in(0)));
  // Rounded to the data's type before they are widened, sums in another order would show.
  conditions.require(call.dtype_in(0) == call.dtype_out(), "{} become {}", tenon::name(call.dtype_in(0)),
                     tenon::name(call.dtype_out()));
  conditions.require(call.shape_in(0).rank() > 0, "the data are a scalar");
  if (conditions.refuse()) return conditions.reason();
  const auto name = call.node.op_name();
  const SoftmaxKind kind = name == "log_softmax" ? SoftmaxKind::log_softmax
                           : name == "softmin"   ? SoftmaxKind::softmin
                                                 : SoftmaxKind::softmax;
  const AxisSplit split = split_of(call);
  const std::int64_t lines = split.outer * split.inner;
  const bool many = suits_threads(split);
  const bool lengths = attributes.has("use_length") && attributes.flag("use_length");
  const GpuFunction kernel = GpuFunction::get(device_of(request.memory),
                                              softmax_text(type_name(call.dtype_out()), type_name(call.dtype_in(0)),
                                                           kind, type_name(lengths ? call.dtype_in(1) : DType::int32)),
                                              many ? "softmax_of_many" : "softmax");
  const double temperature = attributes.has("temperature") ? attributes.real("temperature") : 1;
  StepPlan plan;
  plan.kernel.run = [kernel, split, lines, many, lengths, temperature](const Operands& operands) {
    const unsigned threads = many ? 128 : 256;
    const void* own = lengths ? operands.src[1] : nullptr;
    launch(kernel, operands.stream, grid_size(lines, many ? threads : 1), threads, operands.dst[0], operands.src[0],
           own, lines, split.size, split.inner, temperature);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> softmax_implementations() {
  return {{"cuda:softmax", {"softmax", "log_softmax", "softmin", "SoftmaxOutput", "SoftmaxActivation"}, offer}};
}

}  // namespace tenon::cuda
