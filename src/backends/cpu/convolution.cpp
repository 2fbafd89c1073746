// Convolution, Deconvolution and FullyConnected by oneDNN. Constant weights are packed into the layout that the library
// asks for; the activations' layout is the library's choice too, as long as Tenon has a name for it.

#include "backends/cpu/cpu.h"
#include "backends/cpu/onednn.h"
#include "graph/graph.h"
#include "ops/spatial.h"

namespace tenon::cpu {
namespace {

using onednn::Argument;
using onednn::Description;
using Dims = dnnl::memory::dims;

constexpr auto kInference = dnnl::prop_kind::forward_inference;

/// The window as oneDNN counts it: dilation 0 has no holes, and each side has its own padding.
struct Window {
  Dims stride, dilate, pad_left, pad_right;
};

struct Descriptions {
  Description src, weight, bias, dst;
};

/// What follows the choice of a primitive: packs what is constant and ties operands to arguments.
template <class Primitive>
StepPlan plan_of(const StepRequest& request, const typename Primitive::primitive_desc& desc,
                 const Description& plain_weight, MemoryFormat src, MemoryFormat dst) {
  StepPlan plan;
  std::vector<Argument> arguments = {{DNNL_ARG_SRC, desc.src_desc(), Argument::From::src, 0},
                                     {DNNL_ARG_DST, desc.dst_desc(), Argument::From::dst, 0}};
  if (request.constant[1] != nullptr) {
    auto packed = onednn::pack(request, 1, plain_weight, desc.weights_desc());
    arguments.push_back({DNNL_ARG_WEIGHTS, desc.weights_desc(), Argument::From::kept, 0, packed});
    plan.packed.push_back(std::move(packed));
    plan.absorbed.push_back(1);
  } else {
    arguments.push_back({DNNL_ARG_WEIGHTS, desc.weights_desc(), Argument::From::src, 1});
  }
  if (request.call.inputs.size() > 2) {
    arguments.push_back({DNNL_ARG_BIAS, desc.bias_desc(), Argument::From::src, 2});
  }
  plan.kernel = onednn::kernel_of(Primitive(desc), desc.scratchpad_desc(), std::move(arguments));
  plan.src.resize(request.src.size());
  plan.src[0] = src;
  plan.dst = {dst};
  return plan;
}

/// A primitive in layouts that Tenon has names for.
template <class Desc>
struct Choice {
  Desc desc;
  MemoryFormat src, dst;
};

/// Nothing where the library would compute it by naive loops, or not at all.
template <class Describe>
auto try_formats(const Descriptions& free, const StepRequest& request, MemoryFormat src, MemoryFormat dst,
                 Describe describe) -> std::optional<Choice<decltype(describe(free))>> {
  Descriptions fixed = free;
  fixed.src = onednn::describe(request.call.shape_in(0), src);
  fixed.dst = onednn::describe(request.call.shape_out(), dst);
  try {
    auto desc = describe(fixed);
    if (onednn::is_naive(desc)) return {};
    return {{std::move(desc), src, dst}};
  } catch (const dnnl::error&) {
    return {};
  }
}

/// The library's favourite layouts where Tenon has names for them. It has none for channels that are the last axis,
/// which the library likes best with AVX-512: there, blocks of 16 are about as fast (a third slower for 512 channels of
/// 7x7, faster depthwise), row-major data much slower. The first convolution of a network has too few channels for
/// blocks and reads rows.
template <class Describe>
auto choose_formats(const Descriptions& free, const StepRequest& request, Describe describe)
    -> Choice<decltype(describe(free))> {
  constexpr MemoryFormat kRows{}, kBlocks{16};
  const auto favourite = describe(free);
  const auto src = onednn::format_of(favourite.src_desc(), request.call.shape_in(0));
  const auto dst = onednn::format_of(favourite.dst_desc(), request.call.shape_out());
  if (src && dst) return {favourite, *src, *dst};
  if (auto choice = try_formats(free, request, kBlocks, kBlocks, describe)) return std::move(*choice);
  if (auto choice = try_formats(free, request, kRows, kBlocks, describe)) return std::move(*choice);
  Descriptions rows = free;
  rows.src = onednn::describe(request.call.shape_in(0));
  rows.dst = onednn::describe(request.call.shape_out());
  return {describe(rows), kRows, kRows};
}

template <class Primitive, class Describe>
Offer offer_window_primitive(const StepRequest& request, const Description& plain_weight,
                             const Description& free_weight, Describe describe) {
  return onednn::offer_of([&]() -> Offer {
    const Shape &src = request.call.shape_in(0), &dst = request.call.shape_out();
    const Description bias = request.call.inputs.size() > 2 ? onednn::describe({dst[1]}) : Description();
    const Description weight = request.constant[1] != nullptr ? free_weight : plain_weight;
    const Descriptions free{onednn::any_layout(src), weight, bias, onednn::any_layout(dst)};
    const auto choice = choose_formats(free, request, describe);
    return plan_of<Primitive>(request, choice.desc, plain_weight, choice.src, choice.dst);
  });
}

Dims spatial(const Extent& extent, int rank) {
  return {extent.end() - rank, extent.end()};
}

/// (F, C, k…) as it lies in MXNet's files, or with the group as an axis of its own.
Shape grouped(const Shape& weight, std::int64_t groups) {
  if (groups == 1) return weight;
  std::vector<std::int64_t> dims(weight.begin(), weight.end());
  dims[0] /= groups;
  dims.insert(dims.begin(), groups);
  return Shape(std::move(dims));
}

Conditions window_conditions(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = float32_conditions(call);
  const Layout layout = layout_of(call.attributes(), sliding_window(call.attributes()).rank);
  conditions.require(!layout.channels_last(), "layout={} has the channels last",
                     format_attribute(call.attributes().all().at("layout")));
  return conditions;
}

Offer offer_convolution(const StepRequest& request) {
  const Conditions conditions = window_conditions(request);
  if (conditions.refuse()) return conditions.reason();
  const OpCall& call = request.call;
  const SlidingWindow sliding = sliding_window(call.attributes());
  Window window{spatial(sliding.stride, sliding.rank), spatial(sliding.dilate, sliding.rank),
                spatial(sliding.pad, sliding.rank), spatial(sliding.pad, sliding.rank)};
  for (auto& dilate : window.dilate) --dilate;
  const Shape weight = grouped(call.shape_in(1), call.attributes().integer("num_group"));
  using Primitive = dnnl::convolution_forward;
  return offer_window_primitive<Primitive>(
      request, onednn::describe(weight), onednn::any_layout(weight), [&](const Descriptions& is) {
        return onednn::describe_primitive<Primitive>(kInference, dnnl::algorithm::convolution_direct, is.src, is.weight,
                                                     is.bias, is.dst, window.stride, window.dilate, window.pad_left,
                                                     window.pad_right);
      });
}

/// MXNet keeps (C, F, k…); oneDNN names the destination's channels first: the same memory, two axes exchanged.
struct TransposedWeight {
  Shape shape;
  std::vector<std::int64_t> strides;
};

TransposedWeight transposed_weight(const Shape& kept, std::int64_t groups) {
  TransposedWeight weight{grouped(kept, groups), {}};
  const Shape& shape = weight.shape;
  for (int axis = 0; axis < shape.rank(); ++axis) weight.strides.push_back(shape.elements(axis + 1, shape.rank()));
  const int outer = groups > 1 ? 1 : 0;
  std::swap(weight.shape[outer], weight.shape[outer + 1]);
  std::swap(weight.strides[static_cast<std::size_t>(outer)], weight.strides[static_cast<std::size_t>(outer) + 1]);
  return weight;
}

Offer offer_deconvolution(const StepRequest& request) {
  Conditions conditions = window_conditions(request);
  const OpCall& call = request.call;
  const SlidingWindow sliding = sliding_window(call.attributes());
  const std::int64_t groups = call.attributes().integer("num_group");
  Window window{spatial(sliding.stride, sliding.rank),
                spatial(sliding.dilate, sliding.rank),
                spatial(sliding.pad, sliding.rank),
                {}};
  for (int axis = 0; axis < sliding.rank; ++axis) {
    const std::size_t i = sliding.slot(axis);
    --window.dilate[static_cast<std::size_t>(axis)];
    const std::int64_t whole = sliding.stride[i] * (call.shape_in(0)[2 + axis] - 1) + sliding.reach(i);
    window.pad_right.push_back(whole - call.shape_out()[2 + axis] - sliding.pad[i]);
    conditions.require(window.pad_right.back() >= 0, "adj leaves {} elements beyond the data along spatial axis {}",
                       -window.pad_right.back(), axis);
  }
  conditions.require(call.attributes().tuple("target_shape").empty(), "target_shape={} sets other paddings",
                     format_attribute(call.attributes().tuple("target_shape")));
  if (conditions.refuse()) return conditions.reason();

  const TransposedWeight weight = transposed_weight(call.shape_in(1), groups);
  using Primitive = dnnl::deconvolution_forward;
  return offer_window_primitive<Primitive>(request, onednn::strided(weight.shape, weight.strides),
                                           onednn::any_layout(weight.shape), [&](const Descriptions& is) {
                                             return onednn::describe_primitive<Primitive>(
                                                 kInference, dnnl::algorithm::deconvolution_direct, is.src, is.weight,
                                                 is.bias, is.dst, window.stride, window.dilate, window.pad_left,
                                                 window.pad_right);
                                           });
}

Offer offer_fully_connected(const StepRequest& request) {
  const Conditions conditions = float32_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& weight = request.call.shape_in(1);
  const std::int64_t rows = request.call.shape_out().elements() / weight[0];
  return onednn::offer_of([&]() -> Offer {
    const bool is_constant = request.constant[1] != nullptr;
    const Description bias = request.call.inputs.size() > 2 ? onednn::describe({weight[0]}) : Description();
    const auto desc = onednn::describe_primitive<dnnl::inner_product_forward>(
        kInference, onednn::describe({rows, weight[1]}),
        is_constant ? onednn::any_layout(weight) : onednn::describe(weight), bias, onednn::describe({rows, weight[0]}));
    return plan_of<dnnl::inner_product_forward>(request, desc, onednn::describe(weight), {}, {});
  });
}

}  // namespace

Conditions float32_conditions(const OpCall& call) {
  Conditions conditions;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    conditions.require(call.dtype_in(static_cast<int>(i)) == DType::float32, "input {} is {}, not float32", i,
                       name(call.dtype_in(static_cast<int>(i))));
    conditions.require(call.inputs[i].shape.elements() > 0, "input {} has no elements", i);
  }
  conditions.require(call.shape_out().elements() > 0, "the output has no elements");
  conditions.require(call.dtype_out() == DType::float32, "the output is {}, not float32", name(call.dtype_out()));
  return conditions;
}

std::vector<Implementation> convolution_implementations() {
  return {{"onednn:convolution", {"Convolution", "Convolution_v1"}, offer_convolution},
          {"onednn:deconvolution", {"Deconvolution"}, offer_deconvolution},
          {"onednn:inner_product", {"FullyConnected"}, offer_fully_connected}};
}

}  // namespace tenon::cpu
