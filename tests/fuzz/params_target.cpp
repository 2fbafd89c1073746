// Parameter files: every array that is handed out lies in memory that may be read.

#include <cstring>
#include <memory>
#include <vector>

#include "core/error.h"
#include "formats/mxnet/params.h"
#include "fuzz/target.h"

using namespace tenon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A block of its own, so that the sanitizer sees a read beyond the end.
  const auto block = std::make_shared<std::vector<std::byte>>(size);
  if (size != 0) std::memcpy(block->data(), data, size);
  try {
    for (const auto& [name, array] : parse_params({*block, block}, "the input")) (void)array.clone();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) throw;
  }
  return 0;
}
