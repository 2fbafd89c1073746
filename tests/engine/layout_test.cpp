// How values lie: no more changes of layout than a graph needs.

#include <gmock/gmock.h>

#include <cstring>

#include <tenon/session.h>

#include "engine/memory_format.h"
#include "graph/graph.h"
#include "ops/registry.h"
#include "support/evaluate.h"
#include "support/numbers.h"

namespace tenon {
namespace {

BindOptions options_for(const Shape& data, const std::string& backend) {
  BindOptions options;
  options.shapes = {{"data", data}};
  options.backend = backend;
  options.threads = 1;
  return options;
}

std::vector<std::string> changes(const Model& model, const Shape& data) {
  std::vector<std::string> nodes;
  for (const StepInfo& step : Engine::build(model, options_for(data, "cpu")).steps()) {
    if (step.covers.empty()) nodes.push_back(step.node);
  }
  return nodes;
}

const Parameters kWeights = {{"w0", waves({32, 3, 3, 3}, 0.7)},  {"w1", waves({32, 32, 3, 3}, 0.3)},
                             {"w2", waves({10, 32}, 0.9)},       {"w3", waves({10, 32 * 8 * 8}, 0.5)},
                             {"w4", waves({40, 32, 1, 1}, 0.2)}, {"w5", waves({32, 32, 1, 1}, 0.6)}};

Model model(const std::string& nodes) {
  std::string variables = "%data = variable\n";
  Parameters used;
  for (const auto& [name, value] : kWeights) {
    if (nodes.find("%" + name) == std::string::npos) continue;
    variables += "%" + name + " = variable\n";
    used[name] = value;
  }
  return Model(parse_graph(variables + nodes, ops()), used);
}

/// The engine gives what the naive loops give.
void expect_reference(const Model& model, const Shape& data) {
  std::vector<Tensor> results;
  for (const std::string backend : {"reference", "cpu"}) {
    Session session(Engine::build(model, options_for(data, backend)));
    session.set_input("data", waves(data, 0.37));
    session.forward();
    results.push_back(session.output(0).clone());
  }
  for (std::int64_t i = 0; i < results[0].elements(); ++i) {
    ASSERT_NEAR(results[1].data<float>()[i], results[0].data<float>()[i], 1e-5) << data.str() << ", " << i;
  }
}

constexpr const char* kConvolution =
    "%c0 = Convolution(%data, %w0) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n";

TEST(Layout, AChainOfConvolutionsToAClassifierChangesNothing) {
  const Model classifier =
      model(std::string(kConvolution) +
            "%r0 = relu(%c0)\n"
            "%c1 = Convolution(%r0, %w1) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
            "%sum = elemwise_add(%c1, %c0)\n"
            "%pool = Pooling(%sum) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
            "%fc = FullyConnected(%pool, %w2) {num_hidden=10, no_bias=True}\n"
            "return %fc\n");
  EXPECT_THAT(changes(classifier, {2, 3, 8, 8}), testing::IsEmpty());
}

TEST(Layout, OneChangeServesAllReadersOfAValue) {
  const Model readers = model(std::string(kConvolution) +
                              "%f = Flatten(%c0)\n"
                              "%a = FullyConnected(%f, %w3) {num_hidden=10, no_bias=True}\n"
                              "%s = softmax(%f)\n"
                              "%c1 = Convolution(%c0, %w1) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
                              "%r = relu(%c1)\n"
                              "%pool = Pooling(%r) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
                              "return %a, %s, %pool\n");
  EXPECT_THAT(changes(readers, {2, 3, 8, 8}), testing::ElementsAre("c0_output"));
}

/// A map of one pixel lies alike in both layouts; of 40 channels only where one image has no padding in the way.
TEST(Layout, AMapOfOnePixelIsReadAsItLies) {
  const Model pixel = model(
      "%p = Pooling(%data) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
      "%c = Convolution(%p, %w4) {kernel=(1, 1), num_filter=40, no_bias=True}\n"
      "%r = relu(%c)\n"
      "%y = softmax(%r) {axis=1}\n"
      "return %y\n");
  EXPECT_THAT(changes(pixel, {1, 32, 4, 4}), testing::ElementsAre("data"));  // what comes is row-major
  for (const std::int64_t batch : {1, 3}) expect_reference(pixel, {batch, 32, 4, 4});
}

/// Each block of filters reads all of the map that it is added to.
TEST(Layout, AConvolutionDoesNotOverwriteWhatItReads) {
  const Model residual = model(std::string(kConvolution) +
                               "%r = relu(%c0)\n"
                               "%c1 = Convolution(%r, %w5) {kernel=(1, 1), num_filter=32, no_bias=True}\n"
                               "%y = elemwise_add(%c1, %r)\n"
                               "%pool = Pooling(%y) {kernel=(2, 2), stride=(2, 2), pool_type=max}\n"
                               "return %pool\n");
  expect_reference(residual, {1, 3, 8, 8});
}

TEST(Layout, ReadsAlikeWhereNoPaddingIsInTheWay) {
  const MemoryFormat rows, blocks{16}, half{16, DType::float16};
  EXPECT_TRUE(reads_alike({2, 32, 1, 1}, rows, blocks));
  EXPECT_TRUE(reads_alike({2, 32, 1, 1}, blocks, rows));
  EXPECT_TRUE(reads_alike({1, 40, 1}, blocks, rows));
  EXPECT_FALSE(reads_alike({2, 40, 1}, blocks, rows));  // the first image's padding
  EXPECT_FALSE(reads_alike({1, 40, 1}, rows, blocks));  // would have to be there
  EXPECT_FALSE(reads_alike({1, 32, 2, 1}, blocks, rows));
  EXPECT_FALSE(reads_alike({1, 32, 1, 1}, blocks, half));
  EXPECT_FALSE(reads_alike({32}, rows, blocks));
}

/// Whole blocks of channels are slices as they lie: nothing is turned, and for one image nothing is copied.
TEST(Layout, SlicesOfBlocksLieInWhatTheyAreCutFrom) {
  const Model halves = model(std::string(kConvolution) +
                             "%s = SliceChannel(%c0) {num_outputs=2, axis=1}\n"
                             "%r = relu(%s#1)\n"
                             "%t = tanh(%s)\n"
                             "%y = Concat(%r, %t) {num_args=2, dim=1}\n"
                             "%c1 = Convolution(%y, %w1) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
                             "%pool = Pooling(%c1) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
                             "return %pool\n");
  for (const std::int64_t batch : {1, 3}) {
    EXPECT_THAT(changes(halves, {batch, 3, 8, 8}), testing::IsEmpty());
    expect_reference(halves, {batch, 3, 8, 8});
  }
}

/// Greedy choices could cost a change at every concatenation, slice or residual.
TEST(Layout, NetworksOfTheZooNeedNone) {
  const auto changes_of = [](const char* network) {
    Shape shape = Model::zoo_input(network);
    shape[0] = 1;
    return changes(Model::zoo(network, 0), shape);
  };
  for (const char* network : {"resnet18_v1", "squeezenet1.1", "densenet121"}) {
    EXPECT_THAT(changes_of(network), testing::IsEmpty()) << network;
  }
  // It ends in a convolution to 1,000 channels, which fill 63 blocks of 16; the caller's memory has no room for them.
  EXPECT_THAT(changes_of("mobilenetv2_0.25"), testing::SizeIs(1));
}

}  // namespace
}  // namespace tenon
