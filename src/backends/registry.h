#pragma once

#include <string_view>

#include <tenon/device.h>

#include "engine/backend.h"

namespace tenon {

/// The backend of this name for this device; a name with a slash is the path of a guest (<tenon/c_backend.h>). Throws
/// Error that lists those there are.
/// Subgraphs multiply with this precision: "fp32", "tf32", "bf16", "fp16"; what is spared on the processor is "speed"
/// or "memory".
const Backend& find_backend(std::string_view name, const Device& device, std::string_view precision = "fp32",
                            std::string_view optimize = "speed");

}  // namespace tenon
