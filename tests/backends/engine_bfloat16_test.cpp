// The accelerated backend with bf16: which formats meet, and that a network stays near the reference, which knows no
// precision.

#include "backends/engine_trial.h"

#include <gmock/gmock.h>

#include <tenon/executor.h>

#include "backends/registry.h"

namespace tenon {
namespace {

class EngineBfloat16 : public testing::Test {
 protected:
  void SetUp() override {
    if (!cpu::machine_has_bfloat16()) GTEST_SKIP() << "this processor lacks AVX512-BF16";
  }

  /// The steps, after a check of the values.
  static std::vector<std::string> steps_of(const EngineTrial& trial, double tolerance) {
    const ThreadScope threads(2);
    const std::vector<Tensor> expected = evaluate(parse_graph(trial.text, body_ops()), trial.values);
    const EngineTrial::Outcome outcome = trial.run_accelerated(cpu::accelerated_backend());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EngineTrial::expect_near(outcome.outputs[i], expected[i], tolerance, fmt::format("output {}", i));
    }
    return outcome.implementations;
  }
};

// A sum of 20 * 9 products of numbers that are rounded to 8 bits, and rounded again when it is stored.
constexpr double kOneLayer = 1e-2;

TEST_F(EngineBfloat16, KeepsBlocksNarrowBetweenLayers) {
  Draw draw(1);
  const EngineTrial trial{
      "%data = variable\n%w1 = variable\n%w2 = variable\n%w3 = variable\n%w4 = variable\n%c = variable\n"
      "%a = convolution(%data, %w1) {kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), epilogue=relu(x), "
      "precision=bf16}\n"
      "%p = pooling(%a) {kernel=(3, 3), stride=(2, 2)}\n"
      "%b = convolution(%p, %w2) {kernel=(3, 3), groups=20, pad_begin=(1, 1), pad_end=(1, 1), precision=bf16}\n"
      "%q = pointwise(%b, %p, %c) {epilogue=sigmoid(fma(x, $1, $0))}\n"
      "%d = convolution(%q, %w3, %p) {kernel=(1, 1), epilogue=add(x, $0); leaky(y0, 0.1), precision=bf16}\n"
      "%e = convolution(%d#1, %w4) {kernel=(3, 3), stride=(2, 2), precision=bf16}\n"
      "%g = pooling(%e) {type=avg, global=True}\n"
      "return %g, %d\n",
      {{"data", draw.tensor({2, 3, 19, 21})},
       {"w1", draw.tensor({20, 3, 3, 3})},
       {"w2", draw.tensor({20, 1, 3, 3})},
       {"w3", draw.tensor({20, 20, 1, 1})},
       {"w4", draw.tensor({33, 20, 3, 3})},
       {"c", draw.tensor({20})}}};
  EXPECT_THAT(steps_of(trial, kOneLayer),
              testing::ElementsAre("tenon:planar", "tenon:pooling", "tenon:depthwise", "tenon:pointwise",
                                   "tenon:direct", "tenon:direct", "tenon:pooling", "tenon:reorder"));
}

TEST_F(EngineBfloat16, TransposesByPhases) {
  Draw draw(4);
  const EngineTrial trial{
      "%data = variable\n%w1 = variable\n%w2 = variable\n"
      "%a = convolution(%data, %w1) {kernel=(3, 3), precision=bf16}\n"
      "%b = deconvolution(%a, %w2) {kernel=(4, 4), stride=(2, 2), pad_begin=(1, 1), pad_end=(1, 1), epilogue=relu(x), "
      "precision=bf16}\nreturn %b\n",
      {{"data", draw.tensor({1, 3, 12, 12})}, {"w1", draw.tensor({20, 3, 3, 3})}, {"w2", draw.tensor({20, 9, 4, 4})}}};
  EXPECT_THAT(steps_of(trial, kOneLayer), testing::ElementsAre("tenon:planar", "tenon:deconvolution", "tenon:reorder"));
}

TEST_F(EngineBfloat16, WidensForWhatStaysFloat) {
  Draw draw(2);
  const EngineTrial trial{
      "%data = variable\n%w1 = variable\n%w2 = variable\n%w3 = variable\n"
      "%a = convolution(%data, %w1) {kernel=(1, 1), precision=bf16}\n"
      "%b = convolution(%a, %w2) {kernel=(1, 1)}\n"
      "%d = convolution(%b, %w3) {kernel=(1, 1), precision=bf16}\n"
      "return %d\n",
      {{"data", draw.tensor({1, 20, 5, 7})},
       {"w1", draw.tensor({24, 20, 1, 1})},
       {"w2", draw.tensor({24, 24, 1, 1})},
       {"w3", draw.tensor({8, 24, 1, 1})}}};
  EXPECT_THAT(steps_of(trial, kOneLayer),
              testing::ElementsAre("tenon:reorder", "tenon:direct", "tenon:reorder", "tenon:direct", "tenon:reorder",
                                   "tenon:direct", "tenon:reorder"));
}

TEST_F(EngineBfloat16, JoinsNarrowBlocks) {
  Draw draw(3);
  const EngineTrial trial{
      "%data = variable\n%w1 = variable\n%w2 = variable\n"
      "%a = convolution(%data, %w1) {kernel=(3, 3), precision=bf16}\n"
      "%b = convolution(%data, %w2) {kernel=(3, 3), precision=bf16}\n"
      "%j = Concat(%a, %b) {dim=1, num_args=2}\n%p = pooling(%j) {kernel=(2, 2), stride=(2, 2)}\nreturn %p\n",
      {{"data", draw.tensor({2, 3, 12, 12})}, {"w1", draw.tensor({16, 3, 3, 3})}, {"w2", draw.tensor({32, 3, 3, 3})}}};
  EXPECT_THAT(steps_of(trial, kOneLayer),
              testing::ElementsAre("tenon:planar", "tenon:planar", "cpu:concat", "tenon:pooling", "tenon:reorder"));
}

TEST_F(EngineBfloat16, MultipliesMatrices) {
  for (const std::int64_t rows : {1, 3, 40}) {
    Draw draw(static_cast<unsigned>(rows));
    EngineTrial trial{
        "%data = variable\n%w = variable\n%c = variable\n"
        "%y = matmul(%data, %w, %c) {epilogue=relu(add(x, $0)), precision=bf16}\nreturn %y\n",
        {{"data", draw.tensor({rows, 75})}, {"w", draw.tensor({37, 75})}, {"c", draw.tensor({37})}}};
    EXPECT_THAT(steps_of(trial, kOneLayer), testing::ElementsAre("tenon:matmul"));
    trial.values["fw"] = trial.values.extract("w").mapped();  // a weight that is computed
    trial.text.replace(trial.text.find("%w"), 2, "%fw");
    trial.text.replace(trial.text.find("%w"), 2, "%fw");
    EXPECT_THAT(steps_of(trial, kOneLayer), testing::ElementsAre("tenon:matmul"));
  }
}

TEST(Bfloat16Backend, IsRefusedWhereThereIsNone) {
  const auto refusal = [](std::string_view backend, std::string_view precision) -> std::string {
    try {
      find_backend(backend, Device::parse("cpu"), precision);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal("cpu", "fp16"), "the backend 'cpu' computes on the processor with fp32 or bf16, not fp16");
  EXPECT_EQ(refusal("plain", "bf16"), "the backend 'plain' computes on the processor with fp32, not bf16");
  if (!cpu::machine_has_bfloat16()) {
    EXPECT_THAT(refusal("cpu", "bf16"), testing::HasSubstr("cannot multiply bfloat16, for which it needs AVX512-BF16"));
  }
}

}  // namespace
}  // namespace tenon
