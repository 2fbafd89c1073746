#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include <tenon/tenon.h>

#include "support/subprocess.h"

namespace tenon {

/// Runs `tenon ARGUMENTS` in the scratch folder.
inline Outcome program(const std::string& arguments) {
  return run_command(TENON_PROGRAM " " + arguments);
}

/// The one JSON object that `tenon ARGUMENTS` prints.
inline nlohmann::json program_json(const std::string& arguments) {
  const Outcome outcome = program(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out);
}

/// It fails with this code and one sentence on standard error that holds `words`, and prints nothing else.
inline void expect_failure(const std::string& arguments, ErrorCode code, const std::string& words) {
  const Outcome outcome = program(arguments);
  EXPECT_EQ(outcome.code, static_cast<int>(code)) << arguments << "\n" << outcome.err;
  EXPECT_THAT(outcome.err, testing::StartsWith("tenon: ")) << arguments;
  EXPECT_THAT(outcome.err, testing::HasSubstr(words)) << arguments;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_EQ(outcome.out, "") << arguments;
}

/// data (N,3,8,8) → conv 4x3x3 → BatchNorm → relu → FullyConnected 5 → SoftmaxOutput, in the scratch folder as "small".
inline const Model& small_model() {
  static const Model saved = [] {
    const auto variable = [](const char* name) {
      return nlohmann::json{{"op", "null"}, {"name", name}, {"inputs", nlohmann::json::array()}};
    };
    const auto node = [](const char* op, const char* name, nlohmann::json attrs, std::vector<int> sources) {
      nlohmann::json inputs = nlohmann::json::array();
      for (const int source : sources) inputs.push_back({source, 0, 0});
      return nlohmann::json{{"op", op}, {"name", name}, {"attrs", std::move(attrs)}, {"inputs", inputs}};
    };
    const nlohmann::json symbol = {
        {"nodes",
         {variable("data"), variable("conv_weight"), variable("conv_bias"),
          node("Convolution", "conv", {{"kernel", "(3, 3)"}, {"num_filter", "4"}}, {0, 1, 2}), variable("bn_gamma"),
          variable("bn_beta"), variable("bn_moving_mean"), variable("bn_moving_var"),
          node("BatchNorm", "bn", {{"fix_gamma", "False"}}, {3, 4, 5, 6, 7}),
          node("Activation", "relu", {{"act_type", "relu"}}, {8}), variable("fc_weight"), variable("fc_bias"),
          node("FullyConnected", "fc", {{"num_hidden", "5"}}, {9, 10, 11}), variable("softmax_label"),
          node("SoftmaxOutput", "softmax", nlohmann::json::object(), {12, 13})}},
        {"arg_nodes", {0, 1, 2, 4, 5, 6, 7, 10, 11, 13}},
        {"heads", {{14, 0, 0}}},
        {"attrs", {{"mxnet_version", {"int", 10901}}}}};
    const Model bare = Model::from_json(symbol.dump());
    Parameters parameters;
    for (const auto& [name, type] : bare.infer({{"data", {{1, 3, 8, 8}, DType::float32}}})) {
      if (name == "data" || name == "softmax_label" || name == "softmax_output") continue;
      Tensor& value = parameters[name] = Tensor(type.shape, DType::float32);
      for (std::int64_t i = 0; i < value.elements(); ++i) {
        const double wave = std::sin(static_cast<double>(i) * 0.7 + static_cast<double>(name.size()));
        value.mutable_data<float>()[i] = static_cast<float>(name == "bn_moving_var" ? 1 + wave * wave : 0.3 * wave);
      }
    }
    Model model = bare.with_parameters(parameters);
    model.save((scratch() / "small").string(), 2);
    return model;
  }();
  return saved;
}

}  // namespace tenon
