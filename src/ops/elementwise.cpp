#include "ops/elementwise.h"

#include <algorithm>
#include <array>

namespace tenon {
namespace {

template <class A>
using Chunk = std::array<A, kChunk>;

/// Calls body(first, count) over [0, total) in steps of a chunk.
template <class Body>
void in_chunks(std::int64_t total, Body body) {
  for (std::int64_t first = 0; first < total; first += kChunk) body(first, std::min(kChunk, total - first));
}

/// The stride of each axis of `shape` inside `dst`, aligned at the last axis; 0 where it stretches or is absent.
std::vector<std::int64_t> broadcast_strides(const Shape& shape, const Shape& dst) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(dst.rank()), 0);
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1, at = dst.rank() - 1; axis >= 0; --axis, --at) {
    if (shape[axis] != 1) strides[static_cast<std::size_t>(at)] = stride;
    stride *= shape[axis];
  }
  return strides;
}

}  // namespace

Kernel unary_kernel(const OpCall& call, const UnaryFunction& function, DType arithmetic) {
  return dispatch_arithmetic(arithmetic, [&]<class A>() {
    return Kernel{[f = std::get<UnaryLoop<A>>(function), read = reader<A>(call.dtype_in(0)),
                   write = writer<A>(call.dtype_out()), total = call.shape_out().elements()](const Operands& operands) {
      Chunk<A> chunk;
      in_chunks(total, [&](std::int64_t first, std::int64_t count) {
        read(operands.src[0], first, 1, count, chunk.data());
        f(chunk.data(), chunk.data(), count);
        write(operands.dst[0], first, count, chunk.data());
      });
    }};
  });
}

Kernel scalar_kernel(const OpCall& call, const BinaryFunction& function, double scalar, bool reversed) {
  return dispatch_arithmetic(call.dtype_out(), [&]<class A>() {
    // The scalar takes the result's type, not only its arithmetic: 2.5 is 2 for integers, 300 is 44 for uint8.
    const A value = dispatch(call.dtype_out(), [&]<class T>() { return convert<A>(load(convert<T>(scalar))); });
    Chunk<A> scalars;
    scalars.fill(value);
    return Kernel{[f = std::get<BinaryLoop<A>>(function), read = reader<A>(call.dtype_in(0)),
                   write = writer<A>(call.dtype_out()), scalars, reversed,
                   total = call.shape_out().elements()](const Operands& operands) {
      Chunk<A> chunk;
      in_chunks(total, [&](std::int64_t first, std::int64_t count) {
        read(operands.src[0], first, 1, count, chunk.data());
        if (reversed) {
          f(scalars.data(), chunk.data(), chunk.data(), count);
        } else {
          f(chunk.data(), scalars.data(), chunk.data(), count);
        }
        write(operands.dst[0], first, count, chunk.data());
      });
    }};
  });
}

Broadcast::Broadcast(const Shape& lhs, const Shape& rhs, const Shape& dst) {
  const auto left = broadcast_strides(lhs, dst);
  const auto right = broadcast_strides(rhs, dst);
  for (int axis = 0; axis < dst.rank(); ++axis) {
    if (dst[axis] == 1) continue;
    const auto at = static_cast<std::size_t>(axis);
    const Dim dim{dst[axis], left[at], right[at]};
    const bool merges = !dims.empty() && dims.back().lhs == dim.lhs * dim.size && dims.back().rhs == dim.rhs * dim.size;
    if (merges) {
      dims.back() = {dims.back().size * dim.size, dim.lhs, dim.rhs};
    } else {
      dims.push_back(dim);
    }
  }
  if (dims.empty()) dims.push_back({1, 0, 0});
}

Kernel binary_kernel(const OpCall& call, const BinaryFunction& function) {
  Broadcast broadcast(call.shape_in(0), call.shape_in(1), call.shape_out());
  const auto inner = broadcast.dims.back();
  broadcast.dims.pop_back();
  const std::int64_t total = call.shape_out().elements();
  const std::int64_t rows = total == 0 ? 0 : total / inner.size;
  return dispatch_arithmetic(call.dtype_in(0), [&]<class A>() {
    return Kernel{[f = std::get<BinaryLoop<A>>(function), read = reader<A>(call.dtype_in(0)),
                   write = writer<A>(call.dtype_out()), outer = broadcast.dims, inner, rows](const Operands& operands) {
      Chunk<A> left, right;
      for (std::int64_t row = 0; row < rows; ++row) {
        std::int64_t lhs = 0, rhs = 0, rest = row;
        for (auto dim = outer.rbegin(); dim != outer.rend(); ++dim) {
          const std::int64_t index = rest % dim->size;
          rest /= dim->size;
          lhs += index * dim->lhs;
          rhs += index * dim->rhs;
        }
        in_chunks(inner.size, [&](std::int64_t first, std::int64_t count) {
          read(operands.src[0], lhs + first * inner.lhs, inner.lhs, count, left.data());
          read(operands.src[1], rhs + first * inner.rhs, inner.rhs, count, right.data());
          f(left.data(), right.data(), left.data(), count);
          write(operands.dst[0], row * inner.size + first, count, left.data());
        });
      }
    }};
  });
}

void broadcast_shape(ShapeInference& shapes) {
  const Shape& lhs = shapes.in(0);
  const Shape& rhs = shapes.in(1);
  if (!lhs.has_rank() || !rhs.has_rank()) return;
  Shape dst = Shape::of_rank(std::max(lhs.rank(), rhs.rank()));
  for (int axis = dst.rank() - 1, l = lhs.rank() - 1, r = rhs.rank() - 1; axis >= 0; --axis, --l, --r) {
    const std::int64_t left = l >= 0 ? lhs[l] : 1;
    const std::int64_t right = r >= 0 ? rhs[r] : 1;
    if (left == right || right == 1) {
      dst[axis] = left;
    } else if (left == 1) {
      dst[axis] = right;
    } else if (left == Shape::unknown || right == Shape::unknown) {
      // The unknown one is 1 or equal: the result is the known one either way.
      dst[axis] = std::max(left, right);
    } else {
      shapes.refuse(
          "shapes {} and {} do not broadcast: axis {} of the result would be {} and {}; they must be equal "
          "or one of them 1",
          lhs.str(), rhs.str(), axis, left, right);
    }
  }
  shapes.set_out(0, dst);
}

}  // namespace tenon
