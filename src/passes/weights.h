#pragma once

#include <vector>

#include "passes/body.h"

namespace tenon {

// Arithmetic on the constant weight of a convolution, a deconvolution or a matmul. A single number goes with every
// channel.

/// A new constant: the weight with the part that makes destination channel f multiplied by numbers[f].
Value scale_destination_channels(Body& body, NodeId id, const std::vector<double>& numbers);
/// The same for what is read from source channel c. `repeat` neighbouring elements of a matmul's rows are one channel.
Value scale_source_channels(Body& body, NodeId id, const std::vector<double>& numbers, std::int64_t repeat = 1);
/// What numbers[c] in every element of source channel c, and beyond the edges too, adds to each destination channel.
std::vector<double> response(const Body& body, NodeId id, const std::vector<double>& numbers, std::int64_t repeat = 1);

}  // namespace tenon
