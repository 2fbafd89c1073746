#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "backends/cpu/kernels/epilogue_tile.h"
#include "backends/cpu/kernels/isa.h"
#include "core/half.h"
#include "ops/spatial.h"

namespace tenon::cpu {

/// A convolution with every size known. `pad` is what lies before the data; what lies behind follows from `dst`.
struct ConvolutionProblem {
  std::int64_t batch = 1, channels = 0, filters = 0, groups = 1;
  Extent src{1, 1, 1}, dst{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilate{1, 1, 1}, pad{0, 0, 0};
  bool narrow = false;  ///< a source in blocks lies as bfloat16, and is multiplied as that

  std::int64_t src_blocks() const { return (channels + 15) / 16; }
  /// Floats that 16 channels of a source in blocks take: where it is narrow, a pair of bfloat16 lies in each.
  std::int64_t src_words() const { return narrow ? 8 : 16; }
  /// Those of the last block that hold channels, a multiple of 4: what is behind them is zero.
  std::int64_t last_words() const { return ((channels - (src_blocks() - 1) * 16) * src_words() + 63) / 64 * 4; }
  std::int64_t dst_blocks() const { return (filters + 15) / 16; }
  /// Multiplications and additions of the direct form; of a deconvolution about so many.
  double operations() const;
};

/// One way to convolve, made ready for a problem. The destination is in blocks of 16 channels, as is the source unless
/// `row_major_src`; what their last blocks hold behind the last channel is zero. Immutable; run() may be called by
/// several threads at a time, each with its own workspace.
class Convolution {
 public:
  virtual ~Convolution() = default;

  bool row_major_src() const { return row_major_src_; }
  std::size_t packed_floats() const { return packed_floats_; }
  std::size_t workspace_bytes() const { return workspace_floats_ * sizeof(float); }
  /// Of channels with filters, where the products are not the direct form's; transforms are not counted.
  std::optional<double> multiply_adds() const { return multiply_adds_; }

  /// How pack() lays weights out: two that say the same give the same floats for the same weights.
  virtual std::string packing() const = 0;
  /// From (F, C / groups, kernel…) into packed_floats() floats, aligned to 64 bytes.
  virtual void pack(const float* weight, float* packed) const = 0;
  /// Every pixel of every block of filters goes through the epilogue. The workspace is aligned to 64 bytes; `src` is a
  /// const float* only by name where the source is narrow.
  virtual void run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const = 0;

 protected:
  bool row_major_src_ = false;
  std::size_t packed_floats_ = 0;
  std::size_t workspace_floats_ = 0;
  std::optional<double> multiply_adds_;
};

/// The convolution, or why this way does not take the problem.
using ConvolutionOffer = std::variant<std::unique_ptr<Convolution>, std::string>;

/// What a machine with these instructions lacks for the problem; empty: nothing.
std::string lacks(const ConvolutionProblem& problem, Isa isa);

/// Any window, by register tiles over the pixels.
ConvolutionOffer make_direct(const ConvolutionProblem& problem, Isa isa = machine_isa());
/// The first layer of a network: few channels, row-major.
ConvolutionOffer make_planar(const ConvolutionProblem& problem, Isa isa = machine_isa());

/// The same for a 7x7 window with stride 2 over up to 4 channels, by Winograd's convolution.
ConvolutionOffer make_stem(const ConvolutionProblem& problem, Isa isa = machine_isa());
/// A filter for each channel of its own.
ConvolutionOffer make_depthwise(const ConvolutionProblem& problem, Isa isa = machine_isa());

/// The transpose, whose destination is as large as a convolution's source would be: `pad` is cut off before it, and
/// weights are (channels, filters / groups, kernel…).
ConvolutionOffer make_deconvolution(const ConvolutionProblem& problem, Isa isa = machine_isa());

/// The tiles of outputs that Winograd's convolution cuts a map into: squares, rectangles of 4 rows by 2 columns,
/// squares of 4 with a last row and column of rectangles that fit a map of 4k + 2 or 4k + 3; and, for stride 2, squares
/// whose even and odd source pixels are taken apart; and, for windows of 1x7, 7x1, 1x3 and 3x1, lines of 2 or 4
/// outputs.
enum class WinogradTiles { f22, f33, f44, f66, f42, mixed, phases22, phases44, line };
std::string_view name(WinogradTiles tiles);
/// How many outputs a tile has along a line of so many taps.
constexpr int line_outputs(std::int64_t taps) {
  return taps == 7 ? 2 : taps == 3 ? 4 : 1;
}
/// 3x3 windows with stride 1 or, by phases, 2; lines with stride 1; of narrow sources by tiles of 2x2, whose points
/// lose few digits when they are rounded. `block` tiles are taken at a time; 0: a default.
ConvolutionOffer make_winograd(const ConvolutionProblem& problem, WinogradTiles tiles, Isa isa = machine_isa(),
                               std::int64_t block = 0);

/// Writes one weight where it lies among packed ones: [channel][16 filters] or, narrow, [pair of channels][16
/// filters][2].
inline void put_weight(float* panel, bool narrow, std::int64_t channel, std::int64_t filter, float value) {
  if (narrow) {
    reinterpret_cast<bfloat16*>(panel)[(channel / 2 * 16 + filter) * 2 + channel % 2] = to_bfloat16(value);
  } else {
    panel[channel * 16 + filter] = value;
  }
}

}  // namespace tenon::cpu
