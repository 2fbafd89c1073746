#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tenon {

/// The dimensions of a tensor, outermost first. While shapes are being inferred a dimension, or the whole rank, may be
/// unknown; a default-constructed Shape has unknown rank, Shape::scalar() has rank 0 and one element.
class Shape {
 public:
  static constexpr std::int64_t unknown = -1;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims), ranked_(true) {}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)), ranked_(true) {}
  static Shape scalar() { return Shape(std::vector<std::int64_t>{}); }
  /// Known rank, every dimension unknown.
  static Shape of_rank(int rank) { return Shape(std::vector<std::int64_t>(static_cast<std::size_t>(rank), unknown)); }

  bool has_rank() const noexcept { return ranked_; }
  /// Number of dimensions; -1 while unknown.
  int rank() const noexcept { return ranked_ ? static_cast<int>(dims_.size()) : -1; }
  /// Rank and every dimension known.
  bool is_known() const noexcept;

  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[static_cast<std::size_t>(axis)]; }
  std::span<const std::int64_t> dims() const noexcept { return dims_; }
  auto begin() const noexcept { return dims_.begin(); }
  auto end() const noexcept { return dims_.end(); }

  /// Product of the dimensions [first, last). Throws Error when one is unknown or the product exceeds 2^62.
  std::int64_t elements() const { return elements(0, rank()); }
  std::int64_t elements(int first, int last) const;

  /// "(1,3,224,224)"; "?" stands for an unknown dimension, "(...)" for an unknown rank.
  std::string str() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<std::int64_t> dims_;
  bool ranked_ = false;
};

}  // namespace tenon
