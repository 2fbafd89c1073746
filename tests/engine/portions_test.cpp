#include "engine/portions.h"

#include <cmath>
#include <cstring>

#include <gmock/gmock.h>

#include "backends/reference/reference.h"
#include "core/threads.h"
#include "engine/batchwise.h"
#include "engine/program.h"
#include "engine/run.h"
#include "support/evaluate.h"

namespace tenon {
namespace {

using testing::ElementsAre;

Tensor wave(const Shape& shape, float phase) {
  Tensor tensor(shape, DType::float32);
  for (int i = 0; i < tensor.elements(); ++i) {
    tensor.mutable_data<float>()[i] = std::sin(static_cast<float>(i) * 0.37f + phase);
  }
  return tensor;
}

/// Typed for these values.
Graph typed(const std::string& text, const Parameters& values) {
  Graph graph = parse_graph(text, body_ops());
  std::map<std::string, TensorType> known;
  for (const auto& [name, value] : values) known[name] = {value.shape(), value.dtype()};
  infer(graph, known);
  require_complete(graph);
  return graph;
}

std::vector<std::string> op_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const NodeId id : graph.topological_order()) {
    if (!graph.node(id).is_variable()) names.emplace_back(graph.node(id).op_name());
  }
  return names;
}

/// Variables called data… are fed; the others are constants.
std::set<std::string> constants_of(const Parameters& values) {
  std::set<std::string> names;
  for (const auto& [name, value] : values) {
    if (!name.starts_with("data")) names.insert(name);
  }
  return names;
}

std::vector<Tensor> run_graph(const Graph& graph, const Parameters& values) {
  Backend backend{"test", {portions_implementation(), reference_implementation()}};
  Parameters constants;
  for (const std::string& name : constants_of(values)) constants[name] = values.at(name);
  ParameterStore store(Model(Graph(), constants));
  const Program program = build_program(graph, backend, constants, store, {.give_results = true});
  std::vector<const void*> feeds;
  for (const NodeId feed : program.feeds) feeds.push_back(values.at(program.graph.node(feed).name).data());
  std::vector<Tensor> outputs;
  std::vector<void*> results;
  for (const Value output : program.graph.outputs) {
    const TensorType& type = program.graph.type(output);
    results.push_back(outputs.emplace_back(type.shape, *type.dtype).mutable_data());
  }
  Tensor arena(Shape{static_cast<std::int64_t>(program.arena_bytes)}, DType::uint8);
  run(program, {static_cast<std::byte*>(arena.mutable_data()), feeds, results});
  return outputs;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

// Wide maps first, a heavy layer at the end; the sum makes two values cross the cut.
const char* const kNetwork =
    "%data = variable\n%w0 = variable\n%w1 = variable\n%w2 = variable\n"
    "%conv0 = Convolution(%data, %w0) {kernel=(3, 3), pad=(1, 1), num_filter=8, no_bias=True}\n"
    "%act0 = Activation(%conv0) {act_type=relu}\n"
    "%conv1 = Convolution(%act0, %w1) {kernel=(1, 1), num_filter=8, no_bias=True}\n"
    "%sum = elemwise_add(%conv1, %act0)\n"
    "%pool = Pooling(%sum) {kernel=(8, 8), stride=(8, 8), pool_type=avg}\n"
    "%fc = FullyConnected(%pool, %w2) {num_hidden=512, no_bias=True}\n"
    "return %fc, %pool\n";

Parameters network_values(std::int64_t batch) {
  return {{"data", wave({batch, 3, 16, 16}, 0)},
          {"w0", wave({8, 3, 3, 3}, 1)},
          {"w1", wave({8, 8, 1, 1}, 2)},
          {"w2", wave({512, 32}, 3)}};
}

TEST(Portions, CutBeforeMuchWeightWithLittleData) {
  const Graph graph = in_portions(typed(kNetwork, network_values(6)), {"w0", "w1", "w2"}, 24 << 10);
  EXPECT_THAT(op_names(graph), ElementsAre("_tenon_portions", "FullyConnected"));
  const Graph& body = *graph.node(graph.outputs[1].node).body;
  EXPECT_THAT(op_names(body), ElementsAre("Convolution", "Activation", "Convolution", "elemwise_add", "Pooling"));
  EXPECT_EQ(graph.type(graph.outputs[1]).shape, Shape({6, 8, 2, 2}));
  EXPECT_EQ(body.type(body.outputs[0]).shape, Shape({1, 8, 2, 2}));
  verify(graph);
}

TEST(Portions, TakeAsManyImagesAsFitAndDivideTheBatch) {
  const auto images = [](std::int64_t cache) {
    const Graph graph = in_portions(typed(kNetwork, network_values(6)), {"w0", "w1", "w2"}, cache);
    const auto& body = graph.node(graph.outputs[1].node).body;
    return body ? body->type(body->outputs[0]).shape[0] : 0;
  };
  // The sum reads and writes 24 KB an image.
  EXPECT_EQ(images(49 << 10), 2);
  EXPECT_EQ(images(73 << 10), 3);
  EXPECT_EQ(images(1 << 20), 0);  // the whole batch fits
}

TEST(Portions, GiveTheBitsOfTheWholeBatch) {
  for (const std::int64_t batch : {2, 5, 6}) {
    const Parameters values = network_values(batch);
    const Graph whole = typed(kNetwork, values);
    const Graph graph = in_portions(whole, constants_of(values), 24 << 10);
    ASSERT_THAT(op_names(graph), testing::Contains("_tenon_portions"));
    const auto expected = run_graph(whole, values), actual = run_graph(graph, values);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(same_bits(actual[i], expected[i])) << batch;
  }
}

TEST(Portions, TakePrimitivesAsWellAndThreadsTheirOwn) {
  const std::string text =
      "%data = variable\n%w0 = variable\n%w1 = variable\n%b = variable\n"
      "%conv0 = convolution(%data, %w0, %b) {kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), "
      "epilogue=add(x, $0); relu(y0)}\n"
      "%conv1 = convolution(%conv0, %w1, %conv0#1) {kernel=(1, 1), epilogue=add(x, $0)}\n"
      "return %conv1\n";
  const Parameters values = {{"data", wave({6, 3, 16, 16}, 0)},
                             {"w0", wave({8, 3, 3, 3}, 1)},
                             {"w1", wave({8, 8, 1, 1}, 2)},
                             {"b", wave({8}, 3)}};
  const Graph whole = typed(text, values), graph = in_portions(whole, constants_of(values), 24 << 10);
  EXPECT_THAT(op_names(graph), ElementsAre("_tenon_portions"));
  const auto expected = run_graph(whole, values);
  for (const int threads : {1, 2, 4}) {
    const ThreadScope scope(threads);
    EXPECT_TRUE(same_bits(run_graph(graph, values)[0], expected[0])) << threads;
  }
}

TEST(Portions, KeepTheBatchWholeWhereAnAttributeTellsItsSize) {
  const std::string text =
      "%data = variable\n%a = exp(%data)\n%b = Reshape(%a) {shape=(4, -1)}\n%c = exp(%b)\nreturn %c\n";
  const Parameters values = {{"data", wave({4, 64, 8}, 0)}};
  EXPECT_THAT(op_names(in_portions(typed(text, values), {}, 1 << 10)), ElementsAre("exp", "Reshape", "exp"));
}

TEST(Portions, StopBeforeAnOperatorThatMixesImages) {
  const std::string text =
      "%data = variable\n%a = exp(%data)\n%b = tanh(%a)\n%c = softmax(%b) {axis=0}\n%d = exp(%c)\nreturn %d\n";
  const Parameters values = {{"data", wave({4, 64, 8}, 0)}};
  const Graph graph = in_portions(typed(text, values), {}, 1 << 10);
  EXPECT_THAT(op_names(graph), ElementsAre("_tenon_portions", "softmax", "exp"));
}

/// One operator over data0…, of which `batched` have a row an image.
struct Row {
  std::string call;
  std::vector<Shape> shapes;
  std::vector<bool> batched;
};

Graph graph_of(const Row& row, const Parameters& values) {
  std::string text;
  for (const auto& [name, value] : values) text += "%" + name + " = variable\n";
  return typed(text + "%y = " + row.call + "\nreturn %y\n", values);
}

bool batchwise(const Row& row) {
  Parameters values;
  for (std::size_t i = 0; i < row.shapes.size(); ++i) {
    values["data" + std::to_string(i)] = wave(row.shapes[i], static_cast<float>(i));
  }
  const Graph graph = graph_of(row, values);
  const Node& node = graph.node(graph.outputs[0].node);
  OpCall call{node, {}, node.outputs};
  for (const Value input : node.inputs) call.inputs.push_back(graph.type(input));
  if (!is_batchwise(call, row.batched)) return false;

  // Then each row by itself gives the same bits.
  const std::int64_t rows = call.shape_out()[0];
  const Tensor whole = run_graph(graph, values)[0];
  for (std::int64_t n = 0; n < rows; ++n) {
    Parameters part = values;
    for (std::size_t i = 0; i < row.shapes.size(); ++i) {
      if (!row.batched[i]) continue;
      Tensor& value = part.at("data" + std::to_string(i));
      Shape shape = value.shape();
      shape[0] = 1;
      value =
          Tensor::borrow_const(static_cast<const float*>(value.data()) + n * shape.elements(), shape, DType::float32)
              .clone();
    }
    const Tensor single = run_graph(graph_of(row, part), part)[0];
    EXPECT_EQ(std::memcmp(single.data(),
                          static_cast<const std::byte*>(whole.data()) + static_cast<std::size_t>(n) * single.bytes(),
                          single.bytes()),
              0)
        << row.call << " row " << n;
  }
  return true;
}

TEST(Batchwise, TakesOperatorsWhoseRowsFollowFromRows) {
  const Shape map{3, 4, 5, 5};
  const std::vector<Row> rows = {
      {"Convolution(%data0, %data1) {kernel=(3, 3), num_filter=2, no_bias=True}", {map, {2, 4, 3, 3}}, {true, false}},
      {"FullyConnected(%data0, %data1, %data2) {num_hidden=2}", {map, {2, 100}, {2}}, {true, false, false}},
      {"BatchNorm(%data0, %data1, %data2, %data3, %data4)",
       {map, {4}, {4}, {4}, {4}},
       {true, false, false, false, false}},
      {"Pooling(%data0) {kernel=(2, 2), pool_type=max}", {map}, {true}},
      {"LRN(%data0) {nsize=3}", {map}, {true}},
      {"L2Normalization(%data0) {mode=channel}", {map}, {true}},
      {"softmax(%data0)", {map}, {true}},
      {"SoftmaxOutput(%data0, %data1)", {{3, 4}, {3}}, {true, true}},
      {"Concat(%data0, %data1) {num_args=2}", {map, map}, {true, true}},
      {"elemwise_add(%data0, %data1)", {map, map}, {true, true}},
      {"broadcast_mul(%data0, %data1)", {map, {1, 4, 1, 1}}, {true, false}},
      {"broadcast_add(%data0, %data1)", {map, {5}}, {true, false}},
      {"Reshape(%data0) {shape=(0, -1)}", {map}, {true}},
      {"transpose(%data0) {axes=(0, 2, 3, 1)}", {map}, {true}},
      {"slice_axis(%data0) {axis=1, begin=1, end=3}", {map}, {true}},
      {"Pad(%data0) {mode=edge, pad_width=(0, 0, 0, 0, 1, 1, 1, 1)}", {map}, {true}},
      {"LayerNorm(%data0, %data1, %data2)", {{3, 4}, {4}, {4}}, {true, false, false}},
  };
  for (const Row& row : rows) EXPECT_TRUE(batchwise(row)) << row.call;
}

TEST(Batchwise, RefusesOperatorsThatMixRows) {
  const Shape square{3, 3};
  const std::vector<Row> rows = {
      {"softmax(%data0) {axis=0}", {square}, {true}},
      {"softmax(%data0) {axis=-2}", {square}, {true}},
      {"Concat(%data0, %data1) {num_args=2, dim=0}", {square, square}, {true, true}},
      {"Concat(%data0, %data1) {num_args=2}", {square, square}, {true, false}},
      {"elemwise_add(%data0, %data1)", {square, square}, {true, false}},
      {"broadcast_add(%data0, %data1)", {{3, 3}, {3, 1}}, {true, false}},
      {"broadcast_add(%data0, %data1)", {{3, 3}, {3}}, {true, true}},
      {"Reshape(%data0) {shape=(-1,)}", {square}, {true}},
      {"transpose(%data0)", {square}, {true}},
      {"BatchNorm(%data0, %data1, %data2, %data3, %data4) {axis=0}",
       {square, {3}, {3}, {3}, {3}},
       {true, false, false, false, false}},
      {"Convolution(%data0, %data1) {kernel=(1,), num_filter=3, no_bias=True}", {{3, 3, 3}, {3, 3, 1}}, {true, true}},
      {"slice_axis(%data0) {axis=0, begin=0, end=3}", {square}, {true}},
      {"reverse(%data0) {axis=0}", {square}, {true}},
      {"exp(%data0)", {square}, {false}},
  };
  for (const Row& row : rows) EXPECT_FALSE(batchwise(row)) << row.call;
}

}  // namespace
}  // namespace tenon
