#include <gmock/gmock.h>

#include "support/counting.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Tensor both(const std::string& op, const Tensor& x, const Tensor& i) {
  return evaluate("%x = variable\n%i = variable\n%y = " + op + "\nreturn %y\n", {{"x", x}, {"i", i}})[0];
}

TEST(Take, ClipsWrapsOrRefuses) {
  const Tensor src = tensor({3}, {10, 11, 12}), indices = tensor({4}, {-1, 0, 2, 4});
  expect_tensor(both("take(%x, %i)", src, indices), {4}, {10, 10, 12, 12});
  expect_tensor(both("take(%x, %i) {mode=wrap}", src, indices), {4}, {12, 10, 12, 11});
  EXPECT_THAT(refusal([&] { both("take(%x, %i) {mode=raise}", src, indices); }),
              AllOf(HasSubstr("'y'"), HasSubstr("index -1"), HasSubstr("size 3")));
}

TEST(Take, CutsFractionsOff) {
  expect_tensor(both("take(%x, %i)", tensor({3}, {10, 11, 12}), tensor({3}, {0.9, 1.5, 2.99})), {3}, {10, 11, 12});
}

TEST(Take, PutsTheIndicesDimensionsInPlaceOfTheAxis) {
  const Tensor result = both("take(%x, %i) {axis=-2}", counting({2, 3, 2}), tensor({1, 2}, {2, 0}, DType::int32));
  expect_tensor(result, {2, 1, 2, 2}, {4, 5, 0, 1, 10, 11, 6, 7});
  EXPECT_THAT(refusal([] { both("take(%x, %i) {axis=2}", counting({2, 3}), counting({2})); }), HasSubstr("axis 2"));
}

TEST(Embedding, ClampsIndices) {
  const Tensor result =
      both("Embedding(%i, %x) {input_dim=3, output_dim=2}", counting({3, 2}), tensor({3}, {-4, 1.7, 9}));
  expect_tensor(result, {3, 2}, {0, 1, 2, 3, 4, 5});
}

TEST(Embedding, LearnsItsWeight) {
  Graph graph = parse_graph(
      "%i = variable\n%w = variable\n%y = Embedding(%i, %w) {input_dim=7, output_dim=3}\nreturn %y\n", ops());
  infer(graph, {{"i", {Shape{2, 4}, DType::int32}}});
  EXPECT_EQ(graph.type({graph.find_variable("w"), 0}), (TensorType{Shape{7, 3}, DType::float32}));
  EXPECT_EQ(graph.type(graph.outputs[0]), (TensorType{Shape{2, 4, 3}, DType::float32}));
}

TEST(OneHot, AnIndexOutsideIsOffEverywhere) {
  const auto result =
      evaluate("%i = variable\n%y = one_hot(%i) {depth=2, on_value=5, off_value=-1, dtype=int32}\nreturn %y\n",
               {{"i", tensor({3}, {1, 2, -1})}});
  EXPECT_EQ(result[0].dtype(), DType::int32);
  expect_tensor(result[0], {3, 2}, {-1, 5, -1, -1, -1, -1});
}

TEST(GatherNd, WrapsNegativeIndices) {
  const Tensor indices = tensor({2, 2}, {-1, 0, 1, -2});
  expect_tensor(both("gather_nd(%x, %i)", counting({2, 3}), indices), {2}, {4, 1});
  EXPECT_THAT(refusal([] {
                both("gather_nd(%x, %i)", counting({2, 3}), tensor({1, 1}, {2}));
              }),
              AllOf(HasSubstr("index 2"), HasSubstr("axis 0")));
  EXPECT_THAT(refusal([] { both("gather_nd(%x, %i)", counting({2, 3}), counting({3, 2})); }), HasSubstr("3 axes"));
}

TEST(ScatterNd, FillsWithZeros) {
  expect_tensor(both("scatter_nd(%x, %i) {shape=(2, 2)}", tensor({2}, {7, 8}), tensor({2, 2}, {1, 0, 0, 1})), {2, 2},
                {0, 8, 7, 0});
}

TEST(IndexCopy, ReplacesRows) {
  const auto result =
      evaluate("%x = variable\n%i = variable\n%n = variable\n%y = _contrib_index_copy(%x, %i, %n)\nreturn %y\n",
               {{"x", counting({3, 1})}, {"i", tensor({2}, {2, 0}, DType::int64)}, {"n", tensor({2, 1}, {8, 9})}});
  expect_tensor(result[0], {3, 1}, {9, 1, 8});
}

TEST(RavelMultiIndex, InvertsUnravelIndex) {
  const Tensor flat = tensor({3}, {0, 7, 11});
  const auto coordinates = evaluate(
      "%x = variable\n%y = _unravel_index(%x) {shape=(2, 3, 2)}\n%z = _ravel_multi_index(%y) {shape=(2, 3, 2)}\n"
      "return %y, %z\n",
      {{"x", flat}});
  expect_tensor(coordinates[0], {3, 3}, {0, 1, 1, 0, 0, 2, 0, 1, 1});
  expect_tensor(coordinates[1], {3}, {0, 7, 11});
}

TEST(SequenceMask, ReplacesWhatFollowsTheLength) {
  expect_tensor(
      both("SequenceMask(%x, %i) {use_sequence_length=True, value=-1}", counting({2, 2}), tensor({2}, {0, 1})), {2, 2},
      {-1, 1, -1, -1});
  const auto all = evaluate("%x = variable\n%y = SequenceMask(%x)\nreturn %y\n", {{"x", counting({2, 2})}});
  expect_tensor(all[0], {2, 2}, {0, 1, 2, 3});
}

TEST(SequenceLast, TakesTheStepBeforeTheLength) {
  const std::string op = "SequenceLast(%x, %i) {use_sequence_length=True, axis=1}";
  expect_tensor(both(op, counting({2, 3}), tensor({2}, {1, 3})), {2}, {0, 5});
  EXPECT_THAT(refusal([&] { both(op, counting({2, 3}), tensor({2}, {0, 3})); }), HasSubstr("sequence_length[0] is 0"));
}

TEST(SequenceReverse, LeavesWhatFollowsTheLength) {
  expect_tensor(both("SequenceReverse(%x, %i) {use_sequence_length=True}", counting({3, 2}), tensor({2}, {2, 3})),
                {3, 2}, {2, 5, 0, 3, 4, 1});
}

}  // namespace
}  // namespace tenon
