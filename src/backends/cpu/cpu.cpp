#include "backends/cpu/cpu.h"

#include "backends/cpu/onednn.h"
#include "backends/reference/reference.h"
#include "engine/portions.h"

namespace tenon::cpu {

Backend plain_backend() {
  Backend backend{"plain", {}, onednn::reorder, "onednn:reorder"};
  for (const auto family :
       {view_implementations, convolution_implementations, batch_norm_implementations, elementwise_implementations,
        prelu_implementations, pooling_implementations, softmax_implementations, concat_implementations}) {
    for (Implementation& implementation : family()) backend.implementations.push_back(std::move(implementation));
  }
  backend.implementations.push_back(portions_implementation());
  backend.implementations.push_back(reference_implementation());
  backend.portions = true;
  const dnnl_version_t& library = *dnnl::version();
  backend.identity = fmt::format("oneDNN {}.{}.{}", library.major, library.minor, library.patch);
  return backend;
}

}  // namespace tenon::cpu
