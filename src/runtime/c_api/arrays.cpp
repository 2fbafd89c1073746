#include "formats/mxnet/params.h"
#include "runtime/c_api/handles.h"

using namespace tenon::c_api;
using tenon::ErrorCode;
using tenon::fail;

extern "C" {

TenonStatus tenon_arrays_read(const char* path, TenonArrays** arrays) {
  return guarded([&] {
    require(arrays, "arrays");
    *arrays = new TenonArrays(tenon::read_params(require(path, "path")));
  });
}

void tenon_arrays_free(TenonArrays* arrays) {
  delete arrays;
}

size_t tenon_arrays_count(const TenonArrays* arrays) {
  return arrays == nullptr ? 0 : arrays->names.names().size();
}

const char* tenon_arrays_name(const TenonArrays* arrays, size_t i) {
  return i < tenon_arrays_count(arrays) ? arrays->names.names()[i].c_str() : nullptr;
}

TenonStatus tenon_arrays_tensor(const TenonArrays* arrays, size_t i, TenonTensor** tensor) {
  return guarded([&] {
    require(tensor, "tensor");
    const std::size_t count = tenon_arrays_count(require(arrays, "arrays"));
    if (i >= count) fail(ErrorCode::invalid_argument, "there is no array {}, the file has {}", i, count);
    *tensor = new TenonTensor{arrays->arrays.at(arrays->names.names()[i])};
  });
}

TenonStatus tenon_arrays_write(const char* path, size_t count, const char* const* names,
                               const TenonTensor* const* tensors) {
  return guarded([&] {
    require(path, "path");
    const auto values = array(count, tensors, "tensors");
    if (names == nullptr) {
      std::vector<tenon::Tensor> list;
      for (const TenonTensor* value : values) list.push_back(require(value, "tensors[i]")->tensor);
      return tenon::write_params(path, list);
    }
    tenon::Parameters named;
    for (std::size_t i = 0; i < count; ++i) {
      named[require(names[i], "names[i]")] = require(values[i], "tensors[i]")->tensor;
    }
    tenon::write_params(path, named);
  });
}

}  // extern "C"
