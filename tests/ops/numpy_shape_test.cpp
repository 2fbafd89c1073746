// The numpy-mode relatives of the shape and matrix operators.

#include <gmock/gmock.h>

#include "support/counting.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Tensor numpy(const std::string& op, const std::map<std::string, Tensor>& feeds) {
  std::string text;
  for (const auto& [name, feed] : feeds) text += "%" + name + " = variable\n";
  Graph graph = parse_graph(text + "%y = " + op + "\nreturn %y\n", ops());
  graph.np_shape = true;
  return evaluate(std::move(graph), feeds)[0];
}

/// The same with %a = 0, 1, 2, … in a shape.
Tensor on_counting(const std::string& op, const Shape& src) {
  return numpy(op, {{"a", counting(src)}});
}

TEST(NpxReshape, HasCodesOfItsOwn) {
  EXPECT_EQ(on_counting("_npx_reshape(%a) {newshape=(-2, -1)}", {2, 3, 4}).shape().str(), "(2,12)");
  EXPECT_EQ(on_counting("_npx_reshape(%a) {newshape=(-5, -4)}", {2, 3, 4}).shape().str(), "(6,4)");
  EXPECT_EQ(on_counting("_npx_reshape(%a) {newshape=(-6, -1, 2, -2)}", {8, 3}).shape().str(), "(4,2,3)");
  EXPECT_EQ(on_counting("_npx_reshape(%a) {newshape=(-4, -5), reverse=True}", {2, 3, 4, 5}).shape().str(), "(2,3,20)");
  EXPECT_THAT(refusal([] {
                on_counting("_npx_reshape(%a) {newshape=(-3, -1)}", {2, 3});
              }),
              HasSubstr("size 2, not of 1"));
}

TEST(NpReshape, KeepsRealZeroSizes) {
  EXPECT_EQ(on_counting("_np_reshape(%a) {newshape=(0, 5)}", {2, 0, 4}).shape().str(), "(0,5)");
  EXPECT_EQ(on_counting("_np_reshape(%a) {newshape=()}", {1}).shape().str(), "()");
}

TEST(NpSqueeze, RemovingEverythingLeavesAScalar) {
  EXPECT_EQ(on_counting("_np_squeeze(%a)", {1, 1}).shape().str(), "()");
}

TEST(NpTranspose, CountsNegativeAxesFromTheEnd) {
  expect_tensor(on_counting("_np_transpose(%a) {axes=(-1, 0)}", {2, 2}), {2, 2}, {0, 2, 1, 3});
  EXPECT_EQ(on_counting("_np_moveaxis(%a) {source=(0,), destination=(-1,)}", {2, 3, 4}).shape().str(), "(3,4,2)");
}

TEST(NpRot90, TurnsEitherWay) {
  expect_tensor(on_counting("_npi_rot90(%a)", {2, 3}), {3, 2}, {2, 5, 1, 4, 0, 3});
  expect_tensor(on_counting("_npi_rot90(%a) {k=-1}", {2, 3}), {3, 2}, {3, 0, 4, 1, 5, 2});
  expect_tensor(on_counting("_npi_rot90(%a) {k=2}", {2, 3}), {2, 3}, {5, 4, 3, 2, 1, 0});
}

TEST(NpRoll, FlattensWithoutAnAxis) {
  expect_tensor(on_counting("_np_roll(%a) {shift=(1,)}", {2, 2}), {2, 2}, {3, 0, 1, 2});
  expect_tensor(on_counting("_np_roll(%a) {shift=(-1, 1), axis=(0, 1)}", {2, 3}), {2, 3}, {5, 3, 4, 2, 0, 1});
}

TEST(NpPad, PadsEveryAxisOfAnyRank) {
  expect_tensor(on_counting("_npi_pad(%a) {pad_width=\"((1, 0), (0, 1))\", constant_value=9}", {1, 2}), {2, 3},
                {9, 9, 9, 0, 1, 9});
}

TEST(NpTrace, SumsADiagonal) {
  expect_tensor(on_counting("_np_trace(%a) {offset=1}", {2, 3}), Shape::scalar(), {6});
  expect_tensor(on_counting("_npi_tril(%a)", {2, 2}), {2, 2}, {0, 0, 2, 3});
}

TEST(NpConcatenate, FlattensWithoutAnAxis) {
  expect_tensor(on_counting("_npi_concatenate(%a, %a) {num_args=2, axis=None}", {1, 2}), {4}, {0, 1, 0, 1});
  expect_tensor(on_counting("_npi_vstack(%a, %a) {num_args=2}", {2}), {2, 2}, {0, 1, 0, 1});
  expect_tensor(on_counting("_npi_column_stack(%a, %a) {num_args=2}", {2}), {2, 2}, {0, 0, 1, 1});
}

TEST(NpMatmul, BroadcastsBatchesAndTakesVectors) {
  const Tensor rows = counting({2, 1, 1, 2}), columns = tensor({2, 2, 1}, {1, 1, 1, -1});
  expect_tensor(numpy("_npi_matmul(%a, %b)", {{"a", rows}, {"b", columns}}), {2, 2, 1, 1}, {1, -1, 5, -1});
  expect_tensor(numpy("_npi_matmul(%a, %b)", {{"a", counting({3})}, {"b", counting({3})}}), Shape::scalar(), {5});
  EXPECT_THAT(refusal([] {
                numpy("_npi_matmul(%a, %b)", {{"a", counting({2, 1, 1})}, {"b", counting({3, 1, 1})}});
              }),
              HasSubstr("broadcast"));
}

TEST(NpDot, SumsTheLastButOneOfTheSecond) {
  expect_tensor(numpy("_np_dot(%a, %b)", {{"a", counting({2})}, {"b", counting({2, 2, 2})}}), {2, 2}, {2, 3, 6, 7});
  expect_tensor(numpy("_np_dot(%a, %b)", {{"a", tensor(Shape::scalar(), {3})}, {"b", counting({2})}}), {2}, {0, 3});
}

TEST(NpEinsum, SumsTheLettersTheOutputLacks) {
  expect_tensor(on_counting("_npi_einsum(%a) {num_args=1, subscripts=ii}", {2, 2}), Shape::scalar(), {3});
  expect_tensor(on_counting("_npi_einsum(%a, %a) {num_args=2, subscripts=\"ij, kj\"}", {2, 2}), {2, 2}, {1, 3, 3, 13});
  EXPECT_THAT(refusal([] {
                on_counting("_npi_einsum(%a) {num_args=1, subscripts=\"ij->k\"}", {2, 2});
              }),
              AllOf(HasSubstr("'ij->k'"), HasSubstr("letter for each axis")));
  EXPECT_THAT(refusal([] {
                on_counting("_npi_einsum(%a) {num_args=1, subscripts=\"ii->i\"}", {2, 3});
              }),
              HasSubstr("size 3"));
}

TEST(NpTensordot, PairsAxes) {
  expect_tensor(numpy("_npi_tensordot(%a, %b) {a_axes_summed=(0,), b_axes_summed=(-1,)}",
                      {{"a", counting({2, 1})}, {"b", counting({2, 2})}}),
                {1, 2}, {1, 3});
}

}  // namespace
}  // namespace tenon
