#pragma once

#include <functional>

#include "backends/cuda/kernel_text.h"
#include "engine/backend.h"

namespace tenon::cuda {

/// Pools input 0 into output 0 as the attributes say; averages of integers are rounded, halves to even.
std::function<void(const Operands&)> pool_kernel(const StepRequest& request, PoolDivisor divisor, bool zeros_compete);

}  // namespace tenon::cuda
