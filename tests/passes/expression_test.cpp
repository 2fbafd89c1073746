#include "passes/expression.h"

#include <cmath>

#include <gmock/gmock.h>

#include <tenon/error.h>

namespace tenon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Expression, PrintsWhatItParses) {
  for (const char* text : {"x", "add(x, $0); relu(fma(y0, $1, $2))", "min(max(x, 0), 6)", "leaky(x, -0.25)", "$3"}) {
    EXPECT_EQ(to_text(parse_expressions(text)), text);
  }
}

TEST(Expression, TheTwoOutputFormKeepsTheSum) {
  const Expressions expressions = parse_expressions("add(x, $0); relu(fma(y0, $1, $2))");
  const float operands[] = {1, -2, 3};
  EXPECT_THAT(evaluate(expressions, 4, operands), ElementsAre(5, 0));
  EXPECT_THAT(evaluate(expressions, 0, operands), ElementsAre(1, 1));
  EXPECT_EQ(operand_count(expressions), 3);
}

TEST(Expression, ReluAndClipsKeepNan) {
  const Expressions expressions = parse_expressions("relu(x); max(x, 0); min(x, 6)");
  for (const float value : evaluate(expressions, std::nanf(""), {})) EXPECT_TRUE(std::isnan(value));
}

TEST(Expression, SubstitutionChainsAndShiftsOperands) {
  const Expression inner = parse_expressions("fma(x, $0, $1)")[0];
  const Expression outer = parse_expressions("max(x, $0)")[0];
  EXPECT_EQ(to_text(Expressions{substitute(outer, inner, 2)}), "max(fma(x, $0, $1), $2)");
}

TEST(Expression, MistakesAreShownWithTheirPlace) {
  EXPECT_THAT([] { parse_expressions("add(x)"); }, ThrowsMessage<Error>(HasSubstr("2 arguments for add")));
  EXPECT_THAT([] { parse_expressions("swish(x)"); }, ThrowsMessage<Error>(HasSubstr("'swish' is none")));
  EXPECT_THAT([] { parse_expressions("y0"); }, ThrowsMessage<Error>(HasSubstr("there are 0")));
  EXPECT_THAT([] { parse_expressions("x x"); }, ThrowsMessage<Error>(HasSubstr("character 3")));
  EXPECT_THROW(parse_expressions(std::string(5000, '(')), Error);
}

}  // namespace
}  // namespace tenon
