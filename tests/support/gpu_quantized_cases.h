#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/executor.h>

#include "graph/graph.h"
#include "ops/registry.h"
#include "support/evaluate.h"
#include "support/numbers.h"

// Quantized operators, whose integers and ranges have to be the reference's bit by bit: tried by a GPU (tests/backends)
// and by the host in its place (tests/fake_cuda).
namespace tenon::gpu_cases {

struct Quantized {
  std::string name;
  std::map<std::string, Shape> shapes;  ///< of all inputs, which are real numbers
  std::string text;                     ///< the nodes and what they return
};

inline void PrintTo(const Quantized& test, std::ostream* stream) {
  *stream << test.name;
}

/// %NAME of a real %FROM: as int8 or uint8 over its own range, or over a calibrated one.
inline std::string quantized(const std::string& name, const std::string& from, const std::string& attributes) {
  return "%" + name + " = _contrib_quantize_v2(%" + from + ") {" + attributes + "}\n";
}

/// The ends of the ranges of quantized tensors, as inputs.
inline std::string ranges(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += ", %" + name + "#1, %" + name + "#2";
  return text;
}

inline std::vector<Quantized> quantizations() {
  const std::string a = quantized("qa", "a", "out_type=int8"), b = quantized("qb", "b", "out_type=int8");
  const std::string positive = quantized("qa", "a", "out_type=uint8, min_calib_range=0, max_calib_range=0.7");
  const std::string all = "return %y, %y#1, %y#2\n", calibrated = "min_calib_range=-0.3, max_calib_range=0.6";
  const std::string pair = "(%qa, %qb" + ranges({"qa", "qb"}) + ")";
  const std::map<std::string, Shape> pairs = {{"a", {3, 700}}, {"b", {3, 700}}};
  const std::string window = "kernel=(3, 2), stride=(2, 1), pad=(1, 1)";
  const auto pooled = [&](const std::string& attributes) {
    return a + "%y = _contrib_quantized_pooling(%qa" + ranges({"qa"}) + ") {" + window + ", " + attributes + "}\n" +
           all;
  };
  const std::map<std::string, Shape> image = {{"a", {2, 4, 9, 8}}};
  const std::string norm = "%y = _contrib_quantized_batch_norm(%qa, %gamma, %beta, %mean, %deviation" + ranges({"qa"}) +
                           ") {" + calibrated + "}\n";
  const std::map<std::string, Shape> normed = {
      {"a", {3, 5, 90}}, {"gamma", {5}}, {"beta", {5}}, {"mean", {5}}, {"deviation", {5}}};
  return {
      {"RequantizedConvolutionOfGroups",
       {{"a", {2, 4, 9, 8}}, {"b", {6, 2, 3, 3}}},
       positive + b + "%c = _contrib_quantized_conv(%qa, %qb" + ranges({"qa", "qb"}) +
           ") {kernel=(3, 3), stride=(2, 1), dilate=(1, 2), pad=(1, 2), num_filter=6, num_group=2, no_bias=True}\n"
           "%y = _contrib_requantize(%c, %c#1, %c#2)\n%z = _contrib_dequantize(%y, %y#1, %y#2)\n"
           "return %c, %c#1, %c#2, %y, %y#1, %y#2, %z\n"},
      {"ConvolutionOfVolumes",
       {{"a", {2, 3, 4, 5, 6}}, {"b", {4, 3, 2, 3, 1}}, {"c", {4}}},
       a + b + quantized("qc", "c", "out_type=int8") + "%c0 = _contrib_quantized_conv(%qa, %qb, %qc" +
           ranges({"qa", "qb", "qc"}) +
           ") {kernel=(2, 3, 1), pad=(0, 1, 0), num_filter=4}\n"
           "%y = _contrib_requantize(%c0, %c0#1, %c0#2) {" +
           calibrated + ", out_type=uint8}\n" + all},
      {"Dense",
       {{"a", {7, 3, 11}}, {"b", {5, 33}}, {"c", {5}}},
       positive + b + quantized("qc", "c", "out_type=int8") + "%y = _contrib_quantized_fully_connected(%qa, %qb, %qc" +
           ranges({"qa", "qb", "qc"}) + ") {num_hidden=5}\n" + all},
      {"GreatestOfWindows", image, pooled("pool_type=max, pooling_convention=full")},
      {"MeansOfWindows", image, pooled("pool_type=avg")},
      {"MeansOfWindowsWithoutPad", image, pooled("pool_type=avg, count_include_pad=False")},
      {"SumsOfWindows", image, pooled("pool_type=sum")},
      {"NormsOfWindows", image, pooled("pool_type=lp, p_value=2")},
      {"Concat",
       {{"a", {2, 3, 5}}, {"b", {2, 1, 5}}, {"c", {2, 4, 5}}},
       a + quantized("qb", "b", "min_calib_range=-3, max_calib_range=2") +
           quantized("qc", "c", "min_calib_range=-0.1, max_calib_range=0.2") +
           "%y = _contrib_quantized_concat(%qa, %qb, %qc" + ranges({"qa", "qb", "qc"}) + ") {num_args=3, dim=1}\n" +
           all},
      {"Sum", pairs, positive + b + "%y = _contrib_quantized_elemwise_add" + pair + "\n" + all},
      {"SumOfEightBits", pairs,
       positive + b + "%y = _contrib_quantized_elemwise_add" + pair + " {" + calibrated + "}\n" + all},
      {"Product", pairs, a + b + "%y = _contrib_quantized_elemwise_mul" + pair + "\n" + all},
      {"ProductOfEightBits", pairs,
       a + b + "%y = _contrib_quantized_elemwise_mul" + pair + " {" + calibrated + "}\n" + all},
      {"ProductOfRealNumbers", pairs,
       a + b + "%y = _contrib_quantized_elemwise_mul" + pair + " {enable_float_output=True}\nreturn %y\n"},
      {"Relu", image, a + "%y = _contrib_quantized_act(%qa" + ranges({"qa"}) + ") {act_type=relu}\n" + all},
      {"BatchNorm", normed, a + norm + all},
      {"BatchNormOfUnsigned", normed, positive + norm + all},
      {"Rows",
       {{"b", {9, 5}}, {"places", {4, 3}}},
       b + "%y = _contrib_quantized_embedding(%places, %qb" + ranges({"qb"}) + ") {input_dim=9, output_dim=5}\n" + all},
      {"QuantizedToAGivenRange",
       {{"a", {3, 700}}, {"low", {1}}, {"high", {1}}},
       "%y = _contrib_quantize(%a, %low, %high) {out_type=int8}\n" + all},
  };
}

/// Fails the test unless kernels on cuda:0 give the reference's bits.
inline void expect_same_bits(const Quantized& test) {
  std::string text;
  BindOptions options;
  for (const auto& [name, shape] : test.shapes) text += "%" + name + " = variable\n";
  options.shapes = test.shapes;
  const Model model(parse_graph(text + test.text, ops()), {});
  options.backend = "reference";
  Executor reference = Executor::bind(model, options);
  options.backend = "plain";
  options.device = {Device::Kind::cuda, 0};
  Executor device = Executor::bind(model, options);
  for (const StepInfo& step : device.steps()) {
    EXPECT_THAT(step.implementation, testing::StartsWith("cuda:")) << testing::PrintToString(step.refusals);
  }
  double phase = 0.3;
  for (const auto& [name, shape] : test.shapes) {
    Tensor value = waves(shape, phase += 0.4);
    for (std::int64_t i = 0; i < value.elements(); ++i) {
      if (name == "deviation") value.mutable_data<float>()[i] = 0.5f + 0.1f * static_cast<float>(i);
      if (name == "places") value.mutable_data<float>()[i] = static_cast<float>(i * 7 % 12 - 1);  // and outside
    }
    reference.set_input(name, value);
    device.set_input(name, value);
  }
  reference.forward();
  device.forward();
  for (int i = 0; i < static_cast<int>(reference.outputs().size()); ++i) {
    const Tensor &wanted = reference.output(i), &got = device.output(i);
    ASSERT_EQ(got.bytes(), wanted.bytes());
    ASSERT_EQ(got.dtype(), wanted.dtype());
    EXPECT_EQ(std::memcmp(got.data(), wanted.data(), wanted.bytes()), 0) << "output " << i << " has other bits";
  }
}

}  // namespace tenon::gpu_cases
