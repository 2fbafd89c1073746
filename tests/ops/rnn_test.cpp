#include <cmath>

#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// One unit, one feature: the blob is Wx, Wh, bx, bh with a row a gate.
TEST(Rnn, LstmGatesAreInputForgetCellOutput) {
  const auto results = evaluate(
      "%x = variable\n%p = variable\n%h = variable\n%c = variable\n"
      "%y = RNN(%x, %p, %h, %c) {mode=lstm, state_size=1, num_layers=1, state_outputs=True}\n"
      "return %y, %y#1, %y#2\n",
      {{"x", tensor({1, 1, 1}, {2})},
       {"p", tensor({16}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08})},
       {"h", tensor({1, 1, 1}, {-1})},
       {"c", tensor({1, 1, 1}, {0.5})}});
  const double i = 0.2 - 0.5 + 0.06, f = 0.4 - 0.6 + 0.08, g = 0.6 - 0.7 + 0.10, o = 0.8 - 0.8 + 0.12;
  const double c = sigmoid(f) * 0.5 + sigmoid(i) * std::tanh(g);
  const double h = sigmoid(o) * std::tanh(c);
  expect_tensor(results[0], {1, 1, 1}, {h});
  expect_tensor(results[1], {1, 1, 1}, {h});
  expect_tensor(results[2], {1, 1, 1}, {c});
}

TEST(Rnn, GruResetsTheRecurrentTermOfTheCandidateOnly) {
  const auto results = evaluate(
      "%x = variable\n%p = variable\n%h = variable\n"
      "%y = RNN(%x, %p, %h) {mode=gru, state_size=1, num_layers=1}\nreturn %y\n",
      {{"x", tensor({1, 1, 1}, {2})},
       {"p", tensor({12}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06})},
       {"h", tensor({1, 1, 1}, {-1})}});
  const double r = sigmoid(0.2 - 0.4 + 0.05), z = sigmoid(0.4 - 0.5 + 0.07);
  const double n = std::tanh(0.6 + 0.03 + r * (-0.6 + 0.06));
  expect_tensor(results[0], {1, 1, 1}, {(1 - z) * n - z});
}

TEST(Rnn, TheBackwardDirectionStoresItsStepsWhereItReadThem) {
  // Wx = 1, Wh = 1, no biases, rectified: the running sum from each end.
  const auto results = evaluate(
      "%x = variable\n%p = variable\n%h = variable\n"
      "%y = RNN(%x, %p, %h) {mode=rnn_relu, state_size=1, num_layers=1, bidirectional=True, state_outputs=True}\n"
      "return %y, %y#1\n",
      {{"x", tensor({3, 1, 1}, {1, 10, 100})},
       {"p", tensor({8}, {1, 1, 1, 1, 0, 0, 0, 0})},
       {"h", tensor({2, 1, 1}, {0, 0})}});
  expect_tensor(results[0], {3, 1, 2}, {1, 111, 11, 110, 111, 100});
  expect_tensor(results[1], {2, 1, 1}, {111, 111});
}

TEST(Rnn, ASequenceLengthEndsASequenceInBothDirections) {
  const auto results = evaluate(
      "%x = variable\n%p = variable\n%h = variable\n%n = variable\n"
      "%y = RNN(%x, %p, %h, %n) {mode=rnn_relu, state_size=1, num_layers=1, bidirectional=True, state_outputs=True, "
      "use_sequence_length=True}\nreturn %y, %y#1\n",
      {{"x", tensor({3, 1, 1}, {1, 10, 100})},
       {"p", tensor({8}, {1, 1, 1, 1, 0, 0, 0, 0})},
       {"h", tensor({2, 1, 1}, {0, 0})},
       {"n", tensor({1}, {2}, DType::int32)}});
  expect_tensor(results[0], {3, 1, 2}, {1, 11, 11, 10, 0, 0});
  expect_tensor(results[1], {2, 1, 1}, {11, 11});
}

TEST(Rnn, ParametersAndStatesFollowFromTheData) {
  Graph graph = parse_graph(
      "%x = variable\n%p = variable\n%h = variable\n%c = variable\n"
      "%y = RNN(%x, %p, %h, %c) {mode=lstm, state_size=4, num_layers=2, bidirectional=True, projection_size=3}\n"
      "return %y\n",
      ops());
  infer(graph, {{"x", {Shape{5, 2, 7}, DType::float32}}});
  EXPECT_NO_THROW(require_complete(graph));
  EXPECT_EQ(graph.type({graph.find_variable("p"), 0}).shape,
            (Shape{2 * 16 * (7 + 3 + 2) + 2 * 16 * (6 + 3 + 2) + 4 * 3 * 4}));
  EXPECT_EQ(graph.type({graph.find_variable("h"), 0}).shape, (Shape{4, 2, 3}));
  EXPECT_EQ(graph.type({graph.find_variable("c"), 0}).shape, (Shape{4, 2, 4}));
  EXPECT_EQ(graph.type(graph.outputs[0]).shape, (Shape{5, 2, 6}));
}

TEST(Rnn, ABlobOfTheWrongSizeIsRefusedWithBothSizes) {
  const std::string sentence = refusal([] {
    evaluate(
        "%x = variable\n%p = variable\n%h = variable\n"
        "%y = RNN(%x, %p, %h) {mode=rnn_tanh, state_size=4, num_layers=1}\nreturn %y\n",
        {{"x", Tensor(Shape{3, 2, 5}, DType::float32)},
         {"p", Tensor(Shape{17}, DType::float32)},
         {"h", Tensor(Shape{1, 2, 4}, DType::float32)}});
  });
  EXPECT_THAT(sentence,
              testing::AllOf(testing::HasSubstr("'y'"), testing::HasSubstr("(17,)"), testing::HasSubstr("(44,)")));
}

}  // namespace
}  // namespace tenon
