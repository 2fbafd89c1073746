// The element-wise operators of numpy mode: functions of one tensor, and of two tensors or a tensor and a number, whose
// types are promoted.

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/families.h"
#include "ops/registry.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// Functions that numpy mode takes over as they are, under the name _npi_NAME.
constexpr std::string_view kSameUnary[] = {
    "negative", "reciprocal", "sign",    "rint", "ceil",  "floor", "trunc",   "fix",     "square", "sqrt",   "cbrt",
    "exp",      "log",        "log10",   "log2", "log1p", "expm1", "sin",     "cos",     "tan",    "arcsin", "arccos",
    "arctan",   "degrees",    "radians", "sinh", "cosh",  "tanh",  "arcsinh", "arccosh", "arctanh"};

std::vector<Op> same_unary_ops() {
  std::map<std::string, Op> by_name;
  for (Op& op : unary_ops()) by_name.emplace(op.name, std::move(op));
  std::vector<Op> ops;
  const auto take_over = [&](std::string_view name, std::string numpy_name, std::vector<std::string> aliases = {}) {
    Op op = by_name.at(std::string(name));
    op.name = std::move(numpy_name);
    op.aliases = std::move(aliases);
    ops.push_back(std::move(op));
  };
  for (const std::string_view name : kSameUnary) {
    take_over(name, "_npi_" + std::string(name));
    ops.back().inputs = always({"x"});
  }
  take_over("abs", "_npi_absolute", {"_npi_abs"});
  ops.back().inputs = always({"x"});
  return ops;
}

/// A question about each element, answered in bool.
template <class F>
Op predicate(std::string name, std::string doc, F f) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.inputs = always({"x"});
  op.infer_shape = same_shape;
  op.infer_type = [](TypeInference& types) { types.set_out(0, DType::boolean); };
  op.reference = [function = unary_function(f)](const OpCall& call) {
    return unary_kernel(call, function, call.dtype_in(0));
  };
  return op;
}

std::vector<Op> predicate_ops() {
  return {
      predicate("_npi_logical_not", "Whether x is 0.", [](auto x) { return decltype(x)(x == 0); }),
      predicate("_npi_isnan", "Whether x is no number.", [](auto x) { return decltype(x)(std::isnan(as_real(x))); }),
      predicate("_npi_isinf", "Whether x is infinite.", [](auto x) { return decltype(x)(std::isinf(as_real(x))); }),
      predicate("_npi_isfinite", "Whether x is finite.", [](auto x) { return decltype(x)(std::isfinite(as_real(x))); }),
      predicate("_npi_isposinf", "Whether x is +inf.",
                [](auto x) { return decltype(x)(std::isinf(as_real(x)) && x > 0); }),
      predicate("_npi_isneginf", "Whether x is -inf.",
                [](auto x) { return decltype(x)(std::isinf(as_real(x)) && x < 0); }),
  };
}

/// The type that a tensor and a number meet in: a fractional number makes integers float64, an integral one makes bool
/// int64.
DType met_by_scalar(DType dtype, bool is_int) {
  if (is_floating(dtype)) return dtype;
  if (!is_int) return DType::float64;
  return dtype == DType::boolean ? DType::int64 : dtype;
}

enum class Result { promoted, real, boolean };

/// A function of two numbers as numpy mode names it.
struct NumpyFunction {
  std::string name;
  Result result;
  BinaryFunction function;
};

/// The type a function computes in: true_divide makes integers float32.
DType arithmetic_type(const NumpyFunction& f, DType common) {
  return f.result == Result::real && !is_floating(common) ? DType::float32 : common;
}
DType result_type(const NumpyFunction& f, DType common) {
  return f.result == Result::boolean ? DType::boolean : arithmetic_type(f, common);
}

/// The type a function of a tensor and a number computes in before `arithmetic_type`: a division decides by the tensor,
/// and a comparison takes an integral number in the tensor's type (2 is true for bool).
DType common_with_scalar(const NumpyFunction& f, DType dtype, const Attributes& attributes) {
  const bool is_int = attributes.flag("is_int");
  if (f.result == Result::real || (f.result == Result::boolean && is_int)) return dtype;
  return met_by_scalar(dtype, is_int);
}

/// One operand: an input of the node, or a number.
struct Operand {
  int input = -1;
  Element value{};
};

/// dst = f(left, right), both converted to `arithmetic` first; an input of another type goes through the workspace.
Kernel promoting_kernel(const OpCall& call, const BinaryFunction& function, DType arithmetic,
                        std::array<Operand, 2> sides) {
  const auto keep = [](auto x) { return x; };
  OpCall converted{call.node, {}, call.outputs, call.np_shape};
  std::array<Kernel, 2> conversions;
  std::array<std::size_t, 2> offsets{};
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    const int input = sides[i].input;
    converted.inputs.push_back({input < 0 ? Shape::scalar() : call.shape_in(input), arithmetic});
    if (input < 0 || call.dtype_in(input) == arithmetic) continue;
    const OpCall cast{call.node, {call.inputs[static_cast<std::size_t>(input)]}, {converted.inputs[i]}, call.np_shape};
    conversions[i] = unary_kernel(cast, unary_function(keep), arithmetic);
    offsets[i] = bytes;
    constexpr std::size_t alignment = 64;
    const std::size_t size = static_cast<std::size_t>(call.shape_in(input).elements()) * size_of(arithmetic);
    bytes += (size + alignment - 1) / alignment * alignment;
  }
  const auto run = [inner = binary_kernel(converted, function), conversions, offsets, sides](const Operands& operands) {
    std::array<const void*, 2> src{};
    for (std::size_t i = 0; i < 2; ++i) {
      src[i] = sides[i].input < 0 ? sides[i].value.data() : operands.src[static_cast<std::size_t>(sides[i].input)];
      if (!conversions[i].run) continue;
      const std::array<const void*, 1> from{src[i]};
      const std::array<void*, 1> to{operands.workspace + offsets[i]};
      conversions[i].run({from, to});
      src[i] = to[0];
    }
    inner.run({src, operands.dst});
  };
  return {run, bytes};
}

Op tensor_op(const NumpyFunction& f) {
  Op op;
  op.name = "_npi_" + f.name;
  op.doc = f.name + " of two tensors, broadcast, their types promoted.";
  op.inputs = always({"lhs", "rhs"});
  op.infer_shape = broadcast_shape;
  op.infer_type = [f](TypeInference& types) {
    if (types.in(0) && types.in(1)) types.set_out(0, result_type(f, promoted_type(*types.in(0), *types.in(1))));
  };
  op.reference = [f](const OpCall& call) {
    const DType common = promoted_type(call.dtype_in(0), call.dtype_in(1));
    return promoting_kernel(call, f.function, arithmetic_type(f, common), {Operand{0}, Operand{1}});
  };
  return op;
}

Op scalar_op(const NumpyFunction& f, bool reversed) {
  Op op;
  op.name = std::string("_npi_") + (reversed ? "r" : "") + f.name + "_scalar";
  op.doc = f.name + (reversed ? " of a number and a tensor." : " of a tensor and a number.");
  op.attributes = {real("scalar").or_else(1.0), boolean("is_int").or_else(true)};
  op.infer_shape = same_shape;
  op.infer_type = [f](TypeInference& types) {
    if (types.in(0)) types.set_out(0, result_type(f, common_with_scalar(f, *types.in(0), types.attributes())));
  };
  op.reference = [f, reversed](const OpCall& call) {
    const DType arithmetic = arithmetic_type(f, common_with_scalar(f, call.dtype_in(0), call.attributes()));
    const Operand data{0}, scalar{-1, encode(arithmetic, call.attributes().real("scalar"))};
    return promoting_kernel(call, f.function, arithmetic,
                            reversed ? std::array{scalar, data} : std::array{data, scalar});
  };
  return op;
}

const BinaryFunction& shared_function(std::string_view name) {
  const auto& all = binary_functions();
  return std::find_if(all.begin(), all.end(), [&](const NamedFunction& named) { return named.name == name; })->function;
}

const std::vector<NumpyFunction>& numpy_functions() {
  static const std::vector<NumpyFunction> functions = {
      {"add", Result::promoted, shared_function("add")},
      {"subtract", Result::promoted, shared_function("sub")},
      {"multiply", Result::promoted, shared_function("mul")},
      {"mod", Result::promoted, shared_function("mod")},
      {"power", Result::promoted, shared_function("power")},
      {"true_divide", Result::real, shared_function("div")},
      {"copysign", Result::promoted,
       binary_function([](auto l, auto r) { return std::copysign(as_real(l), as_real(r)); })},
      {"arctan2", Result::promoted, binary_function([](auto l, auto r) { return std::atan2(as_real(l), as_real(r)); })},
      {"ldexp", Result::promoted, binary_function([](auto l, auto r) { return as_real(l) * std::exp2(as_real(r)); })},
      {"equal", Result::boolean, shared_function("equal")},
      {"not_equal", Result::boolean, shared_function("not_equal")},
      {"greater", Result::boolean, shared_function("greater")},
      {"greater_equal", Result::boolean, shared_function("greater_equal")},
      {"less", Result::boolean, shared_function("lesser")},
      {"less_equal", Result::boolean, shared_function("lesser_equal")},
  };
  return functions;
}

/// Functions with a scalar on the left besides.
constexpr std::string_view kReversed[] = {"subtract", "mod", "power", "true_divide", "copysign", "arctan2", "ldexp"};

}  // namespace

DType promoted_type(DType left, DType right) {
  constexpr DType ascending[] = {DType::boolean,  DType::uint8,   DType::int8,    DType::int32,  DType::int64,
                                 DType::bfloat16, DType::float16, DType::float32, DType::float64};
  const auto rank = [&](DType dtype) { return std::find(std::begin(ascending), std::end(ascending), dtype); };
  return rank(left) < rank(right) ? right : left;
}

std::vector<Op> numpy_elementwise_ops() {
  std::vector<Op> ops = same_unary_ops();
  for (Op& op : predicate_ops()) ops.push_back(std::move(op));
  for (const NumpyFunction& f : numpy_functions()) {
    ops.push_back(tensor_op(f));
    ops.push_back(scalar_op(f, false));
    if (std::find(std::begin(kReversed), std::end(kReversed), f.name) != std::end(kReversed)) {
      ops.push_back(scalar_op(f, true));
    }
  }
  ops.push_back(tensor_op({"hypot", Result::promoted, shared_function("hypot")}));
  Op copy;
  copy.name = "_np_copy";
  copy.doc = "The input.";
  copy.inputs = always({"a"});
  copy.infer_shape = same_shape;
  copy.reference = flat_copy_kernel;
  ops.push_back(std::move(copy));
  return ops;
}

}  // namespace tenon
