#pragma once

#include "backends/cuda/runtime/device.h"
#include "engine/device_memory.h"

namespace tenon::cuda {

/// The memory of a GPU, and queues that are streams.
std::shared_ptr<DeviceMemory> gpu_memory(int ordinal);
/// The GPU that a backend's memory belongs to.
GpuDevice& device_of(const DeviceMemory& memory);

}  // namespace tenon::cuda
