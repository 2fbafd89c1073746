// Reductions over axes: sums, products, extrema, norms, moments.

#include <cmath>
#include <tuple>

#include "ops/axes.h"
#include "ops/elementwise.h"
#include "ops/kernel_form.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// The axes named by an attribute; none named means all. `exclude` turns a choice around.
template <class Window>
AxisMask reduced_axes(const Window& window, const Shape& src, std::string_view attribute, bool exclude) {
  const auto axes =
      window.attributes().has(attribute) ? window.attributes().ints(attribute) : std::vector<std::int64_t>{};
  const auto rank = static_cast<std::size_t>(src.rank());
  if (axes.empty()) return AxisMask(rank, true);
  AxisMask mask(rank, exclude);
  for (const std::int64_t axis : axes) {
    const auto at = static_cast<std::size_t>(normal_axis(window, axis, src));
    if (mask[at] != exclude)
      window.refuse("axis {} is named twice in {}", axis, format_attribute(IntTuple(axes.begin(), axes.end())));
    mask[at] = !exclude;
  }
  return mask;
}

/// What one result accumulates: floating types in double, integers and bool in std::int64_t.
template <class A>
struct Accumulator {
  A initial;
  A (*step)(A accumulated, A term);
  A (*finish)(A accumulated, std::int64_t terms);
};
using Accumulators = std::tuple<Accumulator<double>, Accumulator<std::int64_t>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class A>
A initial_value(double value) {
  if (std::isinf(value) && std::integral<A>) {
    return value > 0 ? std::numeric_limits<A>::max() : std::numeric_limits<A>::min();
  }
  return static_cast<A>(value);
}

constexpr auto as_is = [](auto accumulated, std::int64_t) { return accumulated; };

/// From captureless generic lambdas.
template <class Step, class Finish = decltype(as_is)>
Accumulators accumulators(double initial, Step, Finish = as_is) {
  const auto make = [&]<class A>(A) {
    return Accumulator<A>{
        initial_value<A>(initial), [](A accumulated, A term) -> A { return Step{}(accumulated, term); },
        [](A accumulated, std::int64_t terms) -> A { return convert<A>(Finish{}(accumulated, terms)); }};
  };
  return {make(double{}), make(std::int64_t{})};
}

Kernel reduction_kernel(const OpCall& call, const AxisMask& mask, const Accumulators& accumulators) {
  return dispatch_accumulator(call.dtype_in(0), [&]<class A>() {
    return Kernel{[reduction = Reduction(call.shape_in(0), mask), accumulator = std::get<Accumulator<A>>(accumulators),
                   read = reader<A>(call.dtype_in(0)), write = writer<A>(call.dtype_out())](const Operands& operands) {
                    for (std::int64_t result = 0; result < reduction.results; ++result) {
                      A value = accumulator.initial;
                      reduction.visit<A>(result, read, operands.src[0],
                                         [&](A term) { value = accumulator.step(value, term); });
                      value = accumulator.finish(value, reduction.terms);
                      write(operands.dst[0], result, 1, &value);
                    }
                  },
                  0, std::make_shared<KernelForm>(KernelForm{Reduction(call.shape_in(0), mask)})};
  });
}

Op reduction_op(std::string name, std::string doc, Accumulators accumulators, std::vector<std::string> aliases = {}) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = std::move(doc);
  op.attributes = {ints("axis").or_none(), boolean("keepdims").or_else(false), boolean("exclude").or_else(false)};
  op.infer_shape = [](ShapeInference& shapes) {
    const Attributes& attributes = shapes.attributes();
    if (!shapes.in(0).has_rank()) return;
    const AxisMask mask = reduced_axes(shapes, shapes.in(0), "axis", attributes.flag("exclude"));
    shapes.set_out(0, reduced_shape(shapes.in(0), mask, attributes.flag("keepdims"), shapes.np_shape()));
  };
  op.reference = [accumulators](const OpCall& call) {
    const AxisMask mask = reduced_axes(KernelWindow{call}, call.shape_in(0), "axis", call.attributes().flag("exclude"));
    return reduction_kernel(call, mask, accumulators);
  };
  return op;
}

constexpr auto plus = [](auto sum, auto x) { return sum + x; };
constexpr auto times = [](auto product, auto x) { return product * x; };
constexpr auto plus_square = [](auto sum, auto x) { return sum + x * x; };
constexpr auto divided = [](auto sum, std::int64_t terms) {
  return std::integral<decltype(sum)> && terms == 0 ? sum : sum / terms;
};
constexpr auto root = [](auto sum, std::int64_t) { return std::sqrt(static_cast<double>(sum)); };

Op norm_op() {
  Op op = reduction_op(
      "norm", "The p-norm of the elements along the axes, p = ord: the sum of |x|, or the root of the sum of x^2.", {},
      {"_sparse_norm"});
  op.attributes = {integer("ord").or_else(std::int64_t{2}).at_least(1).at_most(2), ints("axis").or_none(),
                   dtype_choice("out_dtype", {"float16", "float32", "float64", "int32", "int64", "int8"}).or_none(),
                   boolean("keepdims").or_else(false)};
  op.infer_shape = [](ShapeInference& shapes) {
    if (!shapes.in(0).has_rank()) return;
    const AxisMask mask = reduced_axes(shapes, shapes.in(0), "axis", false);
    shapes.set_out(0, reduced_shape(shapes.in(0), mask, shapes.attributes().flag("keepdims"), shapes.np_shape()));
  };
  op.infer_type = [](TypeInference& types) {
    if (!types.attributes().has("out_dtype")) return same_type(types);
    types.set_out(0, types.attributes().dtype("out_dtype"));
  };
  op.reference = [](const OpCall& call) {
    static const Accumulators first = accumulators(0, [](auto sum, auto x) { return sum + (x < 0 ? -x : x); });
    static const Accumulators second = accumulators(0, plus_square, root);
    const AxisMask mask = reduced_axes(KernelWindow{call}, call.shape_in(0), "axis", false);
    return reduction_kernel(call, mask, call.attributes().integer("ord") == 1 ? first : second);
  };
  return op;
}

Kernel moments_kernel(const OpCall& call) {
  const AxisMask mask = reduced_axes(KernelWindow{call}, call.shape_in(0), "axes", false);
  const Reduction lines(call.shape_in(0), mask);
  return {[reduction = lines, read = reader<double>(call.dtype_in(0)),
           write = writer<double>(call.dtype_out())](const Operands& operands) {
            for (std::int64_t result = 0; result < reduction.results; ++result) {
              double mean = 0, variance = 0;
              reduction.visit<double>(result, read, operands.src[0], [&](double x) { mean += x; });
              mean /= static_cast<double>(reduction.terms);
              reduction.visit<double>(result, read, operands.src[0],
                                      [&](double x) { variance += (x - mean) * (x - mean); });
              variance /= static_cast<double>(reduction.terms);
              write(operands.dst[0], result, 1, &mean);
              write(operands.dst[1], result, 1, &variance);
            }
          },
          0, std::make_shared<KernelForm>(KernelForm{lines})};
}

Op moments_op() {
  Op op;
  op.name = "moments";
  op.doc = "The mean and the (biased) variance along the axes.";
  op.outputs = always({"output0", "output1"});
  op.attributes = {ints("axes").or_none(), boolean("keepdims").or_else(false)};
  op.infer_shape = [](ShapeInference& shapes) {
    if (!shapes.in(0).has_rank()) return;
    const AxisMask mask = reduced_axes(shapes, shapes.in(0), "axes", false);
    const Shape dst = reduced_shape(shapes.in(0), mask, shapes.attributes().flag("keepdims"), shapes.np_shape());
    shapes.set_out(0, dst);
    shapes.set_out(1, dst);
  };
  op.reference = moments_kernel;
  return op;
}

}  // namespace

std::vector<Op> reduce_ops() {
  return {
      reduction_op("sum", "The sum along the axes.", accumulators(0, plus), {"sum_axis", "_sparse_sum"}),
      reduction_op("mean", "The mean along the axes; of integers, towards zero.", accumulators(0, plus, divided),
                   {"_sparse_mean"}),
      reduction_op("prod", "The product along the axes.", accumulators(1, times)),
      reduction_op("nansum", "The sum along the axes, NaN counting 0.",
                   accumulators(0, [](auto sum, auto x) { return x == x ? sum + x : sum; })),
      reduction_op("nanprod", "The product along the axes, NaN counting 1.",
                   accumulators(1, [](auto product, auto x) { return x == x ? product * x : product; })),
      reduction_op("max", "The greatest along the axes; NaN wins.",
                   accumulators(-kInfinity, [](auto best, auto x) { return greater_of(best, x); }), {"max_axis"}),
      reduction_op("min", "The least along the axes; NaN wins.",
                   accumulators(kInfinity, [](auto best, auto x) { return lesser_of(best, x); }), {"min_axis"}),
      norm_op(),
      moments_op(),
  };
}

}  // namespace tenon
