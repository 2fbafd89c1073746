// PReLU: a slope a channel, in whatever format the data are; the zeros that pad a block stay zero.

#include <algorithm>
#include <array>

#include "backends/cpu/cpu.h"
#include "backends/cpu/parallel.h"
#include "graph/graph.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kWidestBlock = 16;

/// The tensor as lines of `pixels` elements of one channel, or of one block of `block` channels.
struct ChannelLines {
  std::int64_t channels = 1, pixels = 1, block = 1;
  bool one_slope = false;

  std::int64_t blocks() const { return (channels + block - 1) / block; }

  /// The slopes of the channels of a line.
  std::array<float, kWidestBlock> slopes(const float* gamma, std::int64_t line) const {
    std::array<float, kWidestBlock> found = {};
    const std::int64_t first = line % blocks() * block;
    for (std::int64_t i = 0; i < std::min(block, channels - first); ++i) {
      found[static_cast<std::size_t>(i)] = gamma[one_slope ? 0 : first + i];
    }
    return found;
  }
};

/// Pixels [first, last) of one line.
template <std::int64_t block>
[[gnu::always_inline]] inline void rectify(const float* src, float* dst, std::int64_t first, std::int64_t last,
                                           const std::array<float, kWidestBlock>& slopes) {
  for (std::int64_t pixel = first; pixel < last; ++pixel) {
#pragma omp simd
    for (std::int64_t lane = 0; lane < block; ++lane) {
      const float x = src[pixel * block + lane];
      dst[pixel * block + lane] = x > 0 ? x : slopes[static_cast<std::size_t>(lane)] * x;
    }
  }
}

template <>
[[gnu::always_inline]] inline void rectify<1>(const float* src, float* dst, std::int64_t first, std::int64_t last,
                                              const std::array<float, kWidestBlock>& slopes) {
  const float slope = slopes[0];
#pragma omp simd
  for (std::int64_t i = first; i < last; ++i) dst[i] = src[i] > 0 ? src[i] : slope * src[i];
}

template <std::int64_t block>
StepPlan plan_of(const ChannelLines& lines, std::int64_t images) {
  StepPlan plan;
  plan.in_place = {0};
  plan.kernel.run = [lines, count = images * lines.blocks() * lines.pixels](const Operands& operands) {
    const float *src = operands.in<float>(0), *gamma = operands.in<float>(1);
    float* dst = operands.out<float>();
    parallel_for(
        count, block, [&](std::int64_t first, std::int64_t last) __attribute__((always_inline)) {
          while (first < last) {
            const std::int64_t line = first / lines.pixels, end = std::min(last, (line + 1) * lines.pixels);
            rectify<block>(src, dst, first, end, lines.slopes(gamma, line));
            first = end;
          }
        });
  };
  return plan;
}

Offer offer_prelu(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = float32_conditions(call);
  const std::string& type = call.attributes().text("act_type");
  conditions.require(type == "prelu", "act_type={} is not prelu", type);
  const Shape& data = call.shape_in(0);
  conditions.require(data.rank() > 1, "the data have rank {}", data.rank());
  if (conditions.refuse()) return conditions.reason();
  const MemoryFormat format = request.src[0];
  conditions.require(!format.stored, "the data are stored in another type");
  conditions.require(format.block == 1 || format.block == 8 || format.block == 16, "blocks of {} channels",
                     format.block);
  if (conditions.refuse()) return conditions.reason();
  const ChannelLines lines{data[1], data.elements(2, data.rank()), format.block, call.shape_in(1).elements() == 1};
  StepPlan plan = format.block == 16  ? plan_of<16>(lines, data[0])
                  : format.block == 8 ? plan_of<8>(lines, data[0])
                                      : plan_of<1>(lines, data[0]);
  plan.src = {format, {}};
  plan.dst = {format};
  return plan;
}

}  // namespace

std::vector<Implementation> prelu_implementations() {
  return {{"cpu:prelu", {"LeakyReLU"}, offer_prelu}};
}

}  // namespace tenon::cpu
