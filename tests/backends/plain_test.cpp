// The plain backend beside the reference, on the cases where a library could differ.

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/executor.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

using testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Tensor wave(const Shape& shape, float phase = 0) {
  Tensor tensor(shape, DType::float32);
  for (int i = 0; i < tensor.elements(); ++i) {
    tensor.mutable_data<float>()[i] = std::sin(static_cast<float>(i) * 0.37f + phase);
  }
  return tensor;
}

/// Variables called data… are fed; the others are parameters.
struct Case {
  std::string text;
  std::map<std::string, Tensor> values;

  Executor bind(const std::string& backend) const {
    Parameters parameters;
    BindOptions options;
    options.backend = backend;
    options.threads = 2;
    for (const auto& [name, value] : values) {
      if (name.starts_with("data")) {
        options.shapes[name] = value.shape();
      } else {
        parameters[name] = value;
      }
    }
    Executor executor = Executor::bind(Model(parse_graph(text, ops()), parameters), options);
    for (const auto& [name, shape] : options.shapes) executor.set_input(name, values.at(name));
    return executor;
  }

  void expect_same() const {
    Executor plain = bind("plain"), reference = bind("reference");
    plain.forward();
    reference.forward();
    for (int i = 0; i < static_cast<int>(plain.outputs().size()); ++i) {
      const Tensor wide = reference.output(i).astype(DType::float64);
      const double* first = wide.data<double>();
      expect_tensor(plain.output(i), wide.shape(), {first, first + wide.elements()}, 1e-5);
    }
  }

  std::vector<std::string> implementations() const {
    std::vector<std::string> names;
    for (const StepInfo& step : bind("plain").steps()) names.push_back(step.implementation);
    return names;
  }
};

/// Channels that do not fill a block, a branch that needs both formats, a sum in blocks, a row-major end.
Case residual(std::int64_t channels) {
  return {
      "%data = variable\n%w = variable\n%b = variable\n%gamma = variable\n%beta = variable\n%mean = variable\n"
      "%var = variable\n%w2 = variable\n"
      "%conv = Convolution(%data, %w, %b) {kernel=(3, 3), pad=(1, 1), num_filter=" +
          std::to_string(channels) +
          "}\n"
          "%bn = BatchNorm(%conv, %gamma, %beta, %mean, %var) {fix_gamma=False}\n"
          "%act = Activation(%bn) {act_type=relu}\n"
          "%conv2 = Convolution(%act, %w2) {kernel=(1, 1), no_bias=True, num_filter=" +
          std::to_string(channels) +
          "}\n"
          "%sum = elemwise_add(%conv2, %conv)\n"
          "%sig = Activation(%sum) {act_type=sigmoid}\n"
          "%pool = Pooling(%sig) {kernel=(2, 2), stride=(2, 2), pool_type=max}\n"
          "%flat = Flatten(%pool)\n"
          "return %flat, %sum, %act\n",
      {{"data", wave({2, 3, 6, 6})},
       {"w", wave({channels, 3, 3, 3}, 1)},
       {"b", wave({channels}, 2)},
       {"gamma", wave({channels}, 3)},
       {"beta", wave({channels}, 4)},
       {"mean", wave({channels}, 5)},
       {"var", tensor({channels}, std::vector<double>(static_cast<std::size_t>(channels), 0.7))},
       {"w2", wave({channels, channels, 1, 1}, 6)}}};
}

TEST(Plain, AgreesWithTheReferenceOverFormatsAndPaddedBlocks) {
  for (const std::int64_t channels : {1, 5, 8, 12, 16, 19, 32}) residual(channels).expect_same();
}

TEST(Plain, ShowsTheMonitorRowMajorValues) {
  const Case entry = residual(8);
  std::map<std::string, Tensor> plain, reference;
  for (auto [backend, seen] : {std::pair{"plain", &plain}, std::pair{"reference", &reference}}) {
    Executor executor = entry.bind(backend);
    executor.set_monitor(
        [values = seen](const std::string& name, const Tensor& value) { (*values)[name] = value.clone(); });
    executor.forward();
  }
  ASSERT_EQ(plain.size(), reference.size());
  for (const auto& [name, value] : reference) {
    const Tensor wide = value.astype(DType::float64);
    expect_tensor(plain.at(name), wide.shape(), {wide.data<double>(), wide.data<double>() + wide.elements()}, 1e-5);
  }
}

TEST(Plain, ReluKeepsNaN) {
  const Case entry{"%data = variable\n%a = Activation(%data) {act_type=relu}\n%b = relu(%data)\nreturn %a, %b\n",
                   {{"data", tensor({1, 1, 1, 4}, {kNaN, -1, 2, -INFINITY})}}};
  EXPECT_THAT(entry.implementations(), testing::ElementsAre("cpu:relu", "cpu:relu"));
  entry.expect_same();
}

// Behind a convolution the channels lie in blocks, the last of them not full; alone they lie row by row.
TEST(Plain, PreluKeepsTheFormat) {
  for (const std::int64_t channels : {1, 3, 16, 20}) {
    for (const std::int64_t slopes : {channels, std::int64_t{1}}) {
      const Case entry{
          "%data = variable\n%w = variable\n%s = variable\n"
          "%c = Convolution(%data, %w) {kernel=(1, 1), num_filter=" +
              std::to_string(channels) +
              ", no_bias=True}\n%a = LeakyReLU(%c, %s) {act_type=prelu}\n"
              "%b = LeakyReLU(%data, %s) {act_type=prelu}\nreturn %a, %b\n",
          {{"data", wave({2, channels, 5, 7})}, {"w", wave({channels, channels, 1, 1}, 1)}, {"s", wave({slopes}, 2)}}};
      EXPECT_THAT(entry.implementations(), testing::Contains("cpu:prelu").Times(2));
      entry.expect_same();
    }
  }
}

TEST(Plain, ScalarsAndSoftmaxOverChannels) {
  const Case entry{
      "%data = variable\n%a = _minus_scalar(%data) {scalar=0.3}\n%b = _mul_scalar(%a) {scalar=-1.7}\n"
      "%c = _maximum_scalar(%b) {scalar=-0.5}\n%d = _minimum_scalar(%c) {scalar=0.5}\n%e = _plus_scalar(%d) "
      "{scalar=2}\n"
      "%p = SoftmaxActivation(%e) {mode=channel}\nreturn %b, %d, %p\n",
      {{"data", wave({2, 3, 5, 7})}}};
  EXPECT_THAT(entry.implementations(), testing::Contains("cpu:scalar").Times(5));
  EXPECT_THAT(entry.implementations(), testing::Contains("tenon:softmax").Times(1));
  entry.expect_same();
}

TEST(Plain, FixedGammaCountsAsOne) {
  Case entry{
      "%data = variable\n%gamma = variable\n%beta = variable\n%mean = variable\n%var = variable\n"
      "%bn = BatchNorm(%data, %gamma, %beta, %mean, %var) {fix_gamma=True, eps=0.5}\nreturn %bn\n",
      {{"data", wave({2, 3, 2})},
       {"gamma", tensor({3}, {100, 100, 100})},
       {"beta", wave({3})},
       {"mean", wave({3}, 1)},
       {"var", tensor({3}, {1, 2, 3})}}};
  EXPECT_THAT(entry.implementations(), testing::ElementsAre("cpu:batch_norm"));
  entry.expect_same();
}

TEST(Plain, LeavesAnAverageWhoseDivisorDiffersToTheReference) {
  const auto pooling = [](const std::string& attributes) {
    return Case{"%data = variable\n%p = Pooling(%data) {kernel=(3, 3), stride=(2, 2), pool_type=avg, " + attributes +
                    "}\nreturn %p\n",
                {{"data", wave({1, 2, 6, 6})}}};
  };
  const Case full = pooling("pooling_convention=full"), valid = pooling("pad=(1, 1)");
  EXPECT_THAT(full.implementations(), testing::ElementsAre("reference"));
  EXPECT_THAT(full.bind("plain").steps()[0].refusals, testing::Contains(HasSubstr("hangs over the padding by 1")));
  EXPECT_THAT(valid.implementations(), testing::ElementsAre("onednn:pooling"));
  full.expect_same();
  valid.expect_same();
  pooling("pooling_convention=full, count_include_pad=False").expect_same();
}

TEST(Plain, TransposesTheWeightsOfADeconvolution) {
  Case{
      "%data = variable\n%w = variable\n%d = Deconvolution(%data, %w) {kernel=(3, 2), stride=(2, 1), pad=(1, 0), "
      "adj=(1, 0), num_filter=6, num_group=2}\nreturn %d\n",
      {{"data", wave({2, 4, 5, 4})}, {"w", wave({4, 3, 3, 2})}}}
      .expect_same();
}

TEST(Plain, TakesGroupsOfAVolumeWhoseWeightsHaveSixAxes) {
  const Case entry{
      "%data = variable\n%w = variable\n%v = variable\n"
      "%c = Convolution(%data, %w) {kernel=(2, 3, 3), pad=(0, 1, 1), num_filter=6, num_group=2, no_bias=True}\n"
      "%d = Deconvolution(%c, %v) {kernel=(2, 2, 2), num_filter=4, num_group=2}\nreturn %c, %d\n",
      {{"data", wave({2, 4, 3, 4, 5})}, {"w", wave({6, 2, 2, 3, 3}, 1)}, {"v", wave({6, 2, 2, 2, 2}, 2)}}};
  EXPECT_THAT(entry.implementations(), testing::IsSupersetOf({"onednn:convolution", "onednn:deconvolution"}));
  entry.expect_same();
}

TEST(Plain, TakesWeightsThatAreComputed) {
  Case{
      "%data = variable\n%data_w = variable\n%w = relu(%data_w)\n"
      "%c = Convolution(%data, %w) {kernel=(3, 3), num_filter=8, no_bias=True}\nreturn %c\n",
      {{"data", wave({1, 3, 5, 5})}, {"data_w", wave({8, 3, 3, 3})}}}
      .expect_same();
}

TEST(Plain, JoinsChannelsInBlocksAndOtherwise) {
  for (const int filters : {8, 6}) {
    const auto count = std::to_string(filters);
    Case{
        "%data = variable\n%w = variable\n%v = variable\n"
        "%a = Convolution(%data, %w) {kernel=(1, 1), no_bias=True, num_filter=" +
            count +
            "}\n"
            "%b = Convolution(%data, %v) {kernel=(1, 1), no_bias=True, num_filter=16}\n"
            "%c = Concat(%a, %b, %data) {num_args=3}\n%d = Concat(%a, %b) {num_args=2}\n"
            "%e = Concat(%a, %a) {num_args=2, dim=2}\nreturn %c, %d, %e\n",
        {{"data", wave({2, 3, 4, 4})}, {"w", wave({filters, 3, 1, 1})}, {"v", wave({16, 3, 1, 1}, 1)}}}
        .expect_same();
  }
}

TEST(Plain, AViewOfAnInputIsNoOutput) {
  const Case entry{"%data = variable\n%flat = Flatten(%data)\nreturn %flat\n", {{"data", wave({2, 3, 2})}}};
  EXPECT_THAT(entry.implementations(), testing::ElementsAre("reference"));
  entry.expect_same();
}

TEST(Plain, DoesNotOverwriteWhatIsReadLater) {
  Case{
      "%data = variable\n%a = relu(%data)\n%flat = Flatten(%a)\n%b = relu(%a)\n%c = clip(%b) {a_min=-1, a_max=0.5}\n"
      "%d = elemwise_add(%c, %a)\n%e = elemwise_mul(%d, %d)\nreturn %e, %flat, %b\n",
      {{"data", wave({2, 8, 3, 3})}}}
      .expect_same();
}

TEST(Plain, LeavesOtherTypesToTheReference) {
  const auto data = wave({1, 2, 3, 3}).astype(DType::float64);
  Case entry{"%data = variable\n%r = relu(%data)\nreturn %r\n", {}};
  Parameters none;
  BindOptions options;
  options.shapes["data"] = data.shape();
  options.types["data"] = DType::float64;
  const auto steps = Executor::bind(Model(parse_graph(entry.text, ops()), none), options).steps();
  EXPECT_EQ(steps[0].implementation, "reference");
  EXPECT_THAT(steps[0].refusals, testing::ElementsAre("cpu:relu: input 0 is float64, not float32"));
}

}  // namespace
}  // namespace tenon
