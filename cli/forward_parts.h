#pragma once

#include <map>
#include <string>
#include <vector>

#include <tenon/tenon.h>

#include "report.h"

namespace tenon::cli {

/// What a forward on a device is made of, seen from the host: medians in milliseconds.
struct ForwardWay {
  double total_ms, copy_ms, launch_ms, wait_ms;
  double launch_min_ms, launch_p90_ms;
};

/// With the inputs on the device already, and with a copy of them before each forward, as a loop over images has it.
struct ForwardParts {
  ForwardWay resident, copied;
  double queued_ms;   ///< the launch of a forward while others are queued before it: nobody waits
  double kernels_ms;  ///< the device's own time of a forward, one after another
};

/// `seconds` of each way, at least a few forwards.
ForwardParts measure_parts(Session& executor, const std::map<std::string, Tensor>& inputs, double seconds);

Json parts_json(const ForwardParts& parts);
/// "launch 6.1 us (2.0 behind others), wait 61.9 us, of which kernels 57.0 us; with the input on the host copy …".
std::string in_words(const ForwardParts& parts);

}  // namespace tenon::cli
