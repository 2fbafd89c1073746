// Direct convolution. Where the window reaches over the border or strides over columns, the source is first copied with
// its border of zeros, columns of equal remainder by the stride together; so the register tiles see neighbouring pixels
// and never a border. The copy costs about 1 / (filters * taps) of the work.

#include <omp.h>

#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "backends/cpu/kernels/convolution.h"
#include "backends/cpu/kernels/group_blocks.h"
#include "backends/cpu/kernels/multiply.h"
#include "backends/cpu/kernels/share.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kBlock = 16;
constexpr int kDepth = 0, kHeight = 1, kWidth = 2;

/// Weights up to here stay in the L2 cache beside a part of the source.
constexpr std::int64_t kSmallWeights = 512 << 10;
constexpr std::int64_t kSourcePart = 256 << 10;
/// Sources of several images that stay in the L3 cache while large weights stream by.
constexpr std::int64_t kSourceGroup = 4 << 20;

/// Pixels that are worth a thread of their own.
constexpr std::int64_t kFewPixels = 20;

/// A register tile of an image: where it begins, and the kernels for one panel of filters and for two.
struct PlacedTile {
  std::int64_t src, dst_pixel;
  int pixels;
  MultiplyKernel one, two;
};

class Direct final : public Convolution {
 public:
  Direct(const ConvolutionProblem& problem, Isa isa)
      : problem_(problem), isa_(isa), words_(problem.src_words()), threads_(omp_get_max_threads()), groups_(problem) {
    pointwise_ = product(problem.kernel) == 1;
    for (std::size_t i = 0; i < 3; ++i) {
      reach_[i] = (problem.dst[i] - 1) * problem.stride[i] + (problem.kernel[i] - 1) * problem.dilate[i] + 1;
      copies_ |= problem.pad[i] != 0 || reach_[i] > problem.src[i] || (pointwise_ && problem.stride[i] != 1);
    }
    copies_ |= problem.stride[kWidth] != 1;
    lay_out_source();
    place_tiles();
    choose_order();
    packed_floats_ = static_cast<std::size_t>(problem.dst_blocks() * panel_floats());
  }

  std::string packing() const override {
    return fmt::format("direct, {} groups{}", problem_.groups, problem_.narrow ? ", bfloat16" : "");
  }
  void pack(const float* weight, float* packed) const override;
  void run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const override;

 private:
  std::int64_t panel_floats() const {
    return groups_.count * static_cast<std::int64_t>(taps_.size()) * words_ * kBlock;
  }

  /// Distances in the source that the tiles read: the problem's own or the copy.
  void lay_out_source() {
    const ConvolutionProblem& p = problem_;
    const std::int64_t stride = p.stride[kWidth];
    phase_pixels_ = ceil_div(reach_[kWidth], stride);
    if (!copies_) {
      row_ = p.src[kWidth] * words_;
      plane_ = p.src[kHeight] * row_;
      block_ = p.src[kDepth] * plane_;
    } else if (pointwise_) {  // only the pixels that are read
      row_ = p.dst[kWidth] * words_;
      plane_ = p.dst[kHeight] * row_;
      block_ = p.dst[kDepth] * plane_;
    } else {
      row_ = stride * phase_pixels_ * words_;
      plane_ = reach_[kHeight] * row_;
      block_ = reach_[kDepth] * plane_;
    }
    for (std::int64_t d = 0; d < p.kernel[kDepth]; ++d) {
      for (std::int64_t h = 0; h < p.kernel[kHeight]; ++h) {
        for (std::int64_t w = 0; w < p.kernel[kWidth]; ++w) {
          const std::int64_t column = w * p.dilate[kWidth];
          const std::int64_t pixel = copies_ ? column % stride * phase_pixels_ + column / stride : column;
          taps_.push_back(d * p.dilate[kDepth] * plane_ + h * p.dilate[kHeight] * row_ + pixel * words_);
        }
      }
    }
  }

  void place_tiles() {
    const bool avx512 = isa_ == Isa::avx512;
    const int most = avx512 ? avx512::kMaxPixels : avx2::kMaxPixels;
    const auto kernel = problem_.narrow ? avx512_bf16::multiply_kernel
                        : avx512        ? avx512::multiply_kernel
                                        : avx2::multiply_kernel;
    Extent dst = problem_.dst, stride = problem_.stride;
    if (pointwise_) {  // one long row
      dst = {1, 1, product(dst)};
      stride = {1, 1, 1};
    }
    const std::int64_t columns = dst[kWidth];
    const auto rows_at_a_time = static_cast<int>(std::clamp<std::int64_t>(columns < 2 ? 1 : most / columns, 1, 4));
    std::int64_t parts = ceil_div(columns, most);
    // As many for each thread, so that all take the same pixels of every panel.
    if (pointwise_ && columns >= kFewPixels * threads_) parts = ceil_div(parts, threads_) * threads_;
    for (std::int64_t d = 0; d < dst[kDepth]; ++d) {
      for (std::int64_t h = 0; h < dst[kHeight]; h += rows_at_a_time) {
        const int rows = static_cast<int>(std::min<std::int64_t>(rows_at_a_time, dst[kHeight] - h));
        for (std::int64_t part = 0; part < parts; ++part) {
          const std::int64_t first = columns * part / parts;
          const int width = static_cast<int>(columns * (part + 1) / parts - first);
          const std::int64_t src = d * stride[kDepth] * plane_ + h * stride[kHeight] * row_ + first * words_;
          tiles_.push_back({src, (d * dst[kHeight] + h) * columns + first, rows * width, kernel(rows, width, 1),
                            kernel(rows, width, 2)});
        }
      }
    }
    // Few pixels leave the multipliers waiting for each other: two panels at a time.
    panels_ = 2;
    for (const PlacedTile& tile : tiles_) {
      if (tile.two == nullptr || tile.pixels * 4 > most) panels_ = 1;
    }
    if (problem_.dst_blocks() < 2 || problem_.groups > 1) panels_ = 1;
  }

  /// Small weights stay in the cache while the source streams by in parts; large ones stream by a group of images.
  void choose_order() {
    const std::int64_t image = problem_.src_blocks() * block_;
    const std::int64_t weights = problem_.dst_blocks() * panel_floats();
    weights_outer_ = weights * static_cast<std::int64_t>(sizeof(float)) > kSmallWeights;
    const auto tiles = static_cast<std::int64_t>(tiles_.size());
    const std::int64_t image_bytes = image * static_cast<std::int64_t>(sizeof(float));
    part_tiles_ = std::max<std::int64_t>(1, tiles * kSourcePart / std::max(image_bytes, kSourcePart));
    const bool alike = problem_.batch % threads_ != 0 && tiles % threads_ == 0;
    own_tiles_ = weights_outer_ && pointwise_ && threads_ > 1 && alike && tiles >= 4 * threads_;
    if (!weights_outer_ && alike) {
      const std::int64_t parts = ceil_div(ceil_div(tiles, part_tiles_), threads_) * threads_;
      part_tiles_ = ceil_div(tiles, parts);
    }
    images_ = weights_outer_ ? std::clamp<std::int64_t>(kSourceGroup / image_bytes, 1, problem_.batch) : 1;
    if (!copies_ && !weights_outer_) images_ = problem_.batch;
    if (copies_) workspace_floats_ = static_cast<std::size_t>(images_ * image);
  }

  void copy_pixel(const float* src, float* dst) const;
  void copy_row(const float* src, std::int64_t column, std::int64_t stride, std::int64_t count, float* dst) const;
  void copy_block(const float* src, float* dst) const;
  void run_tiles(std::int64_t first, std::int64_t last, std::int64_t panel, const float* src, const float* packed,
                 std::int64_t image, const BoundEpilogue& epilogue) const;

  ConvolutionProblem problem_;
  Isa isa_;
  std::int64_t words_;  // of a pixel's 16 channels
  std::int64_t threads_;
  Extent reach_{1, 1, 1};  // of the source with its border, as far as it is read
  bool pointwise_ = false, copies_ = false;
  std::int64_t phase_pixels_ = 0;
  std::int64_t row_ = 0, plane_ = 0, block_ = 0;
  std::vector<std::int64_t> taps_;
  GroupBlocks groups_;
  std::vector<PlacedTile> tiles_;
  int panels_ = 1;
  bool weights_outer_ = false;
  bool own_tiles_ = false;  // a thread takes its pixels for every panel of filters
  std::int64_t part_tiles_ = 1, images_ = 1;
};

void Direct::pack(const float* weight, float* packed) const {
  const ConvolutionProblem& p = problem_;
  const std::int64_t taps = product(p.kernel), group_filters = p.filters / p.groups;
  const std::int64_t group_channels = p.channels / p.groups;
  std::fill_n(packed, packed_floats_, 0.0f);
  for (std::int64_t f = 0; f < p.filters; ++f) {
    float* panel = packed + f / kBlock * panel_floats();
    const std::int64_t first_channel = groups_.first[static_cast<std::size_t>(f / kBlock)] * kBlock;
    for (std::int64_t c = 0; c < group_channels; ++c) {
      const std::int64_t channel = f / group_filters * group_channels + c - first_channel;
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int64_t row = (channel / kBlock * taps + tap) * kBlock + channel % kBlock;
        put_weight(panel, p.narrow, row, f % kBlock, weight[(f * group_channels + c) * taps + tap]);
      }
    }
  }
}

/// 16 channels, by a copy of a known size.
void Direct::copy_pixel(const float* src, float* dst) const {
  if (problem_.narrow) {
    std::memcpy(dst, src, kBlock * sizeof(std::uint16_t));
  } else {
    std::memcpy(dst, src, kBlock * sizeof(float));
  }
}

/// `count` pixels of a row, `stride` apart from `column` on; zero outside.
void Direct::copy_row(const float* src, std::int64_t column, std::int64_t stride, std::int64_t count,
                      float* dst) const {
  const std::int64_t width = problem_.src[kWidth];
  const std::int64_t before = std::clamp<std::int64_t>(ceil_div(std::max<std::int64_t>(-column, 0), stride), 0, count);
  const std::int64_t end = column >= width ? 0 : std::clamp<std::int64_t>(ceil_div(width - column, stride), 0, count);
  std::fill_n(dst, before * words_, 0.0f);
  if (stride == 1) {
    if (end > before) std::copy_n(src + (column + before) * words_, (end - before) * words_, dst + before * words_);
  } else {
    for (std::int64_t i = before; i < end; ++i) {
      copy_pixel(src + (column + i * stride) * words_, dst + i * words_);
    }
  }
  const std::int64_t behind = std::max(before, end);
  std::fill_n(dst + behind * words_, (count - behind) * words_, 0.0f);
}

/// One block of channels with its border.
void Direct::copy_block(const float* src, float* dst) const {
  const ConvolutionProblem& p = problem_;
  const std::int64_t step_d = pointwise_ ? p.stride[kDepth] : 1, step_h = pointwise_ ? p.stride[kHeight] : 1;
  const std::int64_t depth = pointwise_ ? p.dst[kDepth] : reach_[kDepth];
  const std::int64_t height = pointwise_ ? p.dst[kHeight] : reach_[kHeight];
  const std::int64_t stride = p.stride[kWidth], phases = pointwise_ ? 1 : stride;
  const std::int64_t count = pointwise_ ? p.dst[kWidth] : phase_pixels_;
  for (std::int64_t d = 0; d < depth; ++d) {
    for (std::int64_t h = 0; h < height; ++h) {
      const std::int64_t at_d = d * step_d - p.pad[kDepth], at_h = h * step_h - p.pad[kHeight];
      float* row = dst + d * plane_ + h * row_;
      if (at_d < 0 || at_d >= p.src[kDepth] || at_h < 0 || at_h >= p.src[kHeight]) {
        std::fill_n(row, row_, 0.0f);
        continue;
      }
      const float* from = src + (at_d * p.src[kHeight] + at_h) * p.src[kWidth] * words_;
      for (std::int64_t phase = 0; phase < phases; ++phase) {
        copy_row(from, phase - p.pad[kWidth], stride, count, row + phase * count * words_);
      }
    }
  }
}

void Direct::run_tiles(std::int64_t first, std::int64_t last, std::int64_t panel, const float* src, const float* packed,
                       std::int64_t image, const BoundEpilogue& epilogue) const {
  alignas(64) float sums[2 * avx512::kMaxPixels * kBlock];
  const std::int64_t pixels = product(problem_.dst);
  const bool pair = panels_ == 2 && panel + 1 < problem_.dst_blocks();
  Multiply call;
  call.src_block = block_;
  call.src_row = problem_.stride[kHeight] * row_;
  call.taps = taps_.data();
  call.tap_count = static_cast<int>(taps_.size());
  call.blocks = static_cast<int>(groups_.count);
  call.last_depth = groups_.last_depth;
  call.weight = packed + panel * panel_floats();
  call.weight_panel = panel_floats();
  call.dst = sums;
  if (Finish::takes(epilogue)) call.finish.epilogue = &epilogue;
  call.finish.channel = static_cast<int>(panel * kBlock);
  call.finish.offset_panel = pixels * kBlock;
  src += groups_.first[static_cast<std::size_t>(panel)] * block_;
  for (std::int64_t t = first; t < last; ++t) {
    const PlacedTile& tile = tiles_[static_cast<std::size_t>(t)];
    call.src = src + tile.src;
    call.dst_panel = tile.pixels * kBlock;
    call.finish.offset = ((image * problem_.dst_blocks() + panel) * pixels + tile.dst_pixel) * kBlock;
    (pair ? tile.two : tile.one)(call);
    if (call.finish.epilogue != nullptr) continue;
    for (std::int64_t o = panel; o < panel + (pair ? 2 : 1); ++o) {
      Tile out;
      out.src = sums + (o - panel) * call.dst_panel;
      out.rows = tile.pixels;
      out.offset = ((image * problem_.dst_blocks() + o) * pixels + tile.dst_pixel) * kBlock;
      out.channel = static_cast<int>(o * kBlock);
      out.lanes = static_cast<int>(std::min<std::int64_t>(kBlock, problem_.filters - o * kBlock));
      epilogue.apply(epilogue, out);
    }
  }
}

void Direct::run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const {
  const ConvolutionProblem& p = problem_;
  const std::int64_t src_block = product(p.src) * words_, image = p.src_blocks() * block_;
  const auto tiles = static_cast<std::int64_t>(tiles_.size());
  const std::int64_t parts = ceil_div(tiles, part_tiles_), panels = ceil_div(p.dst_blocks(), panels_);
#pragma omp parallel if (p.operations() > 1e6)
  for (std::int64_t first = 0; first < p.batch; first += images_) {
    const std::int64_t images = std::min(images_, p.batch - first);
    const float* from = src + first * image;
    if (copies_) {
      if (first > 0) {
#pragma omp barrier
      }
      const Share share = share_of(images * p.src_blocks());
      for (std::int64_t i = share.first; i < share.last; ++i) {
        copy_block(src + (first * p.src_blocks() + i) * src_block, workspace + i * block_);
      }
#pragma omp barrier
      from = workspace;
    }
    if (own_tiles_) {
      const Share own = share_of(tiles);
      for (std::int64_t i = 0; i < panels * images; ++i) {
        run_tiles(own.first, own.last, i / images * panels_, from + i % images * image, packed, first + i % images,
                  epilogue);
      }
      continue;
    }
    const Share share = share_of(images * parts * panels);
    for (std::int64_t i = share.first; i < share.last; ++i) {
      const std::int64_t panel = weights_outer_ ? i / (images * parts) : i % panels;
      const std::int64_t n = weights_outer_ ? i / parts % images : i / (parts * panels);
      const std::int64_t part = weights_outer_ ? i % parts : i / panels % parts;
      run_tiles(part * part_tiles_, std::min(tiles, (part + 1) * part_tiles_), panel * panels_, from + n * image,
                packed, first + n, epilogue);
    }
  }
}

}  // namespace

ConvolutionOffer make_direct(const ConvolutionProblem& problem, Isa isa) {
  if (std::string reason = lacks(problem, isa); !reason.empty()) return reason;
  return std::make_unique<Direct>(problem, isa);
}

}  // namespace tenon::cpu
