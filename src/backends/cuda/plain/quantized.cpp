// Quantized operators that do what a real one does: convolution, dense layers, pooling, rows by index, joining.

#include <array>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/plain/pool_kernel.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/quantization.h"
#include "ops/rules.h"
#include "ops/spatial.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::size_t kMostJoined = 32;

GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(request.call.dtype_in(0))}}, "quantized",
                                     {{"MOST_JOINED", std::to_string(kMostJoined)}}),
                          name);
}

/// The range of what moves or compares elements: that of input `low` and the one behind it.
void copy_range(const Operands& at, std::size_t low) {
  for (const std::size_t end : {std::size_t{0}, std::size_t{1}}) {
    if (at.dst[1 + end] != nullptr) copy_within(at.dst[1 + end], at.src[low + end], sizeof(float), at.stream);
  }
}

// Convolution and FullyConnected.

struct ProductRanges {
  const void *data_low, *data_high, *weight_low, *weight_high, *bias_low, *bias_high;
};

ProductRanges product_ranges(const Operands& at, bool has_bias) {
  const std::size_t first = has_bias ? 3 : 2;
  return {at.src[first],
          at.src[first + 1],
          at.src[first + 2],
          at.src[first + 3],
          has_bias ? at.src[first + 4] : nullptr,
          has_bias ? at.src[first + 5] : nullptr};
}

/// Inputs are data, weight, perhaps bias, and a range for each.
template <class Geometry>
Offer product_plan(const StepRequest& request, const std::string& name, const Geometry& geometry) {
  StepPlan plan;
  plan.kernel.run = [g = geometry, kernel = kernel_of(request, name), count = request.call.shape_out().elements(),
                     has_bias = request.call.inputs.size() > 6](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, kThreads), kThreads, g, at.dst[0], at.dst[1], at.dst[2], at.src[0],
           at.src[1], has_bias ? at.src[2] : nullptr, product_ranges(at, has_bias));
  };
  return plan;
}

struct ConvolutionGeometry {
  std::int64_t batch = 0, groups = 0, src_channels = 0, dst_channels = 0;
  Extent src = {}, dst = {}, kernel = {}, stride = {}, dilate = {}, pad = {};
  float data_levels = 0;
};

Offer offer_convolution(const StepRequest& request) {
  const OpCall& call = request.call;
  const SlidingWindow window = sliding_window(call.attributes());
  const Layout layout = layout_of(call.attributes(), window.rank);
  Conditions conditions = filled_conditions(call);
  conditions.require(!layout.channels_last(), "the channels are last");
  if (conditions.refuse()) return conditions.reason();
  return product_plan(request, "quantized_convolution",
                      ConvolutionGeometry{.batch = call.shape_in(0)[0],
                                          .groups = call.attributes().integer("num_group"),
                                          .src_channels = call.shape_in(0)[1],
                                          .dst_channels = call.shape_out()[1],
                                          .src = spatial_extent(call.shape_in(0), layout),
                                          .dst = spatial_extent(call.shape_out(), layout),
                                          .kernel = window.kernel,
                                          .stride = window.stride,
                                          .dilate = window.dilate,
                                          .pad = window.pad,
                                          .data_levels = levels(DType::int8)});  // whatever the data, as MXNet does
}

struct DenseGeometry {
  std::int64_t rows, hidden, inputs;
  float data_levels, data_half_levels;
};

Offer offer_dense(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& weight = call.shape_in(1);
  const DType data = call.dtype_in(0);
  return product_plan(
      request, "quantized_dense",
      DenseGeometry{call.shape_out().elements() / weight[0], weight[0], weight[1], levels(data), half_levels(data)});
}

// What keeps the range.

/// An average that counts the padding divides by the whole kernel, as Pooling_v1's does.
Offer offer_pooling(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const bool counts_pad = !attributes.has("count_include_pad") || attributes.flag("count_include_pad");
  StepPlan plan;
  plan.kernel.run =
      [pool = pool_kernel(request, counts_pad ? PoolDivisor::kernel : PoolDivisor::real, false)](const Operands& at) {
        pool(at);
        copy_range(at, 1);
      };
  return plan;
}

Offer offer_flatten(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [bytes = static_cast<std::size_t>(call.shape_out().elements())](const Operands& at) {
    copy_within(at.dst[0], at.src[0], bytes, at.stream);
    copy_range(at, 1);
  };
  return plan;
}

Offer offer_embedding(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = filled_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& weight = call.shape_in(1);
  StepPlan plan;
  plan.kernel.run = [kernel = GpuFunction::get(device_of(request.memory),
                                               take_text("u8", type_name(call.dtype_in(0)), "clip"), "take"),
                     count = call.shape_out().elements(), rows = weight[0], indices = call.shape_in(0).elements(),
                     inner = weight[1]](const Operands& at) {
    launch(kernel, at.stream, grid_size(count, kThreads), kThreads, at.dst[0], at.src[1], at.src[0], count, rows,
           indices, inner);
    copy_range(at, 2);
  };
  return plan;
}

// Concat.

struct JoinedRanges {
  int count = 0, is_unsigned = 0;
  std::array<const void*, 2 * kMostJoined> end = {};
};

struct PartGeometry {
  std::int64_t outer, size, dst_size, dst_first;
};

/// Where each operand lies in the result.
std::vector<PartGeometry> parts_of(const OpCall& call, std::size_t operands) {
  const Shape& dst = call.shape_out();
  const int axis = from_front(call.attributes().integer("dim"), dst.rank());
  std::vector<PartGeometry> parts;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < operands; ++i) {
    const std::int64_t size = call.inputs[i].shape.elements(axis, dst.rank());
    parts.push_back({dst.elements(0, axis), size, dst.elements(axis, dst.rank()), first});
    first += size;
  }
  return parts;
}

Offer offer_concat(const StepRequest& request) {
  const OpCall& call = request.call;
  const std::size_t operands = call.inputs.size() / 3;  // each has a range
  Conditions conditions = filled_conditions(call);
  conditions.require(operands <= kMostJoined, "{} are joined, more than {}", operands, kMostJoined);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.workspace_bytes = operands * sizeof(float);
  plan.kernel.run = [operands, is_unsigned = call.dtype_out() == DType::uint8, parts = parts_of(call, operands),
                     widest = kernel_of(request, "widest_range"),
                     join = kernel_of(request, "quantized_concat")](const Operands& at) {
    JoinedRanges ranges{static_cast<int>(operands), is_unsigned ? 1 : 0};
    for (std::size_t i = 0; i < 2 * operands; ++i) ranges.end[i] = at.src[operands + i];
    launch(widest, at.stream, 1, 1, ranges, at.workspace, at.dst[1], at.dst[2]);
    for (std::size_t i = 0; i < operands; ++i) {
      const PartGeometry& g = parts[i];
      launch(join, at.stream, grid_size(g.outer * g.size, kThreads), kThreads, g, at.dst[0], at.src[i],
             static_cast<const void*>(at.workspace + i * sizeof(float)));
    }
  };
  return plan;
}

}  // namespace

std::vector<Implementation> quantized_implementations() {
  return {{"cuda:quantized_convolution", {"_contrib_quantized_conv"}, offer_convolution},
          {"cuda:quantized_dense", {"_contrib_quantized_fully_connected"}, offer_dense},
          {"cuda:quantized_pool", {"_contrib_quantized_pooling"}, offer_pooling},
          {"cuda:quantized_flatten", {"_contrib_quantized_flatten"}, offer_flatten},
          {"cuda:quantized_take", {"_contrib_quantized_embedding"}, offer_embedding},
          {"cuda:quantized_concat", {"_contrib_quantized_concat"}, offer_concat}};
}

}  // namespace tenon::cuda
