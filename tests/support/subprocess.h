#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace tenon {

/// What a program said and how it ended; -N where signal N ended it.
struct Outcome {
  int code;
  std::string out, err;
};

/// A folder of this process's own, removed with it.
inline const std::filesystem::path& scratch() {
  struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("tenon-test-" + std::to_string(getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
  };
  static const Folder folder;
  return folder.path;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Runs a shell command in the scratch folder with both outputs captured and no terminal.
inline Outcome run_command(const std::string& command) {
  const auto out = scratch() / "out", err = scratch() / "err";
  const std::string line =
      "cd " + scratch().string() + " && (" + command + ") </dev/null >" + out.string() + " 2>" + err.string();
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read_file(out), read_file(err)};
}

}  // namespace tenon
