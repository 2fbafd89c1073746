#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/cuda/codegen/fuse.h"
#include "graph/inference.h"
#include "passes/primitives.h"
#include "support/bodies.h"

namespace tenon::cuda {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The graph with the types that follow from those of its variables.
Graph inferred(Graph graph) {
  std::map<std::string, TensorType> known;
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node& node = graph.node(id);
    if (node.is_variable()) known[node.name] = node.outputs[0];
    node.outputs.assign(node.outputs.size(), {});
  }
  infer(graph, known);
  return graph;
}

std::string fused(std::string_view text, const std::set<std::string>& constants, const Target& target = hopper()) {
  const Graph graph = typed_graph(text);
  Parameters parameters;
  for (const std::string& name : constants) {
    parameters.emplace(name, Tensor(graph.type({graph.find_variable(name), 0}).shape, DType::float32));
  }
  Body body(graph, parameters);
  fuse_for_kernels(body, target);
  verify(body.graph);
  EXPECT_EQ(to_text(inferred(body.graph)), to_text(body.graph));
  return to_text(body.graph);
}

constexpr std::string_view kBlock = R"(
%t = variable : float32 (1,64,56,56)
%w0 = variable : float32 (128,64,3,3)
%w1 = variable : float32 (128,128,3,3)
%w2 = variable : float32 (128,64,1,1)
%scale = variable : float32 (128)
%first = convolution(%t, %w0) {epilogue=relu(x), kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), precision=fp16, stride=(2, 2)} : float32 (1,128,28,28)
%second = convolution(%first, %w1) {epilogue=x, kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), precision=fp16} : float32 (1,128,28,28)
%short = convolution(%t, %w2, %second, %scale) {epilogue=add($0, x); relu(mul(y0, $1)), kernel=(1, 1), precision=fp16, stride=(2, 2)} : float32 (1,128,28,28), float32 (1,128,28,28)
return %short, %short#1
)";

TEST(CudaFuse, LetsAShortcutRideAlong) {
  const std::string text = fused(kBlock, {"w0", "w1", "w2", "scale"});
  EXPECT_THAT(text, HasSubstr("%first.pair = convolution_pair(%t, %w0, %w2) {epilogue=relu(x), kernel=(3, 3)"));
  EXPECT_THAT(text, HasSubstr("%second.sum = convolution(%first.pair, %w1, %first.pair#1, %scale) "
                              "{epilogue=add(x, $0); relu(mul(y0, $1)), kernel=(3, 3)"));
  EXPECT_THAT(text, HasSubstr("return %second.sum, %second.sum#1"));
  EXPECT_THAT(text, Not(HasSubstr("%short")));
}

TEST(CudaFuse, LeavesTheShortcutWhereNoKernelTakesIt) {
  EXPECT_THAT(fused(kBlock, {"w0", "w1", "w2", "scale"}, ampere()), HasSubstr("%short = convolution("));
}

constexpr std::string_view kStem = R"(
%data = variable : float32 (1,3,224,224)
%w = variable : float32 (64,3,7,7)
%shift = variable : float32 (64)
%scale = variable : float32 (64)
%conv = convolution(%data, %w, %shift) {epilogue=relu(add(x, $0)), kernel=(7, 7), pad_begin=(3, 3), pad_end=(3, 3), precision=fp16, stride=(2, 2)} : float32 (1,64,112,112)
%pool = pooling(%conv, %scale) {epilogue=x; relu(mul(y0, $0)), kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), precision=fp16, stride=(2, 2)} : float32 (1,64,56,56), float32 (1,64,56,56)
return %pool, %pool#1
)";

TEST(CudaFuse, JoinsTheStemAndRectifiesBehindThePool) {
  const std::string text = fused(kStem, {"w", "shift", "scale"});
  EXPECT_THAT(text, HasSubstr("%conv.stem = stem(%data, %w, %shift, %scale)"));
  EXPECT_THAT(text, HasSubstr("conv_epilogue=add(x, $0)"));
  EXPECT_THAT(text, HasSubstr("epilogue=relu(x); relu(mul(y0, $0))"));
}

constexpr std::string_view kFewChannels = R"(
%data = variable : float32 (32,3,96,95)
%w = variable : float32 (10,3,3,3)
%bias = variable : float32 (10)
%slope = variable : float32 (10)
%conv = convolution(%data, %w, %bias, %slope) {epilogue=leaky(add(x, $0), $1), kernel=(3, 3), precision=fp16} : float32 (32,10,94,93)
%pool = pooling(%conv) {kernel=(2, 2), pad_end=(0, 1), precision=fp16, stride=(2, 2)} : float32 (32,10,47,47)
return %pool
)";

TEST(CudaFuse, JoinsAFirstLayerOfFewChannels) {
  for (const Target& target : {hopper(), ampere()}) {
    EXPECT_THAT(
        fused(kFewChannels, {"w", "bias", "slope"}, target),
        HasSubstr("%conv.stem = stem(%data, %w, %bias, %slope) {conv_epilogue=leaky(add(x, $0), $1), "
                  "conv_size=(94, 93), epilogue=x, kernel=(3, 3), pad=(0, 0), pool_kernel=(2, 2), pool_pad=(0, 0), "
                  "pool_stride=(2, 2), precision=fp16, size=(47, 47), stride=(1, 1)} : float32 (32,10,47,47)"));
  }
}

TEST(CudaFuse, LeavesAFirstLayerWhosePoolWouldBeMultipliedForTooOften) {
  std::string text(kFewChannels);
  for (const auto& [from, to] : {std::pair{"(10,3,3,3)", "(128,3,3,3)"},
                                 {"(10)", "(128)"},
                                 {"(10)", "(128)"},
                                 {"(32,10,94,93)", "(32,128,94,93)"},
                                 {"(32,10,47,47)", "(32,128,47,47)"}}) {
    text.replace(text.find(from), std::string_view(from).size(), to);
  }
  EXPECT_THAT(fused(text, {"w", "bias", "slope"}), HasSubstr("%pool = pooling(%conv"));
}

constexpr std::string_view kPooled = R"(
%data = variable : float32 (8,64,56,56)
%w = variable : float32 (128,64,3,3)
%bias = variable : float32 (128)
%scale = variable : float32 (128)
%conv = convolution(%data, %w, %bias) {epilogue=relu(add(x, $0)), kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), precision=fp16} : float32 (8,128,56,56)
%pool = pooling(%conv, %scale) {epilogue=mul(x, $0), kernel=(2, 2), precision=fp16, stride=(2, 2)} : float32 (8,128,28,28)
return %pool
)";

TEST(CudaFuse, PoolsBehindAConvolution) {
  EXPECT_THAT(
      fused(kPooled, {"w", "bias", "scale"}),
      HasSubstr("%conv.pool = convolution_pool(%data, %w, %bias, %scale) {epilogue=mul(relu(add(x, $0)), $1), "));
}

TEST(CudaFuse, LeavesAPoolWhereTheMaximumMayNotComeFirst) {
  std::string text(kPooled);
  text.replace(text.find("relu(add(x, $0))"), 16, "relu(mul(x, $0))");
  EXPECT_THAT(fused(text, {"w", "bias", "scale"}), HasSubstr("%pool = pooling(%conv"));
}

TEST(CudaFuse, LeavesAPoolWhereNoKernelTakesIt) {
  EXPECT_THAT(fused(kPooled, {"w", "bias", "scale"}, ampere()), HasSubstr("%pool = pooling(%conv"));
}

/// As a plan file may have them.
TEST(CudaFuse, RefusesJoinedOperatorsThatDoNotFit) {
  OpRegistry known = body_ops();
  for (const Op* op : fused_ops()) known.add(*op);
  const auto refusal = [&](std::string text, const std::string& from, const std::string& to) -> std::string {
    text.replace(text.find(from), from.size(), to);
    try {
      inferred(parse_graph(text, known));
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was refused";
  };
  const std::string block = fused(kBlock, {"w0", "w1", "w2", "scale"}), stem = fused(kStem, {"w", "shift", "scale"}),
                    pooled = fused(kPooled, {"w", "bias", "scale"});
  EXPECT_THAT(refusal(block, "(128,64,1,1)", "(128,32,1,1)"), HasSubstr("node 'first.pair' (convolution_pair)"));
  EXPECT_THAT(refusal(block, "pad_begin=(1, 1)", "pad_begin=(0, 0)"), HasSubstr("not around the points of the side's"));
  EXPECT_THAT(refusal(stem, "(64,3,7,7)", "(64,4,7,7)"), HasSubstr("node 'conv.stem' (stem)"));
  EXPECT_THAT(refusal(stem, "%shift = variable : float32 (64,)", "%shift = variable : float32 (32,)"),
              HasSubstr("node 'conv.stem' (stem)"));
  EXPECT_THAT(refusal(stem, "conv_size=(112, 112)", "conv_size=(112, 400)"),
              HasSubstr("400 windows of the convolution do not fit 224 elements"));
  EXPECT_THAT(refusal(stem, " size=(56, 56)", " size=(56)"), HasSubstr("must have two numbers"));
  EXPECT_THAT(refusal(pooled, "(8,64,56,56)", "(8,64,55,56)"), HasSubstr("are no pairs of pixels"));
}

TEST(CudaFuse, LeavesAStemThatSomebodyElseReads) {
  std::string text(kStem);
  text.replace(text.find("return %pool"), 12, "return %conv, %pool");
  EXPECT_THAT(fused(text, {"w", "shift", "scale"}), HasSubstr("%pool = pooling(%conv"));
}

}  // namespace
}  // namespace tenon::cuda
