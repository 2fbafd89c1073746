// Images at another size, in blocks of 16 channels: what a pixel is made of is the same for all of them, so that the
// places and weights along both axes are computed once.

#include <algorithm>
#include <cmath>
#include <vector>

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/share.h"
#include "backends/cpu/parallel.h"
#include "graph/graph.h"

namespace tenon::cpu {
namespace {

constexpr std::int64_t kLanes = 16;

/// What a row or column of the result is made of: near * (1 - weight) + far * weight.
struct Mix {
  std::int64_t near, far;
  float weight;
};

/// As MXNet places them: by the corners, or by the middles of the pixels.
std::vector<Mix> bilinear_mixes(std::int64_t src, std::int64_t dst, bool corners) {
  const auto size = static_cast<float>(src);
  float scale = 0;
  if (dst > 1) scale = corners ? (size - 1) / static_cast<float>(dst - 1) : size / static_cast<float>(dst);
  std::vector<Mix> mixes;
  for (std::int64_t i = 0; i < dst; ++i) {
    const float middle = static_cast<float>(scale * (static_cast<double>(i) + 0.5) - 0.5);
    const float at = corners ? scale * static_cast<float>(i) : std::max(0.0f, middle);
    const std::int64_t near = std::min(static_cast<std::int64_t>(at), src - 1);
    mixes.push_back({near, std::min(near + 1, src - 1), at - static_cast<float>(near)});
  }
  return mixes;
}

std::vector<Mix> nearest_mixes(std::int64_t src, std::int64_t dst) {
  std::vector<Mix> mixes;
  for (std::int64_t i = 0; i < dst; ++i) mixes.push_back({i * src / dst, i * src / dst, 0});
  return mixes;
}

struct Resize {
  std::int64_t planes, src_height, src_width;  // planes are images times blocks of channels
  std::vector<Mix> rows, columns;
  bool nearest;

  void run(const Operands& operands) const {
    const auto height = static_cast<std::int64_t>(rows.size()), width = static_cast<std::int64_t>(columns.size());
    const float* src = operands.in<float>(0);
    float* dst = operands.out<float>();
    parallel_for(
        planes * height, width * kLanes, [&](std::int64_t first, std::int64_t last) __attribute__((always_inline)) {
          for (std::int64_t at = first; at < last; ++at) {
            const float* plane = src + at / height * src_height * src_width * kLanes;
            const Mix& row = rows[static_cast<std::size_t>(at % height)];
            const float *near = plane + row.near * src_width * kLanes, *far = plane + row.far * src_width * kLanes;
            if (nearest) {
              repeat(near, dst + at * width * kLanes);
            } else {
              blend(near, far, row.weight, dst + at * width * kLanes);
            }
          }
        });
  }

 private:
  [[gnu::always_inline]] void repeat(const float* row, float* dst) const {
    for (const Mix& column : columns) dst = std::copy_n(row + column.near * kLanes, kLanes, dst);
  }
  [[gnu::always_inline]] void blend(const float* near, const float* far, float weight, float* dst) const {
    for (const Mix& column : columns) {
      const std::int64_t left = column.near * kLanes, right = column.far * kLanes;
      for (std::int64_t c = 0; c < kLanes; ++c) {
        const float top = near[left + c] + (near[right + c] - near[left + c]) * column.weight;
        const float bottom = far[left + c] + (far[right + c] - far[left + c]) * column.weight;
        dst[c] = top + (bottom - top) * weight;
      }
      dst += kLanes;
    }
  }
};

StepPlan plan_of(const OpCall& call, Resize resize) {
  const Shape& src = call.shape_in(0);
  resize.planes = src[0] * ceil_div(src[1], kLanes);
  resize.src_height = src[2];
  resize.src_width = src[3];
  StepPlan plan;
  plan.src.assign(call.inputs.size(), {});
  plan.src[0] = kBlocked;
  plan.dst = {kBlocked};
  for (int i = 1; i < static_cast<int>(call.inputs.size()); ++i) plan.absorbed.push_back(i);  // asked for its shape
  plan.kernel.run = [resize = std::move(resize)](const Operands& operands) { resize.run(operands); };
  return plan;
}

Offer offer_bilinear(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = kernel_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  const bool corners = call.attributes().flag("align_corners");
  return plan_of(call, {.rows = bilinear_mixes(src[2], dst[2], corners),
                        .columns = bilinear_mixes(src[3], dst[3], corners),
                        .nearest = false});
}

Offer offer_upsampling(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = kernel_conditions(call);
  conditions.require(call.attributes().text("sample_type") == "nearest", "sample_type={} multiplies by a weight",
                     call.attributes().text("sample_type"));
  conditions.require(call.inputs.size() == 1, "it joins {} inputs", call.inputs.size());
  if (conditions.refuse()) return conditions.reason();
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  return plan_of(call,
                 {.rows = nearest_mixes(src[2], dst[2]), .columns = nearest_mixes(src[3], dst[3]), .nearest = true});
}

}  // namespace

std::vector<Implementation> engine_resize_implementations() {
  return {{"tenon:resize", {"_contrib_BilinearResize2D"}, offer_bilinear},
          {"tenon:resize", {"UpSampling"}, offer_upsampling}};
}

}  // namespace tenon::cpu
