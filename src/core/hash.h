#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace tenon {

/// 128 bits by which contents are told apart (XXH3): not for defence against an adversary.
struct Hash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend auto operator<=>(const Hash&, const Hash&) = default;
};

Hash hash_of(const void* memory, std::size_t bytes);
/// Of two pieces as if they were one.
Hash hash_of_two(const void* first, std::size_t first_bytes, const void* second, std::size_t second_bytes);

}  // namespace tenon
