#pragma once

#include <string>

namespace tenon {

/// A file or folder of tests/data.
std::string data_path(const std::string& name);

/// A file or folder of the golden results and checkpoints beside the project; empty when they are not there.
std::string shared_path(const std::string& name);

}  // namespace tenon
