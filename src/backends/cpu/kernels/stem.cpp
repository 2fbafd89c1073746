// The first layer of a ResNet: a 7x7 window with stride 2 over few row-major channels. Taking even and odd rows and
// columns apart makes it a 4x4 window with stride 1 over four times the channels (the eighth row and column of weights
// are zero), and that a Winograd convolution of 4x4 outputs at 7x7 points: 49 products instead of 196 for 4x4 outputs
// and, of 12 channels instead of 3, less than half the direct multiplications.

#include <omp.h>

#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "backends/cpu/kernels/convolution.h"
#include "backends/cpu/kernels/multiply.h"
#include "backends/cpu/kernels/share.h"
#include "backends/cpu/kernels/winograd.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kBlock = 16;
constexpr std::size_t kDepth = 0, kHeight = 1, kWidth = 2;
constexpr int kOutputs = 4, kTaps = 4, kSide = 7, kPoints = kSide * kSide;
constexpr std::int64_t kMostTiles = avx512::kMaxPixels;  // of a block: in a row of the map

/// Of weights, at the points 0, 1, -1, 2, -2, 1/2, -1/2: powers over the products of the distances to the other points.
double weight_factor(std::size_t point, int power) {
  constexpr std::array<double, kSide> at{0, 1, -1, 2, -2, .5, -.5};
  constexpr std::array<double, kSide> norm{-1, -4.5, -4.5, 90, 90, 1.40625, 1.40625};
  return std::pow(at[point], power) / norm[point];
}

class Stem final : public Convolution {
 public:
  Stem(const ConvolutionProblem& problem, Isa isa) : problem_(problem), isa_(isa), threads_(omp_get_max_threads()) {
    row_major_src_ = true;
    tiles_x_ = ceil_div(problem.dst[kWidth], kOutputs);
    tiles_y_ = ceil_div(problem.dst[kHeight], kOutputs);
    parts_ = ceil_div(tiles_x_, kMostTiles);
    transforms_ = isa == Isa::avx512 ? avx512::winograd_stem_transforms() : avx2::winograd_stem_transforms();
    // The image is in floats and multiplied as such, but what becomes of it is narrow.
    if (problem.narrow) transforms_.output = avx512_bf16::winograd_stem_transforms().output;
    depth_ = problem.channels * 4;
    packed_floats_ = static_cast<std::size_t>(kPoints * problem.dst_blocks() * panel_floats());
    workspace_floats_ = static_cast<std::size_t>(threads_ * thread_floats());
    multiply_adds_ = static_cast<double>(problem.batch * tiles_y_ * tiles_x_ * static_cast<std::int64_t>(kPoints)) *
                     static_cast<double>(depth_ * problem.filters);
  }

  std::string packing() const override { return "stem"; }
  void pack(const float* weight, float* packed) const override;
  void run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const override;

 private:
  static constexpr std::int64_t kPixels = kMostTiles * kOutputs + kTaps - 1;  // along a row of a block of tiles

  std::int64_t panel_floats() const { return depth_ * kBlock; }
  std::int64_t thread_floats() const {
    return kSide * kPixels * kBlock + kPoints * (src_point(kMostTiles) + dst_point(kMostTiles));
  }
  /// Floats from a point to the next: a line of the cache more than there are, as 4 * 28 lines would fall into four
  /// sets only.
  std::int64_t src_point(std::int64_t tiles) const { return (tiles + 1) * kBlock; }
  std::int64_t dst_point(std::int64_t tiles) const { return (problem_.dst_blocks() * tiles + 1) * kBlock; }

  void gather(const float* image, std::int64_t y, std::int64_t x, std::int64_t pixels, float* dst) const;
  void run_block(const float* src, const float* packed, const BoundEpilogue& epilogue, std::int64_t n, std::int64_t ty,
                 std::int64_t part, float* workspace) const;

  ConvolutionProblem problem_;
  Isa isa_;
  std::int64_t threads_;
  std::int64_t tiles_x_, tiles_y_, parts_, depth_;
  WinogradTransforms transforms_;
};

void Stem::pack(const float* weight, float* packed) const {
  const ConvolutionProblem& p = problem_;
  const std::int64_t kernel = p.kernel[kHeight];
  std::fill_n(packed, packed_floats_, 0.0f);
  for (std::int64_t f = 0; f < p.filters; ++f) {
    for (std::int64_t k = 0; k < depth_; ++k) {  // channel, then odd or even row, then column
      const std::int64_t c = k / 4, odd_y = k / 2 % 2, odd_x = k % 2;
      for (std::size_t point = 0; point < kPoints; ++point) {
        double sum = 0;
        for (int i = 0; i < kTaps; ++i) {
          for (int j = 0; j < kTaps; ++j) {
            const std::int64_t y = 2 * i + odd_y, x = 2 * j + odd_x;
            if (y >= kernel || x >= kernel) continue;
            sum += weight_factor(point / kSide, i) * weight_factor(point % kSide, j) *
                   weight[((f * p.channels + c) * kernel + y) * kernel + x];
          }
        }
        const std::int64_t panel = static_cast<std::int64_t>(point) * p.dst_blocks() + f / kBlock;
        packed[panel * panel_floats() + k * kBlock + f % kBlock] = static_cast<float>(sum);
      }
    }
  }
}

/// Seven rows of pixels, each pixel its four phases of every channel, from row y and column x of the source on.
void Stem::gather(const float* image, std::int64_t y, std::int64_t x, std::int64_t pixels, float* dst) const {
  const std::int64_t height = problem_.src[kHeight], width = problem_.src[kWidth];
  // Pixels [first, last) have both columns inside.
  const std::int64_t first = std::clamp<std::int64_t>(ceil_div(std::max<std::int64_t>(-x, 0), 2), 0, pixels);
  const std::int64_t last = std::clamp<std::int64_t>((width - x) / 2, first, pixels);
  for (std::int64_t row = 0; row < kSide; ++row) {
    for (std::int64_t half = 0; half < depth_ / 2; ++half) {  // a channel's even or odd row
      const std::int64_t at = y + 2 * row + half % 2;
      float* to = dst + row * kPixels * kBlock + 2 * half;
      const bool inside = at >= 0 && at < height;
      const float* from = image + (half / 2 * height + (inside ? at : 0)) * width + x;
      const auto copy_one = [&](std::int64_t pixel) {
        for (std::int64_t odd = 0; odd < 2; ++odd) {
          const std::int64_t column = x + 2 * pixel + odd;
          to[pixel * kBlock + odd] = inside && column >= 0 && column < width ? from[2 * pixel + odd] : 0.0f;
        }
      };
      for (std::int64_t pixel = 0; pixel < first; ++pixel) copy_one(pixel);
      if (inside) {
        for (std::int64_t pixel = first; pixel < last; ++pixel) {
          std::memcpy(to + pixel * kBlock, from + 2 * pixel, 2 * sizeof(float));
        }
      } else {
        for (std::int64_t pixel = first; pixel < last; ++pixel) to[pixel * kBlock] = to[pixel * kBlock + 1] = 0;
      }
      for (std::int64_t pixel = last; pixel < pixels; ++pixel) copy_one(pixel);
    }
  }
}

void Stem::run_block(const float* src, const float* packed, const BoundEpilogue& epilogue, std::int64_t n,
                     std::int64_t ty, std::int64_t part, float* workspace) const {
  const ConvolutionProblem& p = problem_;
  const std::int64_t first = tiles_x_ * part / parts_, count = tiles_x_ * (part + 1) / parts_ - first;
  float* pixels = workspace;
  float* points = pixels + kSide * kPixels * kBlock;
  float* products = points + kPoints * src_point(count);
  gather(src + n * p.channels * product(p.src), 2 * ty * kOutputs - p.pad[kHeight],
         2 * first * kOutputs - p.pad[kWidth], count * kOutputs + kTaps - 1, pixels);

  WinogradMap map;
  map.src_height = kSide;
  map.src_width = static_cast<int>(kPixels);
  map.tiles_y = 1;
  map.tiles_x = static_cast<int>(count);
  transforms_.input(map, pixels, 0, static_cast<int>(count), points, src_point(count));

  const bool avx512 = isa_ == Isa::avx512;
  const std::int64_t most = avx512 ? avx512::kMaxPixels : avx2::kMaxPixels, groups = ceil_div(count, most);
  static constexpr std::int64_t no_taps[] = {0};
  Multiply call;
  call.taps = no_taps;
  call.last_depth = static_cast<int>(depth_);
  for (std::int64_t point = 0; point < kPoints; ++point) {
    for (std::int64_t group = 0; group < groups; ++group) {
      const std::int64_t tile = count * group / groups, tiles = count * (group + 1) / groups - tile;
      const auto kernel = (avx512 ? avx512::multiply_kernel : avx2::multiply_kernel)(1, static_cast<int>(tiles), 1);
      call.src = points + point * src_point(count) + tile * kBlock;
      for (std::int64_t o = 0; o < p.dst_blocks(); ++o) {
        call.weight = packed + (point * p.dst_blocks() + o) * panel_floats();
        call.dst = products + point * dst_point(count) + (o * count + tile) * kBlock;
        kernel(call);
      }
    }
  }

  map.dst_height = static_cast<int>(p.dst[kHeight]);
  map.dst_width = static_cast<int>(p.dst[kWidth]);
  map.first_y = static_cast<int>(ty * kOutputs);
  map.first_x = static_cast<int>(first * kOutputs);
  for (std::int64_t o = 0; o < p.dst_blocks(); ++o) {
    Tile out;
    out.offset = (n * p.dst_blocks() + o) * product(p.dst) * kBlock;
    out.channel = static_cast<int>(o * kBlock);
    out.lanes = static_cast<int>(std::min(kBlock, p.filters - o * kBlock));
    transforms_.output(map, products + o * count * kBlock, dst_point(count), 0, static_cast<int>(count), epilogue, out);
  }
}

void Stem::run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const {
  const int planned = static_cast<int>(std::min<std::int64_t>(threads_, omp_get_max_threads()));
#pragma omp parallel num_threads(planned)
  {
    float* own = workspace + omp_get_thread_num() * thread_floats();
    std::fill_n(own, kSide * kPixels * kBlock, 0.0f);  // lanes that no channel fills
    const Share share = share_of(problem_.batch * tiles_y_ * parts_);
    for (std::int64_t i = share.first; i < share.last; ++i) {
      run_block(src, packed, epilogue, i / (tiles_y_ * parts_), i / parts_ % tiles_y_, i % parts_, own);
    }
  }
}

}  // namespace

ConvolutionOffer make_stem(const ConvolutionProblem& problem, Isa isa) {
  if (std::string reason = lacks(problem, isa); !reason.empty()) return reason;
  const auto square = [](const Extent& e, std::int64_t n) {
    return e[kDepth] == 1 && e[kHeight] == n && e[kWidth] == n;
  };
  if (!square(problem.kernel, 7) || !square(problem.stride, 2) || !square(problem.dilate, 1)) {
    return fmt::format("the window is {}x{}x{} with stride {}, not 7x7 with 2", problem.kernel[0], problem.kernel[1],
                       problem.kernel[2], problem.stride[2]);
  }
  if (problem.channels > 4) return fmt::format("the data has {} channels, more than 4", problem.channels);
  if (problem.groups != 1) return fmt::format("num_group is {}, not 1", problem.groups);
  if (problem.src[kDepth] != 1 || problem.dst[kDepth] != 1) return "the data has three spatial axes";
  return std::make_unique<Stem>(problem, isa);
}

}  // namespace tenon::cpu
