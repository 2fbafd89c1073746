#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <tenon/tensor.h>

namespace tenon::conformance {

/// A NumPy archive, read member by member.
class Npz {
 public:
  explicit Npz(const std::filesystem::path& path);
  /// The array of this key; throws Error when there is none.
  Tensor read(const std::string& key) const;

 private:
  std::string path_;
  std::shared_ptr<void> archive_;
};

}  // namespace tenon::conformance
