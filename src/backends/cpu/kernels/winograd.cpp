// Winograd's convolution: tiles of the source and the weights become points; at each point the channels meet the
// filters as in a matrix product; the products become tiles of the output. F(4,3) needs a quarter of the direct
// multiplications, F(6,3) a fifth, F(2,3) four ninths, at a rounding error a few times the direct one's. Tiles are
// taken in blocks that stay in the L2 cache from the first transform to the last.

#include "backends/cpu/kernels/winograd.h"

#include <omp.h>

#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "backends/cpu/kernels/convolution.h"
#include "backends/cpu/kernels/multiply.h"
#include "backends/cpu/kernels/share.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kBlock = 16;
constexpr std::size_t kDepth = 0, kHeight = 1, kWidth = 2;

/// Weights into points, for F(2,3), F(3,3), F(4,3) and F(6,3); the inputs' and outputs' matrices are in
/// isa/winograd.cpp.
using WeightMatrix = std::array<std::array<double, 3>, 8>;
constexpr WeightMatrix kWeights2{{{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}}};
constexpr WeightMatrix kWeights3{
    {{.5, 0, 0}, {-.5, -.5, -.5}, {-1 / 6., 1 / 6., -1 / 6.}, {1 / 6., 2 / 6., 4 / 6.}, {0, 0, 1}}};
constexpr WeightMatrix kWeights4{{{1 / 4., 0, 0},
                                  {-1 / 6., -1 / 6., -1 / 6.},
                                  {-1 / 6., 1 / 6., -1 / 6.},
                                  {1 / 24., 1 / 12., 1 / 6.},
                                  {1 / 24., -1 / 12., 1 / 6.},
                                  {0, 0, 1}}};
constexpr WeightMatrix kWeights6{{{-1, 0, 0},
                                  {-2 / 9., -2 / 9., -2 / 9.},
                                  {-2 / 9., 2 / 9., -2 / 9.},
                                  {1 / 90., 1 / 45., 2 / 45.},
                                  {1 / 90., -1 / 45., 2 / 45.},
                                  {32 / 45., 16 / 45., 8 / 45.},
                                  {32 / 45., -16 / 45., 8 / 45.},
                                  {0, 0, 1}}};

const WeightMatrix& weight_matrix(int outputs) {
  return outputs == 2 ? kWeights2 : outputs == 3 ? kWeights3 : outputs == 4 ? kWeights4 : kWeights6;
}

/// Of tap `tap` of a line of `taps` at a point: as above for 3; for 7 at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity,
/// powers over the products of the distances to the other points.
double line_factor(std::int64_t taps, std::size_t point, std::size_t tap) {
  constexpr std::array<double, 7> at{0, 1, -1, 2, -2, .5, -.5};
  constexpr std::array<double, 7> norm{-1, -4.5, -4.5, 90, 90, 1.40625, 1.40625};
  if (taps == 3) return kWeights4[point][tap];
  if (point == at.size()) return tap == 6 ? 1 : 0;
  return std::pow(at[point], tap) / norm[point];
}

/// Stride 2: the even taps, 0 and 2, at outputs + 1 points; the odd one at all but the last.
struct PhaseMatrix {
  std::array<std::array<double, 2>, 5> even;
  std::array<double, 4> odd;
};
constexpr PhaseMatrix kPhases2{{{{-1, 0}, {1, 1}, {0, 1}}}, {-1, 1}};
constexpr PhaseMatrix kPhases4{{{{.5, 0}, {-.5, -.5}, {-1 / 6., 1 / 6.}, {1 / 6., 2 / 6.}, {0, 1}}},
                               {.5, -.5, -1 / 6., 1 / 6.}};

/// One number for each filter of a block, and 3x3 windows of them, tap by tap; zero where there is no filter.
using Lanes = std::array<double, kBlock>;
using Taps = std::array<Lanes, 9>;

Lanes combine(const std::array<double, 3>& factors, const std::array<const Lanes*, 3>& lanes) {
  Lanes sum;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] = (*lanes[0])[i] * factors[0] + (*lanes[1])[i] * factors[1] + (*lanes[2])[i] * factors[2];
  }
  return sum;
}

/// Where the weights of a channel go: the panel that its row is a part of.
struct PackedRow {
  float* panel;
  std::int64_t channel;
  bool narrow;

  PackedRow behind(std::int64_t floats) const { return {panel + floats, channel, narrow}; }
  void put(const Lanes& lanes) const {
    for (std::int64_t i = 0; i < kBlock; ++i) {
      put_weight(panel, narrow, channel, i, static_cast<float>(lanes[static_cast<std::size_t>(i)]));
    }
  }
};

/// A part of the output map with tiles of one size.
struct Region {
  int rows, columns;   // of a tile
  int taps_y, taps_x;  // of the window
  bool phases;         // stride 2
  WinogradMap map;
  WinogradTransforms transforms;
  std::int64_t weight = 0;  // where its weights begin in the packed ones
  std::int64_t tiles = 0, block = 0;

  bool line() const { return taps_y == 1 || taps_x == 1; }
  int points() const { return phases ? (rows + 1) * (columns + 1) : (rows + taps_y - 1) * (columns + taps_x - 1); }
  /// How many sources are summed at a point, and in all points before.
  int slots_of(int point) const { return phases ? phase_count(rows, point) : 1; }
  int first_slot(int point) const {
    int slot = 0;
    for (int p = 0; p < point; ++p) slot += slots_of(p);
    return slot;
  }
  int slots() const { return first_slot(points()); }
};

class Winograd final : public Convolution {
 public:
  Winograd(const ConvolutionProblem& problem, WinogradTiles tiles, Isa isa, std::int64_t block)
      : problem_(problem), isa_(isa), threads_(omp_get_max_threads()) {
    const int height = static_cast<int>(problem.dst[kHeight]), width = static_cast<int>(problem.dst[kWidth]);
    switch (tiles) {
      case WinogradTiles::f22:
        add_region(2, 2, 0, 0, height, width);
        break;
      case WinogradTiles::f33:
        add_region(3, 3, 0, 0, height, width);
        break;
      case WinogradTiles::f44:
        add_region(4, 4, 0, 0, height, width);
        break;
      case WinogradTiles::f66:
        add_region(6, 6, 0, 0, height, width);
        break;
      case WinogradTiles::f42:
        add_region(4, 2, 0, 0, height, width);
        break;
      case WinogradTiles::phases22:
        add_region(2, 2, 0, 0, height, width);
        break;
      case WinogradTiles::phases44:
        add_region(4, 4, 0, 0, height, width);
        break;
      case WinogradTiles::line:
        add_region(line_outputs(problem.kernel[kHeight]), line_outputs(problem.kernel[kWidth]), 0, 0, height, width);
        break;
      case WinogradTiles::mixed: {
        const int small = width % 4, high = height / 4 * 4, wide = width / 4 * 4;
        add_region(4, 4, 0, 0, high, wide);
        add_region(4, small, 0, wide, high, small);
        add_region(small, 4, high, 0, small, wide);
        add_region(small, small, high, wide, small, small);
        break;
      }
    }
    double at_points = 0;
    for (Region& region : regions_) {
      at_points += static_cast<double>(region.tiles * region.slots());
      region.weight = static_cast<std::int64_t>(packed_floats_);
      packed_floats_ += static_cast<std::size_t>(region.slots() * slot_weights());
      choose_block(region, block);
      const std::int64_t buffer =
          region.slots() * src_point(region, region.block) + region.points() * dst_point(region.block);
      thread_floats_ = std::max(thread_floats_, buffer);
    }
    workspace_floats_ = static_cast<std::size_t>(thread_floats_ * threads_);
    multiply_adds_ = at_points * static_cast<double>(problem.channels * problem.filters);
  }

  std::string packing() const override {
    std::string text = regions_[0].phases ? "winograd phases" : "winograd";
    for (const Region& region : regions_) text += fmt::format(" {}x{}", region.rows, region.columns);
    return problem_.narrow ? text + ", bfloat16" : text;
  }
  void pack(const float* weight, float* packed) const override;
  void run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const override;

 private:
  /// Floats from a point to the next. One line of the cache more than there are, so that a tile's points do not all
  /// fall into one set (16 tiles of 256 channels are 16 KB). Slots that are summed follow each other without a gap.
  std::int64_t src_point(const Region& region, std::int64_t tiles) const {
    return (problem_.src_blocks() * tiles + (region.phases ? 0 : 1)) * problem_.src_words();
  }
  std::int64_t dst_point(std::int64_t tiles) const { return (problem_.dst_blocks() * tiles + 1) * kBlock; }

  std::int64_t panel_floats() const { return problem_.src_blocks() * problem_.src_words() * kBlock; }
  std::int64_t slot_weights() const { return problem_.dst_blocks() * panel_floats(); }
  /// Of its points and its products.
  std::int64_t tile_floats(const Region& region) const {
    return region.slots() * problem_.src_blocks() * problem_.src_words() +
           region.points() * problem_.dst_blocks() * kBlock;
  }

  /// Those of a block of filters over a channel.
  Taps taps_of(const float* weight, std::int64_t block, std::int64_t channel) const;
  void pack_windows(const Region& region, const Taps& taps, const PackedRow& to) const;
  void pack_phases(const Region& region, const Taps& taps, std::int64_t block, const PackedRow& to) const;
  void pack_line(const float* weight, std::int64_t block, const PackedRow& to) const;

  void add_region(int rows, int columns, int first_y, int first_x, int height, int width) {
    const bool phases = problem_.stride[kHeight] == 2;
    Region region{
        rows, columns, static_cast<int>(problem_.kernel[kHeight]), static_cast<int>(problem_.kernel[kWidth]), phases,
        {},   {}};
    WinogradMap& map = region.map;
    map.src_height = static_cast<int>(problem_.src[kHeight]);
    map.src_width = static_cast<int>(problem_.src[kWidth]);
    map.dst_height = static_cast<int>(problem_.dst[kHeight]);
    map.dst_width = static_cast<int>(problem_.dst[kWidth]);
    map.pad_y = static_cast<int>(problem_.pad[kHeight]);
    map.pad_x = static_cast<int>(problem_.pad[kWidth]);
    map.first_y = first_y;
    map.first_x = first_x;
    map.tiles_y = static_cast<int>(ceil_div(height, rows));
    map.tiles_x = static_cast<int>(ceil_div(width, columns));
    map.src_image = problem_.src_blocks() * product(problem_.src) * kBlock;
    map.dst_image = problem_.dst_blocks() * product(problem_.dst) * kBlock;
    const auto phase_transforms = problem_.narrow       ? avx512_bf16::winograd_phase_transforms
                                  : isa_ == Isa::avx512 ? avx512::winograd_phase_transforms
                                                        : avx2::winograd_phase_transforms;
    const auto line_transforms =
        isa_ == Isa::avx512 ? avx512::winograd_line_transforms : avx2::winograd_line_transforms;
    const auto square_transforms = problem_.narrow       ? avx512_bf16::winograd_transforms
                                   : isa_ == Isa::avx512 ? avx512::winograd_transforms
                                                         : avx2::winograd_transforms;
    region.transforms = phases          ? phase_transforms(rows)
                        : region.line() ? line_transforms(region.taps_y, region.taps_x)
                                        : square_transforms(rows, columns);
    region.tiles = problem_.batch * map.tiles_y * map.tiles_x;
    regions_.push_back(region);
  }

  /// Points of a block's tiles and of its products fit into the L2 cache beside the weights of a point; where the
  /// weights themselves come from farther away, more tiles share them (512@7, batch 16: 12.6 instead of 14.4 ms).
  void choose_block(Region& region, std::int64_t wanted) const {
    constexpr std::int64_t cache = 1 << 20, large_weights = 4 << 20;
    constexpr std::int64_t fewest_own = 12;  // tiles of a thread: below, the multipliers wait for the weights
    const std::int64_t tile = tile_floats(region) * 4;
    const bool large = region.slots() * slot_weights() * 4 > large_weights;
    std::int64_t most = wanted > 0 ? wanted : std::max<std::int64_t>(cache / tile, large ? 64 : 28);
    most = std::min(most, region.tiles);
    // As many blocks for each thread, which then need not share one and pass its points from core to core.
    std::int64_t blocks = ceil_div(region.tiles, most);
    const bool each_its_own = blocks > threads_ || (!large && region.tiles >= fewest_own * threads_);
    if (each_its_own) blocks = ceil_div(blocks, threads_) * threads_;
    region.block = ceil_div(region.tiles, blocks);
  }

  void run_block(const Region& region, std::int64_t first, const float* src, const float* packed,
                 const BoundEpilogue& epilogue, float* workspace, Share blocks, Share panels, bool shared) const;

  ConvolutionProblem problem_;
  Isa isa_;
  std::int64_t threads_;
  std::vector<Region> regions_;
  std::int64_t thread_floats_ = 0;
};

Taps Winograd::taps_of(const float* weight, std::int64_t block, std::int64_t channel) const {
  Taps taps{};
  if (channel >= problem_.channels) return taps;
  const std::int64_t lanes = std::min(kBlock, problem_.filters - block * kBlock);
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    const float* window = weight + ((block * kBlock + lane) * problem_.channels + channel) * 9;
    for (std::size_t tap = 0; tap < taps.size(); ++tap) taps[tap][static_cast<std::size_t>(lane)] = window[tap];
  }
  return taps;
}

void Winograd::pack(const float* weight, float* packed) const {
#pragma omp parallel
  {
    const Share share = share_of(problem_.dst_blocks() * problem_.src_blocks() * kBlock);
    for (std::int64_t i = share.first; i < share.last; ++i) {
      const std::int64_t block = i / (problem_.src_blocks() * kBlock), channel = i % (problem_.src_blocks() * kBlock);
      if (regions_[0].line()) {
        pack_line(weight, block, {packed + block * panel_floats(), channel, problem_.narrow});
        continue;
      }
      const Taps taps = taps_of(weight, block, channel);
      for (const Region& region : regions_) {
        const PackedRow to{packed + region.weight, channel, problem_.narrow};
        if (region.phases) {
          pack_phases(region, taps, block, to);
        } else {
          pack_windows(region, taps, to.behind(block * panel_floats()));
        }
      }
    }
  }
}

void Winograd::pack_windows(const Region& region, const Taps& taps, const PackedRow& to) const {
  const WeightMatrix &down = weight_matrix(region.rows), &across = weight_matrix(region.columns);
  const auto high = static_cast<std::size_t>(region.rows + 2), wide = static_cast<std::size_t>(region.columns + 2);
  for (std::size_t a = 0; a < high; ++a) {
    const std::array<Lanes, 3> half{combine(down[a], {&taps[0], &taps[3], &taps[6]}),
                                    combine(down[a], {&taps[1], &taps[4], &taps[7]}),
                                    combine(down[a], {&taps[2], &taps[5], &taps[8]})};
    for (std::size_t b = 0; b < wide; ++b) {
      to.behind(static_cast<std::int64_t>(a * wide + b) * slot_weights())
          .put(combine(across[b], {&half[0], &half[1], &half[2]}));
    }
  }
}

void Winograd::pack_line(const float* weight, std::int64_t block, const PackedRow& to) const {
  const std::int64_t taps = product(problem_.kernel), lanes = std::min(kBlock, problem_.filters - block * kBlock);
  for (int point = 0; point < regions_[0].points(); ++point) {
    Lanes sum{};
    for (std::int64_t lane = 0; lane < lanes && to.channel < problem_.channels; ++lane) {
      const float* window = weight + ((block * kBlock + lane) * problem_.channels + to.channel) * taps;
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        sum[static_cast<std::size_t>(lane)] +=
            line_factor(taps, static_cast<std::size_t>(point), static_cast<std::size_t>(tap)) * window[tap];
      }
    }
    to.behind(point * slot_weights()).put(sum);
  }
}

/// At each point the panels of a block of filters follow each other, phase by phase.
void Winograd::pack_phases(const Region& region, const Taps& taps, std::int64_t block, const PackedRow& to) const {
  const PhaseMatrix& matrix = region.rows == 2 ? kPhases2 : kPhases4;
  const int side = region.rows + 1;
  const auto factors = [&](int point, int odd) -> std::array<double, 3> {
    const auto i = static_cast<std::size_t>(point);
    if (odd != 0) return {0, matrix.odd[i], 0};
    return {matrix.even[i][0], 0, matrix.even[i][1]};
  };
  for (int point = 0; point < region.points(); ++point) {
    const int a = point / side, b = point % side, first = region.first_slot(point);
    for (int odd_y = 0; odd_y < (a == region.rows ? 1 : 2); ++odd_y) {
      const std::array<double, 3> down = factors(a, odd_y);
      const std::array<Lanes, 3> half{combine(down, {&taps[0], &taps[3], &taps[6]}),
                                      combine(down, {&taps[1], &taps[4], &taps[7]}),
                                      combine(down, {&taps[2], &taps[5], &taps[8]})};
      for (int odd_x = 0; odd_x < (b == region.rows ? 1 : 2); ++odd_x) {
        const int phase = phase_slot(region.rows, point, odd_y, odd_x) - first;
        const std::int64_t panel = block * region.slots_of(point) + phase;
        to.behind(first * slot_weights() + panel * panel_floats())
            .put(combine(factors(b, odd_x), {&half[0], &half[1], &half[2]}));
      }
    }
  }
}

/// One block of tiles: these blocks of channels into points, then these panels of filters. With `shared`, other threads
/// take the other ones and wait for each other in between.
void Winograd::run_block(const Region& region, std::int64_t first, const float* src, const float* packed,
                         const BoundEpilogue& epilogue, float* workspace, Share blocks, Share panels,
                         bool shared) const {
  const ConvolutionProblem& p = problem_;
  const std::int64_t count = std::min(region.block, region.tiles - first);
  const std::int64_t words = p.src_words(), src_step = src_point(region, count), dst_step = dst_point(count);
  float* points = workspace;
  float* products = workspace + region.slots() * src_step;
  for (std::int64_t block = blocks.first; block < blocks.last; ++block) {
    region.transforms.input(region.map, src + block * product(p.src) * words, static_cast<int>(first),
                            static_cast<int>(count), points + block * count * words, src_step / words * kBlock);
  }
  if (shared) {
#pragma omp barrier
  }

  const bool avx512 = isa_ == Isa::avx512;
  const std::int64_t parts = ceil_div(count, avx512 ? avx512::kMaxPixels : avx2::kMaxPixels);
  const auto kernel = p.narrow ? avx512_bf16::multiply_kernel
                      : avx512 ? avx512::multiply_kernel
                               : avx2::multiply_kernel;
  static constexpr std::int64_t no_taps[] = {0};
  Multiply call;
  call.src_block = count * words;
  call.taps = no_taps;
  call.last_depth = static_cast<int>(region.phases ? words : p.last_words());
  std::int64_t slot = 0;
  for (int point = 0; point < region.points(); slot += region.slots_of(point), ++point) {
    const int slots = region.slots_of(point);
    call.blocks = slots * static_cast<int>(p.src_blocks());
    for (std::int64_t o = panels.first; o < panels.last; ++o) {
      call.weight = packed + region.weight + slot * slot_weights() + o * slots * panel_floats();
      for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t tile = count * part / parts, tiles = count * (part + 1) / parts - tile;
        call.src = points + slot * src_step + tile * words;
        call.dst = products + point * dst_step + (o * count + tile) * kBlock;
        kernel(1, static_cast<int>(tiles), 1)(call);
      }
    }
  }

  for (std::int64_t o = panels.first; o < panels.last; ++o) {
    Tile out;
    out.offset = o * product(p.dst) * kBlock;
    out.channel = static_cast<int>(o * kBlock);
    out.lanes = static_cast<int>(std::min(kBlock, p.filters - o * kBlock));
    region.transforms.output(region.map, products + o * count * kBlock, dst_step, static_cast<int>(first),
                             static_cast<int>(count), epilogue, out);
  }
}

void Winograd::run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const {
  const ConvolutionProblem& p = problem_;
  const int planned = static_cast<int>(std::min<std::int64_t>(threads_, omp_get_max_threads()));
#pragma omp parallel num_threads(planned)
  {
    for (const Region& region : regions_) {
      const std::int64_t blocks = ceil_div(region.tiles, region.block), threads = omp_get_num_threads();
      if (threads == 1 || blocks >= 4 * threads || blocks % threads == 0) {
        float* own = workspace + omp_get_thread_num() * thread_floats_;
        const Share share = share_of(blocks);
        for (std::int64_t i = share.first; i < share.last; ++i) {
          run_block(region, i * region.block, src, packed, epilogue, own, {0, p.src_blocks()}, {0, p.dst_blocks()},
                    false);
        }
#pragma omp barrier
      } else {
        for (std::int64_t i = 0; i < blocks; ++i) {
          run_block(region, i * region.block, src, packed, epilogue, workspace, share_of(p.src_blocks()),
                    share_of(p.dst_blocks()), true);
#pragma omp barrier
        }
      }
    }
  }
}

}  // namespace

ConvolutionOffer make_winograd(const ConvolutionProblem& problem, WinogradTiles tiles, Isa isa, std::int64_t block) {
  if (std::string reason = lacks(problem, isa); !reason.empty()) return reason;
  if (problem.narrow && tiles != WinogradTiles::f22 && tiles != WinogradTiles::phases22) {
    return "bfloat16 loses too many digits at the points of larger tiles than 2x2";
  }
  const auto square = [](const Extent& e, std::int64_t n) { return e[kHeight] == n && e[kWidth] == n; };
  const Extent& window = problem.kernel;
  if (tiles == WinogradTiles::line) {
    const std::int64_t taps = product(window);
    if ((taps != 3 && taps != 7) || std::max(window[kHeight], window[kWidth]) != taps) {
      return fmt::format("the window is {}x{}x{}, not a line of 3 or 7 along a map", window[0], window[1], window[2]);
    }
  } else if (!square(window, 3) || window[kDepth] != 1) {
    return fmt::format("the window is {}x{}x{}, not 3x3", window[0], window[1], window[2]);
  }
  const int stride = tiles == WinogradTiles::phases22 || tiles == WinogradTiles::phases44 ? 2 : 1;
  if (!square(problem.stride, stride)) {
    return fmt::format("the stride is {}x{}, not {}", problem.stride[1], problem.stride[2], stride);
  }
  if (!square(problem.dilate, 1))
    return fmt::format("the window is dilated by {}x{}", problem.dilate[1], problem.dilate[2]);
  if (problem.groups != 1) return fmt::format("num_group is {}, not 1", problem.groups);
  if (problem.src[kDepth] != 1 || problem.dst[kDepth] != 1 || problem.pad[kDepth] != 0) {
    return "the data has three spatial axes";
  }
  if (tiles == WinogradTiles::mixed) {
    const std::int64_t height = problem.dst[kHeight] % 4, width = problem.dst[kWidth] % 4;
    if (height != width || height < 2 || problem.dst[kHeight] < 4 || problem.dst[kWidth] < 4) {
      return fmt::format("a map of {}x{} is not made of tiles of 4 and one last row and column of 2 or 3",
                         problem.dst[kHeight], problem.dst[kWidth]);
    }
  }
  return std::make_unique<Winograd>(problem, tiles, isa, block);
}

std::string_view name(WinogradTiles tiles) {
  switch (tiles) {
    case WinogradTiles::f22:
      return "winograd-f22";
    case WinogradTiles::f33:
      return "winograd-f33";
    case WinogradTiles::f44:
      return "winograd-f44";
    case WinogradTiles::f66:
      return "winograd-f66";
    case WinogradTiles::f42:
      return "winograd-f42";
    case WinogradTiles::phases22:
      return "winograd-phases-f22";
    case WinogradTiles::phases44:
      return "winograd-phases-f44";
    case WinogradTiles::line:
      return "winograd-line";
    case WinogradTiles::mixed:
      break;
  }
  return "winograd-mixed";
}

}  // namespace tenon::cpu
