// Batch normalisation by the moving statistics: one multiplication and two additions an element, in any format.

#include <cmath>

#include "backends/cpu/cpu.h"
#include "backends/cpu/parallel.h"
#include "graph/graph.h"

namespace tenon::cpu {
namespace {

/// The data seen as rows of `inner` elements, each element a vector of `width` neighbouring channels: width is 1 where
/// they lie apart, the block in a blocked format, and all of them where the channels are the last axis.
struct Problem {
  std::int64_t outer = 1, channels = 1, blocks = 1, inner = 1, width = 1;
  float epsilon = 0;
  bool fix_gamma = false;
};

/// Mean, scale and beta of each channel, zero for those that pad the last block.
struct Statistics {
  float *mean, *scale, *beta;
};

void prepare(const Problem& problem, const Operands& operands, const Statistics& statistics) {
  const float *gamma = operands.in<float>(1), *beta = operands.in<float>(2);
  const float *mean = operands.in<float>(3), *variance = operands.in<float>(4);
  for (std::int64_t c = 0; c < problem.blocks * problem.width; ++c) {
    const bool real = c < problem.channels;
    statistics.mean[c] = real ? mean[c] : 0;
    statistics.beta[c] = real ? beta[c] : 0;
    statistics.scale[c] = real ? (problem.fix_gamma ? 1 : gamma[c]) / std::sqrt(variance[c] + problem.epsilon) : 0;
  }
}

/// A vector of channels at a time.
template <std::int64_t width>
void normalize_blocks(const Problem& problem, const Statistics& statistics, const float* src, float* dst) {
  parallel_for(
      problem.outer * problem.blocks,
      problem.inner * width, [&](std::int64_t first, std::int64_t last) __attribute__((always_inline)) {
        for (std::int64_t row = first; row < last; ++row) {
          float mean[width], scale[width], beta[width];
          for (std::int64_t c = 0; c < width; ++c) {
            mean[c] = statistics.mean[row % problem.blocks * width + c];
            scale[c] = statistics.scale[row % problem.blocks * width + c];
            beta[c] = statistics.beta[row % problem.blocks * width + c];
          }
          const float* x = src + row * problem.inner * width;
          float* y = dst + row * problem.inner * width;
          for (std::int64_t i = 0; i < problem.inner; ++i) {
#pragma omp simd
            for (std::int64_t c = 0; c < width; ++c) {
              y[i * width + c] = (x[i * width + c] - mean[c]) * scale[c] + beta[c];
            }
          }
        }
      });
}

/// The channels are the last axis.
void normalize_last(const Problem& problem, const Statistics& statistics, const float* src, float* dst) {
  parallel_for(
      problem.outer, problem.width, [&](std::int64_t first, std::int64_t last) __attribute__((always_inline)) {
        for (std::int64_t row = first; row < last; ++row) {
#pragma omp simd
          for (std::int64_t c = 0; c < problem.width; ++c) {
            const std::int64_t i = row * problem.width + c;
            dst[i] = (src[i] - statistics.mean[c]) * statistics.scale[c] + statistics.beta[c];
          }
        }
      });
}

void normalize(const Problem& problem, const Operands& operands) {
  const std::int64_t padded = problem.blocks * problem.width;
  float* memory = reinterpret_cast<float*>(operands.workspace);
  const Statistics statistics{memory, memory + padded, memory + 2 * padded};
  prepare(problem, operands, statistics);
  const auto run = problem.width == 1   ? normalize_blocks<1>
                   : problem.inner == 1 ? normalize_last
                   : problem.width == 8 ? normalize_blocks<8>
                                        : normalize_blocks<16>;
  run(problem, statistics, operands.in<float>(0), operands.out<float>());
}

Offer offer_batch_norm(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  const Shape& data = call.shape_in(0);
  Conditions conditions = float32_conditions(call);
  conditions.require(!request.read[1] && !request.read[2], "the mean or the variance is read");
  if (conditions.refuse()) return conditions.reason();

  const bool has_axis = attributes.all().contains("axis");
  const auto given = static_cast<int>(has_axis ? attributes.integer("axis") : 1);
  const int axis = given < 0 ? given + data.rank() : given;
  const MemoryFormat format = axis == 1 ? request.src[0] : MemoryFormat{};
  Problem problem;
  problem.outer = data.elements(0, axis);
  problem.channels = data[axis];
  problem.inner = data.elements(axis + 1, data.rank());
  problem.width = format.row_major() && problem.inner == 1 ? problem.channels : format.block;
  problem.blocks = (problem.channels + problem.width - 1) / problem.width;
  problem.epsilon = static_cast<float>(attributes.real("eps"));
  problem.fix_gamma = attributes.flag("fix_gamma");

  StepPlan plan;
  plan.kernel = {[problem](const Operands& operands) { normalize(problem, operands); },
                 static_cast<std::size_t>(3 * problem.blocks * problem.width) * sizeof(float)};
  plan.src.resize(call.inputs.size());
  plan.src[0] = format;
  plan.dst.resize(call.outputs.size());
  plan.dst[0] = format;
  plan.in_place = {0};
  return plan;
}

}  // namespace

std::vector<Implementation> batch_norm_implementations() {
  return {{"cpu:batch_norm", {"BatchNorm", "BatchNorm_v1"}, offer_batch_norm}};
}

}  // namespace tenon::cpu
