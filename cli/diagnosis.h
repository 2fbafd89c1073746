#pragma once

#include <string>
#include <vector>

#include "profile.h"

namespace tenon::cli {

/// What the diagnosis is made from.
struct Findings {
  const std::vector<TimedStep>& steps;
  const std::vector<RefusedNode>& refused;
  Roofline roofline;
  int threads = 1, cores = 1;  ///< that it uses, and that it may use
};

/// Sentences that say, from measurement, where the time goes and what keeps it from being less: the share that the
/// engine took, the refusals that cost most, a step that has much of the time, copies, memory, threads.
std::vector<std::string> diagnosis(const Findings& findings);

}  // namespace tenon::cli
