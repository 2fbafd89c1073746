#pragma once

#include <vector>

#include "engine/program.h"

namespace tenon::cli {

/// Milliseconds of each step of a host program on zeros: the least of `runs` after one to warm up.
std::vector<double> step_times(const Program& program, int runs);

}  // namespace tenon::cli
