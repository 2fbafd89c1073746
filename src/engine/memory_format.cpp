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

bool reads_alike(const Shape& shape, MemoryFormat from, MemoryFormat to) {
  if (from == to) return true;
  if (from.stored != to.stored || shape.rank() < 2 || shape.elements(2, shape.rank()) != 1) return false;
  const std::int64_t channels = shape[1];
  // Of one image the padding behind the channels of `from` is out of the way; that of `to` would have to be there.
  return channels % to.block == 0 && (channels % from.block == 0 || shape[0] == 1);
}

}  // namespace tenon
