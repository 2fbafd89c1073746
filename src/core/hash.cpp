#include "core/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tenon {

Hash hash_of(const void* memory, std::size_t bytes) {
  const XXH128_hash_t hash = XXH3_128bits(memory, bytes);
  return {hash.low64, hash.high64};
}

Hash hash_of_two(const void* first, std::size_t first_bytes, const void* second, std::size_t second_bytes) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, first, first_bytes);
  XXH3_128bits_update(&state, second, second_bytes);
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return {hash.low64, hash.high64};
}

}  // namespace tenon
