#pragma once

#include <memory>

#include "engine/backend.h"
#include "partition/selector.h"

namespace tenon {

/// Tenon's own selector set: takes what the backend has more for than the reference, be it that the passes lower the
/// operator to a primitive or that an implementation accepts it as it is.
std::shared_ptr<const Selector> tenon_selector(std::shared_ptr<const Backend> backend);

}  // namespace tenon
