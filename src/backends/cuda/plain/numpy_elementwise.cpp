// The element-wise operators of numpy mode: the same expressions under other names, of operands whose types are
// promoted first.

#include <array>
#include <map>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/elementwise.h"
#include "backends/cuda/plain/families.h"
#include "graph/graph.h"
#include "ops/arithmetic.h"
#include "ops/binary.h"

namespace tenon::cuda {
namespace {

using Table = std::map<std::string, std::string>;

/// Functions of one tensor that numpy mode takes over under the name _npi_NAME.
constexpr std::string_view kSameUnary[] = {
    "negative", "reciprocal", "sign",    "rint", "ceil",  "floor", "trunc",   "fix",     "square", "sqrt",   "cbrt",
    "exp",      "log",        "log10",   "log2", "log1p", "expm1", "sin",     "cos",     "tan",    "arcsin", "arccos",
    "arctan",   "degrees",    "radians", "sinh", "cosh",  "tanh",  "arcsinh", "arccosh", "arctanh"};

const Table& unary_names() {
  static const Table names = [] {
    Table result = {{"_npi_absolute", "abs"}, {"_npi_logical_not", "logical_not"}};
    for (const std::string_view name : kSameUnary) result["_npi_" + std::string(name)] = name;
    return result;
  }();
  return names;
}

/// Questions about an element, answered in bool.
const Table& predicates() {
  static const Table table = {
      {"_npi_isnan", "A(a != a)"},
      {"_npi_isinf", "A(real(a) == INFINITY_F || real(a) == -INFINITY_F)"},
      {"_npi_isfinite", "A(a == a && real(a) != INFINITY_F && real(a) != -INFINITY_F)"},
      {"_npi_isposinf", "A(real(a) == INFINITY_F)"},
      {"_npi_isneginf", "A(real(a) == -INFINITY_F)"},
  };
  return table;
}

/// Functions of two: what the plain table calls them, or their expressions where it has none.
struct BinaryFunction {
  std::string function;
  const char* expression = nullptr;
  bool compares = false;
};
const std::map<std::string, BinaryFunction>& functions() {
  static const std::map<std::string, BinaryFunction> table = {
      {"add", {"add"}},
      {"subtract", {"sub"}},
      {"multiply", {"mul"}},
      {"mod", {"mod"}},
      {"power", {"power"}},
      {"true_divide", {"div"}},
      {"hypot", {"hypot"}},
      {"copysign", {"", "copysign(real(a), real(b))"}},
      {"arctan2", {"", "atan2(real(a), real(b))"}},
      {"ldexp", {"", "real(a) * exp2(real(b))"}},
      {"equal", {"equal", nullptr, true}},
      {"not_equal", {"not_equal", nullptr, true}},
      {"greater", {"greater", nullptr, true}},
      {"greater_equal", {"greater_equal", nullptr, true}},
      {"less", {"lesser", nullptr, true}},
      {"less_equal", {"lesser_equal", nullptr, true}},
  };
  return table;
}

struct BinaryOp {
  BinaryFunction function;
  bool scalar = false, reversed = false;
};
const std::map<std::string, BinaryOp>& binary_ops() {
  static const std::map<std::string, BinaryOp> ops = [] {
    std::map<std::string, BinaryOp> result;
    for (const auto& [name, function] : functions()) {
      result["_npi_" + name] = {function};
      result["_npi_" + name + "_scalar"] = {function, true, false};
      result["_npi_r" + name + "_scalar"] = {function, true, true};
    }
    return result;
  }();
  return ops;
}

Offer offer_unary(const StepRequest& request) {
  const DType dtype = request.call.dtype_in(0);
  const std::string name(request.call.node.op_name());
  const auto predicate = predicates().find(name);
  const std::string expression =
      predicate != predicates().end() ? predicate->second : unary_expression(unary_names().at(name), dtype);
  return elementwise_plan(request, arithmetic_name(dtype), expression, 1);
}

/// The type that both operands become before anything is computed. All but comparisons give it, too.
DType common_type(const OpCall& call, const BinaryOp& op) {
  if (!op.function.compares) return call.dtype_out();
  if (!op.scalar) return promoted_type(call.dtype_in(0), call.dtype_in(1));
  const DType data = call.dtype_in(0);
  return is_floating(data) || call.attributes().flag("is_int") ? data : DType::float64;
}

Offer offer_binary(const StepRequest& request) {
  const OpCall& call = request.call;
  const BinaryOp& op = binary_ops().at(std::string(call.node.op_name()));
  const DType common = common_type(call, op);
  const auto as_common = [&](const char* operand) {
    return "A(load(convert<" + type_name(common) + ">(" + operand + ")))";
  };
  std::array<std::string, 2> operands = {as_common("a"), as_common(op.scalar ? "p0" : "b")};
  if (op.reversed) std::swap(operands[0], operands[1]);
  const char* expression =
      op.function.expression != nullptr ? op.function.expression : binary_expression(op.function.function);
  const std::string applied =
      std::string("[](A a, A b) { return convert<A>(") + expression + "); }(" + operands[0] + ", " + operands[1] + ")";
  std::vector<double> parameters;
  if (op.scalar) parameters = {call.attributes().real("scalar")};
  return elementwise_plan(request, arithmetic_name(common), applied, op.scalar ? 1 : 2, std::move(parameters));
}

template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> names;
  names.reserve(map.size());
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

}  // namespace

std::vector<Implementation> numpy_elementwise_implementations() {
  return {{"cuda:map", keys(unary_names()), offer_unary},
          {"cuda:map", keys(predicates()), offer_unary},
          {"cuda:map", keys(binary_ops()), offer_binary}};
}

}  // namespace tenon::cuda
