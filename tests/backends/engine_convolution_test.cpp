// The accelerated backend's convolutions beside the naive reference: that the ways accept what they should, and that
// operands, formats and packed weights meet. The kernels' own tests are in convolution_kernels_test.cpp.

#include "backends/engine_trial.h"

#include <gmock/gmock.h>

namespace tenon {
namespace {

struct Layer {
  std::int64_t batch, channels, filters, size, kernel, stride, groups;
  std::string weight = "w";  ///< by its name constant or fed
  std::string epilogue = "add(x, $0); relu(fma(y0, $1, $2))";
  std::string kinds = "tcc";

  EngineTrial trial(Draw& draw) const {
    const std::int64_t pad = kernel / 2, out = (size + 2 * pad - kernel) / stride + 1;
    EngineTrial trial{fmt::format("%data = variable\n%{} = variable\n", weight),
                      {{"data", draw.tensor({batch, channels, size, size})},
                       {weight, draw.tensor({filters, channels / groups, kernel, kernel}, 0.3f)}}};
    std::string inputs = fmt::format("%data, %{}", weight);
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      const std::string variable = fmt::format("{}{}", kinds[k] == 'c' ? "c" : "f", k);
      trial.text += fmt::format("%{} = variable\n", variable);
      trial.values[variable] = draw.tensor(kinds[k] == 'c' ? Shape{filters} : Shape{batch, filters, out, out});
      inputs += ", %" + variable;
    }
    trial.text += fmt::format(
        "%y = convolution({}) {{kernel=({}, {}), stride=({}, {}), pad_begin=({}, {}), pad_end=({}, {}), groups={}, "
        "epilogue={}}}\nreturn %y{}\n",
        inputs, kernel, kernel, stride, stride, pad, pad, pad, pad, groups, epilogue,
        epilogue.find(';') == std::string::npos ? "" : ", %y#1");
    return trial;
  }
};

TEST(EngineConvolution, EveryWayAgreesWithTheReference) {
  const std::pair<Layer, std::string> cases[] = {
      {{2, 3, 20, 30, 7, 2, 1}, "tenon:stem"},
      {{2, 3, 20, 30, 5, 2, 1}, "tenon:planar"},
      {{1, 3, 20, 12, 3, 1, 1, "fw"}, "tenon:planar"},
      {{2, 20, 20, 9, 3, 2, 20}, "tenon:depthwise"},
      {{8, 17, 19, 14, 3, 1, 1}, "tenon:winograd-mixed"},
      {{1, 16, 33, 16, 3, 1, 1}, "tenon:winograd-f44"},
      {{1, 16, 33, 30, 3, 1, 1}, "tenon:winograd-f66"},
      {{1, 16, 33, 16, 3, 1, 1, "w", "leaky(add(x, $0), 0.1)", "t"}, "tenon:winograd-f44"},
      {{1, 40, 16, 7, 3, 1, 1}, "tenon:winograd-f42"},
      {{1, 20, 40, 56, 3, 2, 1}, "tenon:winograd-phases-f44"},
      {{1, 16, 33, 16, 3, 1, 1, "fw"}, "tenon:direct"},
      {{2, 12, 24, 9, 5, 2, 3}, "tenon:direct"},
      {{2, 40, 24, 9, 1, 1, 1}, "tenon:direct"},
      {{2, 40, 24, 9, 1, 2, 1, "w", "sigmoid(add(x, $0))", "c"}, "tenon:direct"},
  };
  unsigned seed = 0;
  for (const auto& [layer, implementation] : cases) {
    Draw draw(seed++);
    layer.trial(draw).expect_close(2e-5, implementation);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(EngineConvolution, KeepsBlocksBetweenTwo) {
  Draw draw(1);
  EngineTrial trial{
      "%data = variable\n%w1 = variable\n%w2 = variable\n"
      "%a = convolution(%data, %w1) {kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), epilogue=relu(x)}\n"
      "%b = convolution(%a, %w2, %a) {kernel=(3, 3), pad_begin=(1, 1), pad_end=(1, 1), epilogue=add(x, $0)}\n"
      "return %b\n",
      {{"data", draw.tensor({1, 3, 16, 16})}, {"w1", draw.tensor({20, 3, 3, 3})}, {"w2", draw.tensor({20, 20, 3, 3})}}};
  trial.expect_close(2e-5, "tenon:winograd-f44");
  EXPECT_THAT(trial.run_accelerated(cpu::accelerated_backend()).implementations,
              testing::ElementsAre("tenon:planar", "tenon:winograd-f44", "tenon:reorder"));
}

TEST(EngineConvolution, TransposesByPhases) {
  Draw draw(3);
  EngineTrial trial{
      "%data = variable\n%w = variable\n%f = variable\n%c = variable\n"
      "%y = deconvolution(%data, %w, %f, %c) {kernel=(4, 3), stride=(2, 2), pad_begin=(1, 0), pad_end=(1, 1), "
      "adj=(0, 1), groups=2, epilogue=add(x, $0); relu(add(y0, $1))}\nreturn %y, %y#1\n",
      {{"data", draw.tensor({2, 20, 9, 31})},
       {"w", draw.tensor({20, 11, 4, 3})},
       {"f", draw.tensor({2, 22, 18, 63})},
       {"c", draw.tensor({22})}}};
  trial.expect_close(2e-6, "tenon:deconvolution");
  trial.values["fw"] = trial.values.extract("w").mapped();  // a weight that is computed
  for (int i = 0; i < 2; ++i) trial.text.replace(trial.text.find("%w"), 2, "%fw");
  trial.expect_close(2e-6, "tenon:deconvolution");
}

TEST(EngineConvolution, TakesOneAndThreeSpatialAxes) {
  Draw draw(2);
  EngineTrial{
      "%data = variable\n%w = variable\n%y = convolution(%data, %w) {kernel=(3,), stride=(2,), pad_end=(1,)}\n"
      "return %y\n",
      {{"data", draw.tensor({2, 20, 11})}, {"w", draw.tensor({5, 20, 3})}}}
      .expect_close(2e-6, "tenon:direct");
  EngineTrial{
      "%data = variable\n%w = variable\n%y = convolution(%data, %w) {kernel=(2, 3, 3), pad_begin=(1, 1, 1)}\n"
      "return %y\n",
      {{"data", draw.tensor({2, 20, 3, 5, 6})}, {"w", draw.tensor({5, 20, 2, 3, 3})}}}
      .expect_close(2e-6, "tenon:direct");
}

}  // namespace
}  // namespace tenon
