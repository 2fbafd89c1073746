#pragma once

#include <vector>

#include "engine/backend.h"

namespace tenon::cuda {

// The families of the plain executor, a file each.
std::vector<Implementation> convolution_implementations();
std::vector<Implementation> convolve_implementations();
std::vector<Implementation> product_implementations();
std::vector<Implementation> elementwise_implementations();
std::vector<Implementation> numpy_elementwise_implementations();
std::vector<Implementation> cumsum_implementations();
std::vector<Implementation> pad_implementations();
std::vector<Implementation> triangle_implementations();
std::vector<Implementation> copy_implementations();
std::vector<Implementation> constant_implementations();
std::vector<Implementation> parametric_implementations();
std::vector<Implementation> linalg_implementations();
std::vector<Implementation> contraction_implementations();
std::vector<Implementation> reduce_implementations();
std::vector<Implementation> pooling_implementations();
std::vector<Implementation> softmax_implementations();
std::vector<Implementation> normalization_implementations();
std::vector<Implementation> rnn_implementations();
std::vector<Implementation> detection_implementations();
std::vector<Implementation> resample_implementations();
std::vector<Implementation> select_implementations();
std::vector<Implementation> indexing_implementations();
std::vector<Implementation> addressing_implementations();
std::vector<Implementation> sequence_implementations();
std::vector<Implementation> coordinate_implementations();
std::vector<Implementation> roi_align_implementations();
std::vector<Implementation> ctc_implementations();
std::vector<Implementation> quantize_implementations();
std::vector<Implementation> quantized_arithmetic_implementations();
std::vector<Implementation> quantized_implementations();
std::vector<Implementation> sampler_implementations();
std::vector<Implementation> deformable_implementations();
std::vector<Implementation> correlation_implementations();
std::vector<Implementation> matching_implementations();
std::vector<Implementation> psroi_implementations();
std::vector<Implementation> proposal_implementations();
std::vector<Implementation> holds_implementations();
std::vector<Implementation> columns_implementations();
std::vector<Implementation> histogram_implementations();
std::vector<Implementation> cross_entropy_implementations();
std::vector<Implementation> trace_implementations();
/// Takes every operator that has a reference: its inputs go to the host, the reference runs there, its outputs come
/// back, all in the order of the stream.
Implementation round_trip_implementation();

/// That no operand is without elements: a launch needs some.
Conditions filled_conditions(const OpCall& call);
/// The same, and that the first is of a floating type.
Conditions floating_conditions(const OpCall& call);

/// A kernel that does not compile, or a library that fails, is a reason to ask the next implementation; a lost device
/// is not.
Implementation forgiving(Implementation implementation);

}  // namespace tenon::cuda
