#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace tenon::cuda {

/// Freed device memory, kept for the next request of about its size. Knows addresses and sizes only.
class BlockCache {
 public:
  struct Block {
    std::uintptr_t address = 0;
    std::size_t bytes = 0;
  };

  /// What is really allocated for a request: small ones in steps of 512 bytes, large ones of 2 MiB, so that they fit
  /// each other's blocks. Never 0.
  static std::size_t rounded(std::size_t bytes);

  void give(Block block);
  /// The smallest block that holds `bytes` and wastes no more than a quarter of itself.
  std::optional<Block> take(std::size_t bytes);
  /// All of them, to be freed.
  std::vector<Block> drain();
  std::size_t bytes() const { return bytes_; }

 private:
  std::multimap<std::size_t, std::uintptr_t> blocks_;
  std::size_t bytes_ = 0;
};

}  // namespace tenon::cuda
