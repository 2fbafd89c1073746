#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <tenon/model.h>

namespace tenon {

/// How the elements of a value lie in memory: row-major, or with axis 1, the channels, in blocks: (N, ⌈C/b⌉, spatial…,
/// b). What the last block has beyond C is zero. The elements may be stored in a narrower type than the value's: so a
/// change of precision is a change of format.
struct MemoryFormat {
  std::int64_t block = 1;
  std::optional<DType> stored = std::nullopt;

  bool row_major() const { return block == 1 && !stored; }
  friend bool operator==(MemoryFormat, MemoryFormat) = default;
};

/// Elements with the padding of the last block.
std::int64_t padded_elements(const Shape& shape, MemoryFormat format);
/// The same in bytes. Throws Error where the product exceeds what can be addressed.
std::size_t padded_bytes(const TensorType& type, MemoryFormat format);

/// Whether memory that holds a value in format `from` can be read as it lies where `to` is wanted: a map of one pixel
/// has its channels one after another in both.
bool reads_alike(const Shape& shape, MemoryFormat from, MemoryFormat to);

}  // namespace tenon
