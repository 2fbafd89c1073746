#include "engine/memory_plan.h"

#include <random>

#include <gtest/gtest.h>

namespace tenon {
namespace {

bool share_memory(const Buffer& a, const Buffer& b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

TEST(MemoryPlan, ReusesMemoryThatIsNoLongerRead) {
  std::vector<Buffer> chain = {{640, 0, 1}, {640, 1, 2}, {640, 2, 3}, {640, 3, 4}};
  EXPECT_EQ(plan_memory(chain), 1280u);
}

TEST(MemoryPlan, AlignsEveryOffsetTo64Bytes) {
  std::vector<Buffer> buffers = {{1, 0, 1}, {65, 0, 1}, {100, 0, 1}};
  const std::size_t arena = plan_memory(buffers);
  for (const Buffer& buffer : buffers) EXPECT_EQ(buffer.offset % 64, 0u);
  EXPECT_EQ(arena, 64u + 128u + 128u);
}

TEST(MemoryPlan, PutsASmallBufferIntoTheGapOfADeadOne) {
  std::vector<Buffer> buffers = {{1024, 0, 1}, {512, 0, 5}, {1024, 2, 5}, {256, 3, 4}};
  EXPECT_EQ(plan_memory(buffers), 1024u + 512u + 256u);
}

TEST(MemoryPlan, PutsPartsIntoTheirWholeWhichLivesAsLong) {
  std::vector<Buffer> buffers = {{128, 0, 2}, {64, 1, 2}, {192, 2, 3}, {256, 2, 4}, {500, 0, 1}};
  buffers[0].within = buffers[1].within = 2;
  buffers[1].at = 128;
  buffers[2].within = 3;
  buffers[2].at = 64;
  EXPECT_EQ(plan_memory(buffers), 256u + 512u);
  EXPECT_EQ(buffers[2].offset, buffers[3].offset + 64);
  EXPECT_EQ(buffers[0].offset, buffers[3].offset + 64);
  EXPECT_EQ(buffers[1].offset, buffers[3].offset + 64 + 128);
  EXPECT_FALSE(share_memory(buffers[3], buffers[4]));
}

TEST(MemoryPlan, NeverOverlapsBuffersThatLiveTogether) {
  std::mt19937 random(7);
  std::vector<Buffer> buffers;
  for (int i = 0; i < 300; ++i) {
    const int first = static_cast<int>(random() % 100);
    buffers.push_back({random() % 5000, first, first + static_cast<int>(random() % 20)});
  }
  const std::size_t arena = plan_memory(buffers);
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_LE(buffers[i].offset + buffers[i].bytes, arena);
    for (std::size_t j = 0; j < i; ++j) {
      const bool together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      EXPECT_FALSE(together && share_memory(buffers[i], buffers[j])) << i << " and " << j;
    }
  }
}

TEST(MemoryPlan, OfNothingIsEmpty) {
  std::vector<Buffer> none;
  EXPECT_EQ(plan_memory(none), 0u);
}

}  // namespace
}  // namespace tenon
