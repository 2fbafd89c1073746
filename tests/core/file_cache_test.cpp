#include "core/file_cache.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

#include <gtest/gtest.h>

namespace tenon {
namespace {

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

}  // namespace
}  // namespace tenon
