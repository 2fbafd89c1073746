// Operators that only move elements, told as strided copies by their reference. Runs that stay together are copied as
// they are; where the innermost axis of one side is another axis of the other, squares are turned in registers.

#include <algorithm>
#include <cstring>

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/share.h"
#include "backends/cpu/kernels/turn.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/read_index.h"

namespace tenon::cpu {
namespace {

using Axis = StridedCopy::Axis;

/// A copy of 4-byte elements: `outer` axes around either runs of elements that lie together on both sides, or a plane
/// that is turned.
struct Move {
  std::vector<Axis> outer;
  std::int64_t src_offset = 0, dst_offset = 0;
  std::int64_t run = 1;  ///< elements
  Turn turn;             ///< of `turns`
  bool turns = false;

  std::int64_t pieces() const {
    std::int64_t count = 1;
    for (const Axis& axis : outer) count *= axis.extent;
    return count;
  }
  std::int64_t piece_elements() const { return turns ? turn.rows * turn.columns : run; }
};

/// Neighbouring axes that one stride walks become one; axes of one element go.
std::vector<Axis> merged(const std::vector<Axis>& axes) {
  std::vector<Axis> result;
  for (const Axis& axis : axes) {
    if (axis.extent == 1) continue;
    if (!result.empty()) {
      Axis& outer = result.back();
      if (outer.src_stride == axis.extent * axis.src_stride && outer.dst_stride == axis.extent * axis.dst_stride) {
        outer = {outer.extent * axis.extent, axis.src_stride, axis.dst_stride};
        continue;
      }
    }
    result.push_back(axis);
  }
  return result;
}

Move move_of(const StridedCopy& copy) {
  Move move{merged(copy.axes), copy.src_offset, copy.dst_offset, 1, {}, false};
  const auto take = [&](auto axis) {
    const Axis taken = *axis;
    move.outer.erase(axis);
    return taken;
  };
  const auto rows = std::ranges::find(move.outer, 1, &Axis::dst_stride);
  if (rows == move.outer.end()) return move;
  if (rows->src_stride == 1) {
    move.run = take(rows).extent;
    return move;
  }
  // Elements that are neighbours in the source go to different rows of the destination.
  const auto columns = std::ranges::find(move.outer, 1, &Axis::src_stride);
  if (columns == move.outer.end()) return move;
  const Axis along_dst = *rows, along_src = *columns;
  std::erase_if(move.outer, [&](const Axis& axis) { return axis.src_stride == 1 || axis.dst_stride == 1; });
  move.turns = true;
  move.turn = {along_dst.extent, along_src.extent, along_dst.src_stride, along_src.dst_stride};
  return move;
}

void run_pieces(const Move& move, const float* src, float* dst, std::int64_t first, std::int64_t last) {
  const auto turn = machine_isa() == Isa::avx512 ? avx512::turn : avx2::turn;
  for (std::int64_t piece = first; piece < last; ++piece) {
    std::int64_t from = move.src_offset, to = move.dst_offset, rest = piece;
    for (auto axis = move.outer.rbegin(); axis != move.outer.rend(); ++axis) {
      from += rest % axis->extent * axis->src_stride;
      to += rest % axis->extent * axis->dst_stride;
      rest /= axis->extent;
    }
    if (move.turns) {
      turn(move.turn, src + from, dst + to);
    } else if (move.run == 1) {
      dst[to] = src[from];
    } else {
      std::memcpy(dst + to, src + from, static_cast<std::size_t>(move.run) * sizeof(float));
    }
  }
}

struct PreparedMove {
  int src, dst;
  Move move;
};

/// Whether every output is whole blocks of channels of the input: then it is the same copy in blocks as row-major.
bool takes_blocks(const OpCall& call, const std::vector<PreparedMove>& moves) {
  const Shape& src = call.shape_in(0);
  if (src.rank() < 3 || src[1] % kBlocked.block != 0) return false;
  const std::int64_t pixels = src.elements(2, src.rank());
  return std::ranges::all_of(moves, [&](const PreparedMove& prepared) {
    const Shape& dst = call.outputs[static_cast<std::size_t>(prepared.dst)].shape;
    if (prepared.src != 0 || dst.rank() != src.rank() || dst.elements(2, dst.rank()) != pixels) return false;
    return dst[0] == src[0] && dst[1] % kBlocked.block == 0 && !prepared.move.turns && prepared.move.dst_offset == 0 &&
           prepared.move.outer.size() <= 1 && prepared.move.run == dst[1] * pixels &&
           prepared.move.src_offset % (kBlocked.block * pixels) == 0;
  });
}

/// Outputs that lie together in the first input.
std::vector<Piece> pieces_of(const OpCall& call, const std::vector<PreparedMove>& moves) {
  std::vector<Piece> pieces;
  for (const PreparedMove& prepared : moves) {
    const Move& move = prepared.move;
    const auto offset = static_cast<std::size_t>(move.src_offset) * sizeof(float);
    const bool whole = move.outer.empty() && !move.turns && move.dst_offset == 0 &&
                       move.run == call.outputs[static_cast<std::size_t>(prepared.dst)].shape.elements();
    if (prepared.src == 0 && whole && offset % 64 == 0) pieces.push_back({prepared.dst, offset});
  }
  return pieces;
}

bool lies_there(const PreparedMove& prepared, const Operands& operands) {
  return operands.in<float>(prepared.src) + prepared.move.src_offset ==
         operands.dst[static_cast<std::size_t>(prepared.dst)];
}

Offer offer_copy(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = kernel_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Kernel reference = call.node.op->reference(call);
  const auto* form = reference.form ? std::get_if<CopyForm>(&reference.form->what) : nullptr;
  conditions.require(form != nullptr, "{} does more than copy here", call.node.op_name());
  if (conditions.refuse()) return conditions.reason();
  std::vector<PreparedMove> moves;
  for (const CopyForm::Part& part : form->parts) moves.push_back({part.src, part.dst, move_of(part.copy)});
  StepPlan plan;
  if (request.src[0] == kBlocked && takes_blocks(call, moves)) {
    plan.src.assign(call.inputs.size(), {});
    plan.src[0] = kBlocked;
    plan.dst.assign(call.outputs.size(), kBlocked);
  }
  plan.pieces = pieces_of(call, moves);
  plan.kernel.run = [moves](const Operands& operands) {
    for (const PreparedMove& prepared : moves) {
      if (operands.dst[static_cast<std::size_t>(prepared.dst)] == nullptr || lies_there(prepared, operands)) continue;
      const std::int64_t pieces = prepared.move.pieces();
#pragma omp parallel if (pieces * prepared.move.piece_elements() >= kWorthWaking)
      {
        const Share share = share_of(pieces);
        run_pieces(prepared.move, operands.in<float>(prepared.src), operands.out<float>(prepared.dst), share.first,
                   share.last);
      }
    }
  };
  return plan;
}

/// Rows of a table by index, those outside clipped: Embedding(indices, table), take(table, indices).
Offer offer_rows(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = kernel_conditions(call);
  const bool takes = call.node.op_name() == "take";
  if (takes) {
    const std::string& mode = call.attributes().text("mode");
    const std::int64_t axis = call.attributes().integer("axis");
    conditions.require(mode == "clip", "mode={} is not clip", mode);
    conditions.require(axis == 0, "axis={} is not the first", axis);
  }
  if (conditions.refuse()) return conditions.reason();
  const int table = takes ? 0 : 1;
  const Shape& shape = call.shape_in(table);
  const std::int64_t size = shape[0], row = shape.elements(1, shape.rank());
  StepPlan plan;
  plan.kernel.run = [table, size, row, count = call.shape_in(1 - table).elements(),
                     read = index_reader(DType::float32)](const Operands& operands) {
    const void* indices = operands.in<float>(1 - table);
#pragma omp parallel if (count * row >= kWorthWaking)
    {
      const Share share = share_of(count);
      for (std::int64_t i = share.first; i < share.last; ++i) {
        const std::int64_t index = std::clamp<std::int64_t>(read(indices, i), 0, size - 1);
        std::copy_n(operands.in<float>(table) + index * row, row, operands.out<float>() + i * row);
      }
    }
  };
  return plan;
}

}  // namespace

std::vector<Implementation> engine_copy_implementations() {
  return {{"tenon:copy",
           {"transpose", "SwapAxis", "slice", "slice_axis", "slice_like", "SliceChannel", "stack", "tile", "repeat",
            "broadcast_to", "broadcast_axis", "broadcast_like", "reverse", "depth_to_space", "space_to_depth", "Crop",
            "_np_transpose", "_np_moveaxis"},
           offer_copy},
          {"tenon:rows", {"Embedding", "take"}, offer_rows}};
}

}  // namespace tenon::cpu
