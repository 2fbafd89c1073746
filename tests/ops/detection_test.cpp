#include <cmath>

#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

using testing::HasSubstr;

// Anchors and detections.

TEST(MultiBoxPrior, UsesTheFirstRatioForEverySize) {
  const auto results =
      evaluate("%x = variable\n%y = _contrib_MultiBoxPrior(%x) {sizes=(0.4, 0.2), ratios=(4, 1)}\nreturn %y\n",
               {{"x", Tensor(Shape{1, 1, 1, 1}, DType::float32)}});
  expect_tensor(results[0], {1, 3, 4}, {0.1, 0.4, 0.9, 0.6, 0.3, 0.45, 0.7, 0.55, 0.3, 0.3, 0.7, 0.7});
}

std::vector<Tensor> detect(const std::string& attributes, std::vector<double> scores) {
  // Two anchors that overlap by 60 %, one apart; the predicted locations are zero.
  return evaluate("%p = variable\n%l = variable\n%a = variable\n%y = _contrib_MultiBoxDetection(%p, %l, %a) {" +
                      attributes + "}\nreturn %y\n",
                  {{"p", tensor({1, 2, 3}, std::move(scores))},
                   {"l", tensor({1, 12}, std::vector<double>(12, 0))},
                   {"a", tensor({1, 3, 4}, {0, 0, 0.4, 0.4, 0, 0.1, 0.4, 0.5, 0.6, 0.6, 0.8, 0.8})}});
}

TEST(MultiBoxDetection, SuppressedRowsKeepAllButTheirClass) {
  const auto results = detect("nms_threshold=0.5", {0.1, 0.2, 0.995, 0.8, 0.9, 0.005});
  expect_tensor(results[0], {1, 3, 6}, {0, 0.9, 0, 0.1, 0.4, 0.5, -1, 0.8, 0, 0, 0.4, 0.4, -1, -1, -1, -1, -1, -1});
}

TEST(MultiBoxDetection, ClassZeroIsTheBackgroundWhateverBackgroundIdSays) {
  const auto results = detect("nms_threshold=0.5, background_id=1", {0.1, 0.2, 0.995, 0.8, 0.9, 0.005});
  expect_tensor(results[0], {1, 3, 6}, {0, 0.9, 0, 0.1, 0.4, 0.5, -1, 0.8, 0, 0, 0.4, 0.4, -1, -1, -1, -1, -1, -1});
}

TEST(MultiBoxDetection, DoesNotSortWithoutSuppression) {
  const auto results = detect("nms_threshold=0", {0.1, 0.2, 0.995, 0.8, 0.9, 0.005});
  expect_tensor(results[0], {1, 3, 6}, {0, 0.8, 0, 0, 0.4, 0.4, 0, 0.9, 0, 0.1, 0.4, 0.5, -1, -1, -1, -1, -1, -1});
}

// Boxes.

TEST(BoxNms, KeptRowsComeFirstAndTheRestIsMinusOne) {
  const auto results = evaluate(
      "%x = variable\n%y = _contrib_box_nms(%x) {overlap_thresh=0.5, coord_start=1, score_index=0}\nreturn %y\n",
      {{"x", tensor({3, 5}, {0.5, 0, 0, 4, 4, 0.9, 0, 1, 4, 5, 0.7, 6, 6, 8, 8})}});
  expect_tensor(results[0], {3, 5}, {0.9, 0, 1, 4, 5, 0.7, 6, 6, 8, 8, -1, -1, -1, -1, -1});
}

TEST(BoxNms, ABoxThatBeginsLeftOfZeroIsNotConverted) {
  const auto results = evaluate(
      "%x = variable\n%y = _contrib_box_nms(%x) {coord_start=1, score_index=0, out_format=center}\nreturn %y\n",
      {{"x", tensor({2, 5}, {0.9, -2, 0, 2, 4, 0.8, 6, 6, 8, 10})}});
  expect_tensor(results[0], {2, 5}, {0.9, -2, 0, 2, 4, 0.8, 7, 8, 2, 4});
}

TEST(BoxNms, NarrowRowsAreRefusedWithBothNumbers) {
  const std::string sentence = refusal([] {
    evaluate("%x = variable\n%nms = _contrib_box_nms(%x)\nreturn %nms\n", {{"x", Tensor(Shape{5, 4}, DType::float32)}});
  });
  EXPECT_THAT(sentence, testing::AllOf(HasSubstr("'nms'"), HasSubstr("(5,4)"), HasSubstr("need 5 values")));
}

TEST(BipartiteMatching, StopsOneMatchAfterTopk) {
  const auto results =
      evaluate("%x = variable\n%y = _contrib_bipartite_matching(%x) {threshold=0.1, topk=1}\nreturn %y, %y#1\n",
               {{"x", tensor({3, 3}, {0.9, 0, 0, 0, 0.8, 0, 0, 0, 0.7})}});
  expect_tensor(results[0], {3}, {0, 1, -1});
  expect_tensor(results[1], {3}, {0, 1, -1});
}

TEST(Proposal, ASecondImageIsRefused) {
  const std::string sentence = refusal([] {
    evaluate(
        "%c = variable\n%b = variable\n%i = variable\n"
        "%rpn = _contrib_Proposal(%c, %b, %i) {scales=(8), ratios=(1)}\nreturn %rpn\n",
        {{"c", Tensor(Shape{2, 2, 3, 3}, DType::float32)},
         {"b", Tensor(Shape{2, 4, 3, 3}, DType::float32)},
         {"i", Tensor(Shape{2, 3}, DType::float32)}});
  });
  EXPECT_THAT(sentence, testing::AllOf(HasSubstr("'rpn'"), HasSubstr("batch of 2"), HasSubstr("MultiProposal")));
}

// Regions.

TEST(RoiPooling, RoundsCornersAndCountsTheLastPixel) {
  const auto results = evaluate(
      "%x = variable\n%r = variable\n%y = ROIPooling(%x, %r) {pooled_size=(1, 2), spatial_scale=0.5}\nreturn %y\n",
      {{"x", tensor({1, 1, 2, 4}, {0, 1, 2, 3, 4, 5, 6, 7})}, {"r", tensor({2, 5}, {0, 1, 0, 5, 0, 7, 0, 0, 2, 2})}});
  // 1 … 5 at half the scale are the pixels 1 (0.5 rounds up) to 3; image 7 does not exist.
  expect_tensor(results[0], {2, 1, 1, 2}, {2, 3, 0, 0});
}

TEST(RoiAlign, ANegativeImageGivesZerosAndOneTooManyIsRefused) {
  const auto run = [](double image) {
    return evaluate(
        "%x = variable\n%r = variable\n%roi = _contrib_ROIAlign(%x, %r) {pooled_size=(1, 1), spatial_scale=1}\n"
        "return %roi\n",
        {{"x", tensor({1, 1, 2, 2}, {1, 1, 1, 1})}, {"r", tensor({1, 5}, {image, 0, 0, 1, 1})}});
  };
  expect_tensor(run(0)[0], {1, 1, 1, 1}, {1});
  expect_tensor(run(-1)[0], {1, 1, 1, 1}, {0});
  EXPECT_THAT(refusal([&] { run(1); }), testing::AllOf(HasSubstr("'roi'"), HasSubstr("image 1")));
}

TEST(RoiAlign, ARegionBeyondAllBoundsIsRefusedNotSampled) {
  const std::string sentence = refusal([] {
    evaluate(
        "%x = variable\n%r = variable\n%y = _contrib_ROIAlign(%x, %r) {pooled_size=(1, 1), spatial_scale=1}\nreturn "
        "%y\n",
        {{"x", tensor({1, 1, 1, 1}, {1})}, {"r", tensor({1, 5}, {0, 0, 0, 1e30, 1})}});
  });
  EXPECT_THAT(sentence, HasSubstr("region 0 spans"));
}

// Resampling.

TEST(BilinearResize, AlignsCornersByDefault) {
  const std::map<std::string, Tensor> feeds = {{"x", tensor({1, 1, 1, 2}, {0, 3})}};
  expect_tensor(
      evaluate("%x = variable\n%y = _contrib_BilinearResize2D(%x) {height=1, width=4}\nreturn %y\n", feeds)[0],
      {1, 1, 1, 4}, {0, 1, 2, 3});
  expect_tensor(
      evaluate(
          "%x = variable\n%y = _contrib_BilinearResize2D(%x) {height=1, width=4, align_corners=False}\nreturn %y\n",
          feeds)[0],
      {1, 1, 1, 4}, {0, 0.75, 2.25, 3});
}

TEST(AdaptiveAveragePooling, BinsOverlapWhereTheSizeDoesNotDivide) {
  expect_tensor(evaluate("%x = variable\n%y = _contrib_AdaptiveAvgPooling2D(%x) {output_size=(1, 2)}\nreturn %y\n",
                         {{"x", tensor({1, 1, 1, 3}, {1, 3, 8})}})[0],
                {1, 1, 1, 2}, {2, 5.5});
}

TEST(BilinearSampler, IsZeroOutside) {
  expect_tensor(
      evaluate("%x = variable\n%g = variable\n%y = BilinearSampler(%x, %g)\nreturn %y\n",
               {{"x", tensor({1, 1, 1, 3}, {1, 2, 3})}, {"g", tensor({1, 2, 1, 4}, {-1, 0.5, 1.5, 5, 0, 0, 0, 0})}})[0],
      {1, 1, 1, 4}, {1, 2.5, 1.5, 0});
}

TEST(DeformableConvolution, MovesTapsYBeforeX) {
  const std::string text =
      "%x = variable\n%o = variable\n%w = variable\n"
      "%y = _contrib_DeformableConvolution(%x, %o, %w) {kernel=(1, 1), num_filter=1, no_bias=True}\nreturn %y\n";
  const auto results = evaluate(text, {{"x", tensor({1, 1, 2, 2}, {1, 2, 3, 4})},
                                       {"o", tensor({1, 2, 2, 2}, {1, 1, 0, 0, 0, 0.5, 1, -1})},
                                       {"w", tensor({1, 1, 1, 1}, {1})}});
  // (0,0) reads (1,0); (0,1) reads (1,1.5), pulled to the last column; (1,0) reads (1,1); (1,1) reads (1,0).
  expect_tensor(results[0], {1, 1, 2, 2}, {3, 4, 4, 3});
}

// Images and sequences.

TEST(ImageResize, TheSizeIsWidthBeforeHeight) {
  const auto results = evaluate("%x = variable\n%y = _image_resize(%x) {size=(4, 1)}\nreturn %y\n",
                                {{"x", tensor({2, 2, 1}, {0, 4, 0, 4})}});
  expect_tensor(results[0], {1, 4, 1}, {0, 1, 3, 4});
}

TEST(CtcLoss, SumsOverAlignments) {
  // Two steps, two classes of equal odds: "1" is spelt by 11, 01 and 10.
  const auto results = evaluate("%x = variable\n%l = variable\n%y = CTCLoss(%x, %l)\nreturn %y\n",
                                {{"x", tensor({2, 1, 2}, {0, 0, 0, 0})}, {"l", tensor({1, 2}, {1, 0})}});
  expect_tensor(results[0], {1}, {-std::log(0.75)});
}

TEST(CtcLoss, ALabelOutsideOfTheAlphabetIsRefused) {
  const std::string sentence = refusal([] {
    evaluate("%x = variable\n%l = variable\n%ctc = CTCLoss(%x, %l)\nreturn %ctc\n",
             {{"x", tensor({2, 1, 2}, {0, 0, 0, 0})}, {"l", tensor({1, 1}, {7})}});
  });
  EXPECT_THAT(sentence, testing::AllOf(HasSubstr("'ctc'"), HasSubstr("is 7"), HasSubstr("1 to 1")));
}

}  // namespace
}  // namespace tenon
