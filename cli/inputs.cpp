#include "inputs.h"

#include <algorithm>

#include <tenon/npz.h>
#include "core/error.h"

namespace tenon::cli {
namespace {

void require_input(const std::string& name, const std::vector<std::string>& inputs, const std::string& option) {
  if (std::find(inputs.begin(), inputs.end(), name) != inputs.end()) return;
  fail(ErrorCode::invalid_argument, "--input {}: the model has no input '{}'; its inputs are {}", option, name,
       fmt::join(inputs, ", "));
}

}  // namespace

Parameters read_inputs(const std::vector<std::string>& options, const std::vector<std::string>& inputs) {
  Parameters tensors;
  for (const std::string& option : options) {
    if (option.ends_with(".npz")) {
      for (auto& [name, tensor] : read_npz(option)) {
        require_input(name, inputs, option);
        tensors[name] = std::move(tensor);
      }
      continue;
    }
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos && inputs.empty()) {
      fail(ErrorCode::invalid_argument, "--input {}: the model has no input", option);
    }
    const std::string name = equals == std::string::npos ? inputs.front() : option.substr(0, equals);
    require_input(name, inputs, option);
    tensors[name] = read_npy(equals == std::string::npos ? option : option.substr(equals + 1));
  }
  return tensors;
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed, std::string_view name) {
  std::uint64_t state = 0xcbf29ce484222325 ^ seed;  // FNV-1a of the name, so that two inputs differ
  for (const char letter : name) state = (state ^ static_cast<std::uint8_t>(letter)) * 0x100000001b3;
  Tensor tensor(shape, DType::float32);
  float* dst = tensor.mutable_data<float>();
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;  // SplitMix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    dst[i] = static_cast<float>(static_cast<double>((z ^ (z >> 31)) >> 40) / (1 << 23) - 1);
  }
  return tensor;
}

std::map<std::string, Shape> shapes_of(const Parameters& tensors) {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, tensor] : tensors) shapes[name] = tensor.shape();
  return shapes;
}

}  // namespace tenon::cli
