#pragma once

#include <cstddef>

// What a test asks of the fake driver. It has four devices; their memory is the host's, kernels it refuses to load.

inline constexpr int kFakeDevices = 4;

extern "C" {
/// What a device has from here on, and what of it is taken.
void fake_cuda_set_memory(int ordinal, std::size_t bytes);
std::size_t fake_cuda_used(int ordinal);
/// The next calls of the function of this name fail with this status: "cuStreamEndCapture".
void fake_cuda_fail_calls(const char* function, int status, int calls);
/// The next piece of queued work fails with this status when its turn comes; the device is lost after a sticky one.
void fake_cuda_fail_work(int status);
/// Pieces of work that were queued and have not run.
std::size_t fake_cuda_pending();
}
