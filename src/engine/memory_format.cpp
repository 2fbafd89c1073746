#include "engine/memory_format.h"

namespace tenon {

std::int64_t padded_elements(const Shape& shape, MemoryFormat format) {
  if (format.block == 1) return shape.elements();
  Shape padded = shape;
  padded[1] = (shape[1] + format.block - 1) / format.block * format.block;
  return padded.elements();
}

std::size_t padded_bytes(const TensorType& type, MemoryFormat format) {
  return static_cast<std::size_t>(padded_elements(type.shape, format)) * size_of(format.stored.value_or(*type.dtype));
}

}  // namespace tenon
