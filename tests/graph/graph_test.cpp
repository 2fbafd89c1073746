#include "graph/graph.h"

#include <gmock/gmock.h>

#include "ops/registry.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

const Op& op(std::string_view name) {
  return *ops().find(name);
}

TEST(Graph, OrderIsDepthFirstFromTheOutputs) {
  Graph graph;
  const NodeId b = graph.add_variable("b");
  const NodeId a = graph.add_variable("a");
  const NodeId left = graph.add(op("relu"), "left", {{a, 0}});
  const NodeId right = graph.add(op("exp"), "right", {{b, 0}});
  graph.add(op("exp"), "unused", {{b, 0}});
  graph.outputs = {{left, 0}, {right, 0}};
  EXPECT_THAT(graph.topological_order(), ElementsAre(a, left, b, right));
  EXPECT_THAT(graph.arguments(), ElementsAre("a", "b"));
  EXPECT_THAT(graph.output_names(), ElementsAre("left_output", "right_output"));
}

TEST(Graph, ACycleIsRefused) {
  Graph graph;
  const NodeId a = graph.add_variable("a");
  const NodeId first = graph.add(op("relu"), "first", {{a, 0}});
  const NodeId second = graph.add(op("relu"), "second", {{first, 0}});
  graph.node(first).inputs[0] = {second, 0};
  graph.outputs = {{second, 0}};
  EXPECT_THAT([&] { (void)graph.topological_order(); }, ThrowsMessage<Error>(HasSubstr("cycle")));
}

TEST(Graph, ReplaceUsesThenCompactDropsTheRest) {
  Graph graph = parse_graph("%x = variable\n%a = relu(%x)\n%b = exp(%a)\n%c = relu(%b)\nreturn %c, %a\n", ops());
  graph.replace_uses({2, 0}, {1, 0});  // b := a
  graph.compact();
  EXPECT_EQ(to_text(graph), "%x = variable\n%a = relu(%x)\n%c = relu(%a)\nreturn %c, %a\n");
  verify(graph);
}

TEST(Graph, AWrongNumberOfInputsNamesTheNode) {
  Graph graph;
  EXPECT_THAT([&] { graph.add(op("relu"), "act", {}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("node 'act' (relu)"), HasSubstr("1 inputs are expected"))));
}

TEST(Graph, InferenceConflictNamesNodeTensorAndShapes) {
  Graph graph = parse_graph("%x = variable\n%y = relu(%x)\n%z = exp(%y)\nreturn %z, %y\n", ops());
  graph.node(1).outputs[0].shape = Shape{4};
  EXPECT_THAT(
      [&] {
        infer(graph, {{"x", {Shape{3}, DType::float32}}});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("node 'y' (relu)"), HasSubstr("(4,)"), HasSubstr("(3,)"))));
}

TEST(Graph, UnknownArgumentIsNamedWithTheKnownOnes) {
  Graph graph = parse_graph("%x = variable\n%y = relu(%x)\nreturn %y\n", ops());
  EXPECT_THAT([&] { infer(graph, {{"data", {}}}); }, ThrowsMessage<Error>(AllOf(HasSubstr("'data'"), HasSubstr("x"))));
}

TEST(Graph, IncompleteShapesAreListed) {
  Graph graph = parse_graph("%x = variable\n%y = relu(%x)\nreturn %y\n", ops());
  infer(graph, {});
  EXPECT_THAT([&] { require_complete(graph); }, ThrowsMessage<Error>(HasSubstr("x (...) of unknown type")));
}

TEST(Graph, HintsCountOnlyWhereTheCallerIsSilent) {
  const auto hinted = [] {
    return parse_graph("%x = variable {__dtype__=2, __shape__=(0, 3)}\n%y = relu(%x)\nreturn %y\n", ops());
  };
  Graph graph = hinted();
  infer(graph, {});
  EXPECT_EQ(graph.type({0, 0}), (TensorType{Shape{Shape::unknown, 3}, DType::float16})) << "0 means unknown";
  graph = hinted();
  infer(graph, {{"x", {Shape{5, 5}, DType::float32}}});
  EXPECT_EQ(graph.type({1, 0}), (TensorType{Shape{5, 5}, DType::float32}));
}

TEST(Verify, NamesTheNodeThatARewriteBroke) {
  Graph graph = parse_graph("%x = variable\n%y = relu(%x)\nreturn %y\n", ops());
  graph.node(1).inputs.clear();
  EXPECT_THAT([&] { verify(graph); }, ThrowsMessage<Error>(HasSubstr("'y'")));
  graph = parse_graph("%x = variable\n%x~2 = variable\n%y = relu(%x)\nreturn %y, %x~2\n", ops());
  EXPECT_THAT([&] { verify(graph); }, ThrowsMessage<Error>(HasSubstr("two variables are called 'x'")));
}

}  // namespace
}  // namespace tenon
