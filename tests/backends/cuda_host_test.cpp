// What of the CUDA backend is plain arithmetic: tested without a GPU.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/devices.h>
#include <tenon/error.h>
#include <tenon/executor.h>

#include "backends/cuda/block_cache.h"

namespace tenon::cuda {
namespace {

using testing::HasSubstr;

TEST(BlockCache, ServesTheSmallestBlockThatFits) {
  BlockCache cache;
  cache.give({1, 4096});
  cache.give({2, 1024});
  cache.give({3, 2048});
  EXPECT_EQ(cache.take(900)->address, 2u);
  EXPECT_EQ(cache.take(2048)->address, 3u);
  EXPECT_EQ(cache.bytes(), 4096u);
}

TEST(BlockCache, KeepsABlockThatWouldMostlyBeWasted) {
  BlockCache cache;
  cache.give({1, 4096});
  EXPECT_FALSE(cache.take(512));
  EXPECT_FALSE(cache.take(5000));
  EXPECT_EQ(cache.drain().size(), 1u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(BlockCache, RoundsSoThatBlocksFitEachOther) {
  EXPECT_EQ(BlockCache::rounded(0), 512u);
  EXPECT_EQ(BlockCache::rounded(513), 1024u);
  EXPECT_EQ(BlockCache::rounded((2u << 20) + 1), 4u << 20);
}

TEST(Devices, ListsTheCpuFirstAndSaysWhatIsMissing) {
  const DeviceList list = list_devices();
  ASSERT_FALSE(list.devices.empty());
  EXPECT_EQ(list.devices[0].device, Device{});
  ASSERT_FALSE(list.libraries.empty());
  for (const LibraryInfo& library : list.libraries) {
    EXPECT_NE(library.file.empty(), library.problem.empty()) << library.what;
  }
}

TEST(Devices, AMissingGpuIsOneSentence) {
  if (list_devices().devices.size() > 1) GTEST_SKIP() << "skipped: there is a GPU";
  BindOptions options;
  options.device = Device::parse("cuda:0");
  options.shapes["data"] = {1, 3, 32, 32};
  try {
    Executor::bind(Model::zoo("squeezenet1.0"), options);
    FAIL() << "bound";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("the device cuda:0 cannot be used"));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace tenon::cuda
