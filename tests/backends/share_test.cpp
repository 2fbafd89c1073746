#include "backends/cpu/kernels/share.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace tenon::cpu {
namespace {

/// Which thread takes each row; -1: none, -2: more than one.
std::vector<int> takers(int threads, std::int64_t images, std::int64_t planes, std::int64_t rows) {
  std::vector<int> takers(static_cast<std::size_t>(planes * rows), -1);
#pragma omp parallel num_threads(threads)
  {
    for_own_rows(images, planes, rows, [&](std::int64_t first, std::int64_t last) {
#pragma omp critical
      for (std::int64_t row = first; row < last; ++row) {
        int& taker = takers[static_cast<std::size_t>(row)];
        taker = taker == -1 ? omp_get_thread_num() : -2;
      }
    });
  }
  return takers;
}

TEST(Share, GivesEveryRowToOneThread) {
  for (const int threads : {1, 2, 3, 4}) {
    for (const std::int64_t images : {1, 2, 3, 4}) {
      for (const std::int64_t blocks : {1, 2, 5}) {
        for (const std::int64_t rows : {1, 3, 7, 8, 14, 112}) {
          EXPECT_THAT(takers(threads, images, images * blocks, rows), testing::Each(testing::Ge(0)))
              << fmt::format("{} threads, {} images, {} blocks, {} rows", threads, images, blocks, rows);
        }
      }
    }
  }
}

TEST(Share, GivesTheSameRowsOfEveryPlaneToAThread) {
  const std::vector<int> taken = takers(2, 1, 3, 8);
  for (std::size_t row = 0; row < taken.size(); ++row) EXPECT_EQ(taken[row], row % 8 < 4 ? 0 : 1) << row;
}

TEST(Share, GivesWholeImagesToAThread) {
  const std::vector<int> taken = takers(2, 2, 6, 8);
  for (std::size_t row = 0; row < taken.size(); ++row) EXPECT_EQ(taken[row], row < 24 ? 0 : 1) << row;
}

}  // namespace
}  // namespace tenon::cpu
