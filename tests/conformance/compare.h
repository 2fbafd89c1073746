#pragma once

#include <optional>
#include <string>

#include <tenon/tensor.h>

namespace tenon::conformance {

/// What one output has to be: |value - golden| <= atol + rtol * |golden| for every element. NaN equals NaN.
struct Expectation {
  std::string name;  ///< as MXNet calls the output; empty where the pack does not tell
  Tensor golden;
  Tensor alternative;  ///< another result that MXNet gives (with oneDNN); empty where there is none
  double rtol = 0, atol = 0;
};

/// Nothing when the value meets the expectation; otherwise how it differs: shape, type, or the largest error, the
/// tolerance there, and the first bad index.
std::optional<std::string> difference(const Tensor& value, const Expectation& expected);

/// The largest finite magnitude.
double max_magnitude(const Tensor& tensor);

}  // namespace tenon::conformance
