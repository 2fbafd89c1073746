// Expressions as CUDA source. Constants are written by their bits, so that the text says exactly what the tree does.

#include <bit>
#include <cstdint>

#include <fmt/format.h>

#include "backends/cuda/codegen/kernel_spec.h"
#include "core/error.h"

namespace tenon::cuda {
namespace {

/// What a function is in CUDA: `{0}` … are its arguments. Names as in expression_functions().
struct Formula {
  std::string_view function, text;
};
constexpr Formula kFormulas[] = {
    {"add", "({0} + {1})"},         {"sub", "({0} - {1})"},        {"mul", "({0} * {1})"},
    {"div", "({0} / {1})"},         {"max", "max_nan({0}, {1})"},  {"min", "min_nan({0}, {1})"},
    {"fma", "fmaf({0}, {1}, {2})"}, {"relu", "relu({0})"},         {"leaky", "leaky({0}, {1})"},
    {"elu", "elu({0}, {1})"},       {"sigmoid", "sigmoid({0})"},   {"tanh", "tanhf({0})"},
    {"softrelu", "softrelu({0})"},  {"softsign", "softsign({0})"}, {"exp", "expf({0})"},
    {"log", "logf({0})"},           {"sqrt", "sqrtf({0})"},        {"rsqrt", "(1.0f / sqrtf({0}))"},
    {"abs", "fabsf({0})"},          {"erf", "erff({0})"},
};

std::string_view formula_of(std::string_view function) {
  for (const Formula& formula : kFormulas) {
    if (formula.function == function) return formula.text;
  }
  fail(ErrorCode::internal, "the CUDA code generator has no formula for the function {}", function);
}

std::string text_of(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::source:
      return "x";
    case Expression::Kind::operand:
      return fmt::format("v[{}]", expression.index);
    case Expression::Kind::output:
      return fmt::format("y[{}]", expression.index);
    case Expression::Kind::constant:
      return fmt::format("__uint_as_float({:#x}u)", std::bit_cast<std::uint32_t>(expression.constant));
    case Expression::Kind::call:
      break;
  }
  std::vector<std::string> arguments;
  for (const Expression& argument : expression.arguments) arguments.push_back(text_of(argument));
  arguments.resize(3);
  const auto& function = expression_functions()[static_cast<std::size_t>(expression.index)];
  return fmt::format(fmt::runtime(formula_of(function.name)), arguments[0], arguments[1], arguments[2]);
}

/// "k == 0 || k == 2" for the flags that are set.
std::string any_of(const std::vector<bool>& flags) {
  std::string text;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (!flags[i]) continue;
    if (!text.empty()) text += " || ";
    text += fmt::format("k == {}", i);
  }
  return text.empty() ? "false" : text;
}

}  // namespace

EpilogueSpec plain_epilogue() {
  return {{source()}, {}, {true}};
}

std::string epilogue_source(const EpilogueSpec& epilogue, std::string_view struct_name, bool side) {
  const int operands = static_cast<int>(epilogue.per_channel.size());
  // A kernel with nothing at its side still names the struct.
  const int outputs = epilogue.empty() ? 1 : static_cast<int>(epilogue.expressions.size());
  std::string text = fmt::format("struct {} {{\n", struct_name);
  text += fmt::format("  static constexpr int kOperands = {}, kOutputs = {};\n", operands, outputs);
  text += fmt::format("  static TENON_DEVICE constexpr bool per_channel(int k) {{ return {}; }}\n",
                      any_of(epilogue.per_channel));
  text += fmt::format("  static TENON_DEVICE constexpr bool stored(int k) {{ return {}; }}\n", any_of(epilogue.stored));
  text += fmt::format("  static TENON_DEVICE const void* operand(const Pointers& p, int k) {{ return p.{}[k]; }}\n",
                      side ? "side_operand" : "operand");
  text += fmt::format("  static TENON_DEVICE void* dst(const Pointers& p, int i) {{ return p.{}[i]; }}\n",
                      side ? "side_dst" : "dst");
  text += "  static TENON_DEVICE void apply(float x, const float* v, float* y) {\n";
  if (epilogue.empty()) text += "    y[0] = x;\n";
  for (std::size_t i = 0; i < epilogue.expressions.size(); ++i) {
    text += fmt::format("    y[{}] = {};\n", i, text_of(epilogue.expressions[i]));
  }
  return text + "  }\n};\n";
}

}  // namespace tenon::cuda
