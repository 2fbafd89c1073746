// Operators that look for or look up positions along one axis: argmax, argmin, pick.

#include <cstring>

#include "ops/axes.h"
#include "ops/kernel_form.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// All axes where the attribute is None: the position in the flattened tensor.
template <class Window>
AxisMask searched_axes(const Window& window, const Shape& src) {
  if (!window.attributes().has("axis")) return AxisMask(static_cast<std::size_t>(src.rank()), true);
  return one_axis(normal_axis(window, window.attributes().integer("axis"), src), src);
}

/// The position of the first term that beats all others; NaN beats numbers. As a number of the data's type.
template <class Beats>
Kernel arg_kernel(const OpCall& call, const AxisMask& mask, Beats beats) {
  return dispatch_accumulator(call.dtype_in(0), [&]<class A>() {
    return Kernel{[reduction = Reduction(call.shape_in(0), mask), beats, read = reader<A>(call.dtype_in(0)),
                   write = writer<std::int64_t>(call.dtype_out())](const Operands& operands) {
                    for (std::int64_t result = 0; result < reduction.results; ++result) {
                      std::int64_t position = 0, best_position = 0;
                      A best{};
                      reduction.visit<A>(result, read, operands.src[0], [&](A x) {
                        if (position == 0 || (best == best && (x != x || beats(x, best)))) {
                          best = x;
                          best_position = position;
                        }
                        ++position;
                      });
                      write(operands.dst[0], result, 1, &best_position);
                    }
                  },
                  0, std::make_shared<KernelForm>(KernelForm{Reduction(call.shape_in(0), mask)})};
  });
}

template <class Beats>
Op arg_op(std::string name, std::string doc, Beats beats) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.attributes = {integer("axis").or_none(), boolean("keepdims").or_else(false)};
  op.infer_shape = [](ShapeInference& shapes) {
    if (!shapes.in(0).has_rank()) return;
    const AxisMask mask = searched_axes(shapes, shapes.in(0));
    shapes.set_out(0, reduced_shape(shapes.in(0), mask, shapes.attributes().flag("keepdims"), shapes.np_shape()));
  };
  op.reference = [beats](const OpCall& call) {
    return arg_kernel(call, searched_axes(KernelWindow{call}, call.shape_in(0)), beats);
  };
  return op;
}

constexpr auto is_greater = [](auto x, auto best) { return x > best; };
constexpr auto is_less = [](auto x, auto best) { return x < best; };

Op argmax_channel_op() {
  Op op;
  op.name = "argmax_channel";
  op.doc = "The position of the greatest along axis 1, as a number of the data's type.";
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    if (src.rank() < 2) shapes.refuse("data has shape {}, but axis 1 is searched; it needs at least 2 axes", src.str());
    shapes.set_out(0, reduced_shape(src, one_axis(1, src), false, shapes.np_shape()));
  };
  op.reference = [](const OpCall& call) { return arg_kernel(call, one_axis(1, call.shape_in(0)), is_greater); };
  return op;
}

/// The index has the result's shape, or keeps the picked axis as 1.
void pick_shape(ShapeInference& shapes) {
  const Shape& src = shapes.in(0);
  if (!src.has_rank()) return;
  const AxisMask mask = one_axis(normal_axis(shapes, shapes.attributes().integer("axis"), src), src);
  shapes.set_out(0, reduced_shape(src, mask, shapes.attributes().flag("keepdims"), shapes.np_shape()));
  const bool index_keeps = shapes.in(1).rank() == src.rank() && src.rank() > 1;
  shapes.set_in(1, reduced_shape(src, mask, index_keeps, shapes.np_shape()));
}

Kernel pick_kernel(const OpCall& call) {
  const Shape& src = call.shape_in(0);
  const AxisMask mask = one_axis(normal_axis(KernelWindow{call}, call.attributes().integer("axis"), src), src);
  const Reduction reduction(src, mask);
  if (reduction.terms == 0 && reduction.results > 0) {
    call.refuse(ErrorCode::invalid_argument, "data has shape {}: there is nothing to pick along an axis of size 0",
                src.str());
  }
  return {[reduction, wraps = call.attributes().text("mode") == "wrap", bytes = size_of(call.dtype_in(0)),
           read = reader<std::int64_t>(call.dtype_in(1))](const Operands& operands) {
    for (std::int64_t result = 0; result < reduction.results; ++result) {
      std::int64_t index;
      read(operands.src[1], result, 1, 1, &index);
      const std::int64_t last = reduction.terms - 1;
      if (wraps) {
        index %= reduction.terms;
        if (index < 0) index += reduction.terms;
      } else {
        index = std::clamp<std::int64_t>(index, 0, last);
      }
      const auto from = static_cast<std::size_t>(reduction.begin(result) + reduction.term(index));
      std::memcpy(operands.out<std::byte>() + static_cast<std::size_t>(result) * bytes,
                  operands.in<std::byte>(0) + from * bytes, bytes);
    }
  }};
}

Op pick_op() {
  Op op;
  op.name = "pick";
  op.aliases = {"choose_element_0index", "_npx_pick"};
  op.doc = "data[..., index, ...] along the axis, the index limited to the axis or wrapped around.";
  op.inputs = always({"data", "index"});
  op.attributes = {integer("axis").or_else(std::int64_t{-1}), boolean("keepdims").or_else(false),
                   choice("mode", {"clip", "wrap"}).or_else(std::string("clip"))};
  op.infer_shape = pick_shape;
  op.infer_type = [](TypeInference& types) {
    types.set_in(0, types.out());
    types.set_out(0, types.in(0));
  };
  op.reference = pick_kernel;
  return op;
}

}  // namespace

std::vector<Op> arg_reduce_ops() {
  return {
      arg_op("argmax", "The position of the first greatest along the axis, as a number of the data's type; NaN wins.",
             is_greater),
      arg_op("argmin", "The position of the first least along the axis, as a number of the data's type; NaN wins.",
             is_less),
      argmax_channel_op(),
      pick_op(),
  };
}

}  // namespace tenon
