// Depthwise convolution: as many groups as channels, one filter each. Nine multiplications a value leave it to the
// memory; so there is no copy with a border, and the epilogue is taken from registers.

#include "backends/cpu/kernels/depthwise.h"

#include <omp.h>

#include <fmt/format.h>

#include "backends/cpu/kernels/convolution.h"
#include "backends/cpu/kernels/share.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kBlock = 16;
constexpr std::size_t kDepth = 0, kHeight = 1, kWidth = 2;

class Depthwise final : public Convolution {
 public:
  Depthwise(const ConvolutionProblem& problem, Isa isa) : problem_(problem) {
    const auto number = [](std::int64_t value) { return static_cast<int>(value); };
    map_.src_height = number(problem.src[kHeight]);
    map_.src_width = number(problem.src[kWidth]);
    map_.dst_width = number(problem.dst[kWidth]);
    map_.kernel_y = number(problem.kernel[kHeight]);
    map_.kernel_x = number(problem.kernel[kWidth]);
    map_.stride_y = number(problem.stride[kHeight]);
    map_.stride_x = number(problem.stride[kWidth]);
    map_.dilate_y = number(problem.dilate[kHeight]);
    map_.dilate_x = number(problem.dilate[kWidth]);
    map_.pad_y = number(problem.pad[kHeight]);
    map_.pad_x = number(problem.pad[kWidth]);
    row_ = (problem.narrow       ? avx512_bf16::depthwise_row
            : isa == Isa::avx512 ? avx512::depthwise_row
                                 : avx2::depthwise_row)(map_);
    packed_floats_ = static_cast<std::size_t>(problem.dst_blocks() * taps() * kBlock);
  }

  std::string packing() const override { return "depthwise"; }

  void pack(const float* weight, float* packed) const override {
    std::fill_n(packed, packed_floats_, 0.0f);
    for (std::int64_t c = 0; c < problem_.channels; ++c) {
      for (std::int64_t tap = 0; tap < taps(); ++tap) {
        packed[(c / kBlock * taps() + tap) * kBlock + c % kBlock] = weight[c * taps() + tap];
      }
    }
  }

  void run(const float* src, const float* packed, const BoundEpilogue& epilogue, float*) const override {
    const ConvolutionProblem& p = problem_;
    const std::int64_t blocks = p.dst_blocks(), height = p.dst[kHeight];
#pragma omp parallel if (p.operations() > 5e5)
    for_own_rows(p.batch, p.batch * blocks, height, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t plane = i / height, block = plane % blocks;
        Tile out;
        out.offset = i * p.dst[kWidth] * kBlock;
        out.channel = static_cast<int>(block * kBlock);
        out.lanes = static_cast<int>(std::min(kBlock, p.filters - block * kBlock));
        row_(map_, src + plane * product(p.src) * p.src_words(), packed + block * taps() * kBlock,
             static_cast<int>(i % height), epilogue, out);
      }
    });
  }

 private:
  std::int64_t taps() const {
    return product(problem_.kernel);
  }

  ConvolutionProblem problem_;
  DepthwiseMap map_;
  DepthwiseRow row_;
};

}  // namespace

ConvolutionOffer make_depthwise(const ConvolutionProblem& problem, Isa isa) {
  if (std::string reason = lacks(problem, isa); !reason.empty()) return reason;
  if (problem.groups != problem.channels || problem.filters != problem.channels) {
    return fmt::format("num_group is {}, but there are {} channels and {} filters", problem.groups, problem.channels,
                       problem.filters);
  }
  if (problem.kernel[kDepth] != 1 || problem.src[kDepth] != 1 || problem.dst[kDepth] != 1) {
    return "the data has three spatial axes";
  }
  return std::make_unique<Depthwise>(problem, isa);
}

}  // namespace tenon::cpu
