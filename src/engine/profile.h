#pragma once

#include <functional>
#include <vector>

#include "engine/run.h"

namespace tenon {

/// The steps as a reader sees them: an engine node gives way to the steps of its body.
std::vector<StepInfo> step_infos(const Program& program);

/// Does what a step does, and says how many milliseconds that took.
using StepTimer = std::function<double(const std::function<void()>& work)>;

/// Runs the program once, timing each of step_infos() in milliseconds.
std::vector<double> time_steps(const Program& program, const ProgramMemory& memory, const StepTimer& timer);

}  // namespace tenon
