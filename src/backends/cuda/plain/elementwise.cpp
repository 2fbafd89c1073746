// Element-wise operators: one table of expressions in CUDA C++, one map kernel. The arithmetic is the reference's:
// float for float32 and the halves, double for float64, 64-bit integers for the rest.

#include "backends/cuda/plain/elementwise.h"

#include <algorithm>
#include <map>

#include "backends/cuda/plain/families.h"
#include "backends/cuda/plain/strided_map.h"
#include "backends/cuda/runtime/memory.h"
#include "graph/graph.h"
#include "ops/arithmetic.h"

namespace tenon::cuda {
namespace {

using Table = std::map<std::string_view, const char*>;

const Table& unary_table() {
  static const Table table = {
      {"abs", "a < 0 ? -a : a"},
      {"sign", "A((a > 0) - (a < 0))"},
      {"_contrib_sign_ste", "A((a > 0) - (a < 0))"},
      {"ceil", "ceil(real(a))"},
      {"floor", "floor(real(a))"},
      {"trunc", "trunc(real(a))"},
      {"fix", "trunc(real(a))"},
      {"square", "a * a"},
      {"sqrt", "sqrt(real(a))"},
      {"rsqrt", "1 / sqrt(real(a))"},
      {"cbrt", "cbrt(real(a))"},
      {"rcbrt", "1 / cbrt(real(a))"},
      {"reciprocal", "1 / real(a)"},
      {"negative", "-a"},
      {"exp", "exp(real(a))"},
      {"expm1", "expm1(real(a))"},
      {"log", "log(real(a))"},
      {"log10", "log10(real(a))"},
      {"log2", "log2(real(a))"},
      {"log1p", "log1p(real(a))"},
      {"sin", "sin(real(a))"},
      {"cos", "cos(real(a))"},
      {"tan", "tan(real(a))"},
      {"arcsin", "asin(real(a))"},
      {"arccos", "acos(real(a))"},
      {"arctan", "atan(real(a))"},
      {"sinh", "sinh(real(a))"},
      {"cosh", "cosh(real(a))"},
      {"tanh", "tanh(real(a))"},
      {"arcsinh", "asinh(real(a))"},
      {"arccosh", "acosh(real(a))"},
      {"arctanh", "atanh(real(a))"},
      {"degrees", "real(a) * decltype(real(a))(180.0f / 3.14159265358979f)"},
      {"radians", "real(a) * decltype(real(a))(3.14159265358979f / 180.0f)"},
      {"gamma", "tgamma(real(a))"},
      {"gammaln", "lgamma(real(a))"},
      {"erf", "erf(real(a))"},
      {"relu", "a < 0 ? A(0) : a"},
      {"_npx_relu", "a < 0 ? A(0) : a"},
      {"sigmoid", "1 / (1 + exp(-real(a)))"},
      {"_npx_sigmoid", "1 / (1 + exp(-real(a)))"},
      {"LogisticRegressionOutput", "1 / (1 + exp(-real(a)))"},
      {"softsign", "real(a) / (1 + fabs(real(a)))"},
      {"logical_not", "A(a == 0)"},
      {"zeros_like", "A(0)"},
      {"ones_like", "A(1)"},
      {"Cast", "a"},
      {"amp_cast", "a"},
  };
  return table;
}

/// These exist for integers too, where they change nothing; the floating functions are these.
const Table& rounding_table() {
  static const Table table = {
      {"round", "round(a)"}, {"_contrib_round_ste", "round(a)"}, {"rint", "round_ties_down(a)"}};
  return table;
}

const Table& binary_table() {
  static const Table table = {
      {"add", "a + b"},
      {"sub", "a - b"},
      {"mul", "a * b"},
      {"div", "divided(a, b)"},
      {"mod", "modulo(a, b)"},
      {"power", "pow(real(a), real(b))"},
      {"maximum", "greater_of(a, b)"},
      {"minimum", "lesser_of(a, b)"},
      {"hypot", "hypot(real(a), real(b))"},
      {"equal", "A(a == b)"},
      {"not_equal", "A(a != b)"},
      {"greater", "A(a > b)"},
      {"greater_equal", "A(a >= b)"},
      {"lesser", "A(a < b)"},
      {"lesser_equal", "A(a <= b)"},
      {"logical_and", "A(a != 0 && b != 0)"},
      {"logical_or", "A(a != 0 || b != 0)"},
      {"logical_xor", "A((a != 0) != (b != 0))"},
  };
  return table;
}

/// Operator names of binary functions: broadcast_add and elemwise_add are add, _plus_scalar is add of a number.
struct BinaryName {
  std::string_view function;
  bool scalar = false, reversed = false;
};

const std::map<std::string, BinaryName>& binary_names() {
  static const std::map<std::string, BinaryName> names = [] {
    std::map<std::string, BinaryName> result;
    for (const auto& [function, expression] : binary_table()) {
      const std::string word(function);
      result["broadcast_" + word] = {function};
      result["elemwise_" + word] = {function};
      result["_" + word] = {function};
      result["_" + word + "_scalar"] = {function, true, false};
      result["_r" + word + "_scalar"] = {function, true, true};
    }
    result["_grad_add"] = {"add"};
    result["_scatter_elemwise_div"] = {"div"};
    result["_plus_scalar"] = result["_scatter_plus_scalar"] = {"add", true, false};
    result["_minus_scalar"] = result["_scatter_minus_scalar"] = {"sub", true, false};
    result["_rminus_scalar"] = {"sub", true, true};
    return result;
  }();
  return names;
}

}  // namespace

const char* unary_expression(std::string_view function, DType dtype) {
  const auto rounding = rounding_table().find(function);
  if (rounding != rounding_table().end()) return is_floating(dtype) ? rounding->second : "a";
  const auto found = unary_table().find(function);
  return found == unary_table().end() ? nullptr : found->second;
}

const char* binary_expression(std::string_view function) {
  return binary_table().at(function);
}

StepPlan elementwise_plan(const StepRequest& request, const std::string& arithmetic, const std::string& expression,
                          int inputs, std::vector<double> parameters) {
  const OpCall& call = request.call;
  MapText text{type_name(call.dtype_out()), {}, arithmetic, "convert<A>(" + expression + ")"};
  MapOperands operands;
  operands.parameters = std::move(parameters);
  std::vector<Shape> shapes;
  bool in_place = false;
  for (int i = 0; i < inputs; ++i) {
    text.src.push_back(type_name(call.dtype_in(i)));
    shapes.push_back(call.shape_in(i));
    operands.src.push_back(i);
    in_place = in_place || (call.shape_in(i) == call.shape_out() && call.dtype_in(i) == call.dtype_out());
  }
  StepPlan plan;
  plan.kernel =
      map_kernel(device_of(request.memory), std::move(text), broadcast_map(shapes, call.shape_out()), operands);
  for (int i = 0; i < inputs && in_place; ++i) {
    if (call.shape_in(i) == call.shape_out() && call.dtype_in(i) == call.dtype_out()) plan.in_place.push_back(i);
  }
  return plan;
}

namespace {

Offer offer_unary(const StepRequest& request) {
  const DType dtype = request.call.dtype_in(0);
  const char* expression = unary_expression(request.call.node.op_name(), dtype);
  if (expression == nullptr) return "it is not in the table of functions";
  return elementwise_plan(request, arithmetic_name(dtype), expression, 1);
}

Offer offer_binary(const StepRequest& request) {
  const OpCall& call = request.call;
  const auto found = binary_names().find(std::string(call.node.op_name()));
  if (found == binary_names().end()) return "it is not in the table of functions";
  const BinaryName& named = found->second;
  const std::string expression = binary_expression(named.function);
  if (!named.scalar) {
    if (call.dtype_in(0) != call.dtype_in(1)) return "the inputs' types differ";
    return elementwise_plan(request, arithmetic_name(call.dtype_in(0)), expression, 2);
  }
  // Data and scalar are first converted to the type of the result.
  const std::string scalar = "load(convert<D>(p0))", data = "load(convert<D>(a))";
  const std::string with =
      "[](A a, A b) { return convert<A>(" + expression + "); }(" +
      (named.reversed ? "A(" + scalar + "), A(" + data + "))" : "A(" + data + "), A(" + scalar + "))");
  const std::string arithmetic = arithmetic_name(call.dtype_out());
  if (is_floating(call.dtype_in(0)) != is_floating(call.dtype_out()) && !is_floating(call.dtype_out())) {
    return "floating data become integers first";
  }
  return elementwise_plan(request, arithmetic, with, 1, {call.attributes().real("scalar")});
}

/// LeakyReLU's; rrelu's is the middle of its range.
double slope_of(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const auto single = [&](const char* name) { return static_cast<float>(attributes.real(name)); };
  if (!attributes.all().contains("slope")) return 0;
  return attributes.text("act_type") == "rrelu" ? (single("lower_bound") + single("upper_bound")) / 2 : single("slope");
}

/// Functions by act_type, for floating data; p0 is LeakyReLU's slope. Two of them are in float whatever the data, as
/// MXNet's are.
Offer offer_activation(const StepRequest& request) {
  static const Table functions = {
      {"relu", "a < 0 ? A(0) : a"},
      {"sigmoid", "1 / (1 + exp(-a))"},
      {"tanh", "tanh(a)"},
      {"softrelu", "a > 20 ? a : log1p(exp(a))"},
      {"softsign", "a / (1 + fabs(a))"},
      {"leaky", "a > 0 ? a : A(float(p0) * float(a))"},
      {"rrelu", "a > 0 ? a : A(float(p0) * float(a))"},
      {"elu", "a > 0 ? a : A(p0) * expm1(a)"},
      {"selu", "A(1.0507009873554805f) * (a > 0 ? a : A(1.6732632423543772f) * expm1(a))"},
      {"gelu", "A(float(a) / 2 * (1 + erf(float(a) / 1.4142135623730951f)))"},
      {"prelu", "a > 0 ? a : b * a"},
  };
  const OpCall& call = request.call;
  const std::string& type = call.attributes().text("act_type");
  Conditions conditions;
  conditions.require(is_floating(call.dtype_in(0)), "the data are {}, not of a floating type", name(call.dtype_in(0)));
  conditions.require(functions.contains(type), "act_type={} has no kernel here", type);
  if (conditions.refuse()) return conditions.reason();
  const std::string arithmetic = arithmetic_name(call.dtype_in(0));
  if (type == "prelu") {
    const std::string element = type_name(call.dtype_in(0));
    const Shape& data = call.shape_in(0);
    const int axis = data.rank() > 1 ? 1 : 0;
    StepPlan plan;
    plan.kernel = map_kernel(device_of(request.memory), {element, {element, element}, arithmetic, functions.at(type)},
                             channel_map({data, call.shape_in(1)}, data, axis), {{0, 1}});
    return plan;
  }
  StepPlan plan = elementwise_plan(request, arithmetic, functions.at(type), 1, {slope_of(call)});
  if (type != "rrelu" || !request.read[1]) return plan;
  // The mask, which training draws, is the slope.
  const std::string element = type_name(call.dtype_out(1));
  const Kernel mask = map_kernel(device_of(request.memory), {element, {element}, "", "convert<D>(p0)"},
                                 broadcast_map({call.shape_in(0)}, call.shape_out(1)), {{0}, 1, {slope_of(call)}});
  plan.kernel.run = [apply = plan.kernel.run, mask](const Operands& operands) {
    apply(operands);
    mask.run(operands);
  };
  return plan;
}

Offer offer_clip(const StepRequest& request) {
  const Attributes& attributes = request.call.attributes();
  const double low = static_cast<float>(attributes.real("a_min")), high = static_cast<float>(attributes.real("a_max"));
  return elementwise_plan(request, arithmetic_name(request.call.dtype_in(0)),
                          "double(a) > p1 ? convert<A>(p1) : double(a) < p0 ? convert<A>(p0) : a", 1, {low, high});
}

Offer offer_hard_sigmoid(const StepRequest& request) {
  const Attributes& attributes = request.call.attributes();
  return elementwise_plan(request, arithmetic_name(request.call.dtype_in(0)),
                          "[](auto y) { return y > 1 ? decltype(y)(1) : y < 0 ? decltype(y)(0) : y; }"
                          "(decltype(real(a))(p0) * real(a) + decltype(real(a))(p1))",
                          1,
                          {static_cast<float>(attributes.real("alpha")), static_cast<float>(attributes.real("beta"))});
}

Offer offer_sum(const StepRequest& request) {
  const OpCall& call = request.call;
  if (call.inputs.size() > kMostSources) return "it has more inputs than a map";
  std::string sum = "a";
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    if (call.inputs[i].dtype != call.inputs[0].dtype) return "the inputs' types differ";
    sum += std::string(" + ") + static_cast<char>('a' + i);
  }
  return elementwise_plan(request, arithmetic_name(call.dtype_out()), sum, static_cast<int>(call.inputs.size()));
}

/// The chosen elements are moved as they are; a condition of rank 1 chooses rows.
Offer offer_where(const StepRequest& request) {
  const OpCall& call = request.call;
  const Shape &dst = call.shape_out(), &condition = call.shape_in(0);
  const std::vector<Shape> shapes = {condition, dst, dst};
  const bool rows = condition.rank() == 1 && dst.rank() > 1;
  const std::string bits = bits_name(size_of(call.dtype_out()));
  StepPlan plan;
  plan.kernel = map_kernel(device_of(request.memory),
                           {bits, {type_name(call.dtype_in(0)), bits, bits}, "", "load(a) != 0 ? b : c"},
                           rows ? channel_map(shapes, dst, 0) : broadcast_map(shapes, dst), {{0, 1, 2}});
  return plan;
}

/// Outputs 1 and 2 of a batch normalisation: the mean, and the variance or the inverse deviation.
std::vector<Kernel> statistics_kernels(const StepRequest& request) {
  const OpCall& call = request.call;
  const auto name = call.node.op_name();
  const bool gives_variance = name == "BatchNorm_v1" || name == "_contrib_SyncBatchNorm";
  const std::string type = type_name(call.dtype_out(1));
  const StridedMap channels = broadcast_map({call.shape_in(3)}, call.shape_out(1));
  const auto kernel = [&](const char* expression, int src, int dst) {
    return map_kernel(device_of(request.memory), {type, {type}, arithmetic_name(call.dtype_out(1)), expression},
                      channels, {{src}, dst, {call.attributes().real("eps")}});
  };
  std::vector<Kernel> kernels;
  if (request.read[1]) kernels.push_back(kernel("a", 3, 1));
  if (request.read[2]) {
    kernels.push_back(kernel(gives_variance ? "a" : "A(1 / sqrt(double(a) + p0))", 4, 2));
  }
  return kernels;
}

/// (x - mean) / sqrt(var + eps) * gamma + beta.
Offer offer_batch_norm(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  Conditions conditions = filled_conditions(call);
  conditions.require(is_floating(call.dtype_in(0)), "the data are {}, not of a floating type", name(call.dtype_in(0)));
  if (conditions.refuse()) return conditions.reason();
  MapText text{type_name(call.dtype_out()), {}, arithmetic_name(call.dtype_in(0)), ""};
  std::vector<Shape> shapes;
  for (int i = 0; i < 5; ++i) {
    text.src.push_back(type_name(call.dtype_in(i)));
    shapes.push_back(call.shape_in(i));
  }
  const std::string gamma = attributes.flag("fix_gamma") ? "1" : "b";
  text.expression = "(a - d) * (" + gamma + " / sqrt(e + A(p0))) + c";
  if (call.node.op_name() == "_contrib_BatchNormWithReLU") {
    text.expression = "[](A y) { return y < 0 ? A(0) : y; }(" + text.expression + ")";
  }
  const Shape& data = call.shape_in(0);
  const std::int64_t written = attributes.has("axis") ? attributes.integer("axis") : 1;
  const int axis = static_cast<int>(written < 0 ? written + data.rank() : written);
  StepPlan plan;
  plan.kernel = map_kernel(device_of(request.memory), std::move(text), channel_map(shapes, data, axis),
                           {{0, 1, 2, 3, 4}, 0, {attributes.real("eps")}});
  plan.in_place = {0};
  std::vector<Kernel> statistics = statistics_kernels(request);
  if (statistics.empty()) return plan;
  plan.kernel.run = [normalize = plan.kernel.run, statistics = std::move(statistics)](const Operands& operands) {
    normalize(operands);
    for (const Kernel& kernel : statistics) kernel.run(operands);
  };
  return plan;
}

std::vector<std::string> keys(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [name, expression] : table) names.emplace_back(name);
  return names;
}

}  // namespace

std::vector<Implementation> elementwise_implementations() {
  std::vector<std::string> unary = keys(unary_table());
  for (std::string& name : keys(rounding_table())) unary.push_back(std::move(name));
  std::vector<std::string> binary;
  for (const auto& [name, function] : binary_names()) binary.push_back(name);
  return {{"cuda:batch_norm",
           {"BatchNorm", "CuDNNBatchNorm", "BatchNorm_v1", "_contrib_BatchNormWithReLU", "_contrib_SyncBatchNorm"},
           offer_batch_norm},
          {"cuda:activation", {"Activation", "LeakyReLU"}, offer_activation},
          {"cuda:map", unary, offer_unary},
          {"cuda:map", binary, offer_binary},
          {"cuda:map", {"clip"}, offer_clip},
          {"cuda:map", {"hard_sigmoid"}, offer_hard_sigmoid},
          {"cuda:map", {"add_n"}, offer_sum},
          {"cuda:map", {"where"}, offer_where}};
}

}  // namespace tenon::cuda
