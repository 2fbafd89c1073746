// What the engine asks cuDNN for, and what becomes of its answers, by a cuDNN that computes nothing.

#include <algorithm>
#include <filesystem>

#include <tenon/engine.h>

#include "fake_cudnn.h"
#include "fixture.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr int kDevice = 4;

class FakeCudnn : public FakeCuda {
 protected:
  void SetUp() override {
    FakeCuda::SetUp();
    fake_cuda_set_capability(kDevice, 9, 0);
    fake_cudnn_forget_graphs();
    setenv("TENON_TUNE", "off", 1);
  }
  ~FakeCudnn() override {
    fake_cudnn_refuse("");
    unsetenv("TENON_CUDA_CANDIDATES");
    unsetenv("TENON_TUNE");
  }

  static Executor bind(const Model& model, Shape shape, const std::string& precision = "fp16",
                       const std::string& tune = "off") {
    BindOptions options = on(kDevice, std::move(shape), "cuda");
    options.precision = precision;
    options.tune = tune;
    return Executor::bind(model, options);
  }
  /// The step that computes the node `c`.
  static StepInfo convolution(const Executor& executor) {
    for (const StepInfo& step : executor.steps()) {
      if (std::ranges::find(step.covers, "c") != step.covers.end()) return step;
    }
    ADD_FAILURE() << "no step computes c";
    return {};
  }
};

Model volume() {
  return model_of(
      "%data = variable\n%w = variable\n%b = variable\n"
      "%c = Convolution(%data, %w, %b) {kernel=(1, 2, 3), stride=(1, 2, 1), pad=(0, 1, 1), num_filter=16}\n"
      "%r = Activation(%c) {act_type=relu}\nreturn %r\n",
      {{"w", Tensor(Shape{16, 5, 1, 2, 3}, DType::float32)}, {"b", tensor({16}, std::vector<double>(16, 0.5))}});
}

TEST_F(FakeCudnn, ThreeSpatialAxesRunWithTheEpilogueInTheGraph) {
  const StepInfo step = convolution(bind(volume(), {2, 5, 3, 4, 7}));
  EXPECT_EQ(step.implementation, "cudnn:convolution cudnn fused=1 rank=0");
  EXPECT_THAT(step.refusals, Contains("tenon:convolution: there are 3 spatial axes, not one or two"));
  // Channels last, 5 of them filled up to 8; a sum with the bias and a rectifier in float32.
  EXPECT_THAT(fake_cudnn_graphs(),
              HasSubstr("forward half(2,8,3,4,7)/672,1,224,56,8 * half(16,8,1,2,3)/48,1,48,24,8 -> "
                        "virtual float(2,16,3,3,7)/1008,1,336,112,16 stride 1,2,1 dilate 1,1,1 pad 0,1,1+0,1,1"
                        "; mode 0 virtual float(2,16,3,3,7)/1008,1,336,112,16 float(1,16,1,1,1)/16,1,16,16,16 -> "
                        "virtual float(2,16,3,3,7)/1008,1,336,112,16"
                        "; mode 100 virtual float(2,16,3,3,7)/1008,1,336,112,16 ? -> "
                        "half(2,16,3,3,7)/1008,1,336,112,16\n"));
}

TEST_F(FakeCudnn, WhatItDoesNotFuseAKernelOfOursFollows) {
  fake_cudnn_refuse("; mode");
  const StepInfo step = convolution(bind(volume(), {1, 5, 3, 4, 7}));
  EXPECT_EQ(step.implementation, "cudnn:convolution cudnn fused=0 rank=0");
}

TEST_F(FakeCudnn, Float32TakesNoTensorCores) {
  EXPECT_EQ(convolution(bind(volume(), {1, 5, 3, 4, 7}, "fp32")).implementation,
            "cudnn:convolution cudnn fused=1 rank=0");
  EXPECT_EQ(fake_cudnn_engine(), 2);
  EXPECT_THAT(fake_cudnn_graphs(), HasSubstr("forward float(1,8,3,4,7)"));
  bind(volume(), {1, 5, 3, 4, 7}, "fp16");
  EXPECT_EQ(fake_cudnn_engine(), 1);
  // TF32 takes them, but what is stored must be rounded by a kernel of ours.
  EXPECT_THAT(convolution(bind(volume(), {1, 5, 3, 4, 7}, "tf32")).implementation, HasSubstr("fused=0 rank=0"));
}

TEST_F(FakeCudnn, Float32MayLieRowMajor) {
  fake_cudnn_refuse("channels last");
  EXPECT_EQ(convolution(bind(volume(), {1, 5, 3, 4, 7}, "fp32")).implementation,
            "cudnn:convolution cudnn row-major rank=0");
  EXPECT_THAT(fake_cudnn_graphs(), HasSubstr("forward float(1,5,3,4,7)/420,84,28,7,1 * float(16,5,1,2,3)/30,6,6,3,1 -> "
                                             "float(1,16,3,3,7)/1008,63,21,7,1 stride 1,2,1"));
}

TEST_F(FakeCudnn, ARefusalNamesCudnnsReason) {
  fake_cudnn_refuse("forward");
  const Executor executor = bind(volume(), {1, 5, 3, 4, 7});
  const StepInfo step = convolution(executor);
  EXPECT_EQ(step.implementation, "host:reference");
  EXPECT_THAT(step.refusals, Contains(AllOf(HasSubstr("cudnn:convolution"), HasSubstr("CUDNN_STATUS_NOT_SUPPORTED"),
                                            HasSubstr("as the fake cuDNN says"))));
}

TEST_F(FakeCudnn, APlanFileKeepsTheChoice) {
  BindOptions options = on(kDevice, {1, 5, 3, 4, 7}, "cuda");
  options.precision = "fp32";
  fake_cudnn_refuse("channels last");  // the choice is not the first that would be made
  const Engine built = Engine::build(volume(), options);
  const std::string file = testing::TempDir() + "cudnn_test-" + std::to_string(getpid()) + ".plan";
  built.save(file);
  fake_cudnn_refuse("");
  const Engine loaded = Engine::load(file);
  std::filesystem::remove(file);
  ASSERT_EQ(loaded.steps().size(), built.steps().size());
  for (std::size_t i = 0; i < built.steps().size(); ++i) {
    EXPECT_EQ(loaded.steps()[i].implementation, built.steps()[i].implementation);
  }
  const auto is_row_major = [](const StepInfo& step) {
    return step.implementation == "cudnn:convolution cudnn row-major rank=0";
  };
  EXPECT_TRUE(std::ranges::any_of(loaded.steps(), is_row_major));
}

TEST_F(FakeCudnn, ADeconvolutionGoesFromResultsToData) {
  const Model model = model_of(
      "%data = variable\n%w = variable\n"
      "%c = Deconvolution(%data, %w) {kernel=(3, 3), stride=(2, 2), pad=(1, 1), adj=(1, 0), num_filter=12, "
      "num_group=4}\nreturn %c\n",
      {{"w", Tensor(Shape{8, 3, 3, 3}, DType::float32)}});
  EXPECT_EQ(convolution(bind(model, {2, 8, 5, 6})).implementation, "cudnn:deconvolution cudnn fused=0 rank=0");
  // Four groups of 3 channels fill no units: one group of all, the filters filled up with zeros, 12 channels to 16.
  EXPECT_THAT(fake_cudnn_graphs(), HasSubstr("backward half(2,8,5,6)/240,1,48,8 * half(8,16,3,3)/144,1,48,16 -> "
                                             "half(2,16,10,11)/1760,1,176,16 stride 2,2 dilate 1,1 pad 1,1+1,1\n"));
}

TEST_F(FakeCudnn, GroupsAreMeasuredAsOneAndAsTheyAre) {
  const Model model = model_of(
      "%data = variable\n%w = variable\n"
      "%c = Convolution(%data, %w) {kernel=(3, 3), pad=(1, 1), num_filter=32, num_group=4, no_bias=True}\nreturn %c\n",
      {{"w", Tensor(Shape{32, 16, 3, 3}, DType::float32)}});
  // Without measuring, by a generated kernel whose filters have zeros for the other groups.
  EXPECT_THAT(convolution(bind(model, {1, 64, 14, 14})).implementation,
              AllOf(HasSubstr("tenon:convolution"), Not(HasSubstr("cudnn"))));
  unsetenv("TENON_TUNE");
  const int before = fake_cudnn_runs();
  bind(model, {1, 64, 14, 14});
  EXPECT_GT(fake_cudnn_runs(), before);
  EXPECT_THAT(fake_cudnn_graphs(), HasSubstr("forward half(1,64,14,14)/12544,1,896,64 * half(32,16,3,3)/144,1,48,16"));
}

constexpr const char* kNet =
    "%data = variable\n%w = variable\n%v = variable\n%u = variable\n"
    "%c = Convolution(%data, %w) {kernel=(3, 3), pad=(1, 1), num_filter=16, no_bias=True}\n"
    "%r = Activation(%c) {act_type=relu}\n"
    "%p = Pooling(%r) {kernel=(2, 2), stride=(2, 2), pool_type=max}\n"
    "%d = Convolution(%p, %v) {kernel=(3, 3), pad=(1, 1), num_filter=16, no_bias=True}\n"
    "%s = elemwise_add(%d, %p)\n"
    "%g = Pooling(%s) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
    "%f = FullyConnected(%g, %u) {num_hidden=10, no_bias=True}\nreturn %f\n";

Model net() {
  return model_of(kNet, {{"w", Tensor(Shape{16, 3, 3, 3}, DType::float32)},
                         {"v", Tensor(Shape{16, 16, 3, 3}, DType::float32)},
                         {"u", Tensor(Shape{10, 16}, DType::float32)}});
}

TEST_F(FakeCudnn, AloneItKeepsChannelsLastBetweenSteps) {
  setenv("TENON_CUDA_CANDIDATES", "cudnn", 1);
  const Executor executor = bind(net(), {2, 3, 16, 16});
  int reorders = 0, by_cudnn = 0;
  for (const StepInfo& step : executor.steps()) {
    reorders += step.implementation == "tenon:reorder" ? 1 : 0;
    by_cudnn += step.implementation.starts_with("cudnn:convolution cudnn fused=1") ? 1 : 0;
    EXPECT_THAT(step.implementation, Not(HasSubstr("host:")));
  }
  EXPECT_EQ(by_cudnn, 2);
  EXPECT_EQ(reorders, 1) << "the input's, to channels last";
  EXPECT_THAT(convolution(executor).refusals,
              Contains("tenon:convolution: TENON_CUDA_CANDIDATES leaves convolutions to cuDNN"));
}

TEST_F(FakeCudnn, TheListOfCandidatesHasOneWord) {
  setenv("TENON_CUDA_CANDIDATES", "cublas", 1);
  EXPECT_THAT(refusal([] {
                bind(net(), {2, 3, 16, 16});
              }),
              HasSubstr("TENON_CUDA_CANDIDATES is 'cublas'; the only value is 'cudnn'"));
}

TEST_F(FakeCudnn, IsMeasuredBesideGeneratedKernelsWhereThereIsTime) {
  unsetenv("TENON_TUNE");
  bind(net(), {2, 3, 16, 16});
  EXPECT_STREQ(fake_cudnn_graphs(), "");
  const int before = fake_cudnn_runs();
  bind(net(), {2, 3, 16, 16}, "fp16", "full");
  EXPECT_GT(fake_cudnn_runs(), before + 2);
}

}  // namespace
}  // namespace tenon
