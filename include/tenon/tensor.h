#pragma once

#include <cstddef>
#include <memory>

#include <tenon/dtype.h>
#include <tenon/shape.h>

namespace tenon {

/// A dense row-major array on the CPU: a shape, an element type and a share of the memory behind them. Copying a Tensor
/// copies the handle, not the elements; clone() copies the elements. Distinct Tensors may be used from distinct
/// threads; concurrent writes to one memory are the caller's to order.
class Tensor {
 public:
  /// No elements, no memory.
  Tensor() = default;
  /// Owns fresh memory, 64-byte aligned, not initialised. Throws Error(out_of_memory).
  Tensor(Shape shape, DType dtype);
  /// Refers to memory of at least shape.elements() elements, which `owner` keeps alive (the caller, when it is empty).
  static Tensor borrow(void* data, Shape shape, DType dtype, std::shared_ptr<const void> owner = {});
  /// The same for memory that must not be written, such as a mapped file: mutable_data() throws.
  static Tensor borrow_const(const void* data, Shape shape, DType dtype, std::shared_ptr<const void> owner = {});

  bool empty() const noexcept { return !shape_.has_rank(); }
  const Shape& shape() const noexcept { return shape_; }
  DType dtype() const noexcept { return dtype_; }
  std::int64_t elements() const { return shape_.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype_); }

  const void* data() const noexcept { return data_; }
  void* mutable_data();
  /// Typed access; throws Error when T is not the element type.
  template <class T>
  const T* data() const {
    require(dtype_of<T>);
    return static_cast<const T*>(data_);
  }
  template <class T>
  T* mutable_data() {
    require(dtype_of<T>);
    return static_cast<T*>(mutable_data());
  }

  /// A deep copy that owns its memory.
  Tensor clone() const;
  /// A converted copy; the tensor itself when the type is the same.
  Tensor astype(DType dtype) const;
  /// The same memory under another shape of as many elements.
  Tensor reshaped(Shape shape) const;

 private:
  void require(DType dtype) const;

  Shape shape_;
  DType dtype_ = DType::float32;
  const void* data_ = nullptr;
  bool writable_ = false;
  std::shared_ptr<const void> owner_;
};

}  // namespace tenon
