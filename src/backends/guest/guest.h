#pragma once

#include <string>

#include "engine/backend.h"

namespace tenon::guest {

/// The backend in a shared library (<tenon/c_backend.h>), which stays loaded: engine nodes for what the guest takes,
/// and `outer` for the rest. Throws Error naming the file where it cannot be opened, exports no guest, or was made for
/// another version of the interface.
Backend load_backend(const std::string& path, Backend outer);

}  // namespace tenon::guest
