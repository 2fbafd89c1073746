// Operators on sequences of different lengths: SequenceMask, SequenceLast, SequenceReverse. The time axis is 0 and the
// batch axis 1, or with axis=1 the other way round.

#include <algorithm>
#include <cstring>

#include "graph/graph.h"
#include "ops/data_refusal.h"
#include "ops/read_index.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// data seen as (time, batch, row) with the strides of the first two, in rows.
struct Sequences {
  std::int64_t steps, batch, step_stride, batch_stride;
  std::size_t row;  ///< bytes
  ReadIndex read_length;
  bool has_lengths;
  DataRefusal refuse;

  /// The length of sequence n; every step without sequence_length.
  std::int64_t length(const Operands& operands, std::int64_t n) const {
    return has_lengths ? read_length(operands.src[1], n) : steps;
  }
  /// The same, refusing what lies outside [least, steps].
  std::int64_t checked_length(const Operands& operands, std::int64_t n, std::int64_t least) const {
    const std::int64_t value = length(operands, n);
    if (value < least || value > steps) refuse.sequence_length(n, value, least, steps);
    return value;
  }
  std::size_t offset(std::int64_t step, std::int64_t n) const {
    return static_cast<std::size_t>(step * step_stride + n * batch_stride) * row;
  }
};

Sequences sequences(const OpCall& call) {
  const Shape& src = call.shape_in(0);
  const bool time_first = call.attributes().integer("axis") == 0;
  const bool has_lengths = call.attributes().flag("use_sequence_length");
  return {src[time_first ? 0 : 1],
          src[time_first ? 1 : 0],
          time_first ? src[1] : 1,
          time_first ? 1 : src[1],
          static_cast<std::size_t>(src.elements(2, src.rank())) * size_of(call.dtype_in(0)),
          has_lengths ? index_reader(call.dtype_in(1)) : nullptr,
          has_lengths,
          DataRefusal(call)};
}

/// Checks data, and learns the shape of sequence_length.
void infer_lengths(ShapeInference& shapes) {
  const std::int64_t axis = shapes.attributes().integer("axis");
  if (axis != 0 && axis != 1) shapes.refuse("axis={} must be 0 or 1", axis);
  const Shape& src = shapes.in(0);
  if (!src.has_rank()) return;
  if (src.rank() < 2) shapes.refuse("data must have a time and a batch axis, but is {}", src.str());
  if (shapes.attributes().flag("use_sequence_length")) shapes.set_in(1, {src[axis == 0 ? 1 : 0]});
}

void infer_same(ShapeInference& shapes) {
  shapes.set_in(0, shapes.out());
  shapes.set_out(0, shapes.in(0));
  infer_lengths(shapes);
}

Op sequence_op(std::string name, std::string doc) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.inputs = [](const Attributes& attributes) {
    std::vector<std::string> names{"data"};
    if (attributes.flag("use_sequence_length")) names.push_back("sequence_length");
    return names;
  };
  op.attributes = {boolean("use_sequence_length").or_else(false), integer("axis").or_else(0)};
  op.infer_shape = infer_same;
  op.infer_type = [](TypeInference& types) { tie_types(types, {0}); };
  return op;
}

Op sequence_mask() {
  Op op = sequence_op("SequenceMask", "Steps at and beyond each sequence's length replaced by a value.");
  op.aliases = {"_npx_sequence_mask"};
  op.attributes.push_back(real("value").or_else(0.0));
  op.reference = [](const OpCall& call) {
    const Sequences all = sequences(call);
    const auto row = static_cast<std::int64_t>(all.row / size_of(call.dtype_in(0)));
    const PreparedCopy copy(whole_copy(row), call.dtype_in(0)), fill({{{row, 0, 1}}}, call.dtype_in(0));
    return Kernel{
        [all, copy, fill, value = encode(call.dtype_in(0), call.attributes().real("value"))](const Operands& operands) {
          for (std::int64_t n = 0; n < all.batch; ++n) {
            const std::int64_t length = all.length(operands, n);
            for (std::int64_t step = 0; step < all.steps; ++step) {
              auto* dst = operands.out<std::byte>() + all.offset(step, n);
              if (step < length) {
                copy(operands.in<std::byte>(0) + all.offset(step, n), dst);
              } else {
                fill(value.data(), dst);
              }
            }
          }
        }};
  };
  return op;
}

Op sequence_last() {
  Op op = sequence_op("SequenceLast", "The last step of each sequence.");
  op.infer_shape = [](ShapeInference& shapes) {
    infer_lengths(shapes);
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    const auto axis = static_cast<int>(shapes.attributes().integer("axis"));
    shapes.set_out(0, joined(part(src, 0, axis), part(src, axis + 1, src.rank())));
  };
  op.reference = [](const OpCall& call) {
    return Kernel{[all = sequences(call)](const Operands& operands) {
      for (std::int64_t n = 0; n < all.batch; ++n) {
        const std::int64_t last = all.checked_length(operands, n, 1) - 1;
        std::memcpy(operands.out<std::byte>() + static_cast<std::size_t>(n) * all.row,
                    operands.in<std::byte>(0) + all.offset(last, n), all.row);
      }
    }};
  };
  return op;
}

Op sequence_reverse() {
  Op op =
      sequence_op("SequenceReverse", "Each sequence's steps in opposite order; what follows its end stays in place.");
  op.infer_shape = [](ShapeInference& shapes) {
    infer_same(shapes);
    if (shapes.attributes().integer("axis") != 0)
      shapes.refuse("axis must be 0: time is reversed on the first axis only");
  };
  op.reference = [](const OpCall& call) {
    return Kernel{[all = sequences(call)](const Operands& operands) {
      for (std::int64_t n = 0; n < all.batch; ++n) {
        const std::int64_t length = all.checked_length(operands, n, 0);
        for (std::int64_t step = 0; step < all.steps; ++step) {
          const std::int64_t from = step < length ? length - 1 - step : step;
          std::memcpy(operands.out<std::byte>() + all.offset(step, n), operands.in<std::byte>(0) + all.offset(from, n),
                      all.row);
        }
      }
    }};
  };
  return op;
}

}  // namespace

std::vector<Op> sequence_ops() {
  return {sequence_mask(), sequence_last(), sequence_reverse()};
}

}  // namespace tenon
