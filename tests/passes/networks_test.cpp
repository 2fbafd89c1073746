// Whole networks, before and after the passes.

#include <gmock/gmock.h>

#include <tenon/executor.h>

#include <random>

#include "backends/cpu/cpu.h"
#include "engine/program.h"
#include "engine/run.h"
#include "ops/registry.h"
#include "passes/pipeline.h"
#include "support/evaluate.h"
#include "support/golden.h"

namespace tenon {
namespace {

/// The graph with each convolution and matmul as MXNet's operator and its epilogue as a pointwise node behind it, so
/// that the library that runs the plain program can multiply. What MXNet has no operator for stays.
class Raiser {
 public:
  explicit Raiser(const Graph& graph) : graph_(graph) {}

  Graph raise() {
    for (const NodeId id : graph_.topological_order()) {
      Node node = graph_.node(id);
      for (Value& input : node.inputs) input = placed_.at(input);
      const NodeId made = raise(node);
      for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) placed_[{id, i}] = {made, i};
    }
    for (const Value output : graph_.outputs) raised_.outputs.push_back(placed_.at(output));
    raised_.np_shape = graph_.np_shape;
    return std::move(raised_);
  }

 private:
  NodeId raise(const Node& node) {
    if (!is_primitive(node) || first_operand(node) != 2) return raised_.adopt(node);
    const auto weight = raised_.type(node.inputs[1]).shape;
    Written written{{"no_bias", "True"}};
    if (node.op->name == "matmul") {
      written["num_hidden"] = std::to_string(weight[0]);
      written["flatten"] = node.attributes.flag("flatten") ? "True" : "False";
    } else {
      if (node.op->name != "convolution" || node.attributes.ints("pad_begin") != node.attributes.ints("pad_end")) {
        return raised_.adopt(node);
      }
      written["num_filter"] = std::to_string(weight[0]);
      written["num_group"] = std::to_string(node.attributes.integer("groups"));
      for (const char* name : {"kernel", "stride", "dilate"})
        written[name] = format_attribute(node.attributes.tuple(name));
      written["pad"] = format_attribute(node.attributes.tuple("pad_begin"));
    }
    const char* op = node.op->name == "matmul" ? "FullyConnected" : "Convolution";
    const NodeId product = raised_.add(*ops().find(op), node.name + ".x", {node.inputs[0], node.inputs[1]}, written);
    raised_.type({product, 0}) = node.outputs[0];
    std::vector<Value> inputs{{product, 0}};
    inputs.insert(inputs.end(), node.inputs.begin() + 2, node.inputs.end());
    const auto axis = node.op->name == "matmul" ? node.outputs[0].shape.rank() - 1 : 1;
    const NodeId epilogue =
        raised_.add(*primitives().find("pointwise"), node.name, inputs,
                    {{"axis", std::to_string(axis)}, {"epilogue", node.attributes.text("epilogue")}});
    raised_.node(epilogue).outputs = node.outputs;
    return epilogue;
  }

  const Graph& graph_;
  Graph raised_;
  std::map<Value, Value> placed_;
};

/// The outputs of a graph, by the plain backend.
std::vector<Tensor> run_plain(const Graph& graph, const Parameters& parameters, const Tensor& input) {
  static const Backend backend = cpu::plain_backend();
  ParameterStore store(Model(graph, parameters));
  const Program program = build_program(graph, backend, parameters, store);
  Tensor arena({static_cast<std::int64_t>(program.arena_bytes)}, DType::uint8);
  Tensor zeros({1 << 16}, DType::float32);  // labels
  std::fill_n(zeros.mutable_data<float>(), zeros.elements(), 0.0f);
  std::vector<const void*> feeds;
  for (const NodeId feed : program.feeds) {
    feeds.push_back(program.graph.type({feed, 0}).shape == input.shape() ? input.data() : zeros.data());
  }
  const ProgramMemory memory{static_cast<std::byte*>(arena.mutable_data()), feeds, {}};
  run(program, memory);
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < program.outputs.size(); ++i) {
    const TensorType& type = program.graph.type(program.graph.outputs[i]);
    results.push_back(
        Tensor::borrow_const(read_address(program, memory, program.outputs[i]), type.shape, *type.dtype).clone());
  }
  return results;
}

Tensor random_tensor(const Shape& shape, float low, float high, unsigned seed) {
  Tensor tensor(shape, DType::float32);
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> draw(low, high);
  std::generate_n(tensor.mutable_data<float>(), tensor.elements(), [&] { return draw(engine); });
  return tensor;
}

/// Running statistics and scales as training leaves them: initialisation's zeros and ones would hide mistakes.
Parameters trained(Parameters parameters) {
  unsigned seed = 7;
  for (auto& [name, tensor] : parameters) {
    ++seed;
    if (name.ends_with("running_mean") || name.ends_with("beta") || name.ends_with("bias")) {
      tensor = random_tensor(tensor.shape(), -0.2f, 0.2f, seed);
    } else if (name.ends_with("running_var") || name.ends_with("gamma")) {
      tensor = random_tensor(tensor.shape(), 0.6f, 1.4f, seed);
    }
  }
  return parameters;
}

Graph typed(const Model& model, const std::string& input, const Shape& shape) {
  Graph graph = model.graph();
  std::map<std::string, TensorType> known;
  for (const std::string& name : model.inputs()) known[name].dtype = DType::float32;
  for (const auto& [name, tensor] : model.parameters()) {
    if (graph.find_variable(name) >= 0) known[name] = {tensor.shape(), tensor.dtype()};
  }
  known[input].shape = shape;
  infer(graph, known);
  require_complete(graph);
  return graph;
}

/// How far the lowered graph's outputs are from the graph's own, in units of the greatest.
double difference(const Graph& graph, const Body& body, const Parameters& parameters, const Tensor& input) {
  const auto wanted = run_plain(graph, parameters, input);
  const auto results = run_plain(Raiser(body.graph).raise(), body.parameters, input);
  double worst = 0;
  EXPECT_EQ(results.size(), wanted.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].shape(), wanted[i].shape());
    double greatest = 0, apart = 0;
    for (std::int64_t e = 0; e < wanted[i].elements(); ++e) {
      const double a = wanted[i].data<float>()[e], b = results[i].data<float>()[e];
      greatest = std::max(greatest, std::abs(a));
      apart = std::isfinite(b) ? std::max(apart, std::abs(a - b)) : INFINITY;
    }
    EXPECT_GT(greatest, 0) << "an output of zeros proves nothing";
    worst = std::max(worst, apart / greatest);
  }
  return worst;
}

std::map<std::string, int> operator_counts(const Graph& graph) {
  std::map<std::string, int> counts;
  for (const NodeId id : graph.topological_order()) {
    if (!graph.node(id).is_variable()) ++counts[std::string(graph.node(id).op_name())];
  }
  return counts;
}

class ZooNetwork : public testing::TestWithParam<std::string> {};

TEST_P(ZooNetwork, ComputesTheSameAfterThePasses) {
  const Model model = Model::zoo(GetParam());
  const Parameters parameters = trained(model.parameters());
  const Graph graph = typed(model, "data", Model::zoo_input(GetParam()));
  Body body(graph, parameters);
  run_passes(body);
  const Tensor input = random_tensor(Model::zoo_input(GetParam()), -1, 1, 1);
  const double apart = difference(graph, body, parameters, input);
  std::printf("%s: %.1e of the greatest element\n", GetParam().c_str(), apart);
  EXPECT_LT(apart, 1e-5);
}

// One of each architecture; the rest of the zoo runs with the slow tests.
const std::vector<std::string> kFew = {"alexnet",     "densenet121", "inceptionv3",      "mobilenet0.25",
                                       "resnet18_v1", "resnet18_v2", "mobilenetv2_0.25", "squeezenet1.1"};

std::vector<std::string> others() {
  std::vector<std::string> names = Model::zoo_names();
  std::erase_if(names, [](const std::string& name) { return testing::Matches(testing::Contains(name))(kFew); });
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace_if(
      name, [](char c) { return c == '.' || c == '-'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Few, ZooNetwork, testing::ValuesIn(kFew), test_name);
INSTANTIATE_TEST_SUITE_P(Others, ZooNetwork, testing::ValuesIn(others()), test_name);

TEST(Networks, Resnet18HasNothingLeftToFuse) {
  const Model model = Model::zoo("resnet18_v2");
  Body body(typed(model, "data", {1, 3, 224, 224}), trained(model.parameters()));
  run_passes(body);
  // The normalization of the input stays: its shift cannot pass the zero padding of the first convolution.
  EXPECT_EQ(operator_counts(body.graph),
            (std::map<std::string, int>{
                {"convolution", 20}, {"matmul", 1}, {"pooling", 2}, {"pointwise", 1}, {"Flatten", 1}}));
}

struct Checkpoint {
  std::string file;
  int epoch;
  Shape shape;
};

TEST(Networks, CheckpointsComputeTheSame) {
  const std::vector<Checkpoint> checkpoints = {
      {"mtcnn/det1", 1, {1, 3, 12, 12}},         {"mtcnn/det2", 1, {2, 3, 24, 24}},
      {"mtcnn/det3", 1, {1, 3, 48, 48}},         {"mobileface/id_V1", 0, {1, 1, 100, 100}},
      {"mobileface/id_V3", 0, {1, 3, 112, 112}}, {"gender-age/model", 0, {1, 3, 112, 112}}};
  const std::string folder = shared_path("models");
  if (folder.empty()) GTEST_SKIP() << "the checkpoints are not here";
  for (const Checkpoint& checkpoint : checkpoints) {
    const Model model = Model::load(folder + "/" + checkpoint.file, checkpoint.epoch);
    const Graph graph = typed(model, "data", checkpoint.shape);
    Body body(graph, model.parameters());
    run_passes(body);
    const double apart = difference(graph, body, model.parameters(), random_tensor(checkpoint.shape, -1, 1, 3));
    std::printf("%s: %.1e of the greatest element\n", checkpoint.file.c_str(), apart);
    EXPECT_LT(apart, 1e-5) << checkpoint.file;
  }
}

}  // namespace
}  // namespace tenon
