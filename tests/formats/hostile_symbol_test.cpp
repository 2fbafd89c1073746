// Symbol files that no MXNet wrote: each is refused in one sentence that says where, or loads without harm.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "formats/mxnet/symbol.h"
#include "support/evaluate.h"
#include "support/files.h"
#include "support/golden.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr const char* kData = R"({"op": "null", "name": "data", "inputs": []})";

std::string symbol(const std::string& nodes, const std::string& heads = "[[1, 0, 0]]") {
  return R"({"nodes": [)" + nodes + R"(], "arg_nodes": [0], "heads": )" + heads + "}";
}

std::string relu(const std::string& name, const std::string& inputs) {
  return R"({"op": "relu", "name": ")" + name + R"(", "inputs": )" + inputs + "}";
}

std::string refusal_of(const std::string& json) {
  return refusal([&] { load_symbol(json, ops()); });
}

TEST(HostileSymbol, DamagedJsonIsRefusedByPosition) {
  EXPECT_THAT(refusal_of(""), HasSubstr("line 1, column 1"));
  EXPECT_THAT(refusal_of("{\"nodes\": [\n nonsense"), HasSubstr("line 2, column 3"));
  EXPECT_THAT(refusal_of("[]"), HasSubstr("array"));
  EXPECT_THAT(refusal_of("{\"nodes\": [{\"op\": \"\xff\"}]}"), HasSubstr("UTF-8"));
}

TEST(HostileSymbol, MissingAndMistypedFieldsAreNamed) {
  EXPECT_THAT(refusal_of("{}"), HasSubstr("no \"nodes\""));
  EXPECT_THAT(refusal_of(R"({"nodes": [], "arg_nodes": []})"), HasSubstr("no \"heads\""));
  EXPECT_THAT(refusal_of(symbol(kData, "[]")), HasSubstr("no heads"));
  EXPECT_THAT(refusal_of(symbol(R"({"op": "null", "inputs": []})")), AllOf(HasSubstr("node 0"), HasSubstr("\"name\"")));
  EXPECT_THAT(refusal_of(symbol(R"({"op": "null", "name": 3, "inputs": []})")), HasSubstr("number"));
  EXPECT_THAT(refusal_of(symbol(R"({"op": "null", "name": "data", "inputs": [], "attrs": {"a": NaN}})")),
              HasSubstr("line 1"));
  EXPECT_THAT(refusal_of(symbol(R"({"op": "null", "name": "data", "inputs": [], "attrs": {"a": 1}})")),
              AllOf(HasSubstr("a=1"), HasSubstr("'data'")));
}

TEST(HostileSymbol, InputsAndHeadsThatDoNotExistAreNamed) {
  const std::string data = std::string(kData) + ", ";
  EXPECT_THAT(refusal_of(symbol(data + relu("r", "[[2, 0, 0]]"))), AllOf(HasSubstr("'r'"), HasSubstr("2")));
  EXPECT_THAT(refusal_of(symbol(data + relu("r", "[[-1, 0, 0]]"))), AllOf(HasSubstr("'r'"), HasSubstr("-1")));
  EXPECT_THAT(refusal_of(symbol(data + relu("r", "[[0.5, 0, 0]]"))), AllOf(HasSubstr("'r'"), HasSubstr("0.5")));
  EXPECT_THAT(refusal_of(symbol(data + relu("r", "[[0, 3, 0]]"))), AllOf(HasSubstr("'r'"), HasSubstr("output 3")));
  EXPECT_THAT(refusal_of(symbol(data + relu("r", "[[0]]"))), AllOf(HasSubstr("'r'"), HasSubstr("[node, output]")));
  EXPECT_THAT(refusal_of(symbol(data + relu("r", "[[0, 0, 0]]"), "[[1099511627776, 0, 0]]")),
              HasSubstr("1099511627776"));
  EXPECT_THAT(refusal_of(symbol(data + relu("r", "[[0, 0, 0]]"), "[[1, 1, 0]]")), HasSubstr("output 1"));
  EXPECT_THAT(refusal_of(symbol(data + relu("r", "[[0, 0, 0], [0, 0, 0]]"))),
              AllOf(HasSubstr("'r'"), HasSubstr("1 inputs"), HasSubstr("2 are given")));
}

/// A file of this age has all inputs; only older ones get the missing appended.
TEST(HostileSymbol, MissingInputsOfANewFileAreNamed) {
  const std::string json = R"({"nodes": [{"op": "relu", "name": "r", "inputs": []}], "arg_nodes": [],
                               "heads": [[0, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}})";
  EXPECT_THAT(refusal_of(json), AllOf(HasSubstr("'r'"), HasSubstr("0 are given")));
}

TEST(HostileSymbol, CyclesAreRefusedByNode) {
  EXPECT_THAT(
      refusal_of(symbol(std::string(kData) + ", " + relu("a", "[[2, 0, 0]]") + ", " + relu("b", "[[1, 0, 0]]"))),
      AllOf(HasSubstr("'a'"), HasSubstr("cycle")));
  EXPECT_THAT(refusal_of(symbol(std::string(kData) + ", " + relu("self", "[[1, 0, 0]]"))),
              AllOf(HasSubstr("'self'"), HasSubstr("cycle")));
}

TEST(HostileSymbol, DuplicateVariablesAreRefusedByName) {
  const std::string add = R"({"op": "elemwise_add", "name": "sum", "inputs": [[0, 0, 0], [1, 0, 0]]})";
  EXPECT_THAT(refusal_of(symbol(std::string(kData) + ", " + kData + ", " + add, "[[2, 0, 0]]")), HasSubstr("'data'"));
}

TEST(HostileSymbol, AChainOfTenThousandNodesLoads) {
  std::string nodes = kData;
  for (int i = 0; i < 10000; ++i) nodes += ", " + relu("r" + std::to_string(i), "[[" + std::to_string(i) + ", 0, 0]]");
  Graph graph = load_symbol(symbol(nodes, "[[10000, 0, 0]]"), ops());
  infer(graph, {{"data", {Shape{2, 3}, DType::float32}}});
  EXPECT_EQ(graph.type(graph.outputs[0]).shape, Shape({2, 3}));
  EXPECT_EQ(load_symbol(save_symbol(graph), ops()).size(), 10001);
}

TEST(HostileSymbol, DeepNestingIsRefused) {
  EXPECT_THAT(refusal_of("{\"nodes\": " + std::string(1000000, '[')), HasSubstr("nests deeper"));
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_THAT(refusal_of(objects), HasSubstr("nests deeper"));
}

TEST(HostileSymbol, HugeCountsAllocateNothing) {
  const auto with = [](const std::string& op, const std::string& attrs) {
    return symbol(std::string(kData) + R"(, {"op": ")" + op + R"(", "name": "n", "attrs": {)" + attrs +
                  R"(}, "inputs": [[0, 0, 0]]})");
  };
  EXPECT_THAT(refusal_of(with("add_n", R"("num_args": "1000000000000")")), HasSubstr("'n'"));
  EXPECT_THAT(refusal_of(with("add_n", R"("num_args": "1000000")")), AllOf(HasSubstr("'n'"), HasSubstr("1000000")));
  EXPECT_THAT(refusal_of(with("SliceChannel", R"("num_outputs": "1000000000000")")), HasSubstr("'n'"));
}

TEST(HostileSymbol, AShapeOfTwoToTheFortyIsOnlyAShape) {
  Graph graph = load_symbol(
      symbol(R"json({"op": "null", "name": "data", "attrs": {"__shape__": "(1099511627776, 4)"}, "inputs": []}, )json" +
             relu("r", "[[0, 0, 0]]")),
      ops());
  infer(graph, {});
  EXPECT_EQ(graph.type(graph.outputs[0]).shape, Shape({std::int64_t{1} << 40, 4}));
}

TEST(HostileSymbol, AnUncountableSizeIsRefusedWithItsNode) {
  Graph graph = load_symbol(
      symbol(
          R"json({"op": "null", "name": "data", "attrs": {"__shape__": "(1, 9223372036854775807)"}, "inputs": []}, )json" +
          relu("r", "[[0, 0, 0]]")),
      ops());
  EXPECT_THAT([&] { infer(graph, {}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("node 'data'"), HasSubstr("(1,9223372036854775807)"))));
}

/// The graphs that MXNet refuses when loading. A refusal for want of the operator itself would prove nothing.
TEST(HostileSymbol, WhatMxnetRefusesToLoadIsRefused) {
  const std::string path = shared_path("golden/ops/errors.json");
  if (path.empty()) GTEST_SKIP() << "../shared/golden/ops/errors.json is not there";
  int refused = 0;
  const auto document = nlohmann::json::parse(read_file(path));
  for (const auto& item : document["cases"]) {
    if (item["stage"] != "load") continue;
    const std::string name = item["name"];
    const bool unknown = name == "unknown_operator" || name == "operator_name_case";
    SCOPED_TRACE(name);
    const std::string sentence = refusal_of(item["symbol"].get<std::string>());
    EXPECT_THAT(sentence, AnyOf(HasSubstr("node '"), HasSubstr("the symbol JSON")));
    EXPECT_EQ(sentence.find("unknown to Tenon") != std::string::npos, unknown) << sentence;
    ++refused;
  }
  EXPECT_EQ(refused, 29);
}

}  // namespace
}  // namespace tenon
