#include "backends/cpu/cpu.h"
#include "backends/cuda/cuda.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"

namespace tenon::cuda {

Backend plain_backend(int ordinal) {
  Backend backend;
  backend.name = "plain";
  backend.memory = gpu_memory(ordinal);
  // A view runs nothing, whatever the device.
  for (Implementation& view : cpu::view_implementations()) {
    view.name = "view";
    backend.implementations.push_back(std::move(view));
  }
  for (const auto family :
       {convolution_implementations, product_implementations, elementwise_implementations, reduce_implementations,
        pooling_implementations, softmax_implementations, indexing_implementations, copy_implementations}) {
    for (Implementation& implementation : family()) backend.implementations.push_back(std::move(implementation));
  }
  backend.implementations.push_back(round_trip_implementation());
  return backend;
}

}  // namespace tenon::cuda
