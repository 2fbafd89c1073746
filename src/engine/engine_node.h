#pragma once

#include <memory>

#include "engine/backend.h"

namespace tenon {

/// Takes engine nodes: compiles the body for `inner` into a Program whose arena is the step's workspace, and runs that
/// Program on the step's operands.
///
///     data → engine0 → topk                        outer program: [ engine0 | topk ]
///              └ body: conv0 → bn0 → relu0                              └ inner program: [ conv0 + epilogue ]
Implementation engine_implementation(std::shared_ptr<const Backend> inner);

}  // namespace tenon
