#pragma once

#include "engine/backend.h"

namespace tenon {

/// The arithmetic operations of a node as its formula has them, a multiply-add being two: what a roofline divides by
/// time. An implementation may need fewer (Winograd does).
double operations(const OpCall& call);

/// The bytes that a step must move at least: what it reads and writes, once.
double bytes_moved(const StepRequest& request, const StepPlan& plan);

}  // namespace tenon
