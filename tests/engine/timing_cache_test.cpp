#include "engine/timing_cache.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

#include <gtest/gtest.h>

namespace tenon {
namespace {

class TimingCacheTest : public testing::Test {
 protected:
  TimingCacheTest() : folder_(std::filesystem::temp_directory_path() / ("tenon-timings-" + std::to_string(getpid()))) {}
  ~TimingCacheTest() override { std::filesystem::remove_all(folder_); }

  /// As another process sees it.
  std::optional<std::vector<Timing>> find_anew(const std::string& problem) const {
    return TimingCache(FileCache(folder_)).find(problem);
  }

  std::filesystem::path folder_;
  const std::vector<Timing> timings_{{"tenon:direct", 0.5}, {"tenon:winograd-f44 large", 0.25}};
};

TEST_F(TimingCacheTest, KeepsTheOrderForLaterProcesses) {
  TimingCache(FileCache(folder_)).keep("problem", timings_);
  EXPECT_EQ(find_anew("problem"), timings_);
  EXPECT_FALSE(find_anew("another problem"));
}

TEST_F(TimingCacheTest, RemembersWithoutAFolder) {
  TimingCache cache{FileCache({})};
  cache.keep("problem", timings_);
  EXPECT_EQ(cache.find("problem"), timings_);
}

TEST_F(TimingCacheTest, TakesWhatHoldsNoTimingsForNothing) {
  const FileCache files(folder_);
  for (const std::string text : {"", "tenon:direct\n", "0.5\n", "-1 tenon:direct\n", "nan tenon:direct\n",
                                 "0.5 tenon:direct\nrubbish\n", "0.5tenon:direct\n"}) {
    files.keep("problem", text);
    EXPECT_FALSE(find_anew("problem")) << text;
  }
}

TEST_F(TimingCacheTest, TakesADamagedFileForNothing) {
  TimingCache(FileCache(folder_)).keep("problem", timings_);
  const auto file = FileCache(folder_).file_of("problem");
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  EXPECT_FALSE(find_anew("problem"));
  TimingCache(FileCache(folder_)).keep("problem", timings_);
  EXPECT_EQ(find_anew("problem"), timings_);
}

TEST_F(TimingCacheTest, TakesTheFileOfAnotherProblemForNothing) {
  const FileCache files(folder_);
  TimingCache(files).keep("problem", timings_);
  std::filesystem::copy_file(files.file_of("problem"), files.file_of("problem on another machine"));
  EXPECT_FALSE(find_anew("problem on another machine"));
}

TEST_F(TimingCacheTest, IsSharedByManyWriters) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      for (int turn = 0; turn < 25; ++turn) {
        TimingCache cache{FileCache(folder_)};
        cache.keep("shared", timings_);
        cache.keep("own " + std::to_string(i), timings_);
        ASSERT_EQ(find_anew("shared"), timings_);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(find_anew("own " + std::to_string(i)), timings_);
}

}  // namespace
}  // namespace tenon
