#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tenon {

/// Contents on disk, found by a text that determines them. A file holds its key and a hash of its content, so that
/// neither a collision nor damage passes; it appears whole or not at all. What cannot be read or written counts as not
/// there.
class FileCache {
 public:
  /// A folder of this name below $XDG_CACHE_HOME/tenon or ~/.cache/tenon.
  static FileCache named(std::string_view name);
  /// Exactly this folder; an empty path keeps nothing.
  explicit FileCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::optional<std::string> find(std::string_view key) const;
  void keep(std::string_view key, std::string_view content) const;
  std::filesystem::path file_of(std::string_view key) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace tenon
