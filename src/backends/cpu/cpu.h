#pragma once

#include "engine/backend.h"

namespace tenon::cpu {

/// The best there is on a CPU for each operator, best first; what none takes is left to the reference.
Backend plain_backend();

// The families, a file each.
std::vector<Implementation> view_implementations();
std::vector<Implementation> convolution_implementations();
std::vector<Implementation> batch_norm_implementations();
std::vector<Implementation> elementwise_implementations();
std::vector<Implementation> prelu_implementations();
std::vector<Implementation> pooling_implementations();
std::vector<Implementation> softmax_implementations();
std::vector<Implementation> concat_implementations();

/// That every input and the first output hold float32, and something.
Conditions float32_conditions(const OpCall& call);

}  // namespace tenon::cpu
