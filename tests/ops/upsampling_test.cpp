#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(UpSampling, NearestRepeatsPixels) {
  const auto result =
      evaluate("%x = variable\n%y = UpSampling(%x) {scale=2, sample_type=nearest, num_args=1}\nreturn %y\n",
               {{"x", tensor({1, 1, 1, 2}, {1, 2})}});
  expect_tensor(result[0], {1, 1, 2, 4}, {1, 1, 2, 2, 1, 1, 2, 2});
}

std::vector<Tensor> joined(const std::string& attributes, Tensor second) {
  return evaluate("%a = variable\n%b = variable\n%up = UpSampling(%a, %b) {scale=2, sample_type=nearest, num_args=2" +
                      attributes + "}\nreturn %up\n",
                  {{"a", tensor({1, 1, 1, 1}, {1})}, {"b", std::move(second)}});
}

TEST(UpSampling, OtherInputsGrowToTheFirstOnesResult) {
  const auto second = tensor({1, 1, 2, 2}, {10, 20, 30, 40});
  expect_tensor(joined("", second)[0], {1, 2, 2, 2}, {1, 1, 1, 1, 10, 20, 30, 40});
  expect_tensor(joined(", multi_input_mode=sum", second)[0], {1, 1, 2, 2}, {11, 21, 31, 41});
  EXPECT_THAT(refusal([] {
                joined("", tensor({1, 1, 3, 2}, std::vector<double>(6)));
              }),
              AllOf(HasSubstr("node 'up' (UpSampling)"), HasSubstr("3"), HasSubstr("2")));
}

TEST(UpSampling, BilinearIsADeconvolutionByItsWeight) {
  // Scale 2: kernel 4, stride 2, pad 1. The source adds w * x from 2i - 1 on, for both rows and columns.
  const auto result = evaluate(
      "%x = variable\n%w = variable\n%y = UpSampling(%x, %w) {scale=2, sample_type=bilinear, num_args=1, "
      "num_filter=1}\nreturn %y\n",
      {{"x", tensor({1, 1, 1, 2}, {1, 10})},
       {"w", tensor({1, 1, 4, 4}, {0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0})}});
  expect_tensor(result[0], {1, 1, 2, 4}, {2, 13, 24, 30, 0, 0, 0, 0});
}

std::vector<Tensor> cropped(const std::string& attributes) {
  return evaluate("%x = variable\n%cut = Crop(%x) {num_args=1, " + attributes + "}\nreturn %cut\n",
                  {{"x", tensor({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9})}});
}

TEST(Crop, CutsAtTheOffsetOrFromTheMiddle) {
  expect_tensor(cropped("h_w=(1, 2), offset=(2, 1)")[0], {1, 1, 1, 2}, {8, 9});
  expect_tensor(cropped("h_w=(1, 1), offset=(2, 2), center_crop=True")[0], {1, 1, 1, 1}, {5});
}

TEST(Crop, TakesTheSizeOfASecondInput) {
  const auto result =
      evaluate("%x = variable\n%like = variable\n%cut = Crop(%x, %like) {num_args=2, h_w=(9, 9)}\nreturn %cut\n",
               {{"x", tensor({1, 1, 2, 2}, {1, 2, 3, 4})}, {"like", tensor({5, 7, 1, 2}, std::vector<double>(70))}});
  expect_tensor(result[0], {1, 1, 1, 2}, {1, 2});
}

TEST(Crop, RefusesAWindowBeyondTheData) {
  EXPECT_THAT(refusal([] { cropped("h_w=(4, 4)"); }),
              AllOf(HasSubstr("node 'cut' (Crop)"), HasSubstr("4 elements"), HasSubstr("(1,1,3,3)")));
  EXPECT_THAT(refusal([] { cropped("h_w=(2, 2), offset=(2, 0)"); }), HasSubstr("from 2 on"));
  EXPECT_THAT(refusal([] { cropped("offset=(0, 0)"); }), HasSubstr("0 elements"));
}

}  // namespace
}  // namespace tenon
