#include <gmock/gmock.h>

#include "support/counting.h"

namespace tenon {
namespace {

Tensor numpy(const std::string& op, const std::map<std::string, Tensor>& feeds) {
  std::string text;
  for (const auto& [name, feed] : feeds) text += "%" + name + " = variable\n";
  Graph graph = parse_graph(text + "%y = " + op + "\nreturn %y\n", ops());
  graph.np_shape = true;
  return evaluate(std::move(graph), feeds)[0];
}

TEST(NumpyElementwise, PromotesMixedTypes) {
  const Tensor result = numpy("_npi_add(%a, %b)", {{"a", tensor({2, 1}, {1, 2}, DType::int64)},
                                                   {"b", tensor({2}, {0.5, 1.5}, DType::float16)}});
  EXPECT_EQ(result.dtype(), DType::float16);
  expect_tensor(result, {2, 2}, {1.5, 2.5, 2.5, 3.5});
}

TEST(NumpyElementwise, ComparesInTheCommonTypeAndAnswersInBool) {
  const Tensor result =
      numpy("_npi_less_scalar(%a) {scalar=1.5, is_int=False}", {{"a", tensor({2}, {1, 2}, DType::int32)}});
  EXPECT_EQ(result.dtype(), DType::boolean);
  expect_tensor(result, {2}, {1, 0});
}

TEST(NumpyElementwise, ABoolMeetsAnIntegerAsBool) {
  expect_tensor(numpy("_npi_equal_scalar(%a) {scalar=2}", {{"a", tensor({2}, {0, 1}, DType::boolean)}}), {2}, {0, 1});
}

TEST(NumpyElementwise, DividesIntegersInFloat32) {
  const Tensor halves = numpy("_npi_true_divide_scalar(%a) {scalar=2}", {{"a", tensor({2}, {1, 2}, DType::int32)}});
  EXPECT_EQ(halves.dtype(), DType::float32);
  expect_tensor(halves, {2}, {0.5, 1});
  const Tensor inverse =
      numpy("_npi_rtrue_divide_scalar(%a) {scalar=1.5, is_int=False}", {{"a", tensor({1}, {2}, DType::int32)}});
  EXPECT_EQ(inverse.dtype(), DType::float32);
  expect_tensor(inverse, {1}, {0.75});
}

TEST(NumpyElementwise, AFractionalScalarMakesIntegersFloat64) {
  const Tensor result =
      numpy("_npi_rsubtract_scalar(%a) {scalar=1.5, is_int=False}", {{"a", tensor({1}, {2}, DType::int32)}});
  EXPECT_EQ(result.dtype(), DType::float64);
  expect_tensor(result, {1}, {-0.5});
  EXPECT_EQ(numpy("_npi_add_scalar(%a) {scalar=2}", {{"a", tensor({1}, {1}, DType::boolean)}}).dtype(), DType::int64);
}

TEST(NumpyElementwise, PredicatesAnswerInBool) {
  const Tensor result = numpy("_npi_isnan(%a)", {{"a", tensor({2}, {std::nan(""), 1})}});
  EXPECT_EQ(result.dtype(), DType::boolean);
  expect_tensor(result, {2}, {1, 0});
}

}  // namespace
}  // namespace tenon
