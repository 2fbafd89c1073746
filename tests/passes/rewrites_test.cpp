// The passes over MXNet's operators, and those over constants.

#include <gmock/gmock.h>

#include <fstream>

#include "passes/passes.h"
#include "passes/pipeline.h"
#include "support/bodies.h"

namespace tenon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kX = "%x = variable : float32 (1,2,2,2)\n";
const Tensor kImage = tensor({1, 2, 2, 2}, {1, -2, 3, -4, 5, 6, -7, 8});

TEST(RemoveIdentities, WhatOnlyTrainingNeedsGoes) {
  expect_rewrite(remove_identities,
                 kX + "%r = relu(%x)\n%d = Dropout(%r)\n%b = BlockGrad(%d)\n%s = sigmoid(%b)\nreturn %s\n",
                 kX + "%r = relu(%x)\n%s = sigmoid(%r)\nreturn %s\n", {}, {{"x", kImage}});
}

TEST(RemoveIdentities, AnOutputIsNeverAVariable) {
  const std::string text = kX + "%b = BlockGrad(%x)\nreturn %b\n";
  expect_rewrite(remove_identities, text, text, {}, {{"x", kImage}});
}

TEST(RemoveIdentities, ADropoutWhoseMaskIsReadStays) {
  const std::string text = kX + "%r = relu(%x)\n%d = Dropout(%r)\nreturn %d, %d#1\n";
  expect_rewrite(remove_identities, text, text, {}, {{"x", kImage}});
}

TEST(FoldConstants, WhatDependsOnConstantsIsComputed) {
  const Body body = expect_rewrite(
      fold_constants,
      "%x = variable : float32 (1,2)\n%w = variable : float32 (2,2)\n%t = transpose(%w)\n%y = dot(%x, %t)\nreturn %y\n",
      "%x = variable : float32 (1,2)\n%t.2 = variable : float32 (2,2)\n%y = dot(%x, %t.2)\nreturn %y\n",
      {{"w", tensor({2, 2}, {1, 2, 3, 4})}}, {{"x", tensor({1, 2}, {1, 10})}});
  expect_tensor(body.parameters.at("t.2"), {2, 2}, {1, 3, 2, 4});
  EXPECT_FALSE(body.parameters.contains("w"));
}

TEST(MergeDuplicates, TheSameIsComputedOnce) {
  expect_rewrite(merge_duplicates,
                 kX + "%a = relu(%x)\n%b = relu(%x)\n%c = sigmoid(%a)\n%d = sigmoid(%b)\n%y = elemwise_add(%c, %d)\n"
                      "return %y\n",
                 kX + "%a = relu(%x)\n%c = sigmoid(%a)\n%y = elemwise_add(%c, %c)\nreturn %y\n", {}, {{"x", kImage}});
}

TEST(MergeDuplicates, OtherAttributesAreAnotherNode) {
  const std::string text = kX +
                           "%a = clip(%x) {a_max=1, a_min=0}\n%b = clip(%x) {a_max=2, a_min=0}\n"
                           "%y = elemwise_add(%a, %b)\nreturn %y\n";
  expect_rewrite(merge_duplicates, text, text, {}, {{"x", kImage}});
}

TEST(FoldPadding, ABorderOfZerosBecomesPadding) {
  expect_rewrite(fold_padding,
                 kX + "%w = variable : float32 (1,2,2,2)\n"
                      "%p = Pad(%x) {mode=constant, pad_width=(0, 0, 0, 0, 1, 0, 2, 1)}\n"
                      "%y = convolution(%p, %w) {kernel=(2, 2), pad_end=(1, 1)}\nreturn %y\n",
                 kX + "%w = variable : float32 (1,2,2,2)\n"
                      "%y = convolution(%x, %w) {kernel=(2, 2), pad_begin=(1, 2), pad_end=(1, 2)}\nreturn %y\n",
                 {{"w", tensor({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})}}, {{"x", kImage}});
}

const std::string kVectors =
    "%a = variable : float32 (2,)\n%b = variable : float32 (2,)\n%c = variable : float32 (2,)\n";
const Parameters kConstants = {{"a", tensor({2}, {2, 3})}, {"b", tensor({2}, {5, 7})}, {"c", tensor({2}, {-1, 1})}};

TEST(MergeAffine, ScalesAndShiftsOfConstantsBecomeOne) {
  const Body body = expect_rewrite(
      merge_affine,
      kX + kVectors + "%y = pointwise(%x, %a, %b, %c) {epilogue=relu(fma(add(x, $0), $1, $2))}\nreturn %y\n",
      kX + "%b = variable : float32 (2,)\n%y.shift = variable : float32 (2,)\n"
           "%y = pointwise(%x, %b, %y.shift) {epilogue=relu(fma(x, $0, $1))}\nreturn %y\n",
      kConstants, {{"x", kImage}});
  expect_tensor(body.parameters.at("y.shift"), {2}, {9, 22});
}

TEST(MergeAffine, LiteralsJoinAndWhatChangesNothingGoes) {
  const auto rewritten = [](const std::string& before, const std::string& after) {
    expect_rewrite(merge_affine, kX + "%y = pointwise(%x) {epilogue=\"" + before + "\"}\nreturn %y\n",
                   kX + "%y = pointwise(%x) {epilogue=\"" + after + "\"}\nreturn %y\n", {}, {{"x", kImage}});
  };
  rewritten("add(mul(x, 2), 1)", "fma(x, 2, 1)");
  rewritten("relu(mul(add(x, 0), 1))", "relu(x)");
  rewritten("sub(3, div(x, 4))", "fma(x, -0.25, 3)");
  rewritten("max(add(add(x, 1), 2), 0)", "max(add(x, 3), 0)");
  // 1 / 0 is no number to multiply by.
  rewritten("relu(div(tanh(x), 0))", "relu(div(tanh(x), 0))");
}

TEST(FoldScales, AScaleGoesIntoTheWeight) {
  const Body body =
      expect_rewrite(fold_scales,
                     kX + "%w = variable : float32 (2,2,1,1)\n" + kVectors +
                         "%y = convolution(%x, %w, %a, %b) {epilogue=relu(fma(x, $0, $1)), kernel=(1, 1)}\nreturn %y\n",
                     kX + "%w.scaled = variable : float32 (2,2,1,1)\n%b = variable : float32 (2,)\n"
                          "%y = convolution(%x, %w.scaled, %b) {epilogue=relu(add(x, $0)), kernel=(1, 1)}\nreturn %y\n",
                     [] {
                       Parameters all = kConstants;
                       all["w"] = tensor({2, 2, 1, 1}, {1, 2, 3, 4});
                       return all;
                     }(),
                     {{"x", kImage}});
  expect_tensor(body.parameters.at("w.scaled"), {2, 2, 1, 1}, {2, 4, 9, 12});
}

TEST(FoldScales, AGroupedDeconvolutionScalesItsDestination) {
  const Body body =
      expect_rewrite(fold_scales,
                     kX + "%w = variable : float32 (2,1,1,1)\n%a = variable : float32 (2,)\n"
                          "%y = deconvolution(%x, %w, %a) {epilogue=mul(x, $0), groups=2, kernel=(1, 1)}\nreturn %y\n",
                     kX + "%w.scaled = variable : float32 (2,1,1,1)\n"
                          "%y = deconvolution(%x, %w.scaled) {groups=2, kernel=(1, 1)}\nreturn %y\n",
                     {{"w", tensor({2, 1, 1, 1}, {10, 100})}, {"a", tensor({2}, {2, 3})}}, {{"x", kImage}});
  expect_tensor(body.parameters.at("w.scaled"), {2, 1, 1, 1}, {20, 300});
}

TEST(FoldScales, AWeightOrAProductThatIsReadTwiceIsLeftAlone) {
  const std::string head = kX + "%w = variable : float32 (2,2,1,1)\n";
  const Parameters weight = {{"w", tensor({2, 2, 1, 1}, {1, 2, 3, 4})}};
  for (const std::string& text :
       {head + "%y = convolution(%x, %w) {epilogue=\"mul(x, 2)\", kernel=(1, 1)}\n"
               "%z = convolution(%y, %w) {kernel=(1, 1)}\nreturn %z\n",
        head + "%y = convolution(%x, %w) {epilogue=\"x; mul(x, 2)\", kernel=(1, 1)}\nreturn %y, %y#1\n"}) {
    expect_rewrite(fold_scales, text, text, weight, {{"x", kImage}});
  }
}

TEST(FoldForward, AShiftBecomesABiasWhereNothingIsPadded) {
  Parameters parameters = kConstants;
  parameters["w"] = tensor({1, 2, 1, 2}, {1, 2, 3, 4});
  const std::string head = kX + "%w = variable : float32 (1,2,1,2)\n" + kVectors;
  // One channel: 5 (1 + 2) + 7 (3 + 4), a literal.
  const Body body = expect_rewrite(fold_forward,
                                   head +
                                       "%p = pointwise(%x, %a, %b) {epilogue=fma(x, $0, $1)}\n"
                                       "%y = convolution(%p, %w) {epilogue=relu(x), kernel=(1, 2)}\nreturn %y\n",
                                   kX + "%w.scaled = variable : float32 (1,2,1,2)\n"
                                        "%y = convolution(%x, %w.scaled) {epilogue=relu(add(x, 64)), kernel=(1, 2)}\n"
                                        "return %y\n",
                                   parameters, {{"x", kImage}});
  expect_tensor(body.parameters.at("w.scaled"), {1, 2, 1, 2}, {2, 4, 9, 12});

  const std::string padded = kX +
                             "%a = variable : float32 (2,)\n%p = pointwise(%x, %a) {epilogue=add(x, $0)}\n"
                             "%w = variable : float32 (1,2,1,2)\n"
                             "%y = convolution(%p, %w) {kernel=(1, 2), pad_begin=(0, 1)}\nreturn %y\n";
  expect_rewrite(fold_forward, padded, padded, {{"w", parameters["w"]}, {"a", parameters["a"]}}, {{"x", kImage}});
}

TEST(FoldForward, AFlattenedChannelRepeatsInTheRows) {
  Parameters parameters{{"a", tensor({2}, {2, 3})}};
  parameters["w"] = tensor({1, 8}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Body body =
      expect_rewrite(fold_forward,
                     kX + "%w = variable : float32 (1,8)\n%a = variable : float32 (2,)\n"
                          "%p = pointwise(%x, %a) {epilogue=mul(x, $0)}\n%y = matmul(%p, %w)\nreturn %y\n",
                     kX + "%w.scaled = variable : float32 (1,8)\n%y = matmul(%x, %w.scaled)\nreturn %y\n", parameters,
                     {{"x", kImage}});
  expect_tensor(body.parameters.at("w.scaled"), {1, 8}, {2, 4, 6, 8, 15, 18, 21, 24});
}

TEST(AssignPrecision, ItIsWrittenOnWhatMultipliesButForWhatIsKept) {
  const auto half = [](Body& body) { assign_precision(body, Precision::fp16, {"kept"}); };
  const std::string variables = kX + "%w = variable : float32 (2,2,1,1)\n";
  expect_rewrite(half,
                 variables +
                     "%c = convolution(%x, %w) {kernel=(1, 1)}\n%r = pointwise(%c) {epilogue=relu(x)}\n"
                     "%kept = convolution(%r, %w) {kernel=(1, 1)}\nreturn %kept\n",
                 variables +
                     "%c = convolution(%x, %w) {kernel=(1, 1), precision=fp16}\n%r = pointwise(%c) {epilogue=relu(x)}\n"
                     "%kept = convolution(%r, %w) {kernel=(1, 1)}\nreturn %kept\n",
                 {{"w", tensor({2, 2, 1, 1}, {1, 2, 3, 4})}}, {{"x", kImage}});  // numbers that fp16 holds
}

// The pipeline.

const std::string kNetwork = kX +
                             "%w = variable : float32 (2,2,1,1)\n"
                             "%c = Convolution(%x, %w) {kernel=(1, 1), no_bias=True, num_filter=2}\n"
                             "%r = relu(%c)\n%d = Dropout(%r)\n"
                             "%e = Convolution(%d, %w) {kernel=(1, 1), no_bias=True, num_filter=2}\nreturn %e\n";
const Parameters kWeight = {{"w", tensor({2, 2, 1, 1}, {1, 2, 3, 4})}};

TEST(Pipeline, RecordsEveryPassAndWhatNodesCover) {
  Body body(typed_graph(kNetwork), kWeight);
  std::vector<PassRecord> records;
  run_passes(body, {}, &records);
  std::vector<std::string> names;
  for (const PassRecord& record : records) names.push_back(record.name);
  EXPECT_EQ(names, pass_names());
  EXPECT_EQ(records.back().nodes, 2);
  EXPECT_THAT(body.origins.at("c"), testing::UnorderedElementsAre("c", "r", "d"));
}

TEST(Pipeline, APassCanBeLeftOut) {
  Body body(typed_graph(kNetwork), kWeight);
  run_passes(body, {.disabled = {"fuse_pointwise"}});
  EXPECT_THAT(to_text(body.graph), HasSubstr("%r = pointwise(%c) {epilogue=relu(x)}"));
  EXPECT_THAT(refusal([&] { run_passes(body, {.disabled = {"fuse"}}); }),
              testing::AllOf(HasSubstr("no pass 'fuse'"), HasSubstr("fuse_pointwise")));
}

TEST(Pipeline, PrecisionIsWrittenOnlyWhenAskedFor) {
  Body plain(typed_graph(kNetwork), kWeight);
  run_passes(plain);
  EXPECT_THAT(to_text(plain.graph), testing::Not(HasSubstr("precision")));
  Body body(typed_graph(kNetwork), kWeight);
  run_passes(body, {.precision = Precision::bf16, .keep_fp32 = {"r"}});
  for (const NodeId id : body.graph.topological_order()) {
    const Node& node = body.graph.node(id);
    if (is_primitive(node)) {
      EXPECT_EQ(precision_of(node), node.name == "c" ? Precision::fp32 : Precision::bf16) << node.name;
    }
  }
}

TEST(Pipeline, DumpsTheGraphAfterEachPass) {
  const std::string folder = testing::TempDir() + "/passes-dump";
  Body body(typed_graph(kNetwork), kWeight);
  run_passes(body, {.dump_folder = folder});
  std::ifstream last(fmt::format("{}/{:03}_{}.txt", folder, pass_names().size(), pass_names().back()));
  const std::string text{std::istreambuf_iterator<char>(last), {}};
  EXPECT_EQ(text, to_text(body.graph));
  EXPECT_THAT(refusal([&] { run_passes(body, {.dump_folder = "/proc/none"}); }), HasSubstr("cannot write"));
}

TEST(Body, NodesOfOneNameAreToldApart) {
  const Body body(typed_graph(kX + "%r = relu(%x)\n%r~2 = relu(%r)\nreturn %r~2\n"), {});
  EXPECT_THAT(body.origins, ElementsAre(testing::Pair("r.2", ElementsAre("r"))));
}

}  // namespace
}  // namespace tenon
