#include "backends/cuda/block_cache.h"

#include <algorithm>

namespace tenon::cuda {
namespace {

constexpr std::size_t kSmallStep = 512;
constexpr std::size_t kLargeStep = std::size_t{2} << 20;

std::size_t round_up(std::size_t bytes, std::size_t step) {
  return (bytes + step - 1) / step * step;
}

}  // namespace

std::size_t BlockCache::rounded(std::size_t bytes) {
  const std::size_t least = std::max<std::size_t>(bytes, 1);
  return round_up(least, least < kLargeStep ? kSmallStep : kLargeStep);
}

void BlockCache::give(Block block) {
  blocks_.emplace(block.bytes, block.address);
  bytes_ += block.bytes;
}

std::optional<BlockCache::Block> BlockCache::take(std::size_t bytes) {
  const auto found = blocks_.lower_bound(bytes);
  if (found == blocks_.end() || found->first > bytes + bytes / 3) return {};
  const Block block{found->second, found->first};
  blocks_.erase(found);
  bytes_ -= block.bytes;
  return block;
}

std::vector<BlockCache::Block> BlockCache::drain() {
  std::vector<Block> drained;
  for (const auto& [bytes, address] : blocks_) drained.push_back({address, bytes});
  blocks_.clear();
  bytes_ = 0;
  return drained;
}

}  // namespace tenon::cuda
