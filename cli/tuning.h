#pragma once

#include <tenon/engine.h>

namespace tenon::cli {

/// For BindOptions::progress: on a terminal one line that overwrites itself; Ctrl-C stops the timing.
bool tuning_progress(const BuildProgress& progress);

}  // namespace tenon::cli
