#include "support/evaluate.h"

namespace tenon {
namespace {

TEST(Unary, ReluAndExp) {
  const auto results =
      evaluate("%x = variable\n%r = relu(%x)\n%y = exp(%r)\nreturn %r, %y\n", {{"x", tensor({3}, {-1, 0, 1})}});
  expect_tensor(results[0], {3}, {0, 0, 1});
  expect_tensor(results[1], {3}, {1, 1, 2.718281828});
}

}  // namespace
}  // namespace tenon
