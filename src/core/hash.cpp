#include "core/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tenon {

Hash hash_of(const void* memory, std::size_t bytes) {
  const XXH128_hash_t hash = XXH3_128bits(memory, bytes);
  return {hash.low64, hash.high64};
}

}  // namespace tenon
