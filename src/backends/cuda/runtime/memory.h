#pragma once

#include <exception>

#include "backends/cuda/runtime/device.h"
#include "engine/device_memory.h"

namespace tenon::cuda {

/// The memory of a GPU, and queues that are streams.
std::shared_ptr<DeviceMemory> gpu_memory(int ordinal);
/// The GPU that a backend's memory belongs to.
GpuDevice& device_of(const DeviceMemory& memory);

/// Host code that runs in the order of a stream cannot throw to its caller: what it threw is kept, and the next wait()
/// of that stream's queue throws it.
void keep_failure(CUstream stream, std::exception_ptr failure);

}  // namespace tenon::cuda
