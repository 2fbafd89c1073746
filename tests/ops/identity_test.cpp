#include <gmock/gmock.h>

#include <cmath>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Identity, PassesTheDataOn) {
  for (const char* op :
       {"_copy", "identity", "BlockGrad", "stop_gradient", "_sparse_stop_gradient", "make_loss", "_sparse_make_loss",
        "MakeLoss", "_CrossDeviceCopy", "_contrib_gradientmultiplier", "Dropout", "_npx_dropout"}) {
    SCOPED_TRACE(op);
    const auto result =
        evaluate(std::string("%x = variable\n%y = ") + op + "(%x)\nreturn %y\n", {{"x", tensor({2}, {1, -2})}});
    expect_tensor(result[0], {2}, {1, -2});
  }
}

TEST(Identity, PassesTheFirstOfTwoInputsOn) {
  for (const char* op : {"_identity_with_attr_like_rhs", "LinearRegressionOutput", "MAERegressionOutput"}) {
    SCOPED_TRACE(op);
    const auto result = evaluate(std::string("%x = variable\n%l = variable\n%y = ") + op + "(%x, %l)\nreturn %y\n",
                                 {{"x", tensor({2}, {1, -2})}, {"l", tensor({2}, {8, 9})}});
    expect_tensor(result[0], {2}, {1, -2});
  }
}

TEST(Identity, SvmOutputHasALabelPerRow) {
  const auto result = evaluate("%x = variable\n%l = variable\n%y = SVMOutput(%x, %l)\nreturn %y\n",
                               {{"x", tensor({1, 2}, {1, -2})}, {"l", tensor({1}, {0})}});
  expect_tensor(result[0], {1, 2}, {1, -2});
}

TEST(Identity, SparseRegularizerHasAMovingAverageAsAuxiliary) {
  const Graph graph =
      parse_graph("%x = variable\n%avg = variable\n%y = IdentityAttachKLSparseReg(%x, %avg)\nreturn %y\n", ops());
  EXPECT_EQ(graph.auxiliary_states(), std::vector<std::string>{"avg"});
  expect_tensor(evaluate(graph, {{"x", tensor({1, 2}, {1, 2})}, {"avg", tensor({2}, {0, 0})}})[0], {1, 2}, {1, 2});
}

TEST(Identity, LogisticRegressionOutputIsTheSigmoid) {
  const auto result = evaluate("%x = variable\n%l = variable\n%y = LogisticRegressionOutput(%x, %l)\nreturn %y\n",
                               {{"x", tensor({2}, {0, std::log(3.0)})}, {"l", tensor({2}, {0, 0})}});
  expect_tensor(result[0], {2}, {0.5, 0.75});
}

Shape inferred_label(const std::string& op, Shape data) {
  Graph graph = parse_graph("%x = variable\n%l = variable\n%y = " + op + "(%x, %l)\nreturn %y\n", ops());
  infer(graph, {{"x", {std::move(data), DType::float32}}});
  return graph.type({1, 0}).shape;
}

TEST(Identity, RegressionLabelOfAColumnIsARow) {
  EXPECT_EQ(inferred_label("LinearRegressionOutput", {3, 1}), (Shape{3}));
  EXPECT_EQ(inferred_label("LinearRegressionOutput", {3, 4}), (Shape{3, 4}));
  EXPECT_EQ(inferred_label("SVMOutput", {3, 4}), (Shape{3}));
  EXPECT_THAT(refusal([] {
                evaluate("%x = variable\n%l = variable\n%out = LinearRegressionOutput(%x, %l)\nreturn %out\n",
                         {{"x", tensor({2, 1}, {1, 2})}, {"l", tensor({3}, {0, 0, 0})}});
              }),
              AllOf(HasSubstr("node 'out'"), HasSubstr("(3,)"), HasSubstr("(2,1)")));
}

TEST(Dropout, IsTheIdentityWithAHiddenMaskOfOnes) {
  const auto results = evaluate("%x = variable\n%y = Dropout(%x) {p=0.9, axes=(1,)}\nreturn %y, %y#1\n",
                                {{"x", tensor({1, 2}, {3, 4})}});
  expect_tensor(results[0], {1, 2}, {3, 4});
  expect_tensor(results[1], {1, 1}, {1});
  const Op& op = *ops().find("Dropout");
  EXPECT_EQ(op.visible(parse_attributes(op.attributes, {})), 1);
}

TEST(Dropout, ModeAlwaysRunsOnlyWithoutChance) {
  const auto run = [](const std::string& p) {
    return evaluate("%x = variable\n%drop = Dropout(%x) {mode=always, p=" + p + "}\nreturn %drop\n",
                    {{"x", tensor({2}, {3, 4})}});
  };
  expect_tensor(run("0")[0], {2}, {3, 4});
  EXPECT_THAT(refusal([&] { run("0.5"); }),
              AllOf(HasSubstr("node 'drop' (Dropout)"), HasSubstr("mode=always with p=0.5")));
}

}  // namespace
}  // namespace tenon
