#include <tenon/model.h>

#include <gmock/gmock.h>

#include <filesystem>

#include "formats/mxnet/params.h"
#include "graph/graph.h"
#include "support/evaluate.h"
#include "support/files.h"
#include "support/golden.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Model small_model() {
  return Model::load_files(data_path("formats/symbol/small.json"), "");
}

Parameters small_parameters() {
  return {{"fc_bias", tensor({5}, {1, 2, 3, 4, 5})}, {"bn_moving_mean", tensor({4}, {1, 2, 3, 4})}};
}

TEST(Model, NamesAreInMxnetsOrder) {
  const Model model = small_model();
  EXPECT_THAT(model.arguments(), ElementsAre("data", "conv_weight", "conv_bias", "bn_gamma", "bn_beta", "down_weight",
                                             "prelu_gamma", "fc_weight", "fc_bias", "softmax_label"));
  EXPECT_THAT(model.auxiliary_states(), ElementsAre("bn_moving_mean", "bn_moving_var"));
  EXPECT_THAT(model.outputs(), ElementsAre("softmax_output"));
}

TEST(Model, InputsAreTheArgumentsWithoutParameters) {
  const Model model = small_model().with_parameters(small_parameters());
  EXPECT_THAT(model.inputs(), ::testing::Not(::testing::Contains("fc_bias")));
  EXPECT_THAT(model.inputs(), ::testing::Contains("softmax_label"));
}

TEST(Model, SavedItLoadsAsTheSame) {
  const std::string prefix = temporary_path("small");
  const Model model = small_model().with_parameters(small_parameters());
  model.save(prefix, 12);
  const Model back = Model::load(prefix);
  EXPECT_EQ(back.json(), model.json());
  ASSERT_EQ(back.parameters().size(), 2u);
  expect_tensor(back.parameters().at("fc_bias"), {5}, {1, 2, 3, 4, 5});
  EXPECT_TRUE(read_params(prefix + "-0012.params").contains("aux:bn_moving_mean"));
  EXPECT_TRUE(read_params(prefix + "-0012.params").contains("arg:fc_bias"));
}

TEST(Model, TheNewestEpochIsTaken) {
  const std::string prefix = temporary_path("small");
  for (const int epoch : {2, 10, 9}) {
    small_model().with_parameters({{"fc_bias", tensor({1}, {static_cast<double>(epoch)})}}).save(prefix, epoch);
  }
  expect_tensor(Model::load(prefix).parameters().at("fc_bias"), {1}, {10});
  expect_tensor(Model::load(prefix, 2).parameters().at("fc_bias"), {1}, {2});
}

TEST(Model, ParametersAreInferredWithTheRest) {
  const Model model = small_model().with_parameters(small_parameters());
  const auto types = model.infer({{"data", {Shape{2, 3, 8, 8}, DType::float32}}});
  EXPECT_EQ(types.at("conv_weight").shape, Shape({4, 3, 3, 3}));
  EXPECT_EQ(types.at("bn_moving_var").shape, Shape({4}));
  EXPECT_EQ(types.at("softmax_output").shape, Shape({2, 5}));
}

TEST(Model, AContradictionWithAParameterIsRefused) {
  const Model model = small_model().with_parameters({{"fc_bias", tensor({6}, {1, 2, 3, 4, 5, 6})}});
  EXPECT_THAT(refusal([&] {
                model.infer({{"data", {Shape{2, 3, 8, 8}, DType::float32}}});
              }),
              AllOf(HasSubstr("fc"), HasSubstr("(6,)"), HasSubstr("(5,)")));
}

TEST(Model, MissingFilesAreNamed) {
  EXPECT_THAT(refusal([] { Model::load("/nowhere/net"); }), HasSubstr("/nowhere/net-symbol.json"));
  const std::string prefix = temporary_path("small");
  std::filesystem::remove(prefix + "-0007.params");
  write_file(prefix + "-symbol.json", small_model().json());
  EXPECT_THAT(refusal([&] { Model::load(prefix, 7); }), HasSubstr("small-0007.params"));
}

TEST(Model, ParametersOfAnotherNetworkAreRefused) {
  const std::string path = temporary_path("other.params");
  write_params(path, {{"features.0.weight", tensor({1}, {1})}});
  EXPECT_THAT(refusal([&] { Model::load_files(data_path("formats/symbol/small.json"), path); }),
              AllOf(HasSubstr("features.0.weight"), HasSubstr("conv_weight")));
}

TEST(Model, ErrorsOfTheSymbolNameTheFile) {
  const std::string path = temporary_path("bad-symbol.json");
  write_file(path, "{\"nodes\": [");
  EXPECT_THAT(refusal([&] { Model::load_files(path, ""); }), AllOf(HasSubstr(path), HasSubstr("line 1, column 12")));
}

}  // namespace
}  // namespace tenon
