#pragma once

#include <cstddef>

// What a test asks of the fake driver. It has five devices, whose memory is the host's. Kernels that were compiled for
// a GPU do nothing; those of the fake NVRTC run.

inline constexpr int kFakeDevices = 5;

extern "C" {
/// What a device has from here on, and what of it is taken.
void fake_cuda_set_memory(int ordinal, std::size_t bytes);
std::size_t fake_cuda_used(int ordinal);
/// The next calls of the function of this name fail with this status: "cuStreamEndCapture".
void fake_cuda_fail_calls(const char* function, int status, int calls);
/// The next piece of queued work fails with this status when its turn comes; the device is lost after a sticky one.
void fake_cuda_fail_work(int status);
/// Before a device is first used: what kernels are compiled for. 8.5 unless set, for which NVRTC compiles nothing.
void fake_cuda_set_capability(int ordinal, int major, int minor);
/// The next `count` launches of a GPU's kernels never end.
void fake_cuda_hang(int count);
/// Pieces of work that were queued and have not run.
std::size_t fake_cuda_pending();
/// What cuDriverGetVersion() says from here on; 13000 unless set.
void fake_cuda_set_driver_version(int version);
/// A line for every kernel that was queued since the last call: which code, which function, how launched. Valid until
/// the next call.
const char* fake_cuda_launches();
}
