#pragma once

#include "graph/op.h"

namespace tenon {

/// The naive implementation of any primitive: converts to float, computes x by its formula into the workspace, then the
/// epilogue element by element.
Kernel primitive_reference(const OpCall& call);

}  // namespace tenon
