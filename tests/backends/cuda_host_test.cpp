// What of the CUDA backend is plain arithmetic and files: tested without a GPU.

#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/devices.h>
#include <tenon/error.h>
#include <tenon/executor.h>

#include "backends/cuda/block_cache.h"
#include "backends/cuda/file_cache.h"

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

class FileCacheTest : public testing::Test {
 protected:
  FileCacheTest() : folder_(std::filesystem::temp_directory_path() / ("tenon-cache-" + std::to_string(getpid()))) {}
  ~FileCacheTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(FileCacheTest, GivesBackWhatItKept) {
  const FileCache cache(folder_);
  EXPECT_FALSE(cache.find("key"));
  cache.keep("key", "content");
  EXPECT_EQ(cache.find("key"), "content");
  EXPECT_FALSE(cache.find("another key"));
}

TEST_F(FileCacheTest, TakesADamagedFileForNone) {
  const FileCache cache(folder_);
  const std::string content(100, 'x');
  cache.keep("key", content);
  const auto size = std::filesystem::file_size(cache.file_of("key"));
  for (std::uintmax_t at = 0; at < size; ++at) {
    std::fstream file(cache.file_of("key"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char before = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(before ^ 1));
    file.close();
    EXPECT_FALSE(cache.find("key")) << "with byte " << at << " changed";
    cache.keep("key", content);
  }
  std::filesystem::resize_file(cache.file_of("key"), size - 1);
  EXPECT_FALSE(cache.find("key"));
}

TEST_F(FileCacheTest, IsSharedByManyWriters) {
  const FileCache cache(folder_);
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      for (int turn = 0; turn < 50; ++turn) {
        cache.keep("key", std::string(10000, 'x'));
        const auto found = cache.find("key");
        ASSERT_TRUE(found);
        ASSERT_EQ(found->size(), 10000u);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::filesystem::directory_iterator files(folder_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "drafts are left";
}

TEST_F(FileCacheTest, CountsAFolderThatCannotBeMadeAsEmpty) {
  std::ofstream(folder_) << "a file";
  const FileCache cache(folder_ / "below");
  cache.keep("key", "content");
  EXPECT_FALSE(cache.find("key"));
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
