#include "golden.h"

#include <filesystem>

namespace tenon {

std::string data_path(const std::string& name) {
  return std::string(TENON_TEST_DATA) + "/" + name;
}

std::string shared_path(const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(TENON_SHARED) / name;
  return std::filesystem::exists(path) ? path.string() : std::string();
}

}  // namespace tenon
