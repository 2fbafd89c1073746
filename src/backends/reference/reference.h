#pragma once

#include "engine/backend.h"

namespace tenon {

/// The operator's own naive loops: takes any operator that has them.
Implementation reference_implementation();

}  // namespace tenon
