#pragma once

#include <vector>

#include "graph/op.h"

namespace tenon {

/// How many outputs have a row for each of the inputs': all of a primitive, the visible ones of MXNet's operators,
/// whose others are statistics and masks.
int rowed_outputs(const Node& node);

/// Whether row n (along axis 0) of every such output follows from row n of the inputs that are `batched` and from
/// the others, so that the images of a batch can be computed a few at a time. Batched inputs have one size along axis
/// 0. False for what the table in batchwise.cpp does not know.
bool is_batchwise(const OpCall& call, const std::vector<bool>& batched);

}  // namespace tenon
