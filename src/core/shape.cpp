#include <tenon/shape.h>

#include "core/error.h"

namespace tenon {

bool Shape::is_known() const noexcept {
  if (!ranked_) return false;
  for (const auto dim : dims_) {
    if (dim < 0) return false;
  }
  return true;
}

std::int64_t Shape::elements(int first, int last) const {
  if (!ranked_) fail(ErrorCode::internal, "the element count of a shape of unknown rank was asked for");
  constexpr std::int64_t limit = std::int64_t{1} << 62;
  std::int64_t product = 1;
  bool has_zero = false;
  for (int axis = first; axis < last; ++axis) {
    const std::int64_t dim = (*this)[axis];
    if (dim < 0) fail(ErrorCode::internal, "the element count of the partly unknown shape {} was asked for", str());
    if (dim == 0) {
      has_zero = true;
    } else if (product > limit / dim) {
      fail(ErrorCode::invalid_argument, "shape {} has more than 2^62 elements", str());
    } else {
      product *= dim;
    }
  }
  return has_zero ? 0 : product;
}

std::string Shape::str() const {
  if (!ranked_) return "(...)";
  std::string text = "(";
  for (std::size_t i = 0; i < dims_.size(); ++i) {
    if (i != 0) text += ',';
    text += dims_[i] < 0 ? "?" : std::to_string(dims_[i]);
  }
  if (dims_.size() == 1) text += ',';
  return text + ")";
}

}  // namespace tenon
