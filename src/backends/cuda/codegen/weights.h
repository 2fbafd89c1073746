#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "backends/cuda/codegen/kernel_spec.h"

namespace tenon::cuda {

/// Weights (channels, src_channels, taps) of a convolution in float32, row-major, and those of the 1×1 convolution that
/// rides along (channels, src_channels), or nothing.
struct ConvolutionWeights {
  std::span<const float> main, side;
  int channels = 1, src_channels = 1, taps = 1;
};

/// How many bytes the kernel reads of weights of these sizes, the source channels those of a group.
std::size_t packed_bytes(int channels, int src_channels, int taps, const WeightLayout& layout, Storage storage);

/// What the kernel reads: zeros where blocks and units are larger than the weights.
std::vector<std::byte> pack_weights(const ConvolutionWeights& weights, const WeightLayout& layout, Storage storage);

/// Weights (channels, src_channels, taps) of so many groups as those of a single one, which has zeros where a filter
/// reads nothing: (channels, groups * src_channels, taps).
std::vector<float> spread_weights(std::span<const float> weights, int channels, int src_channels, int taps, int groups);

/// The weights of a stem, (channels, src_channels, 7, 7), as those of a convolution with 7×4 taps of one unit: two
/// pixels of four channels. Column s of the filter is pixel (s + 1) % 2 of pair (s + 1) / 2.
std::vector<float> stem_weights(std::span<const float> weights, int channels, int src_channels);

}  // namespace tenon::cuda
