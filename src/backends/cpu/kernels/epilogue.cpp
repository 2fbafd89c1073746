#include "backends/cpu/kernels/epilogue.h"

#include <algorithm>
#include <array>
#include <limits>

#include "core/error.h"

namespace tenon::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct NamedFunction {
  std::string_view name;
  Function function;
};

constexpr std::array kFunctions{
    NamedFunction{"add", Function::add},           NamedFunction{"sub", Function::sub},
    NamedFunction{"mul", Function::mul},           NamedFunction{"div", Function::div},
    NamedFunction{"max", Function::max},           NamedFunction{"min", Function::min},
    NamedFunction{"fma", Function::fma},           NamedFunction{"relu", Function::relu},
    NamedFunction{"leaky", Function::leaky},       NamedFunction{"elu", Function::elu},
    NamedFunction{"sigmoid", Function::sigmoid},   NamedFunction{"tanh", Function::tanh},
    NamedFunction{"softrelu", Function::softrelu}, NamedFunction{"softsign", Function::softsign},
    NamedFunction{"exp", Function::exp},           NamedFunction{"log", Function::log},
    NamedFunction{"sqrt", Function::sqrt},         NamedFunction{"rsqrt", Function::rsqrt},
    NamedFunction{"abs", Function::abs},           NamedFunction{"erf", Function::erf},
};

std::string_view name_of(const Expression& call) {
  return expression_functions()[static_cast<std::size_t>(call.index)].name;
}

Function function_of(const Expression& call) {
  const auto* found = std::ranges::find(kFunctions, name_of(call), &NamedFunction::name);
  if (found == kFunctions.end()) fail(ErrorCode::internal, "the CPU's epilogues lack the function {}", name_of(call));
  return found->function;
}

bool is_call(const Expression& expression, std::string_view name) {
  return expression.kind == Expression::Kind::call && name_of(expression) == name;
}

std::size_t index(int i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

Epilogue::Form::Form() : low(-kInfinity), high(kInfinity) {}

Epilogue::Epilogue(const Expressions& expressions, std::vector<EpilogueOperand> operands, std::vector<DType> outputs,
                   std::int64_t channels, Isa isa)
    : operands_(std::move(operands)), outputs_(std::move(outputs)), channels_(channels), isa_(isa) {
  if (expressions.size() > kMaxOutputs || operands_.size() > kMaxOperands) {
    fail(ErrorCode::unsupported, "an epilogue of {} outputs and {} operands; the CPU's have at most {} and {}",
         expressions.size(), operands_.size(), kMaxOutputs, kMaxOperands);
  }
  if (expressions.size() != outputs_.size() || operand_count(expressions) > static_cast<int>(operands_.size())) {
    fail(ErrorCode::internal, "the epilogue '{}' has {} outputs and {} operands", to_text(expressions), outputs_.size(),
         operands_.size());
  }
  match_common(expressions);
  if (!common_) compile(expressions);
}

void Epilogue::match_common(const Expressions& expressions) {
  if (expressions.size() > 2) return;
  if (!match(expressions[0], source(), forms_[0])) {
    if (expressions.size() == 2 || !match_chain(expressions[0], expressions[0])) return;
  }
  if (expressions.size() == 2 && !match(expressions[1], output(0), forms_[1])) return;
  if (forms_[1].residual >= 0 || forms_[1].sloped) return;
  // Zero has to stay zero, for the lanes behind the last channel.
  for (const Form& form : forms_) {
    if (form.low > 0 || form.high < 0) return;
  }
  common_ = true;
}

/// One form over another, as where a normalisation follows a sum: the inner one becomes a first output that nobody
/// reads.
bool Epilogue::match_chain(const Expression& expression, const Expression& within) {
  for (const Expression& inner : within.arguments) {
    Form first, second;
    if (inner.kind != Expression::Kind::call) continue;
    if (match(inner, source(), first) && match(expression, inner, second) && second.residual < 0 && !second.sloped) {
      forms_[0] = first;
      forms_[1] = second;
      return chained_ = true;
    }
    if (match_chain(expression, inner)) return true;
  }
  return false;
}

/// A vector over the channels or a constant.
bool Epilogue::match_operand(const Expression& expression, Term& term) const {
  if (expression.kind == Expression::Kind::constant) {
    term = {-1, expression.constant};
    return true;
  }
  if (expression.kind != Expression::Kind::operand || !operands_[index(expression.index)].per_channel) return false;
  term = {expression.index, 0};
  return true;
}

bool Epilogue::match(const Expression& expression, const Expression& leaf, Form& form) const {
  if (expression == leaf) return true;
  if (expression.kind != Expression::Kind::call) return false;
  const std::vector<Expression>& arguments = expression.arguments;

  if (is_call(expression, "relu")) {
    if (!match(arguments[0], leaf, form)) return false;
    form.low = std::max(form.low, 0.0f);
    form.high = std::max(form.high, 0.0f);
    return form.clamped = true;
  }
  if (is_call(expression, "leaky")) {
    Form trial = form;
    if (!match(arguments[0], leaf, trial) || trial.sloped || trial.clamped) return false;
    if (!match_operand(arguments[1], trial.slope)) return false;
    trial.sloped = true;
    form = trial;
    return true;
  }
  if (is_call(expression, "max") || is_call(expression, "min")) {
    const Expression& bound = arguments[1];
    if (bound.kind != Expression::Kind::constant || !match(arguments[0], leaf, form)) return false;
    const auto limit = [&](float value) {
      return is_call(expression, "max") ? std::max(value, bound.constant) : std::min(value, bound.constant);
    };
    form.low = limit(form.low);
    form.high = limit(form.high);
    return form.clamped = true;
  }
  if (is_call(expression, "add")) {
    for (const int inner : {0, 1}) {
      const Expression& other = arguments[index(1 - inner)];
      Form trial = form;
      if (!match(arguments[index(inner)], leaf, trial) || trial.clamped) continue;
      if (!trial.shifted && !trial.sloped && match_operand(other, trial.shift)) {
        trial.shifted = true;
      } else if (trial.residual < 0 && other.kind == Expression::Kind::operand &&
                 !operands_[index(other.index)].per_channel) {
        trial.residual = other.index;
        trial.residual_last = trial.sloped;
      } else {
        continue;
      }
      form = trial;
      return true;
    }
    return false;
  }
  if (is_call(expression, "mul") || is_call(expression, "fma")) {
    for (const int inner : {0, 1}) {
      Form trial = form;
      if (!match(arguments[index(inner)], leaf, trial)) continue;
      if (trial.clamped || trial.sloped || trial.scaled || trial.shifted || trial.residual >= 0) continue;
      if (!match_operand(arguments[index(1 - inner)], trial.scale)) continue;
      trial.scaled = true;
      if (is_call(expression, "fma")) {
        if (!match_operand(arguments[2], trial.shift)) continue;
        trial.shifted = true;
      }
      form = trial;
      return true;
    }
  }
  return false;
}

void Epilogue::compile(const Expressions& expressions) {
  code_.outputs = 0;
  for (const Expression& expression : expressions) code_.output[code_.outputs++] = compile(expression);
}

std::uint8_t Epilogue::add_instruction(Instruction instruction) {
  const auto* free = std::ranges::find(in_use_, false);
  if (code_.instructions == kMaxInstructions || free == in_use_.end()) {
    fail(ErrorCode::unsupported, "an epilogue of more than {} operations or {} values at a time", kMaxInstructions,
         kMaxTemporaries);
  }
  in_use_[static_cast<std::size_t>(free - in_use_.begin())] = true;
  instruction.result = static_cast<std::uint8_t>(free - in_use_.begin());
  code_.instruction[code_.instructions++] = instruction;
  return instruction.result;
}

Argument Epilogue::compile(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::source:
      return {Argument::Kind::source, 0};
    case Expression::Kind::output:
      return code_.output[expression.index];
    case Expression::Kind::constant:
      if (constants_ == kMaxConstants)
        fail(ErrorCode::unsupported, "an epilogue of more than {} constants", constants_);
      code_.constant[constants_] = expression.constant;
      return {Argument::Kind::constant, static_cast<std::uint8_t>(constants_++)};
    case Expression::Kind::operand: {
      const auto operand = static_cast<std::uint8_t>(expression.index);
      if (operands_[operand].per_channel) return {Argument::Kind::channel, operand};
      return {Argument::Kind::temporary, add_instruction({.load = true, .operand = operand})};
    }
    case Expression::Kind::call:
      break;
  }
  Instruction instruction{.function = function_of(expression)};
  for (std::size_t i = 0; i < expression.arguments.size(); ++i) {
    instruction.arguments[i] = compile(expression.arguments[i]);
  }
  // The result may take the place of an argument that nothing else reads.
  for (std::size_t i = 0; i < expression.arguments.size(); ++i) {
    const Argument& argument = instruction.arguments[i];
    const bool kept = expression.arguments[i].kind == Expression::Kind::output;
    if (argument.kind == Argument::Kind::temporary && !kept) in_use_[argument.index] = false;
  }
  return {Argument::Kind::temporary, add_instruction(instruction)};
}

/// Whether there is bfloat16 and an instruction for it.
bool Epilogue::converts() const {
  const bool narrow = std::ranges::find(outputs_, DType::bfloat16) != outputs_.end() ||
                      std::ranges::find(operands_, DType::bfloat16, &EpilogueOperand::storage) != operands_.end();
  return narrow && isa_ == Isa::avx512 && machine_has_bfloat16();
}

std::size_t Epilogue::workspace_bytes() const {
  std::size_t vectors = common_ ? 5 : 0;
  if (!common_) {
    vectors = index(static_cast<int>(std::ranges::count_if(operands_, &EpilogueOperand::per_channel)));
  }
  return vectors * static_cast<std::size_t>(padded_channels()) * sizeof(float);
}

BoundEpilogue Epilogue::bind(std::span<const void* const> operands, std::span<void* const> dst,
                             std::byte* workspace) const {
  BoundEpilogue bound;
  float* memory = reinterpret_cast<float*>(workspace);
  const auto vector_of = [&](int operand, float value) {
    float* vector = memory;
    memory += padded_channels();
    std::fill_n(vector, padded_channels(), 0.0f);
    if (operand < 0) {
      std::fill_n(vector, channels_, value);
    } else {
      std::copy_n(static_cast<const float*>(operands[index(operand)]), channels_, vector);
    }
    return vector;
  };
  bound.common = common_;
  if (common_) {
    bound.apply = converts()            ? avx512_bf16::apply_common
                  : isa_ == Isa::avx512 ? avx512::apply_common
                                        : avx2::apply_common;
    bound.second = outputs_.size() == 2 || chained_;
    for (std::size_t i = 0; i < (bound.second ? 2 : 1); ++i) {
      bound.scale[i] = vector_of(forms_[i].scale.operand, forms_[i].scale.value);
      bound.shift[i] = vector_of(forms_[i].shift.operand, forms_[i].shift.value);
      bound.low[i] = forms_[i].low;
      bound.high[i] = forms_[i].high;
    }
    if (forms_[0].sloped) bound.slope = vector_of(forms_[0].slope.operand, forms_[0].slope.value);
    const int residual = forms_[0].residual;
    if (residual >= 0) {
      bound.residual = operands[index(residual)];
      bound.residual_last = forms_[0].residual_last;
      bound.narrow_residual = operands_[index(residual)].storage == DType::bfloat16;
    }
  } else {
    bound.apply = converts() ? avx512_bf16::apply_code : isa_ == Isa::avx512 ? avx512::apply_code : avx2::apply_code;
    bound.code = &code_;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      bound.operand[i] = operands_[i].per_channel ? vector_of(static_cast<int>(i), 0) : operands[i];
      if (operands_[i].storage == DType::bfloat16) bound.narrow_operands |= 1u << i;
    }
  }
  const std::size_t hidden = chained_ ? 1 : 0;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    bound.dst[hidden + i] = dst[i];
    if (outputs_[i] == DType::bfloat16) bound.narrow_outputs |= 1u << (hidden + i);
  }
  return bound;
}

}  // namespace tenon::cpu
