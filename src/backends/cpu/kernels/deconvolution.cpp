// The transpose of a convolution, taken apart by the stride: the outputs at equal remainders see the same taps, at
// distances that do not depend on the place, and are so a convolution with stride 1 of the source, whose weights are a
// part of the window.
//
//     stride 2, kernel 3, pad 1        even outputs: tap 1            odd outputs: taps 0 and 2
//     y[o] = sum of x[i] w[k], o + 1 = 2 i + k        y[2q] = x[q] w[1]        y[2q + 1] = x[q + 1] w[0] + x[q] w[2]
//
// Where taps reach over the border, the source is copied with zeros around it first.

#include <omp.h>

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/ranges.h>

#include "backends/cpu/kernels/convolution.h"
#include "backends/cpu/kernels/group_blocks.h"
#include "backends/cpu/kernels/multiply.h"
#include "backends/cpu/kernels/share.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kBlock = 16;
constexpr std::size_t kDepth = 0, kHeight = 1, kWidth = 2;

/// The outputs first, first + stride, … along one axis, and what each sees: window element `tap` at source element
/// (its number) + `at`.
struct AxisPhase {
  struct Seen {
    std::int64_t tap, at;
  };
  std::int64_t first, count;
  std::vector<Seen> seen;
};

std::vector<AxisPhase> phases_of(const ConvolutionProblem& p, std::size_t axis) {
  const std::int64_t stride = p.stride[axis];
  std::vector<AxisPhase> phases;
  for (std::int64_t first = 0; first < std::min(stride, p.dst[axis]); ++first) {
    AxisPhase phase{first, ceil_div(p.dst[axis] - first, stride), {}};
    for (std::int64_t tap = 0; tap < p.kernel[axis]; ++tap) {
      const std::int64_t distance = first + p.pad[axis] - tap * p.dilate[axis];
      if (distance % stride == 0) phase.seen.push_back({tap, distance / stride});
    }
    phases.push_back(std::move(phase));
  }
  return phases;
}

/// A phase of all three axes.
struct Phase {
  Extent first, count;
  std::vector<std::int64_t> window;  // the elements of the window, row-major, that it sees
  std::vector<std::int64_t> taps;    // their distances in the source, in floats
  std::int64_t weight = 0;           // where its packed weights begin
};

class Deconvolution final : public Convolution {
 public:
  Deconvolution(const ConvolutionProblem& problem, Isa isa)
      : problem_(problem), isa_(isa), words_(problem.src_words()), groups_(problem) {
    const std::array<std::vector<AxisPhase>, 3> axes{phases_of(problem, kDepth), phases_of(problem, kHeight),
                                                     phases_of(problem, kWidth)};
    for (std::size_t axis = 0; axis < 3; ++axis) choose_border(axes[axis], axis);
    row_ = padded_[kWidth] * words_;
    plane_ = padded_[kHeight] * row_;
    block_ = padded_[kDepth] * plane_;
    for (const AxisPhase& d : axes[kDepth]) {
      for (const AxisPhase& h : axes[kHeight]) {
        for (const AxisPhase& w : axes[kWidth]) add_phase(d, h, w);
      }
    }
    if (copies_) workspace_floats_ = static_cast<std::size_t>(problem.src_blocks() * block_);
  }

  std::string packing() const override {
    std::string text = fmt::format("{} groups{}", problem_.groups, problem_.narrow ? ", bfloat16" : "");
    for (const Phase& phase : phases_) text += fmt::format("; {}", fmt::join(phase.window, " "));
    return text;
  }

  void pack(const float* weight, float* packed) const override {
    const ConvolutionProblem& p = problem_;
    const std::int64_t group_filters = p.filters / p.groups, group_channels = p.channels / p.groups;
    std::fill_n(packed, packed_floats_, 0.0f);
    for (const Phase& phase : phases_) {
      const auto taps = static_cast<std::int64_t>(phase.window.size());
      for (std::int64_t f = 0; f < p.filters; ++f) {
        float* panel = packed + phase.weight + f / kBlock * panel_floats(phase);
        const std::int64_t first_channel = groups_.first[static_cast<std::size_t>(f / kBlock)] * kBlock;
        for (std::int64_t c = 0; c < group_channels; ++c) {
          const std::int64_t channel = f / group_filters * group_channels + c, within = channel - first_channel;
          const float* window = weight + (channel * group_filters + f % group_filters) * product(p.kernel);
          for (std::int64_t tap = 0; tap < taps; ++tap) {
            put_weight(panel, p.narrow, (within / kBlock * taps + tap) * kBlock + within % kBlock, f % kBlock,
                       window[phase.window[static_cast<std::size_t>(tap)]]);
          }
        }
      }
    }
  }

  void run(const float* src, const float* packed, const BoundEpilogue& epilogue, float* workspace) const override {
    const ConvolutionProblem& p = problem_;
    const std::int64_t src_image = p.src_blocks() * product(p.src) * words_;
#pragma omp parallel if (p.operations() > 1e6)
    for (std::int64_t n = 0; n < p.batch; ++n) {
      const float* from = src + n * src_image;
      if (copies_) {
        if (n > 0) {
#pragma omp barrier
        }
        const Share share = share_of(p.src_blocks() * padded_[kDepth] * padded_[kHeight]);
        for (std::int64_t row = share.first; row < share.last; ++row) copy_row(from, row, workspace);
#pragma omp barrier
        from = workspace;
      }
      const std::int64_t rows = p.dst[kDepth] * p.dst[kHeight];
      const Share share = share_of(p.dst_blocks() * rows);
      for (std::int64_t at = share.first; at < share.last; ++at) {
        run_row(from, packed, epilogue, n, at / rows, at % rows);
      }
    }
  }

 private:
  std::int64_t panel_floats(const Phase& phase) const {
    return groups_.count * static_cast<std::int64_t>(phase.taps.size()) * words_ * kBlock;
  }

  /// How far the source has to reach along an axis.
  void choose_border(const std::vector<AxisPhase>& phases, std::size_t axis) {
    std::int64_t first = 0, last = problem_.src[axis] - 1;
    for (const AxisPhase& phase : phases) {
      for (const AxisPhase::Seen& seen : phase.seen) {
        first = std::min(first, seen.at);
        last = std::max(last, seen.at + phase.count - 1);
      }
    }
    before_[axis] = -first;
    padded_[axis] = last - first + 1;
    copies_ |= padded_[axis] != problem_.src[axis];
  }

  void add_phase(const AxisPhase& d, const AxisPhase& h, const AxisPhase& w) {
    Phase phase{{d.first, h.first, w.first}, {d.count, h.count, w.count}, {}, {}};
    for (const AxisPhase::Seen& at_d : d.seen) {
      for (const AxisPhase::Seen& at_h : h.seen) {
        for (const AxisPhase::Seen& at_w : w.seen) {
          phase.window.push_back((at_d.tap * problem_.kernel[kHeight] + at_h.tap) * problem_.kernel[kWidth] + at_w.tap);
          phase.taps.push_back((at_d.at + before_[kDepth]) * plane_ + (at_h.at + before_[kHeight]) * row_ +
                               (at_w.at + before_[kWidth]) * words_);
        }
      }
    }
    phase.weight = static_cast<std::int64_t>(packed_floats_);
    packed_floats_ += static_cast<std::size_t>(problem_.dst_blocks() * panel_floats(phase));
    phases_.push_back(std::move(phase));
  }

  /// Row `row` of the source with its border, counted over blocks, depth and height.
  void copy_row(const float* image, std::int64_t row, float* padded) const {
    const Extent& src = problem_.src;
    const std::int64_t h = row % padded_[kHeight] - before_[kHeight];
    const std::int64_t d = row / padded_[kHeight] % padded_[kDepth] - before_[kDepth];
    const std::int64_t block = row / padded_[kHeight] / padded_[kDepth];
    float* to = padded + row * row_;
    if (h < 0 || h >= src[kHeight] || d < 0 || d >= src[kDepth]) {
      std::fill_n(to, row_, 0.0f);
      return;
    }
    const std::int64_t before = before_[kWidth] * words_, inside = src[kWidth] * words_;
    std::fill_n(to, before, 0.0f);
    std::copy_n(image + ((block * src[kDepth] + d) * src[kHeight] + h) * inside, inside, to + before);
    std::fill_n(to + before + inside, row_ - before - inside, 0.0f);
  }

  /// Row `row` of the outputs, counted over depth and height, of block `o` of the filters: phase by phase along it.
  void run_row(const float* src, const float* packed, const BoundEpilogue& epilogue, std::int64_t n, std::int64_t o,
               std::int64_t row) const {
    const ConvolutionProblem& p = problem_;
    const std::int64_t d = row / p.dst[kHeight], h = row % p.dst[kHeight];
    const std::int64_t phases_w = std::min(p.stride[kWidth], p.dst[kWidth]);
    const std::int64_t phases_h = std::min(p.stride[kHeight], p.dst[kHeight]);
    const std::int64_t of_row = (d % p.stride[kDepth] * phases_h + h % p.stride[kHeight]) * phases_w;
    src += groups_.first[static_cast<std::size_t>(o)] * block_ + d / p.stride[kDepth] * plane_ +
           h / p.stride[kHeight] * row_;
    for (std::int64_t w = 0; w < phases_w; ++w) {
      const Phase& phase = phases_[static_cast<std::size_t>(of_row + w)];
      Multiply call;
      call.src_block = block_;
      call.taps = phase.taps.data();
      call.tap_count = static_cast<int>(phase.taps.size());
      call.blocks = static_cast<int>(groups_.count);
      call.last_depth = groups_.last_depth;
      call.weight = packed + phase.weight + o * panel_floats(phase);
      Tile out;
      out.offset = (((n * p.dst_blocks() + o) * p.dst[kDepth] * p.dst[kHeight] + row) * p.dst[kWidth] + w) * kBlock;
      out.stride = p.stride[kWidth] * kBlock;
      out.channel = static_cast<int>(o * kBlock);
      out.lanes = static_cast<int>(std::min(kBlock, p.filters - o * kBlock));
      run_tiles(src, phase.count[kWidth], call, out, epilogue);
    }
  }

  /// `count` outputs that lie out.stride apart, in register tiles as equal as can be.
  void run_tiles(const float* src, std::int64_t count, Multiply call, Tile out, const BoundEpilogue& epilogue) const {
    alignas(64) float sums[avx512::kMaxPixels * kBlock];
    const bool avx512 = isa_ == Isa::avx512;
    const auto kernel = problem_.narrow ? avx512_bf16::multiply_kernel
                        : avx512        ? avx512::multiply_kernel
                                        : avx2::multiply_kernel;
    const std::int64_t parts = ceil_div(count, avx512 ? avx512::kMaxPixels : avx2::kMaxPixels);
    const std::int64_t begin = out.offset;
    call.dst = sums;
    out.src = sums;
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::int64_t first = count * part / parts, width = count * (part + 1) / parts - first;
      call.src = src + first * words_;
      kernel(1, static_cast<int>(width), 1)(call);
      out.rows = static_cast<int>(width);
      out.offset = begin + first * out.stride;
      epilogue.apply(epilogue, out);
    }
  }

  ConvolutionProblem problem_;
  Isa isa_;
  std::int64_t words_;                        // of a pixel's 16 channels
  Extent before_{0, 0, 0}, padded_{1, 1, 1};  // the source with its border
  bool copies_ = false;
  std::int64_t row_ = 0, plane_ = 0, block_ = 0;
  GroupBlocks groups_;
  std::vector<Phase> phases_;
};

}  // namespace

ConvolutionOffer make_deconvolution(const ConvolutionProblem& problem, Isa isa) {
  if (std::string reason = lacks(problem, isa); !reason.empty()) return reason;
  return std::make_unique<Deconvolution>(problem, isa);
}

}  // namespace tenon::cpu
