#pragma once

#include <vector>

#include "graph/inference.h"

namespace tenon {

/// An axis counted from the front. The number must have been checked by resolve_axis.
int from_front(std::int64_t axis, int rank);
/// The same, refusing a number outside [-rank, rank).
int resolve_axis(const InferenceWindow& window, std::int64_t axis, int rank);
/// Several of them; refuses repetitions.
std::vector<int> resolve_axes(const InferenceWindow& window, const std::vector<std::int64_t>& axes, int rank);

/// The listed inputs and outputs share one element type; the others are free.
void tie_types(TypeInference& types, const std::vector<int>& inputs, const std::vector<int>& outputs = {0});

/// Input 0 and output 0 share one shape; the others are free.
void tie_data_and_output(ShapeInference& shapes);

/// The concatenation of two shapes of known rank.
Shape joined(const Shape& head, const Shape& tail);
/// Dimensions [first, last) of a shape of known rank.
Shape part(const Shape& shape, int first, int last);

/// Shapes of as many elements: fills the one unknown dimension of either from the other, and refuses unequal sizes.
void balance_elements(ShapeInference& shapes);

/// output axis i = input axis axes[i], in both directions.
void permute_axes(ShapeInference& shapes, const std::vector<int>& axes);

}  // namespace tenon
