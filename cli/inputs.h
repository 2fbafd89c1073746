#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <tenon/tenon.h>

namespace tenon::cli {

/// Arrays of --input options for the model's inputs: NAME=FILE.npy, FILE.npy for the first input, FILE.npz with a
/// member for each input. Throws Error naming option and file.
Parameters read_inputs(const std::vector<std::string>& options, const std::vector<std::string>& inputs);

/// Uniform in [-1, 1), the same for the same seed and name on every machine.
Tensor random_tensor(const Shape& shape, std::uint64_t seed, std::string_view name);

/// The shapes of tensors.
std::map<std::string, Shape> shapes_of(const Parameters& tensors);

}  // namespace tenon::cli
