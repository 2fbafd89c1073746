#include <gmock/gmock.h>

#include "support/counting.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Tensor one(const std::string& op, const Tensor& a) {
  return evaluate("%a = variable\n%y = " + op + "\nreturn %y\n", {{"a", a}})[0];
}

Tensor two(const std::string& op, const Tensor& a, const Tensor& b) {
  return evaluate("%a = variable\n%b = variable\n%y = " + op + "\nreturn %y\n", {{"a", a}, {"b", b}})[0];
}

TEST(Dot, OfVectorsIsOneElement) {
  expect_tensor(two("dot(%a, %b)", counting({3}), counting({3})), {1}, {5});
}

TEST(Dot, SumsTheLastAxisWithTheFirst) {
  expect_tensor(two("dot(%a, %b)", counting({1, 2}), counting({2, 1, 2})), {1, 1, 2}, {2, 3});
  expect_tensor(two("dot(%a, %b) {transpose_a=True, transpose_b=True}", counting({2, 1}), counting({1, 2})), {1, 1},
                {1});
}

TEST(Dot, RefusesInnerSizesAndTransposedVectors) {
  EXPECT_THAT(refusal([] {
                two("dot(%a, %b)", counting({2, 3}), counting({4, 2}));
              }),
              AllOf(HasSubstr("3 of shape (2,3)"), HasSubstr("4 of shape (4,2)")));
  EXPECT_THAT(refusal([] { two("dot(%a, %b) {transpose_a=True}", counting({3}), counting({3})); }),
              HasSubstr("transposed"));
}

TEST(BatchDot, DoesNotBroadcast) {
  EXPECT_THAT(refusal([] { two("batch_dot(%a, %b)", counting({2, 2, 3}), counting({1, 3, 2})); }), HasSubstr("axis 0"));
  EXPECT_THAT(refusal([] { two("batch_dot(%a, %b)", counting({2, 3}), counting({3, 2})); }), HasSubstr("at least 3"));
}

TEST(Gemm2, FindsRowsOnItsAxis) {
  // Batch 1 of rows on axis 0 is the same as one plain product.
  expect_tensor(two("_linalg_gemm2(%a, %b) {axis=0, alpha=2}", counting({2, 1, 2}), counting({2, 1, 1})), {2, 1, 1},
                {2, 6});
}

TEST(Potrf, RefusesWhatIsNotPositiveDefinite) {
  expect_tensor(one("_linalg_potrf(%a)", tensor({2, 2}, {4, 2, 2, 5})), {2, 2}, {2, 0, 1, 2});
  EXPECT_THAT(refusal([] { one("_linalg_potrf(%a)", tensor({2, 2}, {1, 2, 2, 1})); }), HasSubstr("positive definite"));
}

TEST(Potrf, UpperIsTheTransposedFactor) {
  expect_tensor(one("_linalg_potrf(%a) {lower=False}", tensor({2, 2}, {4, 2, 2, 5})), {2, 2}, {2, 1, 0, 2});
  expect_tensor(one("_linalg_potri(%a) {lower=False}", tensor({2, 2}, {2, 1, 0, 2})), {2, 2},
                {5 / 16.0, -2 / 16.0, -2 / 16.0, 4 / 16.0});
}

TEST(Trsm, UndoesTrmmOnBothSides) {
  const Tensor triangle = tensor({2, 2}, {2, 9, 1, 3});  // 9 is outside the lower triangle and must not be read
  for (const std::string side : {"lower=True", "rightside=True", "transpose=True", "rightside=True, transpose=True"}) {
    const std::string attributes = " {" + side + "}";
    const Tensor product = two("_linalg_trmm(%a, %b)" + attributes, triangle, tensor({2, 2}, {1, 2, 3, 4}));
    expect_tensor(two("_linalg_trsm(%a, %b)" + attributes, triangle, product), {2, 2}, {1, 2, 3, 4}, 1e-5);
  }
}

TEST(Det, OfASingularMatrixIsZero) {
  expect_tensor(one("_linalg_det(%a)", tensor({2, 2}, {0, 2, 3, 4})), {1}, {-6});
  expect_tensor(one("_linalg_det(%a)", tensor({2, 2}, {1, 2, 2, 4})), {1}, {0});
  EXPECT_THAT(refusal([] { one("_linalg_inverse(%a)", tensor({2, 2}, {1, 2, 2, 4})); }), HasSubstr("singular"));
}

TEST(Inverse, PivotsPastAZero) {
  expect_tensor(one("_linalg_inverse(%a)", tensor({2, 2}, {0, 2, 4, 0})), {2, 2}, {0, 0.25, 0.5, 0});
}

TEST(Gelqf, RebuildsTheMatrix) {
  const Tensor a = tensor({2, 3}, {1, 2, 2, 3, -1, 5});
  const auto result = evaluate(
      "%a = variable\n%f = _linalg_gelqf(%a)\n%r = dot(%f#1, %f)\n%i = dot(%f, %f) {transpose_b=True}\nreturn %r, %i\n",
      {{"a", a}});
  expect_tensor(result[0], {2, 3}, {1, 2, 2, 3, -1, 5}, 1e-5);
  expect_tensor(result[1], {2, 2}, {1, 0, 0, 1}, 1e-6);
}

TEST(Syevd, OrdersEigenvaluesAndFixesSigns) {
  const auto result =
      evaluate("%a = variable\n%e = _linalg_syevd(%a)\nreturn %e, %e#1\n", {{"a", tensor({2, 2}, {2, 0, 0, -1})}});
  expect_tensor(result[0], {2, 2}, {0, 1, 1, 0});
  expect_tensor(result[1], {2}, {-1, 2});
}

TEST(ExtractTrian, AnOffsetDecidesTheTriangle) {
  expect_tensor(one("_linalg_extracttrian(%a) {offset=1}", counting({3, 3})), {3}, {1, 2, 5});
  expect_tensor(one("_linalg_extracttrian(%a) {lower=False}", counting({3, 3})), {6}, {0, 1, 4, 2, 5, 8});
  expect_tensor(one("_linalg_maketrian(%a) {offset=-1}", tensor({3}, {1, 2, 3})), {3, 3}, {0, 0, 0, 1, 0, 0, 2, 3, 0});
  EXPECT_THAT(refusal([] { one("_linalg_maketrian(%a)", counting({4})); }), HasSubstr("triangle"));
}

TEST(Col2im, AddsOverlappingWindows) {
  const Tensor columns = one("im2col(%a) {kernel=(1, 2), pad=(0, 1)}", counting({1, 1, 1, 3}));
  expect_tensor(columns, {1, 2, 4}, {0, 0, 1, 2, 0, 1, 2, 0});
  expect_tensor(one("col2im(%a) {kernel=(1, 2), pad=(0, 1), output_size=(1, 3)}", columns), {1, 1, 1, 3}, {0, 2, 4});
}

TEST(InterleavedAttention, FindsEachHeadsPieces) {
  // One step, one batch, two heads of depth 1: [q0 k0 v0 q1 k1 v1].
  const Tensor qkv = tensor({1, 1, 6}, {2, 3, 5, 7, 11, 13});
  expect_tensor(one("_contrib_interleaved_matmul_selfatt_qk(%a) {heads=2}", qkv), {2, 1, 1}, {6, 77});
  expect_tensor(two("_contrib_interleaved_matmul_selfatt_valatt(%a, %b) {heads=2}", qkv, tensor({2, 1, 1}, {1, 2})),
                {1, 1, 2}, {5, 26});
  EXPECT_THAT(refusal([&] { one("_contrib_interleaved_matmul_selfatt_qk(%a) {heads=4}", qkv); }), HasSubstr("4 heads"));
}

}  // namespace
}  // namespace tenon
