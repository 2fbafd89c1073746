#include "core/file_cache.h"

#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "core/env.h"
#include "core/hash.h"
#include "core/log.h"

namespace tenon {
namespace {

constexpr std::string_view kMagic = "tenon cache 1\n";

Hash hash_of_text(std::string_view text) {
  return hash_of(text.data(), text.size());
}

struct Header {
  std::uint64_t key_bytes, content_bytes;
  std::uint64_t hash[2];  ///< of the content
};

std::filesystem::path cache_folder(std::string_view name) {
  if (const auto folder = env::cache_home()) return std::filesystem::path(*folder) / "tenon" / name;
  if (const auto home = env::home()) return std::filesystem::path(*home) / ".cache" / "tenon" / name;
  return {};
}

}  // namespace

FileCache FileCache::named(std::string_view name) {
  return FileCache(cache_folder(name));
}

std::filesystem::path FileCache::file_of(std::string_view key) const {
  const Hash hash = hash_of_text(key);
  return folder_ / fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

std::optional<std::string> FileCache::find(std::string_view key) const {
  if (folder_.empty()) return {};
  std::ifstream file(file_of(key), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::string_view rest = bytes;
  Header header;
  if (!rest.starts_with(kMagic) || rest.size() < kMagic.size() + sizeof header) return {};
  rest.remove_prefix(kMagic.size());
  std::memcpy(&header, rest.data(), sizeof header);
  rest.remove_prefix(sizeof header);
  if (header.key_bytes != key.size() || rest.size() < key.size() || rest.substr(0, key.size()) != key) return {};
  rest.remove_prefix(key.size());
  const Hash hash = hash_of_text(rest);
  if (rest.size() != header.content_bytes || hash.low != header.hash[0] || hash.high != header.hash[1]) {
    log(LogLevel::warning, "the cached file {} is damaged and is made anew", file_of(key).string());
    return {};
  }
  return std::string(rest);
}

void FileCache::keep(std::string_view key, std::string_view content) const {
  if (folder_.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  static std::atomic<int> counter = 0;
  const std::filesystem::path path = file_of(key);
  const std::filesystem::path draft = fmt::format("{}.{}.{}", path.string(), getpid(), counter++);
  const Hash hash = hash_of_text(content);
  const Header header{key.size(), content.size(), {hash.low, hash.high}};
  {
    std::ofstream file(draft, std::ios::binary);
    file << kMagic;
    file.write(reinterpret_cast<const char*>(&header), sizeof header);
    file << key << content;
    file.close();
    if (!file) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) std::filesystem::rename(draft, path, error);  // whole or not at all
  if (error) {
    log(LogLevel::info, "nothing is cached in {}: {}", folder_.string(), error.message());
    std::filesystem::remove(draft, error);
  }
}

}  // namespace tenon
