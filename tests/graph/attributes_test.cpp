#include "graph/attributes.h"

#include <cmath>

#include <gmock/gmock.h>

#include <tenon/error.h>

namespace tenon {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

IntTuple tuple(std::initializer_list<std::int64_t> items) {
  return {items.begin(), items.end()};
}

template <class T>
T parsed(const AttributeSpec& spec, std::string_view text) {
  return std::get<T>(parse_attribute(spec, text));
}

TEST(Attributes, TuplesInEverySpelling) {
  const AttributeSpec kernel = ints("kernel");
  for (const char* text : {"(3, 3)", "[3,3]", " ( 3 ,3, ) ", "(3L, 3L)"}) {
    EXPECT_EQ(parsed<IntTuple>(kernel, text), tuple({3, 3})) << text;
  }
  EXPECT_EQ(parsed<IntTuple>(kernel, "7"), tuple({7}));
  EXPECT_EQ(parsed<IntTuple>(kernel, "()"), tuple({}));
  EXPECT_EQ(parsed<IntTuple>(kernel, "(None, 1)"), (IntTuple{std::nullopt, 1}));
  for (const char* wrong : {"(3", "3)", "(3 3)", "(,)", "(3.0,)", "", "(1,,2)"}) {
    EXPECT_THROW(parse_attribute(kernel, wrong), Error) << wrong;
  }
}

TEST(Attributes, NumbersAsMxnetReadsThem) {
  EXPECT_EQ(parsed<std::int64_t>(integer("n"), " 12 "), 12);
  for (const char* wrong : {"3.0", "0x10", "3L", "many", "", "9999999999999999999"}) {
    EXPECT_THROW(parse_attribute(integer("n"), wrong), Error) << wrong;
  }
  EXPECT_EQ(parsed<double>(real("x"), "1e-05"), 1e-5);
  EXPECT_EQ(parsed<double>(real("x"), "+2.5f"), 2.5);
  EXPECT_TRUE(std::isinf(parsed<double>(real("x"), "Infinity")));
  EXPECT_TRUE(std::isnan(parsed<double>(real("x"), "NaN")));
  EXPECT_THROW(parse_attribute(real("x"), "one"), Error);
}

TEST(Attributes, NotANumberIsTheSameAsItself) {
  const std::vector<AttributeSpec> specs{real("x"), reals("list")};
  const auto with = [&](const char* x, const char* list) {
    return parse_attributes(specs, {{"x", x}, {"list", list}});
  };
  EXPECT_EQ(with("-nan", "(1, nan)"), with("nan", "(1, nan)"));
  EXPECT_NE(with("nan", "(1, nan)"), with("2", "(1, nan)"));
  EXPECT_NE(with("nan", "(1, nan)"), with("nan", "(nan, 1)"));
}

TEST(Attributes, BooleansInAnyCase) {
  for (const char* text : {"True", "true", "TRUE", "1"}) EXPECT_TRUE(parsed<bool>(boolean("flag"), text));
  for (const char* text : {"False", "false", "0"}) EXPECT_FALSE(parsed<bool>(boolean("flag"), text));
  EXPECT_THAT([] { parse_attribute(boolean("flag"), "maybe"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("flag='maybe'"), HasSubstr("boolean"))));
}

TEST(Attributes, ChoicesAreExactWords) {
  const AttributeSpec type = choice("pool_type", {"max", "avg"});
  EXPECT_EQ(parsed<std::string>(type, "avg"), "avg");
  EXPECT_THAT([&] { parse_attribute(type, "median"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("pool_type='median'"), HasSubstr("{max, avg}"))));
}

TEST(Attributes, NoneIsLegalOnlyWhereDeclared) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_attribute(integer("axis").or_none(), "None")));
  EXPECT_THROW(parse_attribute(integer("axis"), "None"), Error);
}

TEST(Attributes, RangesAreEnforced) {
  EXPECT_THAT([] { parse_attribute(integer("num_hidden").at_least(1), "-3"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("num_hidden=-3"), HasSubstr("at least 1"))));
}

TEST(Attributes, DefaultsHiddenAndUnknownNames) {
  const std::vector<AttributeSpec> specs{integer("num_filter"), boolean("no_bias").or_else(false)};
  const Attributes attributes = parse_attributes(specs, {{"num_filter", "4"}, {"__lr_mult__", "2"}});
  EXPECT_EQ(attributes.integer("num_filter"), 4);
  EXPECT_FALSE(attributes.flag("no_bias"));
  EXPECT_THAT([&] { parse_attributes(specs, {}); }, ThrowsMessage<Error>(HasSubstr("num_filter")));
  EXPECT_THAT(
      [&] {
        parse_attributes(specs, {{"num_filter", "4"}, {"colour", "red"}});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("colour='red'"), HasSubstr("no_bias"))));
}

TEST(Attributes, PrintWhatTheyParse) {
  const std::vector<std::pair<AttributeSpec, std::string>> cases{
      {ints("t"), "(3, 3)"},
      {ints("t"), "(3,)"},
      {ints("t"), "()"},
      {ints("t"), "(None, 1)"},
      {real("x"), "1e-05"},
      {real("x"), "-inf"},
      {boolean("b"), "True"},
      {integer("n"), "-7"},
      {reals("r"), "(0.5, 1)"},
      {text("s"), "a, b {c}"},
      {integer("n").or_none(), "None"},
  };
  for (const auto& [spec, written] : cases) EXPECT_EQ(format_attribute(parse_attribute(spec, written)), written);
}

}  // namespace
}  // namespace tenon
