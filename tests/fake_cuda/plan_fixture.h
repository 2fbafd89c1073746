#pragma once

#include <sys/wait.h>

#include <iterator>

#include "fixture.h"
#include "support/files.h"

namespace tenon {

/// Plan files of GPU engines. Who builds and who loads is a process of its own, in which neither CUDA nor a compiler
/// was used before, with a cache folder of its own. That of the tests itself must not open plans: the threads it would
/// start for that are missing in its children.
class GpuPlan : public testing::Test {
 protected:
  GpuPlan() {
    std::string name = (std::filesystem::temp_directory_path() / "tenon-gpu-plan-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~GpuPlan() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }

  /// What `work` says there, or the sentence of the Error it throws.
  std::string elsewhere(const std::string& cache, const std::function<std::string()>& work) const {
    const std::string answer = file("answer");
    const pid_t child = fork();
    if (child == 0) {
      setenv("XDG_CACHE_HOME", file(cache).c_str(), 1);
      setenv("TENON_LOG", "error", 1);
      std::string said;
      try {
        said = work();
      } catch (const std::exception& error) {
        said = error.what();
      }
      write_file(answer, said);
      _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << "the other process crashed";
    return read_file(answer);
  }

  std::size_t files_in(const std::string& cache) const {
    if (!std::filesystem::exists(file(cache))) return 0;
    return static_cast<std::size_t>(std::distance(std::filesystem::recursive_directory_iterator(file(cache)), {}));
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace tenon
