#pragma once

#include <cstdint>
#include <vector>

#include "graph/op.h"

namespace tenon {

/// How many elements Pad and _npi_pad add: two numbers an axis, before and after it.
std::vector<std::int64_t> pad_widths(const OpCall& call);

}  // namespace tenon
