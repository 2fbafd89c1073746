#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "graph/op.h"
#include "ops/arithmetic.h"

namespace tenon {

/// Which axes of a tensor an operator reduces.
using AxisMask = std::vector<bool>;

/// Lets a kernel maker use what is written for inference windows: the attributes, and a refusal that names the node.
struct KernelWindow {
  const OpCall& call;
  const Attributes& attributes() const { return call.attributes(); }
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    call.refuse(ErrorCode::invalid_argument, format, std::forward<Args>(args)...);
  }
};

/// Calls visitor.operator()<A>() with the type that sums and comparisons of `dtype` happen in: double or std::int64_t.
template <class Visitor>
decltype(auto) dispatch_accumulator(DType dtype, Visitor&& visitor) {
  return is_floating(dtype) ? visitor.template operator()<double>() : visitor.template operator()<std::int64_t>();
}

/// Only this axis of `shape`.
AxisMask one_axis(int axis, const Shape& shape);

/// The axis counted from the front; refuses one outside [-rank, rank).
template <class Window>
int normal_axis(const Window& window, std::int64_t axis, const Shape& shape) {
  if (axis < -shape.rank() || axis >= shape.rank()) {
    window.refuse("axis {} lies outside the {} axes of shape {}; it must be at least {} and less than {}", axis,
                  shape.rank(), shape.str(), -shape.rank(), shape.rank());
  }
  return static_cast<int>(axis < 0 ? axis + shape.rank() : axis);
}

/// The shape without the masked axes, or with 1 in their place; when none is left (1,), or () in numpy semantics.
Shape reduced_shape(const Shape& src, const AxisMask& reduced, bool keepdims, bool np_shape);

/// A tensor seen as results times terms: each result element gathers the terms along the reduced axes.
struct Reduction {
  struct Dim {
    std::int64_t size, stride;
  };
  std::vector<Dim> kept, reduced;
  std::int64_t results, terms;

  Reduction(const Shape& src, const AxisMask& mask);

  /// Where the terms of a result begin, and how far a term lies from there, in elements.
  std::int64_t begin(std::int64_t result) const { return offset(kept, result); }
  std::int64_t term(std::int64_t index) const { return offset(reduced, index); }

  /// Calls visitor(term) for every term of a result in row-major order.
  template <class A, class Visitor>
  void visit(std::int64_t result, Reader<A> read, const void* src, Visitor visitor) const {
    if (terms == 0) return;
    A chunk[kChunk];
    const std::int64_t row = reduced.back().size;
    for (std::int64_t first = 0; first < terms; first += row) {
      const std::int64_t base = begin(result) + term(first);
      for (std::int64_t i = 0; i < row; i += kChunk) {
        const std::int64_t count = std::min(kChunk, row - i);
        read(src, base + i * reduced.back().stride, reduced.back().stride, count, chunk);
        for (std::int64_t j = 0; j < count; ++j) visitor(chunk[j]);
      }
    }
  }

 private:
  static std::int64_t offset(std::span<const Dim> dims, std::int64_t index);
};

}  // namespace tenon
