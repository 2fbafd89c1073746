#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include <tenon/tensor.h>

namespace tenon {

/// A float32 tensor that may only be read, whose elements `fill(piece, at)` gives a piece at a time, in order; `at` is
/// the first element's index. A large one lies in an unnamed file of the system's folder for temporary files, as a
/// checkpoint's does in its own: release_file_pages takes it out of the resident set once it is packed, a later read
/// finds it again. Where no such file can be written it lies in memory.
Tensor file_backed(const Shape& shape, const std::function<void(std::span<float> piece, std::int64_t at)>& fill);

}  // namespace tenon
