#include <gmock/gmock.h>

#include <cmath>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<Tensor> affine(const std::string& op, const std::string& attributes, Tensor data, Tensor gamma, Tensor beta,
                           const std::string& results = "%norm") {
  return evaluate("%x = variable\n%g = variable\n%b = variable\n%norm = " + op + "(%x, %g, %b) {" + attributes +
                      "}\nreturn " + results + "\n",
                  {{"x", std::move(data)}, {"g", std::move(gamma)}, {"b", std::move(beta)}});
}

TEST(InstanceNorm, NormalizesEachChannelByItself) {
  expect_tensor(
      affine("InstanceNorm", "eps=0", tensor({1, 2, 2}, {1, 3, 10, 30}), tensor({2}, {1, 2}), tensor({2}, {0, 5}))[0],
      {1, 2, 2}, {-1, 1, 3, 7});
}

TEST(InstanceNorm, EpsDefaultsToOneThousandth) {
  expect_tensor(affine("InstanceNorm", "__x__=1", tensor({1, 1, 2}, {1, 3}), tensor({1}, {1}), tensor({1}, {0}))[0],
                {1, 1, 2}, {-1 / std::sqrt(1.001), 1 / std::sqrt(1.001)}, 1e-7);
}

TEST(LayerNorm, HasAGammaPerElementOfTheAxis) {
  const auto data = tensor({2, 2}, {1, 3, 10, 30});
  expect_tensor(affine("LayerNorm", "eps=0", data, tensor({2}, {1, 2}), tensor({2}, {0, 5}))[0], {2, 2},
                {-1, 7, -1, 7});
  expect_tensor(affine("LayerNorm", "eps=0, axis=0", data, tensor({2}, {1, 2}), tensor({2}, {0, 5}))[0], {2, 2},
                {-1, -1, 7, 7});
}

TEST(LayerNorm, ShowsMeanAndDeviationOnRequest) {
  const auto results = affine("LayerNorm", "eps=0, output_mean_var=True", tensor({2, 2}, {1, 3, 10, 30}),
                              tensor({2}, {1, 1}), tensor({2}, {0, 0}), "%norm#1, %norm#2");
  expect_tensor(results[0], {2, 1}, {2, 20});
  expect_tensor(results[1], {2, 1}, {1, 10});
}

TEST(LayerNorm, RefusesAGammaOfAnotherLength) {
  EXPECT_THAT(
      refusal([] {
        affine("LayerNorm", "eps=0", tensor({1, 3}, {1, 2, 3}), tensor({4}, {1, 1, 1, 1}), tensor({3}, {0, 0, 0}));
      }),
      AllOf(HasSubstr("node 'norm' (LayerNorm)"), HasSubstr("(4,)"), HasSubstr("(3,)")));
}

TEST(GroupNorm, GammaHasOneEntryPerGroup) {
  const auto results =
      affine("GroupNorm", "eps=0, num_groups=2, output_mean_var=True", tensor({1, 4, 1}, {1, 3, 10, 30}),
             tensor({2}, {1, 2}), tensor({2}, {0, 5}), "%norm, %norm#1, %norm#2");
  expect_tensor(results[0], {1, 4, 1}, {-1, 1, 3, 7});
  expect_tensor(results[1], {1, 2}, {2, 20});
  expect_tensor(results[2], {1, 2}, {1, 10});
  EXPECT_THAT(refusal([] {
                affine("GroupNorm", "num_groups=2", tensor({1, 4, 1}, {1, 3, 10, 30}), tensor({4}, {1, 1, 1, 1}),
                       tensor({2}, {0, 0}));
              }),
              HasSubstr("(2,)"));
  EXPECT_THAT(refusal([] {
                affine("GroupNorm", "num_groups=3", tensor({1, 4, 1}, {1, 3, 10, 30}), tensor({3}, {1, 1, 1}),
                       tensor({3}, {0, 0, 0}));
              }),
              AllOf(HasSubstr("4 channels"), HasSubstr("num_groups=3")));
}

TEST(L2Normalization, ModesChooseTheAxes) {
  const auto run = [](const std::string& mode) {
    return evaluate("%x = variable\n%y = L2Normalization(%x) {mode=" + mode + "}\nreturn %y\n",
                    {{"x", tensor({1, 2, 2}, {3, 1, 4, 1})}})[0];
  };
  const double all = std::sqrt(27.0), pair = std::sqrt(2.0);
  expect_tensor(run("instance"), {1, 2, 2}, {3 / all, 1 / all, 4 / all, 1 / all});
  expect_tensor(run("channel"), {1, 2, 2}, {0.6, 1 / pair, 0.8, 1 / pair});
  expect_tensor(run("spatial"), {1, 2, 2},
                {3 / std::sqrt(10.0), 1 / std::sqrt(10.0), 4 / std::sqrt(17.0), 1 / std::sqrt(17.0)});
}

TEST(L2Normalization, EpsIsInsideTheRoot) {
  const auto result =
      evaluate("%x = variable\n%y = L2Normalization(%x) {eps=9}\nreturn %y\n", {{"x", tensor({1, 1}, {4})}});
  expect_tensor(result[0], {1, 1}, {0.8});
}

TEST(Lrn, ClipsTheWindowOfChannelsAtTheEnds) {
  const auto result = evaluate("%x = variable\n%y = LRN(%x) {nsize=3, alpha=3, beta=1, knorm=1}\nreturn %y\n",
                               {{"x", tensor({1, 3, 1, 1}, {1, 2, 3})}});
  expect_tensor(result[0], {1, 3, 1, 1}, {1.0 / 6, 2.0 / 15, 3.0 / 14});
}

TEST(Lrn, RefusesAnEvenWindow) {
  EXPECT_THAT(refusal([] {
                evaluate("%x = variable\n%lrn = LRN(%x) {nsize=4}\nreturn %lrn\n", {{"x", tensor({1, 1, 1, 1}, {1})}});
              }),
              AllOf(HasSubstr("node 'lrn' (LRN)"), HasSubstr("nsize=4"), HasSubstr("odd")));
}

}  // namespace
}  // namespace tenon
