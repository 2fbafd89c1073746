// Epilogues on tiles beside their expressions, element by element, for each instruction set this machine has.

#include "backends/cpu/kernels/epilogue.h"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/error.h>

#include "core/half.h"

namespace tenon::cpu {
namespace {

std::vector<Isa> machine_isas() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::avx2, Isa::avx512}) {
    if (isa <= machine_isa()) isas.push_back(isa);
  }
  return isas;
}

/// A tile of `rows` pixels and one block of channels, the second of an output of 16 + lanes channels.
struct Trial {
  std::string text;
  std::string kinds;  ///< of the operands: c(hannel) or t(ensor)
  int rows = 11;
  int lanes = 16;
  bool padded = true;

  static constexpr int kPitch = 24;  // from row to row, in elements
  std::int64_t elements() const { return kPitch * (rows + 1); }

  std::vector<std::vector<float>> apply(Isa isa, const std::vector<std::vector<float>>& operands,
                                        const std::vector<float>& source, bool expect_common) const {
    const Expressions expressions = parse_expressions(text);
    std::vector<EpilogueOperand> described;
    std::vector<const void*> memory;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      described.push_back({kinds[i] == 'c', DType::float32});
      memory.push_back(operands[i].data());
    }
    const Epilogue epilogue(expressions, described, std::vector<DType>(expressions.size(), DType::float32), 16 + lanes,
                            isa);
    EXPECT_EQ(epilogue.common(), expect_common) << text;
    std::vector<std::vector<float>> outputs(expressions.size(),
                                            std::vector<float>(static_cast<std::size_t>(elements()), -77));
    std::vector<void*> dst;
    for (auto& output : outputs) dst.push_back(output.data());
    std::vector<std::byte> workspace(epilogue.workspace_bytes());
    const BoundEpilogue bound = epilogue.bind(memory, dst, workspace.data());
    bound.apply(bound, {source.data(), rows, 3, kPitch, 16, lanes, padded});
    return outputs;
  }

  void expect_as_written(bool expect_common) const {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform(-2, 2);
    const auto draw = [&](std::int64_t count) {
      std::vector<float> values(static_cast<std::size_t>(count));
      for (float& value : values) value = uniform(random);
      return values;
    };
    std::vector<std::vector<float>> operands;
    for (const char kind : kinds) operands.push_back(draw(kind == 'c' ? 16 + lanes : elements()));
    std::vector<float> source = draw(16 * rows);
    source[5] = std::nanf("");
    for (int row = 0; row < rows; ++row) {
      for (int lane = lanes; lane < 16; ++lane) source[static_cast<std::size_t>(row * 16 + lane)] = 0;
    }
    for (std::size_t i = 0; padded && i < kinds.size(); ++i) {  // what a tensor has behind the last channel is zero
      if (kinds[i] == 'c') continue;
      for (std::int64_t at = 3; at < elements(); ++at) {
        if ((at - 3) % kPitch >= lanes) operands[i][static_cast<std::size_t>(at)] = 0;
      }
    }
    const Expressions expressions = parse_expressions(text);
    for (const Isa isa : machine_isas()) {
      const auto outputs = apply(isa, operands, source, expect_common);
      for (int at = 0; at < elements(); ++at) {
        const int row = (at - 3) / kPitch, lane = (at - 3) % kPitch;
        const bool inside = at >= 3 && row < rows && lane < (padded ? 16 : lanes);
        const bool exists = inside && lane < lanes;
        std::vector<float> expected(expressions.size(), inside ? 0.0f : -77.0f);
        if (exists) {
          std::vector<float> values;
          for (std::size_t i = 0; i < kinds.size(); ++i) {
            values.push_back(operands[i][static_cast<std::size_t>(kinds[i] == 'c' ? 16 + lane : at)]);
          }
          expected = evaluate(expressions, source[static_cast<std::size_t>(row * 16 + lane)], values);
        }
        for (std::size_t i = 0; i < outputs.size(); ++i) {
          const float got = outputs[i][static_cast<std::size_t>(at)];
          if (std::isnan(expected[i])) {
            EXPECT_TRUE(std::isnan(got)) << text << " at " << at;
          } else {
            // A chain of at most six operations, each rounded once, in another order.
            ASSERT_NEAR(got, expected[i], 4e-6f * std::max(1.0f, std::abs(expected[i])))
                << text << " at " << at << ", " << name(isa);
          }
        }
      }
    }
  }
};

TEST(Epilogue, CommonFormsAreRecognised) {
  for (const auto& [text, kinds] :
       std::vector<std::pair<std::string, std::string>>{{"x", ""},
                                                        {"add(x, $0)", "c"},
                                                        {"relu(add($0, x))", "c"},
                                                        {"relu(fma(x, $0, $1))", "cc"},
                                                        {"relu(add(add(x, $0), $1))", "ct"},
                                                        {"add(add(x, $0), $1)", "tc"},
                                                        {"add($0, fma(x, 0.5, -1))", "t"},
                                                        {"min(max(add(x, $0), 0), 1)", "c"},
                                                        {"add(x, $0); relu(fma(y0, $1, $2))", "tcc"},
                                                        {"relu(fma(add(x, $0), $1, $2))", "tcc"},
                                                        {"fma(relu(add(x, $0)), $1, 0.25)", "cc"},
                                                        {"mul(x, $0); y0", "c"},
                                                        {"leaky(add(x, $0), 0.25)", "c"},
                                                        {"leaky(add(add(x, $0), $1), $2)", "ctc"},
                                                        {"add(leaky(x, $0), $1)", "cc"},
                                                        {"relu(add(leaky(add(x, $0), $1), $2))", "cct"},
                                                        {"add(leaky(add(x, $0), $1), $2); y0", "cct"},
                                                        {"min(leaky(fma(x, $0, $1), $2), 6)", "ccc"},
                                                        {"leaky(add(x, $0), $1); relu(fma(y0, $2, 0.5))", "ccc"},
                                                        {"relu(add(mul(x, $0), $1)); add(y0, $1)", "cc"}}) {
    for (const int lanes : {16, 5}) {
      for (const bool padded : {true, false}) Trial{text, kinds, 11, lanes, padded}.expect_as_written(true);
    }
  }
}

TEST(Epilogue, OtherFormsAreInterpreted) {
  for (const auto& [text, kinds] : std::vector<std::pair<std::string, std::string>>{
           {"max(x, 0.5)", ""},  // zero would not stay zero
           {"mul(leaky(x, $0), x)", "c"},
           {"leaky(relu(x), 0.5)", ""},
           {"leaky(x, 2); leaky(y0, 3)", ""},
           {"mul(x, sigmoid(fma(x, $0, $1)))", "cc"},
           {"add(relu(x), $0); sub(y0, x); div(y1, add(abs(y0), 1)); max(y2, $1)", "tt"},
           {"elu(x, 1.5); tanh(x); softrelu(x); softsign(x)", ""},
           {"exp(x); log(abs(x)); sqrt(abs(x)); rsqrt(add(abs(x), 0.25))", ""},
           {"erf(x); min($0, $1)", "ct"},
           {"add(mul(x, $0), mul($1, add(mul(x, $0), mul($1, add(x, sub($0, mul($1, sub(x, 3))))))))", "ct"}}) {
    for (const int lanes : {16, 1, 9}) {
      for (const bool padded : {true, false}) Trial{text, kinds, 11, lanes, padded}.expect_as_written(false);
    }
  }
}

TEST(Epilogue, KnowsEveryFunction) {
  for (const ExpressionFunction& function : expression_functions()) {
    const std::vector<Expression> arguments(static_cast<std::size_t>(function.arity), source());
    Trial{to_text({call("abs", {call(function.name, arguments)})}), ""}.expect_as_written(false);
  }
}

TEST(Epilogue, HalfOperandsAndOutputsRoundToNearestEven) {
  for (const Isa isa : machine_isas()) {
    for (const char* text : {"add(x, $0); mul(y0, 3)", "sub(x, $0); mul(y0, 3)"}) {
      const Epilogue epilogue(parse_expressions(text), {{false, DType::bfloat16}}, {DType::bfloat16, DType::float32},
                              16, isa);
      std::vector<float> source(16), second(16);
      std::vector<bfloat16> operand(16), first(16);
      for (std::size_t i = 0; i < 16; ++i) {
        source[i] = 1.0f + static_cast<float>(i) / 256;
        operand[i] = to_bfloat16(static_cast<float>(i));
      }
      source[3] = std::nanf("");
      const void* operands[] = {operand.data()};
      void* dst[] = {first.data(), second.data()};
      std::vector<std::byte> workspace(epilogue.workspace_bytes());
      const BoundEpilogue bound = epilogue.bind(operands, dst, workspace.data());
      bound.apply(bound, {source.data(), 1, 0});
      for (std::size_t i = 0; i < 16; ++i) {
        const float sign = text[0] == 'a' ? 1.0f : -1.0f;
        const float expected = source[i] + sign * static_cast<float>(i);
        EXPECT_EQ(first[i].bits, to_bfloat16(expected).bits) << i;
        if (i != 3) {
          EXPECT_FLOAT_EQ(second[i], 3 * expected);
        }
      }
    }
  }
}

TEST(Epilogue, RefusesWhatItCannotHold) {
  std::string deep = "x";
  for (int i = 0; i < 70; ++i) deep = "abs(" + deep + ")";
  EXPECT_THAT([&] { Epilogue(parse_expressions(deep), {}, {DType::float32}, 16); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("more than 64 operations")));
}

}  // namespace
}  // namespace tenon::cpu
