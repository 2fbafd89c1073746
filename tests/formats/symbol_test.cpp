#include "formats/mxnet/symbol.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Symbol, ComesBackAsWritten) {
  const Graph graph =
      parse_graph("%data = variable {__lr_mult__=\"0.5\"}\n%a = relu(%data)\n%b = exp(%a)\nreturn %b, %a", ops());
  const Graph back = load_symbol(save_symbol(graph), ops());
  EXPECT_EQ(to_text(back), to_text(graph));
}

TEST(Symbol, HeadsAndInputsMayHaveTwoNumbers) {
  const Graph graph = load_symbol(
      R"({"nodes": [{"op": "null", "name": "data", "inputs": []}, {"op": "relu", "name": "r", "inputs": [[0, 0]]}],
          "arg_nodes": [0], "heads": [[1, 0]]})",
      ops());
  EXPECT_THAT(graph.output_names(), ElementsAre("r_output"));
}

TEST(Symbol, AllUnknownOperatorsAreReportedAtOnce) {
  const std::string sentence = refusal([] {
    load_symbol(R"({"nodes": [{"op": "null", "name": "data", "inputs": []},
                              {"op": "Warp", "name": "w0", "inputs": [[0, 0, 0]]},
                              {"op": "Warp", "name": "w1", "inputs": [[1, 0, 0]]},
                              {"op": "relU", "name": "r", "inputs": [[2, 0, 0]]}],
                    "arg_nodes": [0], "heads": [[3, 0, 0]]})",
                ops());
  });
  EXPECT_THAT(sentence, AllOf(HasSubstr("Warp (node 'w0' and 1 more)"), HasSubstr("relU (node 'r')")));
}

/// The shape that an argmax of axis -1 over (2,3) has in a file of that version.
std::string shape_of_argmax(int version) {
  Graph graph = load_symbol(fmt::format(R"({{"nodes": [{{"op": "null", "name": "data", "inputs": []}},
                              {{"op": "argmax", "name": "best", "attr": {{"axis": "-1"}}, "inputs": [[0, 0, 0]]}}],
                    "arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": {{"mxnet_version": ["int", {}]}}}})",
                                        version),
                            ops());
  infer(graph, {{"data", {Shape{2, 3}, DType::float32}}});
  return graph.type(graph.outputs[0]).shape.str();
}

TEST(Symbol, TheAxisMinusOneOfAnArgmaxBefore095MeantAllAxes) {
  EXPECT_EQ(shape_of_argmax(904), "(1,)");
  EXPECT_EQ(shape_of_argmax(905), "(2,)");
}

/// `arg_nodes` holds arguments and auxiliary states in one list; names say nothing either.
TEST(Symbol, AuxiliaryStatesAreThoseInTheirPlacesOfAnOperator) {
  const Graph graph = load_symbol(
      R"({"nodes": [{"op": "null", "name": "x_moving_mean", "inputs": []}, {"op": "null", "name": "a", "inputs": []},
                    {"op": "null", "name": "b", "inputs": []}, {"op": "null", "name": "c", "inputs": []},
                    {"op": "null", "name": "d", "inputs": []},
                    {"op": "BatchNorm", "name": "bn", "inputs": [[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0]]}],
          "arg_nodes": [0, 1, 2, 3, 4], "heads": [[5, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}})",
      ops());
  EXPECT_THAT(graph.arguments(), ElementsAre("x_moving_mean", "a", "b"));
  EXPECT_THAT(graph.auxiliary_states(), ElementsAre("c", "d"));
}

}  // namespace
}  // namespace tenon
