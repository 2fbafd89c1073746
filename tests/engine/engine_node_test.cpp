#include "engine/engine_node.h"

#include <cstring>
#include <random>

#include <gmock/gmock.h>

#include "backends/cpu/cpu.h"
#include "backends/reference/reference.h"
#include "engine/program.h"
#include "engine/run.h"
#include "partition/carve.h"
#include "partition/replace.h"
#include "support/evaluate.h"

namespace tenon {
namespace {

/// Takes nodes whose names start with a letter.
class ByLetter : public Selector {
 public:
  explicit ByLetter(char letter) : letter_(letter) {}
  std::string_view name() const override { return "by-letter"; }
  Verdict select(const Graph&, const Node& node, const Parameters&) const override {
    return node.name.front() == letter_ ? Verdict::take() : Verdict::refuse("letter", "another letter");
  }

 private:
  char letter_;
};

Backend reference_backend() {
  return {"reference", {reference_implementation()}};
}

Graph partitioned(const Graph& graph, const Parameters& parameters) {
  std::set<std::string> names;
  for (const auto& [name, value] : parameters) names.insert(name);
  const ByLetter selector('t');
  return replace_subgraphs(graph, carve(graph, selector, {.minimum_nodes = 1}), selector, names);
}

struct Result {
  std::vector<Tensor> outputs;
  Program program;
};

/// Feeds a Program that gives its results, in memory filled with rubbish.
Result run_graph(const Graph& graph, const Backend& backend, const Parameters& parameters, const Parameters& feeds) {
  ParameterStore store(Model(Graph(), parameters));
  Result result{{}, build_program(graph, backend, parameters, store, {.give_results = true})};
  std::vector<const void*> sources;
  for (const NodeId feed : result.program.feeds)
    sources.push_back(feeds.at(result.program.graph.node(feed).name).data());
  std::vector<void*> results;
  for (const Value output : graph.outputs) {
    Tensor& tensor = result.outputs.emplace_back(graph.type(output).shape, *graph.type(output).dtype);
    results.push_back(tensor.mutable_data());
  }
  Tensor arena(Shape{static_cast<std::int64_t>(result.program.arena_bytes)}, DType::uint8);
  std::memset(arena.mutable_data(), 0xA5, arena.bytes());
  run(result.program, {static_cast<std::byte*>(arena.mutable_data()), sources, results});
  return result;
}

Backend with_engines(const Backend& backend) {
  Backend outer = backend;
  outer.implementations.insert(outer.implementations.begin(),
                               engine_implementation(std::make_shared<const Backend>(backend)));
  return outer;
}

void expect_same_bits(const Graph& graph, const Backend& backend, const Parameters& parameters, const Parameters& feeds,
                      const std::string& trace) {
  const Result whole = run_graph(graph, backend, parameters, feeds);
  const Result parts = run_graph(partitioned(graph, parameters), with_engines(backend), parameters, feeds);
  ASSERT_EQ(whole.outputs.size(), parts.outputs.size());
  for (std::size_t i = 0; i < whole.outputs.size(); ++i) {
    ASSERT_EQ(std::memcmp(whole.outputs[i].data(), parts.outputs[i].data(), whole.outputs[i].bytes()), 0)
        << trace << ": output " << i << "\n"
        << to_text(graph);
  }
}

Graph typed(std::string_view text, const Parameters& values) {
  Graph graph = parse_graph(text, ops());
  std::map<std::string, TensorType> known;
  for (const auto& [name, value] : values) known[name] = {value.shape(), value.dtype()};
  infer(graph, known);
  require_complete(graph);
  return graph;
}

TEST(EngineNode, ReadsItsInputsByNameWhateverTheirOrder) {
  // The body's outputs reach b before a; the engine node reads a before b.
  const Parameters feeds{{"a", tensor({2}, {1, 2})}, {"b", tensor({2}, {10, 20})}};
  const Graph graph = typed(
      "%a = variable\n%b = variable\n%t1 = relu(%a)\n%t2 = elemwise_sub(%b, %t1)\n%o = exp(%t2)\nreturn %t2, %o\n",
      feeds);
  expect_same_bits(graph, reference_backend(), {}, feeds, "order");
}

TEST(EngineNode, GivesAnInputAConstantAndOneValueTwiceAsOutputs) {
  const Parameters feeds{{"a", tensor({2}, {1, 2})}};
  const Parameters parameters{{"w", tensor({2}, {5, -5})}};
  Parameters values = feeds;
  values.insert(parameters.begin(), parameters.end());
  const Graph graph = typed(
      "%a = variable\n%w = variable\n%t1 = _copy(%a)\n%t2 = _copy(%w)\n%t3 = relu(%t2)\n"
      "%t4 = elemwise_add(%t1, %t3)\nreturn %t1, %t2, %t4, %t4\n",
      values);
  expect_same_bits(graph, reference_backend(), parameters, feeds, "reference");
  expect_same_bits(graph, cpu::plain_backend(), parameters, feeds, "plain");
}

TEST(EngineNode, LetsGoOfAParameterThatWasPacked) {
  const Parameters feeds{{"a", Tensor(Shape{1, 16, 8, 8}, DType::float32)}};
  const Parameters parameters{{"w", Tensor(Shape{32, 16, 3, 3}, DType::float32)},
                              {"b", Tensor(Shape{32}, DType::float32)}};
  Parameters values = feeds;
  values.insert(parameters.begin(), parameters.end());
  for (auto& [name, value] : values) std::memset(value.mutable_data(), 0, value.bytes());
  const Graph graph = typed(
      "%a = variable\n%w = variable\n%b = variable\n"
      "%t1 = Convolution(%a, %w, %b) {kernel=(3, 3), num_filter=32}\nreturn %t1\n",
      values);
  const Result result =
      run_graph(partitioned(graph, parameters), with_engines(cpu::plain_backend()), parameters, feeds);
  const Program& body = *result.program.steps.front().body;
  ASSERT_EQ(body.constants.size(), 2U);
  EXPECT_TRUE(body.constants[0].empty()) << "the weight is held as it was, too";
  EXPECT_FALSE(body.constants[1].empty()) << "the bias is read as it is";
}

TEST(EngineNode, CountsTheParametersOfItsBodyOnce) {
  const Parameters parameters{{"w", tensor({2}, {5, -5})}};
  const Graph graph = typed(
      "%a = variable\n%w = variable\n%t1 = elemwise_add(%a, %w)\n%o = exp(%t1)\n%t2 = elemwise_mul(%o, %w)\n"
      "%p = elemwise_sub(%t2, %w)\nreturn %p\n",
      {{"a", tensor({2}, {1, 2})}, {"w", parameters.at("w")}});
  const Result result = run_graph(partitioned(graph, parameters), with_engines(reference_backend()), parameters,
                                  {{"a", tensor({2}, {1, 2})}});
  EXPECT_EQ(result.program.parameter_bytes, 8u);
}

/// Element-wise operators over few values, so that values meet again; some are parameters.
Graph random_graph(std::mt19937& random, const Parameters& values) {
  const auto below = [&](std::size_t bound) { return random() % bound; };
  constexpr const char* kBinary[] = {"elemwise_add", "elemwise_sub", "_maximum", "_minimum"};
  constexpr const char* kUnary[] = {"relu", "_copy", "negative", "sigmoid", "BlockGrad"};
  Graph graph;
  std::vector<Value> known;
  std::map<std::string, TensorType> types;
  for (const auto& [name, value] : values) {
    known.push_back({graph.add_variable(name), 0});
    types[name] = {value.shape(), value.dtype()};
  }
  const std::size_t nodes = 2 + below(30);
  for (std::size_t i = 0; i < nodes; ++i) {
    const auto pick = [&] { return known[known.size() - 1 - below(std::min<std::size_t>(known.size(), 8))]; };
    const std::string name = (below(3) != 0 ? "t" : "o") + std::to_string(i);
    const bool binary = below(2) == 0;
    std::vector<Value> inputs{pick()};
    if (binary) inputs.push_back(pick());
    const char* op = binary ? kBinary[below(std::size(kBinary))] : kUnary[below(std::size(kUnary))];
    known.push_back({graph.add(*ops().find(op), name, inputs), 0});
  }
  for (std::size_t i = 0; i < 3; ++i) graph.outputs.push_back(known[known.size() - 1 - below(known.size())]);
  graph.compact();
  std::erase_if(types, [&](const auto& type) { return graph.find_variable(type.first) < 0; });
  infer(graph, types);
  return graph;
}

TEST(EngineNode, RandomGraphsGiveTheSameBitsInParts) {
  constexpr unsigned seed = 20260308;
  RecordProperty("seed", seed);
  std::mt19937 random(seed);
  const Parameters feeds{{"a", tensor({3}, {1, -2, 3})}, {"b", tensor({3}, {0.5, 4, -1})}};
  const Parameters parameters{{"v", tensor({3}, {2, 0.25, -8})}, {"w", tensor({3}, {-1, 1, 7})}};
  Parameters values = feeds;
  values.insert(parameters.begin(), parameters.end());
  for (int round = 0; round < 2000; ++round) {
    const Graph graph = random_graph(random, values);
    const std::string trace = "seed " + std::to_string(seed) + ", round " + std::to_string(round);
    expect_same_bits(graph, reference_backend(), parameters, feeds, trace);
    if (HasFatalFailure()) return;
    if (round % 4 == 0) expect_same_bits(graph, cpu::plain_backend(), parameters, feeds, trace + ", plain");
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace tenon
