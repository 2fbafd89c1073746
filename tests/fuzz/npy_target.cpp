// NumPy files: the array that is handed out lies in memory that may be read.

#include <cstring>
#include <memory>
#include <vector>

#include "core/error.h"
#include "formats/npy/npy.h"
#include "fuzz/target.h"

using namespace tenon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto block = std::make_shared<std::vector<std::byte>>(size);
  if (size != 0) std::memcpy(block->data(), data, size);
  try {
    (void)parse_npy(*block, block, "the input").clone();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
  }
  return 0;
}
