#pragma once

#include <string>

namespace tenon {

/// What the processor calls itself, with family, model and stepping: "AMD EPYC 9R14 25.17.1".
std::string processor_name();

}  // namespace tenon
