#include <tenon/tensor.h>

#include <cstring>
#include <new>

#include "core/dispatch.h"
#include "core/pages.h"

namespace tenon {
namespace {

constexpr std::size_t kCacheLine = 64;

/// Large tensors begin where a huge page can.
std::align_val_t alignment_of(std::size_t bytes) {
  return std::align_val_t{bytes >= kHugePage ? kHugePage : kCacheLine};
}

}  // namespace

Tensor::Tensor(Shape shape, DType dtype) : shape_(std::move(shape)), dtype_(dtype), writable_(true) {
  const std::size_t size = bytes();
  const std::align_val_t alignment = alignment_of(size);
  void* memory = ::operator new(size, alignment, std::nothrow);
  if (memory == nullptr) {
    fail(ErrorCode::out_of_memory, "{} bytes for a {} tensor of shape {} could not be had", size, name(dtype),
         shape_.str());
  }
  ask_for_huge_pages(memory, size);
  data_ = memory;
  owner_ = std::shared_ptr<const void>(
      memory, [alignment](const void* p) { ::operator delete(const_cast<void*>(p), alignment); });
}

Tensor Tensor::borrow(void* data, Shape shape, DType dtype, std::shared_ptr<const void> owner) {
  Tensor tensor = borrow_const(data, std::move(shape), dtype, std::move(owner));
  tensor.writable_ = true;
  return tensor;
}

Tensor Tensor::borrow_const(const void* data, Shape shape, DType dtype, std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.shape_ = std::move(shape);
  tensor.dtype_ = dtype;
  tensor.data_ = data;
  tensor.owner_ = std::move(owner);
  return tensor;
}

void* Tensor::mutable_data() {
  if (!writable_ && data_ != nullptr) {
    fail(ErrorCode::invalid_argument, "a read-only {} tensor of shape {} was to be written", name(dtype_),
         shape_.str());
  }
  return const_cast<void*>(data_);
}

Tensor Tensor::clone() const {
  if (empty()) return {};
  Tensor copy(shape_, dtype_);
  std::memcpy(copy.mutable_data(), data_, bytes());
  return copy;
}

Tensor Tensor::astype(DType dtype) const {
  if (empty() || dtype == dtype_) return *this;
  Tensor result(shape_, dtype);
  const std::int64_t count = elements();
  dispatch(dtype_, [&]<class From>() {
    dispatch(dtype, [&]<class To>() {
      const From* src = data<From>();
      To* dst = result.mutable_data<To>();
      for (std::int64_t i = 0; i < count; ++i) dst[i] = store<To>(load(src[i]));
    });
  });
  return result;
}

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.elements() != elements()) {
    fail(ErrorCode::invalid_argument, "a tensor of shape {} cannot be viewed as {}: {} elements against {}",
         shape_.str(), shape.str(), elements(), shape.elements());
  }
  Tensor view = *this;
  view.shape_ = std::move(shape);
  return view;
}

void Tensor::require(DType dtype) const {
  if (dtype != dtype_) {
    fail(ErrorCode::invalid_argument, "a {} tensor of shape {} was accessed as {}", name(dtype_), shape_.str(),
         name(dtype));
  }
}

}  // namespace tenon
