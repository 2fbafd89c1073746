// Convolution of a row-major source with few channels, as the first layer of a network has: a tap is a channel and a
// place in the window, so that no lane is spent on channels that do not exist. The planes are copied with their borders
// first.

#include <omp.h>

#include <array>
#include <vector>

#include <fmt/format.h>

#include "backends/cpu/kernels/convolution.h"
#include "backends/cpu/kernels/multiply.h"
#include "backends/cpu/kernels/share.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kBlock = 16;
constexpr int kDepth = 0, kHeight = 1, kWidth = 2;
constexpr std::int64_t kMostChannels = 8;

class Planar final : public Convolution {
 public:
  Planar(const ConvolutionProblem& problem, Isa isa) : problem_(problem) {
    row_major_src_ = true;
    choose_width(isa);
    const std::int64_t across = ceil_div(problem.dst[kWidth], width_) * width_;
    row_ = (across - 1) * problem.stride[kWidth] + (problem.kernel[kWidth] - 1) * problem.dilate[kWidth] + 1;
    height_ = (problem.dst[kHeight] - 1) * problem.stride[kHeight] +
              (problem.kernel[kHeight] - 1) * problem.dilate[kHeight] + 1;
    depth_ =
        (problem.dst[kDepth] - 1) * problem.stride[kDepth] + (problem.kernel[kDepth] - 1) * problem.dilate[kDepth] + 1;
    for (std::int64_t c = 0; c < problem.channels; ++c) {
      for (std::int64_t d = 0; d < problem.kernel[kDepth]; ++d) {
        for (std::int64_t h = 0; h < problem.kernel[kHeight]; ++h) {
          for (std::int64_t w = 0; w < problem.kernel[kWidth]; ++w) {
            taps_.push_back(((c * depth_ + d * problem.dilate[kDepth]) * height_ + h * problem.dilate[kHeight]) * row_ +
                            w * problem.dilate[kWidth]);
          }
        }
      }
    }
    packed_floats_ = static_cast<std::size_t>(problem.dst_blocks() * panel_floats());
    workspace_floats_ = whole_lines(problem.channels * depth_ * height_ * row_);
  }

  static bool takes_stride(std::int64_t stride, Isa isa) {
    const auto find = isa == Isa::avx512 ? avx512::multiply_planar_kernel : avx2::multiply_planar_kernel;
    return find(static_cast<int>(stride), isa == Isa::avx512 ? 28 : 6) != nullptr;
  }

  std::string packing() const override { return "planar"; }

  void pack(const float* weight, float* packed) const override {
    const auto taps = static_cast<std::int64_t>(taps_.size());
    std::fill_n(packed, packed_floats_, 0.0f);
    for (std::int64_t f = 0; f < problem_.filters; ++f) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        packed[(f / kBlock * taps + tap) * kBlock + f % kBlock] = weight[f * taps + tap];
      }
    }
  }

  void run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const override {
    const ConvolutionProblem& p = problem_;
#pragma omp parallel if (p.operations() > 1e6)
    for (std::int64_t n = 0; n < p.batch; ++n) {
      if (n > 0) {
#pragma omp barrier
      }
      for_own_rows(1, p.channels * depth_, height_, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t row = first; row < last; ++row) {
          copy_row(src + n * p.channels * product(p.src), row, workspace);
        }
      });
#pragma omp barrier
      const Share rows = share_of(p.dst[kDepth] * p.dst[kHeight]);
      for (std::int64_t row = rows.first; row < rows.last; ++row) run_row(n, row, workspace, packed, epilogue);
    }
  }

 private:
  std::int64_t panel_floats() const {
    return static_cast<std::int64_t>(taps_.size()) * kBlock;
  }

  /// The tile width that computes the fewest columns beyond the last.
  void choose_width(Isa isa) {
    static constexpr std::array kWide{28, 25, 20, 16, 8}, kNarrow{6, 4, 0, 0, 0};
    const bool avx512 = isa == Isa::avx512;
    std::int64_t best = INT64_MAX;
    for (const int width : avx512 ? kWide : kNarrow) {
      if (width == 0) continue;
      // A narrow tile shares a vector of weights among fewer pixels.
      const std::int64_t cost = ceil_div(problem_.dst[kWidth], width) * (width + 2);
      if (cost >= best) continue;
      best = cost;
      width_ = width;
    }
    kernel_ = (avx512 ? avx512::multiply_planar_kernel : avx2::multiply_planar_kernel)(
        static_cast<int>(problem_.stride[kWidth]), width_);
  }

  void copy_row(const float* image, std::int64_t row, float* planes) const {
    const ConvolutionProblem& p = problem_;
    const std::int64_t h = row % height_ - p.pad[kHeight], d = row / height_ % depth_ - p.pad[kDepth];
    const std::int64_t channel = row / height_ / depth_;
    float* to = planes + row * row_;
    if (h < 0 || h >= p.src[kHeight] || d < 0 || d >= p.src[kDepth]) {
      std::fill_n(to, row_, 0.0f);
      return;
    }
    const std::int64_t before = std::min(p.pad[kWidth], row_), count = std::min(p.src[kWidth], row_ - before);
    std::fill_n(to, before, 0.0f);
    std::copy_n(image + ((channel * p.src[kDepth] + d) * p.src[kHeight] + h) * p.src[kWidth], count, to + before);
    std::fill_n(to + before + count, row_ - before - count, 0.0f);
  }

  void run_row(std::int64_t n, std::int64_t row, const float* planes, const float* packed,
               const BoundEpilogue& epilogue) const {
    const ConvolutionProblem& p = problem_;
    alignas(64) float sums[avx512::kMaxPixels * kBlock];
    const std::int64_t d = row / p.dst[kHeight], h = row % p.dst[kHeight];
    const float* from = planes + (d * p.stride[kDepth] * height_ + h * p.stride[kHeight]) * row_;
    for (std::int64_t o = 0; o < p.dst_blocks(); ++o) {
      for (std::int64_t column = 0; column < p.dst[kWidth]; column += width_) {
        Tile tile;
        tile.src = sums;
        tile.rows = static_cast<int>(std::min<std::int64_t>(width_, p.dst[kWidth] - column));
        tile.offset = ((n * p.dst_blocks() + o) * product(p.dst) + row * p.dst[kWidth] + column) * kBlock;
        tile.channel = static_cast<int>(o * kBlock);
        const bool finishes = tile.rows == width_ && Finish::takes(epilogue);
        kernel_({from + column * p.stride[kWidth],
                 taps_.data(),
                 static_cast<int>(taps_.size()),
                 packed + o * panel_floats(),
                 sums,
                 {finishes ? &epilogue : nullptr, tile.channel, tile.offset, 0}});
        if (finishes) continue;
        tile.lanes = static_cast<int>(std::min<std::int64_t>(kBlock, p.filters - o * kBlock));
        epilogue.apply(epilogue, tile);
      }
    }
  }

  ConvolutionProblem problem_;
  std::int64_t row_ = 0, height_ = 0, depth_ = 0;  // of the planes with their borders
  std::vector<std::int64_t> taps_;
  int width_ = 0;
  MultiplyPlanarKernel kernel_ = nullptr;
};

}  // namespace

ConvolutionOffer make_planar(const ConvolutionProblem& problem, Isa isa) {
  if (std::string reason = lacks(problem, isa); !reason.empty()) return reason;
  if (problem.channels > kMostChannels) {
    return fmt::format("the data has {} channels, more than {}", problem.channels, kMostChannels);
  }
  if (problem.groups != 1) return fmt::format("num_group is {}, not 1", problem.groups);
  if (!Planar::takes_stride(problem.stride[kWidth], isa)) {
    return fmt::format("the stride along a row is {}, not 1, 2 or 4", problem.stride[kWidth]);
  }
  return std::make_unique<Planar>(problem, isa);
}

}  // namespace tenon::cpu
