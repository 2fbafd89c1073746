// Engines whose convolutions are left to cuDNN, run on the host: the kernels between them by the fake NVRTC, cuDNN by
// its definition. What is checked is that both agree on layouts, weights and epilogues.

#include <algorithm>
#include <cmath>

#include "backends/cuda/codegen/layer_plan.h"
#include "fake_cudnn.h"
#include "fixture.h"
#include "support/numbers.h"

namespace tenon {
namespace {

constexpr int kDevice = 4;

struct Network {
  const char* name;
  const char* text;
  Shape data;
  std::vector<std::pair<const char*, Shape>> parameters;
  std::vector<const char*> takes = {};  ///< implementations that some step must have
};

// Two outputs of one epilogue, a sum, pools, a clip, a function that cuDNN does not fuse.
constexpr const char* kBlock =
    "%data = variable\n%w = variable\n%b = variable\n%v = variable\n%u = variable\n"
    "%c = Convolution(%data, %w, %b) {kernel=(3, 5), stride=(2, 1), pad=(1, 2), num_filter=16}\n"
    "%r = Activation(%c) {act_type=relu}\n"
    "%p = Pooling(%r) {kernel=(2, 2), stride=(2, 2), pool_type=max}\n"
    "%d = Convolution(%p, %v) {kernel=(3, 3), pad=(1, 1), num_filter=16, no_bias=True}\n"
    "%s = elemwise_add(%d, %p)\n"
    "%t = clip(%s) {a_min=0, a_max=1}\n"
    "%e = Convolution(%t, %u) {kernel=(3, 3), dilate=(2, 2), pad=(2, 2), num_filter=13, no_bias=True}\n"
    "%a = Activation(%e) {act_type=softsign}\n"
    "%q = Pooling(%a) {kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type=avg}\n"
    "return %q, %s\n";

// Groups that fill no units, groups that do, a row.
constexpr const char* kGroups =
    "%data = variable\n%w = variable\n%b = variable\n%v = variable\n%u = variable\n"
    "%c = Convolution(%data, %w, %b) {kernel=(3, 3), num_filter=24, pad=(1, 1), num_group=3}\n"
    "%r = Activation(%c) {act_type=relu}\n"
    "%d = Convolution(%r, %v) {kernel=(3, 5), num_filter=32, pad=(1, 2), stride=(2, 1), num_group=8, no_bias=True}\n"
    "%t = Reshape(%d) {shape=(0, 0, -1)}\n"
    "%e = Convolution(%t, %u) {kernel=(3,), num_filter=16, num_group=2, no_bias=True}\nreturn %e\n";

constexpr const char* kVolume =
    "%data = variable\n%w = variable\n%b = variable\n%v = variable\n%u = variable\n%a = variable\n"
    "%c = Convolution(%data, %w, %b) {kernel=(3, 3, 3), num_filter=16, pad=(1, 0, 1)}\n"
    "%r = Activation(%c) {act_type=relu}\n"
    "%d = Convolution(%r, %v) {kernel=(1, 3, 2), num_filter=24, stride=(1, 2, 2), num_group=2, no_bias=True}\n"
    "%e = Deconvolution(%d, %u, %a) {kernel=(2, 3, 3), num_filter=5, stride=(1, 2, 2), no_bias=False}\n"
    "%s = Activation(%e) {act_type=sigmoid}\nreturn %s\n";

// Windows over three axes, what is neither a maximum nor an average, whole planes, reductions of them.
constexpr const char* kPools =
    "%data = variable\n%w = variable\n"
    "%c = Convolution(%data, %w) {kernel=(2, 1, 3), num_filter=11, no_bias=True}\n"
    "%m = Pooling(%c) {kernel=(2, 3, 3), stride=(1, 2, 2), pad=(1, 0, 1), pool_type=max}\n"
    "%a = Pooling(%c) {kernel=(3, 2, 2), stride=(2, 1, 2), pad=(1, 1, 0), pool_type=avg, pooling_convention=full}\n"
    "%i = Pooling(%c) {kernel=(3, 5, 5), pad=(0, 2, 2), pool_type=avg, count_include_pad=False}\n"
    "%s = Pooling(%c) {kernel=(2, 2, 2), pool_type=sum}\n"
    "%l = Pooling(%c) {kernel=(2, 2, 2), stride=(2, 2, 2), pool_type=lp, p_value=2}\n"
    "%g = Pooling(%c) {kernel=(1, 1, 1), global_pool=True, pool_type=avg}\n"
    "%n = mean(%c) {axis=(2, 3, 4)}\n"
    "%u = sum(%c) {axis=(2, 3, 4), keepdims=True}\n"
    "%x = max(%c) {axis=(0, 1), exclude=True}\n"
    "return %m, %a, %i, %s, %l, %g, %n, %u, %x\n";

constexpr const char* kDeconvolutions =
    "%data = variable\n%w = variable\n%b = variable\n%v = variable\n%u = variable\n"
    "%c = Deconvolution(%data, %w, %b) {kernel=(4, 3), num_filter=32, stride=(2, 2), pad=(1, 1), adj=(0, 1), "
    "no_bias=False}\n"
    "%r = Activation(%c) {act_type=relu}\n"
    "%d = Deconvolution(%r, %v) {kernel=(2, 2), num_filter=16, stride=(2, 2), num_group=2}\n"
    "%e = Deconvolution(%d, %u) {kernel=(3, 3), num_filter=6, pad=(1, 1), num_group=2}\nreturn %e\n";

const Network kNetworks[] = {
    {"Block",
     kBlock,
     {2, 5, 13, 12},
     {{"w", {16, 5, 3, 5}}, {"b", {16}}, {"v", {16, 16, 3, 3}}, {"u", {13, 16, 3, 3}}}},
    {"Groups", kGroups, {2, 12, 5, 7}, {{"w", {24, 4, 3, 3}}, {"b", {24}}, {"v", {32, 3, 3, 5}}, {"u", {16, 16, 3}}}},
    {"Volume",
     kVolume,
     {1, 5, 4, 9, 8},
     {{"w", {16, 5, 3, 3, 3}}, {"b", {16}}, {"v", {24, 8, 1, 3, 2}}, {"u", {24, 5, 2, 3, 3}}, {"a", {5}}}},
    {"Pools",
     kPools,
     {2, 3, 5, 7, 9},
     {{"w", {11, 3, 2, 1, 3}}},
     {"tenon:pooling pooling", "tenon:pooling global_pooling", "tenon:reduce"}},
    // Whose outputs lie in memory filled up to whole units, as they are.
    {"PoolsOfOne",
     kPools,
     {1, 3, 5, 7, 9},
     {{"w", {11, 3, 2, 1, 3}}},
     {"tenon:pooling pooling", "tenon:pooling global_pooling", "tenon:reduce"}},
    {"Deconvolutions",
     kDeconvolutions,
     {2, 10, 4, 3},
     {{"w", {10, 32, 4, 3}}, {"b", {32}}, {"v", {32, 8, 2, 2}}, {"u", {16, 3, 3, 3}}}},
};

struct Case {
  const Network* network;
  const char* precision;
  double tolerance;  // of what rounding each layer does to the greatest result
};
void PrintTo(const Case& it, std::ostream* stream) {
  *stream << it.network->name << it.precision;
}
/// Each takes seconds: its kernels are compiled for the host.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Network& network : kNetworks) {
    all.push_back({&network, "fp32", 1e-6});
    all.push_back({&network, "fp16", 4e-3});
  }
  all.push_back({&kNetworks[0], "tf32", 3e-3});
  all.push_back({&kNetworks[0], "bf16", 3e-2});
  return all;
}

class EmulatedCudnn : public FakeCuda, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    FakeCuda::SetUp();
    try {
      cuda::compile_kernel(cuda::source_of(cuda::relayout_spec({}, cuda::Storage::f16, cuda::hopper())), 90);
    } catch (const Error&) {
      GTEST_SKIP() << "skipped: the fake NVRTC does not know the engine's kernels";
    }
    fake_cuda_set_capability(kDevice, 9, 0);
    setenv("TENON_TUNE", "off", 1);
    setenv("TENON_CUDA_CANDIDATES", "cudnn", 1);
  }
  ~EmulatedCudnn() override {
    fake_cudnn_refuse("");
    unsetenv("TENON_CUDA_CANDIDATES");
    unsetenv("TENON_TUNE");
  }

  static Model model(const Network& network) {
    Parameters parameters;
    unsigned seed = 1;
    for (const auto& [name, shape] : network.parameters) parameters[name] = normal_numbers(shape, ++seed, 0.2f);
    return model_of(network.text, std::move(parameters));
  }
  static Executor run(const Network& network, BindOptions options) {
    options.shapes = {{"data", network.data}};
    Executor executor = Executor::bind(model(network), options);
    executor.set_input("data", normal_numbers(network.data, 7, 1));
    for (int turn = 0; turn < 3; ++turn) executor.forward();  // the last one replayed
    return executor;
  }

  static void expect_agrees(const Case& it) {
    const Executor wanted = run(*it.network, {});
    BindOptions options = on(kDevice, it.network->data, "cuda");
    options.precision = it.precision;
    const Executor got = run(*it.network, options);
    for (const StepInfo& step : got.steps()) {
      EXPECT_NE(step.implementation, "host:reference") << step.node << ": " << testing::PrintToString(step.refusals);
    }
    for (const char* taken : it.network->takes) {
      const auto has = [&](const StepInfo& step) { return step.implementation == taken; };
      EXPECT_TRUE(std::ranges::any_of(got.steps(), has)) << taken;
    }
    for (std::size_t i = 0; i < wanted.outputs().size(); ++i) {
      const Tensor ours = got.output(i), theirs = wanted.output(i);
      ASSERT_EQ(ours.shape(), theirs.shape());
      double greatest = 0, most = 0;
      for (std::int64_t k = 0; k < theirs.elements(); ++k) {
        greatest = std::max(greatest, std::abs(static_cast<double>(theirs.data<float>()[k])));
        most = std::max(most, std::abs(static_cast<double>(ours.data<float>()[k]) - theirs.data<float>()[k]));
      }
      EXPECT_GT(greatest, 0.01);
      EXPECT_LT(most / greatest, it.tolerance) << "output " << i;
    }
  }
};

TEST_P(EmulatedCudnn, AgreesWithTheHost) {
  expect_agrees(GetParam());
}

TEST_P(EmulatedCudnn, AgreesWhereCudnnTakesLess) {
  const std::string_view name = GetParam().network->name, precision = GetParam().precision;
  if (name == "Block" && precision == "fp16") {
    fake_cudnn_refuse("; mode");  // nothing fused
  } else if (name == "Volume" && precision == "fp32") {
    fake_cudnn_refuse("channels last");
  } else {
    GTEST_SKIP() << "skipped: one case of each";
  }
  expect_agrees(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Networks, EmulatedCudnn, testing::ValuesIn(cases()),
                         [](const auto& test) { return std::string(test.param.network->name) + test.param.precision; });

}  // namespace
}  // namespace tenon
