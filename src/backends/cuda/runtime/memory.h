#pragma once

#include "backends/cuda/runtime/device.h"
#include "engine/device_memory.h"

namespace tenon::cuda {

/// The memory of a GPU, and queues that are streams.
std::shared_ptr<DeviceMemory> gpu_memory(int ordinal);
/// Queues a copy of `bytes` within the memory of a GPU on a CUstream; nothing where there are none.
void copy_within(void* dst, const void* src, std::size_t bytes, void* stream);
/// The GPU that a backend's memory belongs to.
GpuDevice& device_of(const DeviceMemory& memory);

}  // namespace tenon::cuda
