#pragma once

#include <memory>
#include <string_view>

#include "engine/backend.h"
#include "partition/selector.h"

namespace tenon {

/// Tenon's own selector set: takes what the backend has more for than the reference, be it that the passes lower the
/// operator to a primitive or that an implementation accepts it as it is.
std::shared_ptr<const Selector> tenon_selector(std::shared_ptr<const Backend> backend);

/// The selector set of this name for the backend: "" is the backend's own; "tenon", "mxnet-tensorrt". Null for a
/// backend without engine nodes. Throws Error that lists those there are.
std::shared_ptr<const Selector> find_selector(std::string_view name, const Backend& backend);

}  // namespace tenon
