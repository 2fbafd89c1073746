#include <cstring>

#include "runtime/c_api/handles.h"

using namespace tenon::c_api;

extern "C" {

size_t tenon_dtype_size(TenonDType dtype) {
  return is_dtype(dtype) ? tenon::size_of(static_cast<tenon::DType>(dtype)) : 0;
}

const char* tenon_dtype_name(TenonDType dtype) {
  return is_dtype(dtype) ? tenon::name(static_cast<tenon::DType>(dtype)).data() : "unknown";
}

TenonStatus tenon_tensor_create(TenonDType dtype, int32_t rank, const int64_t* dims, const void* data,
                                TenonTensor** tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    tenon::Tensor made(shape_of(rank, dims, false), dtype_of(dtype));
    if (data != nullptr && made.bytes() > 0) std::memcpy(made.mutable_data(), data, made.bytes());
    if (data == nullptr && made.bytes() > 0) std::memset(made.mutable_data(), 0, made.bytes());
    *tensor = new TenonTensor{std::move(made)};
  });
}

TenonStatus tenon_tensor_borrow(TenonDType dtype, int32_t rank, const int64_t* dims, void* data,
                                void (*release)(void* context), void* context, TenonTensor** tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    const tenon::Shape shape = shape_of(rank, dims, false);
    if (shape.elements() > 0) require(data, "data");
    auto made = std::make_unique<TenonTensor>();
    const auto owner = std::make_shared<Release>(context);
    made->tensor = tenon::Tensor::borrow(data, shape, dtype_of(dtype), owner);
    owner->function = release;  // from here on nothing fails
    *tensor = made.release();
  });
}

TenonStatus tenon_tensor_copy(const TenonTensor* tensor, TenonDType dtype, TenonTensor** copy) {
  return guarded([&] {
    require(copy, "copy");
    const tenon::Tensor& source = require(tensor, "tensor")->tensor;
    const bool convert = dtype != TENON_DTYPE_UNKNOWN && dtype_of(dtype) != source.dtype();
    *copy = new TenonTensor{convert ? source.astype(dtype_of(dtype)) : source.clone()};
  });
}

void tenon_tensor_free(TenonTensor* tensor) {
  delete tensor;
}

TenonDType tenon_tensor_dtype(const TenonTensor* tensor) {
  return tensor == nullptr ? TENON_DTYPE_UNKNOWN : static_cast<TenonDType>(tensor->tensor.dtype());
}

int32_t tenon_tensor_rank(const TenonTensor* tensor) {
  return tensor == nullptr ? -1 : tensor->tensor.shape().rank();
}

const int64_t* tenon_tensor_dims(const TenonTensor* tensor) {
  return tensor == nullptr ? nullptr : tensor->tensor.shape().dims().data();
}

int64_t tenon_tensor_elements(const TenonTensor* tensor) {
  return tensor == nullptr ? 0 : tensor->tensor.elements();
}

size_t tenon_tensor_bytes(const TenonTensor* tensor) {
  return tensor == nullptr ? 0 : tensor->tensor.bytes();
}

const void* tenon_tensor_data(const TenonTensor* tensor) {
  return tensor == nullptr ? nullptr : tensor->tensor.data();
}

TenonStatus tenon_tensor_mutable_data(TenonTensor* tensor, void** data) {
  return guarded([&] { *require(data, "data") = require(tensor, "tensor")->tensor.mutable_data(); });
}

}  // extern "C"
