#pragma once

#include <vector>

#include "graph/op.h"

namespace tenon {

/// Every operator Tenon knows. Built on first use, immutable after.
const OpRegistry& ops();

}  // namespace tenon
