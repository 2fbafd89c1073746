#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tenon/device.h>

#include "conformance/pack.h"

namespace tenon::conformance {

enum class Verdict { passed, failed, skipped };

struct Outcome {
  Verdict verdict = Verdict::passed;
  std::vector<std::string> reasons;  ///< one a failed output; the missing operators of a skipped case
};

struct RunOptions {
  std::string backend = "plain";
  Device device;
  std::string precision = "fp32";
  /// Times the golden's largest magnitude, what an element of float32 or float64 may be off, instead of what the pack
  /// says.
  std::optional<double> tolerance;
  bool constants = false;  ///< every input but the first is a parameter
  /// The operators whose steps alone may be run by the reference on the host; none given: every one may.
  std::optional<std::vector<std::string>> on_host = {};
  std::string plan = {};  ///< each engine goes through this plan file, and has to give the same bits; empty: none does
};

/// Runs one case. Never throws for what the case does.
Outcome run(const Case& entry, const RunOptions& options);

}  // namespace tenon::conformance
