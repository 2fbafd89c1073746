#include "backends/cpu/cpu.h"
#include "backends/cuda/cuda.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "core/error.h"
#include "core/log.h"
#include "graph/graph.h"

namespace tenon::cuda {

Implementation forgiving(Implementation implementation) {
  const auto offer = implementation.offer;
  implementation.offer = [offer, name = implementation.name](const StepRequest& request) -> Offer {
    try {
      return offer(request);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::internal) throw;
      device_of(request.memory).make_current();
      log(LogLevel::warning, "node '{}': {} fails, the next one is asked: {}", request.call.node.name, name,
          error.what());
      return std::string(error.what());
    }
  };
  return implementation;
}

Backend plain_backend(int ordinal) {
  Backend backend;
  backend.name = "plain";
  backend.memory = gpu_memory(ordinal);
  // A view runs nothing, whatever the device.
  for (Implementation& view : cpu::view_implementations()) {
    view.name = "view";
    backend.implementations.push_back(std::move(view));
  }
  for (const auto family : {convolution_implementations,
                            convolve_implementations,
                            product_implementations,
                            elementwise_implementations,
                            numpy_elementwise_implementations,
                            parametric_implementations,
                            cumsum_implementations,
                            pad_implementations,
                            triangle_implementations,
                            linalg_implementations,
                            contraction_implementations,
                            constant_implementations,
                            reduce_implementations,
                            pooling_implementations,
                            softmax_implementations,
                            normalization_implementations,
                            rnn_implementations,
                            detection_implementations,
                            resample_implementations,
                            select_implementations,
                            indexing_implementations,
                            addressing_implementations,
                            sequence_implementations,
                            roi_align_implementations,
                            ctc_implementations,
                            quantize_implementations,
                            quantized_arithmetic_implementations,
                            quantized_implementations,
                            coordinate_implementations,
                            sampler_implementations,
                            deformable_implementations,
                            correlation_implementations,
                            matching_implementations,
                            psroi_implementations,
                            proposal_implementations,
                            holds_implementations,
                            columns_implementations,
                            histogram_implementations,
                            cross_entropy_implementations,
                            trace_implementations,
                            copy_implementations}) {
    for (Implementation& implementation : family()) {
      backend.implementations.push_back(forgiving(std::move(implementation)));
    }
  }
  backend.implementations.push_back(round_trip_implementation());
  return backend;
}

}  // namespace tenon::cuda
