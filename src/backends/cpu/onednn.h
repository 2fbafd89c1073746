#pragma once

// All that Tenon asks of oneDNN, in one place: versions 2 and 3 of the library differ in how primitives are described.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "engine/backend.h"

namespace tenon::onednn {

using Description = dnnl::memory::desc;

const dnnl::engine& engine();

/// Attributes that let the planner own the scratchpad.
dnnl::primitive_attr attributes();

/// The primitive descriptor, from the arguments that both versions take in the same order. Throws dnnl::error where the
/// library has no implementation.
template <class Primitive, class... Args>
typename Primitive::primitive_desc describe_primitive(Args&&... args) {
#if DNNL_VERSION_MAJOR < 3
  return {typename Primitive::desc(std::forward<Args>(args)...), attributes(), engine()};
#else
  return {engine(), std::forward<Args>(args)..., attributes()};
#endif
}

#if DNNL_VERSION_MAJOR < 3
using Pooling = dnnl::pooling_v2_forward;
using Softmax = dnnl::softmax_v2_forward;
#else
using Pooling = dnnl::pooling_forward;
using Softmax = dnnl::softmax_forward;
#endif
dnnl::eltwise_forward::primitive_desc describe_eltwise(dnnl::algorithm algorithm, const Description& data, float alpha);
dnnl::lrn_forward::primitive_desc describe_lrn(const Description& data, std::int64_t size, float alpha, float beta,
                                               float k);

/// A float32 tensor that lies as the format says; in blocks, of rank 3 to 5.
Description describe(const Shape& shape, MemoryFormat format = {});
/// The same with the layout left to the library.
Description any_layout(const Shape& shape);
/// The same with these distances between elements.
Description strided(const Shape& shape, const std::vector<std::int64_t>& strides);
/// Tenon's name of a layout that the library chose; empty where it has none.
std::optional<MemoryFormat> format_of(const Description& description, const Shape& shape);

/// Whether the library's answer is its reference, which is far slower than any other.
template <class Desc>
bool is_naive(const Desc& desc) {
  return std::string_view(desc.impl_info_str()).starts_with("ref");
}

/// One argument of a primitive: an operand of the step, or a tensor that the step keeps.
struct Argument {
  int id;  ///< DNNL_ARG_…
  Description description;
  enum class From { src, dst, kept } from;
  int index = 0;  ///< of the operand
  std::shared_ptr<const Tensor> kept = nullptr;
};

/// A kernel that runs the primitive on its arguments.
Kernel kernel_of(const dnnl::primitive& primitive, const Description& scratchpad, std::vector<Argument> arguments);

/// The parameter as the primitive wants it: packed once for all programs of the model.
std::shared_ptr<const Tensor> pack(const StepRequest& request, int input, const Description& from,
                                   const Description& to);

/// Calls make(); what the library refuses becomes the reason of the refusal.
template <class Make>
Offer offer_of(Make make) {
  try {
    return make();
  } catch (const dnnl::error& error) {
    return "oneDNN has no implementation of it: " + std::string(error.what());
  }
}

/// A copy from one format to another.
Kernel reorder(const TensorType& type, MemoryFormat from, MemoryFormat to);

}  // namespace tenon::onednn
