#include "formats/mxnet/symbol.h"

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

}  // namespace
}  // namespace tenon
