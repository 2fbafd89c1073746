#pragma once

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
  std::string backend = "reference";
  Device device;
};

/// Runs one case. Never throws for what the case does.
Outcome run(const Case& entry, const RunOptions& options);

}  // namespace tenon::conformance
