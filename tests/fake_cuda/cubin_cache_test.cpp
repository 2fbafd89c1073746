// Compiled kernels on disk: processes that want the same one at the same time, and files that are damaged.

#include "backends/cuda/cubin_cache.h"

#include <sys/wait.h>

#include <fstream>

#include "backends/cuda/kernel_text.h"
#include "fixture.h"

namespace tenon::cuda {
namespace {

namespace fs = std::filesystem;

class CubinCache : public FakeCuda {
 protected:
  static std::string text(int which) { return map_text({"float", {"float"}, "float", "a + " + std::to_string(which)}); }
  static std::vector<fs::path> files() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(getenv("XDG_CACHE_HOME"))) {
      if (entry.is_regular_file()) found.push_back(entry.path());
    }
    return found;
  }
};

TEST_F(CubinCache, ProcessesThatCompileTheSameKernelAtOnceAllGetIt) {
  constexpr int kProcesses = 4;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(fork());
    if (children.back() == 0) {
      bool whole = true;
      for (int kernel = 0; kernel < 2; ++kernel) whole = whole && cached_cubin(text(kernel), 80).size() > 1000;
      _exit(whole ? 0 : 1);
    }
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(files().size(), 2u) << "one file a kernel, none left over";
  for (const fs::path& file : files()) EXPECT_GT(fs::file_size(file), 1000u);
}

TEST_F(CubinCache, ADamagedFileIsReplaced) {
  const std::vector<std::byte> compiled = cached_cubin(text(7), 80);
  ASSERT_EQ(files().size(), 1u);
  const fs::path file = files()[0];
  const auto size = fs::file_size(file);
  fs::resize_file(file, size / 2);
  EXPECT_EQ(cached_cubin(text(7), 80).size(), compiled.size());
  EXPECT_EQ(fs::file_size(file), size) << "the file is whole again";
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(static_cast<std::streamoff>(size / 2))
      << "damage";
  EXPECT_EQ(cached_cubin(text(7), 80).size(), compiled.size());
}

TEST_F(CubinCache, WithoutAFolderToWriteToKernelsAreStillCompiled) {
  std::ofstream(getenv("XDG_CACHE_HOME")) << "a file where the folder should be";
  EXPECT_GT(cached_cubin(text(9), 80).size(), 1000u);
}

}  // namespace
}  // namespace tenon::cuda
