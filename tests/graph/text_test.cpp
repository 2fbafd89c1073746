#include <gmock/gmock.h>

#include "graph/graph.h"
#include "ops/registry.h"

namespace tenon {
namespace {

TEST(GraphText, PrintsAndParsesBack) {
  const std::string text =
      "%data = variable {__shape__=(1, 3)} : float32 (1,3)\n"
      "%a = relu(%data) : float32 (1,3)\n"
      "%\"odd name\" = exp(%a) {__x__=\"a, b}\"} : ? (...)\n"
      "return %\"odd name\", %data\n";
  std::string expected = text;
  expected.replace(expected.find(" : ? (...)"), 10, "");
  EXPECT_EQ(to_text(parse_graph(text, ops())), expected);
}

TEST(GraphText, NamesTheLineOfAMistake) {
  try {
    parse_graph("%a = variable\n%b = relu(%c)\nreturn %b\n", ops());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("line 2"), testing::HasSubstr("%c")));
  }
}

TEST(GraphInference, LearnsBackwardsAndForwards) {
  Graph graph = parse_graph("%x = variable\n%y = relu(%x)\n%z = exp(%y)\nreturn %z\n", ops());
  infer(graph, {{"x", {Shape{2, 3}, DType::float32}}});
  EXPECT_NO_THROW(require_complete(graph));
  EXPECT_EQ(graph.type(graph.outputs[0]), (TensorType{Shape{2, 3}, DType::float32}));
}

TEST(GraphInference, SurvivesAChainOfTenThousandNodes) {
  Graph graph;
  Value value{graph.add_variable("x"), 0};
  for (int i = 0; i < 10000; ++i) value = {graph.add(*ops().find("relu"), "r" + std::to_string(i), {value}), 0};
  graph.outputs = {value};
  infer(graph, {{"x", {Shape{1}, DType::float32}}});
  verify(graph);
  EXPECT_TRUE(graph.type(value).shape.is_known());
}

}  // namespace
}  // namespace tenon
