// What BindOptions says of subgraphs: who takes, how small, which passes, and the dumps.

#include <gmock/gmock.h>

#include <filesystem>

#include <tenon/session.h>

#include "ops/registry.h"
#include "passes/pipeline.h"
#include "support/evaluate.h"
#include "support/files.h"
#include "support/numbers.h"

namespace tenon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// Nodes that MXNet's TensorRT integration took, three that it did not, and behind those two more that it took.
Model mixed_model() {
  constexpr const char* text =
      "%data = variable\n%w0 = variable\n%w1 = variable\n%w2 = variable\n%b2 = variable\n"
      "%c0 = Convolution(%data, %w0) {kernel=(3, 3), pad=(1, 1), num_filter=16, no_bias=True}\n"
      "%r0 = relu(%c0)\n"
      "%leaky = LeakyReLU(%r0) {act_type=leaky, slope=0.1}\n"
      "%half = _mul_scalar(%leaky) {scalar=0.5}\n"
      "%pool = Pooling(%half) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
      "%fc = FullyConnected(%pool, %w2, %b2) {num_hidden=10}\n"
      "%soft = softmax(%fc)\n"
      "return %soft\n";
  return Model(parse_graph(text, ops()),
               {{"w0", waves({16, 3, 3, 3}, 0.7)}, {"w2", waves({10, 16}, 0.9)}, {"b2", waves({10}, 0.4)}});
}

BindOptions options_for(const std::string& backend) {
  BindOptions options;
  options.shapes = {{"data", {1, 3, 12, 12}}};
  options.backend = backend;
  options.threads = 1;
  return options;
}

std::vector<std::string> nodes_inside(const Engine& engine) {
  std::vector<std::string> nodes;
  for (const StepInfo& step : engine.steps()) {
    if (!step.engine.empty()) nodes.insert(nodes.end(), step.covers.begin(), step.covers.end());
  }
  return nodes;
}

std::map<std::string, std::string> rules(const Engine& engine) {
  std::map<std::string, std::string> rules;
  for (const RefusedNode& node : engine.refused()) rules[node.node] = node.rule;
  return rules;
}

Tensor result_of(const BindOptions& options) {
  Session session(Engine::build(mixed_model(), options));
  session.set_input("data", waves({1, 3, 12, 12}, 0.31));
  session.forward();
  return session.output(0).clone();
}

std::string complaint(const BindOptions& options, ErrorCode code) {
  try {
    Engine::build(mixed_model(), options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "it was built";
  return {};
}

TEST(Compilation, MxnetTensorrtTakesWhatItTookAndTenonMore) {
  BindOptions options = options_for("cpu");
  EXPECT_THAT(rules(Engine::build(mixed_model(), options)), testing::IsEmpty());
  options.selector = "mxnet-tensorrt";
  const Engine engine = Engine::build(mixed_model(), options);
  EXPECT_THAT(nodes_inside(engine), UnorderedElementsAre("c0", "r0", "pool", "fc"));
  EXPECT_THAT(rules(engine), UnorderedElementsAre(testing::Pair("leaky", "operator"), testing::Pair("half", "operator"),
                                                  testing::Pair("soft", "operator")));
  const Tensor wanted = result_of(options_for("reference")), result = result_of(options);
  for (int i = 0; i < 10; ++i) EXPECT_NEAR(result.data<float>()[i], wanted.data<float>()[i], 1e-6) << i;
}

TEST(Compilation, SmallSubgraphsRunPlain) {
  BindOptions options = options_for("cpu");
  options.selector = "mxnet-tensorrt";
  options.min_subgraph = 3;  // c0 + r0, pool + fc
  const Engine engine = Engine::build(mixed_model(), options);
  EXPECT_THAT(nodes_inside(engine), testing::IsEmpty());
  EXPECT_EQ(rules(engine).at("c0"), "minimum-nodes");
  options.min_subgraph = -1;
  EXPECT_EQ(complaint(options, ErrorCode::invalid_argument), "min_subgraph=-1 must not be negative");
}

TEST(Compilation, APassLeftOutLeavesItsWorkUndone) {
  BindOptions options = options_for("cpu");
  const std::size_t fused = Engine::build(mixed_model(), options).steps().size();
  options.disabled_passes = {"fuse_pointwise"};
  EXPECT_GT(Engine::build(mixed_model(), options).steps().size(), fused);
  options.disabled_passes = {"fuse_everything"};
  EXPECT_THAT(complaint(options, ErrorCode::invalid_argument),
              testing::StartsWith("there is no pass 'fuse_everything'; the passes are remove_identities, "));
  options.backend = "plain";  // has no subgraphs, and still knows a mistake
  complaint(options, ErrorCode::invalid_argument);
}

TEST(Compilation, EveryPassOfEverySubgraphIsDumped) {
  BindOptions options = options_for("cpu");
  options.selector = "mxnet-tensorrt";
  options.disabled_passes = {"fold_scales"};
  options.dump_passes = temporary_path("dumps");
  Engine::build(mixed_model(), options);
  const auto passes = pass_names();
  for (const std::string subgraph : {"engine0", "engine1"}) {
    EXPECT_TRUE(std::filesystem::exists(temporary_path("dumps/" + subgraph + "/000_before.txt")));
    for (std::size_t i = 0; i < passes.size(); ++i) {
      const auto file = temporary_path(fmt::format("dumps/{}/{:03}_{}.txt", subgraph, i + 1, passes[i]));
      EXPECT_EQ(std::filesystem::exists(file), passes[i] != "fold_scales") << file;
    }
  }
  EXPECT_THAT(read_file(temporary_path("dumps/engine0/000_before.txt")), HasSubstr("%r0 = relu(%c0)"));
  EXPECT_THAT(read_file(temporary_path("dumps/engine0/006_fuse_pointwise.txt")), HasSubstr("epilogue=relu(x)"));
  options.dump_passes = "/proc/nowhere";
  EXPECT_THAT(complaint(options, ErrorCode::io), HasSubstr("cannot write '/proc/nowhere/engine0/000_before.txt'"));
}

TEST(Compilation, OnlyNodesOfTheModelAreKeptInFp32) {
  BindOptions options = options_for("cpu");
  options.keep_fp32 = {"fc"};
  Engine::build(mixed_model(), options);
  options.keep_fp32 = {"fc", "fc9"};
  EXPECT_THAT(complaint(options, ErrorCode::not_found), HasSubstr("no node 'fc9'"));
}

TEST(Compilation, UnknownSelectorsAreRefusedWithTheKnownOnes) {
  BindOptions options = options_for("cpu");
  options.selector = "openvino";
  EXPECT_EQ(complaint(options, ErrorCode::invalid_argument),
            "there is no selector 'openvino'; choose tenon or mxnet-tensorrt");
  options.selector = "mxnet-tensorrt";
  options.backend = "plain";  // nothing to select
  EXPECT_THAT(Engine::build(mixed_model(), options).refused(), testing::IsEmpty());
}

}  // namespace
}  // namespace tenon
