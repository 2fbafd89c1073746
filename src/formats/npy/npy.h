#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <tenon/tensor.h>

namespace tenon {

/// The tensor in the bytes of a `.npy` file, a view of them where alignment and order allow. `what` names the file in
/// errors.
Tensor parse_npy(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner, const std::string& what);

/// Everything before the elements.
std::string npy_header(const Tensor& tensor);

/// The tensor itself, or what stands for an element type that NumPy lacks.
Tensor npy_elements(const Tensor& tensor);

}  // namespace tenon
