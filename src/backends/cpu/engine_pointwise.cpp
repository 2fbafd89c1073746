// Expressions without a producer: the epilogue does all the work, on tiles that lie where the data are. Data in blocks
// stay so; a vector over the channels of row-major data is spread out to tiles of one channel. Data as bfloat16 become
// floats a few rows at a time.

#include <algorithm>
#include <array>

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/share.h"
#include "backends/cpu/parallel.h"
#include "core/half.h"
#include "graph/graph.h"
#include "passes/primitives.h"

namespace tenon::cpu {
namespace {

constexpr int kLanes = 16;

/// The data seen as (outer, channels, inner).
struct Sizes {
  std::int64_t outer = 1, channels = 1, inner = 1;
};

/// How the data are cut into tiles.
enum class Cut {
  flat,    ///< anywhere: nothing depends on the channel, or only one row of channels exists
  blocks,  ///< (outer, block, inner, 16)
  planes,  ///< inner elements of one channel
  rows,    ///< 16 channels of several rows: inner is 1
};

struct Pointwise {
  Sizes sizes;
  Cut cut;
  Epilogue epilogue;
  bool narrow;              // the data, in blocks, are bfloat16
  std::vector<int> spread;  // operands of which `planes` needs one value 16 times

  std::size_t spread_bytes() const {
    return spread.size() * static_cast<std::size_t>(sizes.channels) * kLanes * sizeof(float);
  }

  void run(const Operands& operands) const {
    const BoundEpilogue bound = cut == Cut::planes ? bind_spread(operands) : bind_epilogue(epilogue, operands, 1);
    const float* src = operands.in<float>(0);
    const std::int64_t elements = sizes.outer * sizes.channels * sizes.inner;
#pragma omp parallel if (elements >= kWorthWaking)
    switch (cut) {
      case Cut::flat:
        run_flat(bound, src, elements);
        break;
      case Cut::blocks:
        run_blocks(bound, src);
        break;
      case Cut::planes:
        run_planes(bound, src);
        break;
      case Cut::rows:
        run_rows(bound, src);
        break;
    }
  }

 private:
  BoundEpilogue bind_spread(const Operands& operands) const {
    std::array<const void*, kMaxOperands> memory{};
    const auto from = operands.src.subspan(1);
    std::ranges::copy(from, memory.begin());
    float* to = reinterpret_cast<float*>(operands.workspace);
    for (const int k : spread) {
      const float* vector = static_cast<const float*>(from[static_cast<std::size_t>(k)]);
      memory[static_cast<std::size_t>(k)] = to;
      for (std::int64_t c = 0; c < sizes.channels; ++c) to = std::fill_n(to, kLanes, vector[c]);
    }
    return epilogue.bind({memory.data(), from.size()}, operands.dst, operands.workspace + spread_bytes());
  }

  /// A run of neighbouring elements, `tile` says where; the last vector may be a part of one.
  static void apply_run(const BoundEpilogue& bound, const float* src, std::int64_t first, std::int64_t count,
                        int channel) {
    Tile tile;
    tile.channel = channel;
    tile.padded = false;
    tile.src = src + first;
    tile.offset = first;
    tile.rows = static_cast<int>(count / kLanes);
    if (tile.rows > 0) bound.apply(bound, tile);
    tile.lanes = static_cast<int>(count % kLanes);
    if (tile.lanes == 0) return;
    alignas(64) float rest[kLanes] = {};
    tile.offset += tile.rows * kLanes;
    std::copy_n(src + tile.offset, tile.lanes, rest);
    tile.src = rest;
    tile.rows = 1;
    bound.apply(bound, tile);
  }

  static void run_flat(const BoundEpilogue& bound, const float* src, std::int64_t elements) {
    const Share share = share_of(ceil_div(elements, kLanes));
    const std::int64_t first = share.first * kLanes;
    apply_run(bound, src, first, std::min(share.last * kLanes, elements) - first, 0);
  }

  void run_blocks(const BoundEpilogue& bound, const float* src) const {
    const std::int64_t blocks = ceil_div(sizes.channels, kLanes);
    const Share share = share_of(sizes.outer * blocks * sizes.inner);
    for (std::int64_t at = share.first; at < share.last;) {
      const std::int64_t end = std::min(share.last, (at / sizes.inner + 1) * sizes.inner);
      Tile tile;
      tile.src = src + at * kLanes;
      tile.rows = static_cast<int>(end - at);
      tile.offset = at * kLanes;
      tile.channel = static_cast<int>(at / sizes.inner % blocks * kLanes);
      tile.lanes = static_cast<int>(std::min<std::int64_t>(kLanes, sizes.channels - tile.channel));
      if (narrow) {
        apply_widened(bound, reinterpret_cast<const bfloat16*>(src) + at * kLanes, tile);
      } else {
        bound.apply(bound, tile);
      }
      at = end;
    }
  }

  static void apply_widened(const BoundEpilogue& bound, const bfloat16* src, Tile tile) {
    constexpr int rows = 64;
    alignas(64) float widened[rows * kLanes];
    tile.src = widened;
    for (int left = tile.rows; left > 0; left -= tile.rows) {
      tile.rows = std::min(left, rows);
      const std::int64_t count = tile.rows * kLanes;
      run_widest(
          [&](std::int64_t first, std::int64_t last) __attribute__((always_inline)) {
            for (std::int64_t i = first; i < last; ++i) widened[i] = to_float(src[i]);
          },
          0, count);
      bound.apply(bound, tile);
      tile.offset += count;
      src += count;
    }
  }

  void run_planes(const BoundEpilogue& bound, const float* src) const {
    const Share share = share_of(sizes.outer * sizes.channels);
    for (std::int64_t plane = share.first; plane < share.last; ++plane) {
      apply_run(bound, src, plane * sizes.inner, sizes.inner, static_cast<int>(plane % sizes.channels * kLanes));
    }
  }

  void run_rows(const BoundEpilogue& bound, const float* src) const {
    constexpr std::int64_t kRows = 16;
    alignas(64) float gathered[kRows * kLanes] = {};
    const Share share = share_of(sizes.outer);
    for (std::int64_t row = share.first; row < share.last; row += kRows) {
      for (std::int64_t channel = 0; channel < sizes.channels; channel += kLanes) {
        Tile tile;
        tile.src = gathered;
        tile.rows = static_cast<int>(std::min(kRows, share.last - row));
        tile.offset = row * sizes.channels + channel;
        tile.stride = sizes.channels;
        tile.channel = static_cast<int>(channel);
        tile.lanes = static_cast<int>(std::min<std::int64_t>(kLanes, sizes.channels - channel));
        tile.padded = false;
        for (int r = 0; r < tile.rows; ++r) {
          std::copy_n(src + tile.offset + r * sizes.channels, tile.lanes, gathered + r * kLanes);
        }
        bound.apply(bound, tile);
      }
    }
  }
};

/// How the result is to lie: in blocks where the data or an operand of its shape does.
MemoryFormat format_for(const StepRequest& request) {
  const OpCall& call = request.call;
  if (call.shape_out().rank() < 3) return {};
  for (std::size_t i = 0; i < request.src.size(); ++i) {
    const bool same_shape = i == 0 || !is_per_channel(call, static_cast<int>(i) - 1);
    if (same_shape && !request.src[i].row_major()) return request.src[i];
  }
  return {};
}

Sizes sizes_around(const Shape& shape, int axis) {
  if (shape.rank() == 0) return {};
  return {shape.elements(0, axis), shape[axis], shape.elements(axis + 1, shape.rank())};
}

Offer offer_pointwise(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = kernel_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& shape = call.shape_out();
  const int axis = channel_axis(call.node, shape.rank());
  std::vector<int> vectors;
  for (int k = 0; k + 1 < static_cast<int>(call.inputs.size()); ++k) {
    if (is_per_channel(call, k)) vectors.push_back(k);
  }
  const MemoryFormat format = vectors.empty() || axis == 1 ? format_for(request) : MemoryFormat{};
  const bool blocked = !format.row_major();
  const Sizes sizes = sizes_around(shape, blocked ? 1 : axis);
  const Cut cut = blocked                                                     ? Cut::blocks
                  : vectors.empty() || (sizes.outer == 1 && sizes.inner == 1) ? Cut::flat
                  : sizes.inner > 1                                           ? Cut::planes
                                                                              : Cut::rows;
  const std::int64_t channels = cut == Cut::flat     ? kLanes
                                : cut == Cut::planes ? sizes.channels * kLanes
                                                     : sizes.channels;
  auto epilogue = make_epilogue(call, channels, format, cut == Cut::flat);
  if (auto* reason = std::get_if<std::string>(&epilogue)) return std::move(*reason);

  Pointwise pointwise{sizes, cut, std::get<Epilogue>(std::move(epilogue)), format == kNarrowBlocks, {}};
  if (cut == Cut::planes) pointwise.spread = vectors;
  StepPlan plan;
  set_formats(call, format, format, plan);
  plan.kernel.workspace_bytes = pointwise.spread_bytes() + pointwise.epilogue.workspace_bytes();
  plan.kernel.run = [pointwise = std::move(pointwise)](const Operands& operands) { pointwise.run(operands); };
  for (int i = 0; i < static_cast<int>(call.inputs.size()); ++i) {
    if (i == 0 || !is_per_channel(call, i - 1)) plan.in_place.push_back(i);
  }
  return plan;
}

}  // namespace

std::vector<Implementation> engine_pointwise_implementations() {
  return {{"tenon:pointwise", {"pointwise"}, offer_pointwise}};
}

}  // namespace tenon::cpu
