#pragma once

#include <functional>
#include <vector>

#include "engine/run.h"

namespace tenon {

/// The steps as a reader sees them: an engine node gives way to the steps of its body.
std::vector<StepInfo> step_infos(const Program& program);

/// Runs the program once, timing each of step_infos() in milliseconds. `wait` returns when the step's work is done.
std::vector<double> time_steps(const Program& program, const ProgramMemory& memory, const std::function<void()>& wait);

}  // namespace tenon
