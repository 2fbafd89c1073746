#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/reorder.h"
#include "backends/cpu/kernels/share.h"
#include "backends/cpu/onednn.h"
#include "backends/cpu/parallel.h"
#include "core/half.h"

namespace tenon::cpu {
namespace {

/// Between blocks of float32 and of bfloat16.
Kernel convert(std::int64_t elements, bool to_narrow) {
  if (to_narrow) {
    return {[elements](const Operands& operands) {
      const float* src = operands.in<float>(0);
      bfloat16* dst = operands.out<bfloat16>();
      parallel_for(
          elements, 1, [=](std::int64_t first, std::int64_t last) __attribute__((always_inline)) {
            for (std::int64_t i = first; i < last; ++i) dst[i] = to_bfloat16(src[i]);
          });
    }};
  }
  return {[elements](const Operands& operands) {
    const bfloat16* src = operands.in<bfloat16>(0);
    float* dst = operands.out<float>();
    parallel_for(
        elements, 1, [=](std::int64_t first, std::int64_t last) __attribute__((always_inline)) {
          for (std::int64_t i = first; i < last; ++i) dst[i] = to_float(src[i]);
        });
  }};
}

Kernel reorder(const TensorType& type, MemoryFormat from, MemoryFormat to) {
  if (!from.row_major() && !to.row_major() && (from == kNarrowBlocks || to == kNarrowBlocks)) {
    return convert(padded_elements(type.shape, from), to == kNarrowBlocks);
  }
  const MemoryFormat blocks = from.row_major() ? to : from;
  const bool narrow = blocks == kNarrowBlocks, known = (narrow || blocks == kBlocked) && from != to;
  if (!known || machine_isa() == Isa::none) return onednn::reorder(type, from, to);
  const Shape& shape = type.shape;
  const ReorderProblem problem{shape[0], shape[1], shape.elements(2, shape.rank()), from.row_major()};
  return {[problem, narrow](const Operands& operands) {
    const auto copy = narrow ? avx512_bf16::reorder : machine_isa() == Isa::avx512 ? avx512::reorder : avx2::reorder;
#pragma omp parallel if (problem.blocks() * problem.inner * 16 >= kWorthWaking)
    {
      const Share share = share_of(problem.blocks());
      copy(problem, operands.src[0], operands.dst[0], share.first, share.last);
    }
  }};
}

/// For an implementation that knows blocks of floats alone: the others are widened for it.
Implementation widening(Implementation implementation) {
  implementation.offer = [offer = std::move(implementation.offer)](const StepRequest& request) {
    StepRequest wide = request;
    for (MemoryFormat& format : wide.src) format.stored.reset();
    return offer(wide);
  };
  return implementation;
}

}  // namespace

Backend accelerated_backend(Optimize optimize) {
  Backend backend = plain_backend();
  backend.name = "cpu";
  backend.reorder = reorder;
  backend.reorder_name = "tenon:reorder";
  backend.identity = fmt::format("{} kernels, {}", machine_isa() == Isa::avx512 ? "avx512" : "avx2", backend.identity);
  for (Implementation& implementation : backend.implementations) {
    if (implementation.name != "cpu:concat") implementation = widening(std::move(implementation));
  }
  // A scale in the epilogue costs next to nothing; multiplied into a weight, it makes a copy of that.
  if (optimize == Optimize::memory) backend.passes.disabled = {"fold_scales"};
  std::vector<Implementation> own = engine_convolution_implementations(optimize);
  for (const auto family :
       {engine_pooling_implementations, engine_matmul_implementations, engine_pointwise_implementations,
        engine_line_implementations, engine_copy_implementations, engine_product_implementations,
        engine_recurrent_implementations, engine_resize_implementations}) {
    for (Implementation& implementation : family()) own.push_back(std::move(implementation));
  }
  backend.implementations.insert(backend.implementations.begin(), own.begin(), own.end());
  return backend;
}

}  // namespace tenon::cpu
