#pragma once

#include <string>
#include <vector>

#include <tenon/devices.h>

#include "engine/backend.h"

namespace tenon::cuda {

// What the rest of Tenon sees of this folder; no header of the toolkit is behind it. A build without the toolkit's
// headers has absent.cpp in place of runtime/ and plain/, which says so.

/// The baseline on a GPU: cuDNN and cuBLASLt a step, own kernels for what they leave, and the reference on the host
/// through copies for the rest. Throws Error(unsupported), in one sentence, where there is no such GPU.
Backend plain_backend(int ordinal);

/// What runs the body of an engine node on a GPU: generated kernels on channels in blocks of 16 bytes, stored as the
/// precision of each primitive says; row-major steps of the plain backend for what they do not cover. Throws
/// Error(unsupported), in one sentence, where there is no such GPU.
Backend engine_backend(int ordinal);

/// The GPUs and the libraries, those that are missing included. Never throws for what is missing.
DeviceList list_devices();

}  // namespace tenon::cuda
