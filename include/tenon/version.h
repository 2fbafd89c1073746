#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tenon {

/// "0.1.0": the version of the library that is loaded.
const char* version() noexcept;

/// What this build is made of, for bug reports: ("compiler", "gcc 12.2.0"), ("oneDNN", "2.6.3"), …
std::vector<std::pair<std::string, std::string>> components();

}  // namespace tenon
