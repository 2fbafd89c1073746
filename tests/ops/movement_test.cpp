// Operators that move elements: transpose, slice, concat, broadcast, pad, init.

#include <gmock/gmock.h>

#include "support/counting.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Tensor applied(const std::string& op, const Tensor& x) {
  return evaluate("%x = variable\n%y = " + op + "\nreturn %y\n", {{"x", x}})[0];
}

std::string refused(const std::string& op, const Shape& src) {
  return refusal([&] { applied(op, counting(src)); });
}

TEST(Transpose, ReversesWithoutAxes) {
  expect_tensor(applied("transpose(%x)", counting({2, 3})), {3, 2}, {0, 3, 1, 4, 2, 5});
}

TEST(Transpose, MovesElementsOfAnySize) {
  for (const DType dtype : {DType::uint8, DType::float16, DType::float32, DType::int64, DType::boolean}) {
    const Tensor result = applied("transpose(%x)", tensor({2, 2}, {0, 1, 1, 0}, dtype));
    EXPECT_EQ(result.dtype(), dtype);
    expect_tensor(result, {2, 2}, {0, 1, 1, 0});
  }
}

TEST(Transpose, RefusesNegativeRepeatedOrMissingAxes) {
  EXPECT_THAT(refused("transpose(%x) {axes=(0, -1)}", {2, 3}), HasSubstr("negative"));
  EXPECT_THAT(refused("transpose(%x) {axes=(0, 0)}", {2, 3}), HasSubstr("twice"));
  EXPECT_THAT(refused("transpose(%x) {axes=(0, 1)}", {2, 3, 4}), HasSubstr("3 axes"));
}

TEST(DepthToSpace, BlockRowsAreOutermost) {
  expect_tensor(applied("depth_to_space(%x) {block_size=2}", counting({1, 4, 1, 1})), {1, 1, 2, 2}, {0, 1, 2, 3});
  const Tensor space = counting({1, 2, 4, 4});
  const Tensor depth = applied("space_to_depth(%x) {block_size=2}", space);
  EXPECT_EQ(depth.shape().str(), "(1,8,2,2)");
  expect_tensor(applied("depth_to_space(%x) {block_size=2}", depth), {1, 2, 4, 4},
                std::vector<double>(space.data<float>(), space.data<float>() + 32));
}

TEST(Reverse, RefusesNegativeAxes) {
  expect_tensor(applied("reverse(%x) {axis=1}", counting({2, 3})), {2, 3}, {2, 1, 0, 5, 4, 3});
  EXPECT_THAT(refused("reverse(%x) {axis=-1}", {2, 3}), HasSubstr("negative"));
}

TEST(Diag, TakesAndMakesDiagonals) {
  expect_tensor(applied("diag(%x) {k=1}", counting({2, 3})), {2}, {1, 5});
  expect_tensor(applied("diag(%x) {k=-1}", tensor({2}, {4, 5})), {3, 3}, {0, 0, 0, 4, 0, 0, 0, 5, 0});
  EXPECT_THAT(refused("diag(%x) {k=7}", {2, 3}), HasSubstr("k=7"));
}

TEST(Slice, NoneAndNegativeStepsReadAsPython) {
  expect_tensor(applied("slice(%x) {begin=(None,), end=(None,), step=(-1,)}", counting({3})), {3}, {2, 1, 0});
  expect_tensor(applied("slice(%x) {begin=(5,), end=(1,), step=(-2,)}", counting({7})), {2}, {5, 3});
  expect_tensor(applied("slice(%x) {begin=(-2,), end=(-6,), step=(-1,)}", counting({7})), {4}, {5, 4, 3, 2});
}

TEST(Slice, ClampsBeyondTheEnds) {
  expect_tensor(applied("slice(%x) {begin=(-100,), end=(100,)}", counting({3})), {3}, {0, 1, 2});
}

TEST(Slice, RefusesStepsAndBoxesThatSelectNothing) {
  EXPECT_THAT(refused("slice(%x) {begin=(0,), end=(2,), step=(0,)}", {4}), HasSubstr("step[0] is 0"));
  EXPECT_THAT(refused("slice(%x) {begin=(0, 0), end=(2, 2), step=(1,)}", {4, 4}), HasSubstr("step has 1 items"));
  EXPECT_THAT(refused("slice(%x) {begin=(3,), end=(1,)}", {4}),
              AllOf(HasSubstr("axis 0"), HasSubstr("without elements")));
}

TEST(SliceAxis, RefusesBackwardAndTooLongRanges) {
  EXPECT_THAT(refused("slice_axis(%x) {axis=0, begin=3, end=2}", {4}), HasSubstr("begin=3 and end=2"));
  EXPECT_THAT(refused("slice_axis(%x) {axis=0, begin=0, end=9}", {4}), HasSubstr("end=9"));
  EXPECT_THAT(refused("slice_axis(%x) {axis=0, begin=0}", {4}), HasSubstr("end"));
}

TEST(SliceAssign, WritesOnlyTheBox) {
  expect_tensor(applied("_slice_assign_scalar(%x) {begin=(4,), end=(None,), step=(-2,), scalar=9}", counting({5})), {5},
                {9, 1, 9, 3, 9});
  const auto result =
      evaluate("%x = variable\n%r = variable\n%y = _slice_assign(%x, %r) {begin=(1,), end=(3,)}\nreturn %y\n",
               {{"x", counting({4})}, {"r", tensor({2}, {7, 8})}});
  expect_tensor(result[0], {4}, {0, 7, 8, 3});
}

TEST(Concat, FillsOneMissingSize) {
  Graph graph = parse_graph(
      "%a = variable\n%b = variable\n%c = Concat(%a, %b) {num_args=2, dim=0}\n%d = variable\n"
      "%s = stack(%c, %d) {num_args=2}\nreturn %s\n",
      ops());
  infer(graph, {{"a", {Shape{2, 3}, DType::float32}}, {"d", {Shape{7, 3}, DType::float32}}});
  EXPECT_EQ(graph.type({graph.find_variable("b"), 0}).shape.str(), "(5,3)");
}

TEST(Concat, NamesTheInputThatDoesNotFit) {
  const auto sentence = refusal([] {
    evaluate("%a = variable\n%b = variable\n%c = Concat(%a, %b) {num_args=2, dim=0}\nreturn %c\n",
             {{"a", counting({2, 3})}, {"b", counting({2, 4})}});
  });
  EXPECT_THAT(sentence, AllOf(HasSubstr("'c'"), HasSubstr("Concat"), HasSubstr("'b'"), HasSubstr("(2,4)")));
}

TEST(Concat, TakesOneTensorTwice) {
  expect_tensor(applied("Concat(%x, %x) {num_args=2, dim=-1}", counting({2, 1})), {2, 2}, {0, 0, 1, 1});
}

TEST(Split, SqueezesAndRefusesUnevenParts) {
  const auto parts =
      evaluate("%x = variable\n%y = SliceChannel(%x) {num_outputs=2, squeeze_axis=True}\nreturn %y#1, %y#0\n",
               {{"x", counting({2, 2})}});
  expect_tensor(parts[0], {2}, {1, 3});
  expect_tensor(parts[1], {2}, {0, 2});
  EXPECT_THAT(refused("SliceChannel(%x) {num_outputs=2}", {2, 3}), HasSubstr("2 equal pieces"));
  EXPECT_THAT(refused("SliceChannel(%x) {num_outputs=2, squeeze_axis=True}", {2, 4}), HasSubstr("squeeze_axis"));
}

TEST(SplitV2, IndicesBeginWithZero) {
  const auto parts =
      evaluate("%x = variable\n%y = _split_v2(%x) {indices=(0, 2), axis=0}\nreturn %y, %y#1\n", {{"x", counting({3})}});
  expect_tensor(parts[0], {2}, {0, 1});
  expect_tensor(parts[1], {1}, {2});
  EXPECT_THAT(refused("_split_v2(%x) {indices=(0, 2, 1), axis=0}", {3}), HasSubstr("from 2 to 1"));
  EXPECT_THAT(refused("_split_v2(%x) {indices=(1, 2), axis=0}", {3}), HasSubstr("begin with 0"));
}

TEST(Tile, GivesTheShorterLeadingOnes) {
  expect_tensor(applied("tile(%x) {reps=(2, 2)}", counting({2})), {2, 4}, {0, 1, 0, 1, 0, 1, 0, 1});
  expect_tensor(applied("tile(%x) {reps=(2,)}", counting({2, 1})), {2, 2}, {0, 0, 1, 1});
}

TEST(Repeat, FlattensWithoutAnAxis) {
  expect_tensor(applied("repeat(%x) {repeats=2}", counting({2, 2})), {8}, {0, 0, 1, 1, 2, 2, 3, 3});
  expect_tensor(applied("repeat(%x) {repeats=2, axis=0}", counting({2, 2})), {4, 2}, {0, 1, 0, 1, 2, 3, 2, 3});
}

TEST(BroadcastTo, ZeroKeepsASize) {
  expect_tensor(applied("broadcast_to(%x) {shape=(2, 0)}", counting({1, 2})), {2, 2}, {0, 1, 0, 1});
  EXPECT_THAT(refused("broadcast_to(%x) {shape=(4, 5)}", {2, 5}), AllOf(HasSubstr("(2,5)"), HasSubstr("(4,5)")));
  EXPECT_THAT(refused("broadcast_to(%x) {shape=(4, 2, 5)}", {2, 5}), HasSubstr("as many dimensions"));
  EXPECT_THAT(refused("broadcast_axis(%x) {axis=0, size=4}", {2, 5}), HasSubstr("size 2"));
}

TEST(Pad, MirrorsWithoutTheEdgeItself) {
  const Tensor src = counting({1, 1, 1, 3});
  expect_tensor(applied("Pad(%x) {mode=reflect, pad_width=(0, 0, 0, 0, 0, 0, 2, 1)}", src), {1, 1, 1, 6},
                {2, 1, 0, 1, 2, 1});
  expect_tensor(applied("Pad(%x) {mode=edge, pad_width=(0, 0, 0, 0, 1, 0, 0, 1)}", src), {1, 1, 2, 4},
                {0, 1, 2, 2, 0, 1, 2, 2});
}

TEST(Pad, RefusesTheBatchAxisOtherRanksAndWideMirrors) {
  EXPECT_THAT(refused("Pad(%x) {mode=constant, pad_width=(1, 0, 0, 0, 1, 1, 1, 1)}", {2, 3, 6, 6}), HasSubstr("batch"));
  EXPECT_THAT(refused("Pad(%x) {mode=constant, pad_width=(0, 0, 0, 0, 1, 1)}", {2, 3, 4}), HasSubstr("4 or 5"));
  EXPECT_THAT(refused("Pad(%x) {mode=reflect, pad_width=(0, 0, 0, 0, 3, 3, 1, 1)}", {1, 1, 3, 3}), HasSubstr("axis 2"));
}

TEST(Zeros, TakeTheirBatchFromTheUsers) {
  const auto result =
      evaluate("%z = _zeros() {shape=(1, 0, 2)}\n%x = variable\n%c = Concat(%x, %z) {num_args=2, dim=0}\nreturn %c\n",
               {{"x", counting({1, 2, 2})}});
  expect_tensor(result[0], {2, 2, 2}, {0, 1, 2, 3, 0, 0, 0, 0});
}

TEST(Arange, WithoutStopBeginsAtZero) {
  expect_tensor(evaluate("%y = _arange() {start=3, repeat=2}\nreturn %y\n", {})[0], {6}, {0, 0, 1, 1, 2, 2});
  expect_tensor(evaluate("%y = _arange() {start=5, stop=1, step=-1.5}\nreturn %y\n", {})[0], {3}, {5, 3.5, 2});
  EXPECT_THAT(refusal([] { evaluate("%y = _arange() {start=0, stop=4, step=0}\nreturn %y\n", {}); }),
              HasSubstr("by 0"));
}

}  // namespace
}  // namespace tenon
