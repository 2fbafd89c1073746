// Stacked recurrent layers over a sequence: data (T, N, I), one blob of parameters, states (L·D, N, R).

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/registry.h"
#include "ops/rnn.h"

namespace tenon {
namespace {

void infer_rnn_shape(ShapeInference& shapes) {
  const RnnLayout layout(shapes.attributes());
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return;
  if (data.rank() != 3) {
    shapes.refuse("'data' has shape {}, but a sequence of shape (steps, batch, features) is expected", data.str());
  }
  if (layout.projected && layout.cell != RnnCell::lstm) {
    shapes.refuse("projection_size {} needs mode lstm, but the mode is {}", layout.recurrent,
                  shapes.attributes().text("mode"));
  }
  const Shape state{layout.layers * layout.directions, data[1], layout.recurrent};
  const Shape cell{layout.layers * layout.directions, data[1], layout.hidden};
  if (data[2] != Shape::unknown) {
    std::int64_t size = 0;
    rnn_blob_offsets(layout, data[2], size);
    shapes.set_in(1, Shape{size});
  }
  const bool lstm = layout.cell == RnnCell::lstm;
  shapes.set_in(2, state);
  if (lstm) shapes.set_in(3, cell);
  if (shapes.attributes().flag("use_sequence_length")) shapes.set_in(lstm ? 4 : 3, Shape{data[1]});
  shapes.set_out(0, Shape{data[0], data[1], layout.directions * layout.recurrent});
  if (shapes.outputs() > 1) shapes.set_out(1, state);
  if (shapes.outputs() > 2) shapes.set_out(2, cell);
}

/// One type for all but the sequence lengths, which may have their own.
void infer_rnn_type(TypeInference& types) {
  const int shared = types.inputs() - (types.attributes().flag("use_sequence_length") ? 1 : 0);
  std::optional<DType> dtype = types.out();
  for (int i = 0; i < shared && !dtype; ++i) dtype = types.in(i);
  for (int i = 0; i < shared; ++i) types.set_in(i, dtype);
  for (int i = 0; i < types.outputs(); ++i) types.set_out(i, dtype);
  if (shared < types.inputs() && !types.in(shared)) types.set_in(shared, dtype);
}

template <class A>
A sigmoid(A x) {
  return 1 / (1 + std::exp(-x));
}

/// dst = bias + weight · src; without a bias, dst = weight · src.
template <class T, class S, class A = arithmetic_t<T>>
void affine(A* dst, const T* weight, const T* bias, const S* src, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t row = 0; row < rows; ++row) {
    A sum = bias != nullptr ? load(bias[row]) : A{0};
    for (std::int64_t i = 0; i < columns; ++i) sum += load(weight[row * columns + i]) * load(src[i]);
    dst[row] = sum;
  }
}

/// One step: `h` (H values) and `c` from gx = Wx x + bx and gh = Wh h + bh, whose rows are the gates one after another:
/// lstm i, f, g, o; gru r, z, n.
template <class A>
void update(RnnCell cell, std::int64_t hidden, const A* gx, const A* gh, A* h, A* c) {
  const auto gate = [&](std::int64_t g, std::int64_t i) { return gx[g * hidden + i] + gh[g * hidden + i]; };
  for (std::int64_t i = 0; i < hidden; ++i) {
    switch (cell) {
      case RnnCell::relu:
        // MXNet's rectifier passes through float, in float64 too.
        h[i] = gate(0, i) > 0 ? static_cast<A>(static_cast<float>(gate(0, i))) : A{0};
        break;
      case RnnCell::tanh:
        h[i] = std::tanh(gate(0, i));
        break;
      case RnnCell::lstm:
        c[i] = sigmoid(gate(1, i)) * c[i] + sigmoid(gate(0, i)) * std::tanh(gate(2, i));
        h[i] = sigmoid(gate(3, i)) * std::tanh(c[i]);
        break;
      case RnnCell::gru: {
        const A n = std::tanh(gx[2 * hidden + i] + sigmoid(gate(0, i)) * gh[2 * hidden + i]);
        const A z = sigmoid(gate(1, i));
        h[i] = (1 - z) * n + z * h[i];
        break;
      }
    }
  }
}

/// Scratch for one sequence at a time, and two rows of activations between layers.
template <class T>
struct Scratch {
  using A = arithmetic_t<T>;
  A *gx, *gh, *h, *c, *unprojected;
  T* between[2];

  static std::size_t bytes(const RnnLayout& layout, std::int64_t activations) {
    const std::int64_t values = 2 * layout.gates * layout.hidden + layout.recurrent + 2 * layout.hidden;
    return static_cast<std::size_t>(values) * sizeof(A) + 2 * static_cast<std::size_t>(activations) * sizeof(T);
  }
  Scratch(std::byte* workspace, const RnnLayout& layout, std::int64_t activations) {
    gx = reinterpret_cast<A*>(workspace);
    gh = gx + layout.gates * layout.hidden;
    h = gh + layout.gates * layout.hidden;
    c = h + layout.recurrent;
    unprojected = c + layout.hidden;
    between[0] = reinterpret_cast<T*>(unprojected + layout.hidden);
    between[1] = between[0] + activations;
  }
};

template <class T>
class Recurrence {
 public:
  Recurrence(const OpCall& call)
      : layout_(call.attributes()),
        steps_(call.shape_in(0)[0]),
        batch_(call.shape_in(0)[1]),
        input_(call.shape_in(0)[2]) {
    std::int64_t size = 0;
    offsets_ = rnn_blob_offsets(layout_, input_, size);
    if (call.attributes().flag("use_sequence_length"))
      length_type_ = call.dtype_in(layout_.cell == RnnCell::lstm ? 4 : 3);
  }

  std::size_t workspace_bytes() const { return Scratch<T>::bytes(layout_, activations()); }

  void operator()(const Operands& operands) const {
    const Scratch<T> scratch(operands.workspace, layout_, activations());
    const T* src = operands.in<T>(0);
    for (std::int64_t layer = 0; layer < layout_.layers; ++layer) {
      T* dst = layer + 1 == layout_.layers ? operands.out<T>() : scratch.between[layer % 2];
      for (std::int64_t direction = 0; direction < layout_.directions; ++direction) {
        for (std::int64_t n = 0; n < batch_; ++n) run_sequence(operands, scratch, layer, direction, n, src, dst);
      }
      src = dst;
    }
  }

 private:
  using A = arithmetic_t<T>;

  std::int64_t activations() const { return steps_ * batch_ * layout_.directions * layout_.recurrent; }

  /// The steps of sequence n; the rest of the output is zero.
  std::int64_t length(const Operands& operands, std::int64_t n) const {
    if (!length_type_) return steps_;
    const auto given = dispatch(*length_type_, [&]<class L>() {
      return static_cast<double>(load(operands.in<L>(layout_.cell == RnnCell::lstm ? 4 : 3)[n]));
    });
    return given >= 0 ? static_cast<std::int64_t>(std::min(given, static_cast<double>(steps_))) : 0;
  }

  void run_sequence(const Operands& operands, const Scratch<T>& scratch, std::int64_t layer, std::int64_t direction,
                    std::int64_t n, const T* src, T* dst) const {
    const bool lstm = layout_.cell == RnnCell::lstm;
    const std::int64_t hidden = layout_.hidden, recurrent = layout_.recurrent, rows = layout_.gates * hidden;
    const std::int64_t input = layout_.input(layer, input_), state = layer * layout_.directions + direction;
    const RnnOffsets& at = offsets_[static_cast<std::size_t>(state)];
    const T* blob = operands.in<T>(1);
    const std::int64_t state_at = (state * batch_ + n) * recurrent, cell_at = (state * batch_ + n) * hidden;
    A* h = layout_.projected ? scratch.unprojected : scratch.h;
    for (std::int64_t i = 0; i < recurrent; ++i) scratch.h[i] = load(operands.in<T>(2)[state_at + i]);
    for (std::int64_t i = 0; lstm && i < hidden; ++i) scratch.c[i] = load(operands.in<T>(3)[cell_at + i]);

    const std::int64_t count = length(operands, n);
    for (std::int64_t step = 0; step < steps_; ++step) {
      const std::int64_t t = direction == 0 || step >= count ? step : count - 1 - step;
      T* y = dst + ((t * batch_ + n) * layout_.directions + direction) * recurrent;
      if (step >= count) {
        std::fill_n(y, recurrent, store<T>(0));
        continue;
      }
      affine(scratch.gx, blob + at.wx, blob + at.bx, src + (t * batch_ + n) * input, rows, input);
      affine(scratch.gh, blob + at.wh, blob + at.bh, scratch.h, rows, recurrent);
      update(layout_.cell, hidden, scratch.gx, scratch.gh, h, scratch.c);
      if (layout_.projected) affine<T>(scratch.h, blob + at.whr, nullptr, h, recurrent, hidden);
      for (std::int64_t i = 0; i < recurrent; ++i) y[i] = store<T>(scratch.h[i]);
    }
    const auto keep = [&](int output, std::int64_t offset, const A* values, std::int64_t size) {
      if (std::ssize(operands.dst) <= output || operands.out<T>(output) == nullptr) return;
      for (std::int64_t i = 0; i < size; ++i) operands.out<T>(output)[offset + i] = store<T>(values[i]);
    };
    keep(1, state_at, scratch.h, recurrent);
    keep(2, cell_at, scratch.c, hidden);
  }

  RnnLayout layout_;
  std::int64_t steps_, batch_, input_;
  std::vector<RnnOffsets> offsets_;
  std::optional<DType> length_type_;
};

Op rnn() {
  Op op;
  op.name = "RNN";
  op.aliases = {"_npx_rnn"};
  op.doc =
      "num_layers recurrent layers: rnn_relu, rnn_tanh, lstm (optionally projected) or gru, in one or both directions.";
  op.inputs = [](const Attributes& attributes) {
    std::vector<std::string> names{"data", "parameters", "state"};
    if (attributes.text("mode") == "lstm") names.push_back("state_cell");
    if (attributes.flag("use_sequence_length")) names.push_back("sequence_length");
    return names;
  };
  op.outputs = [](const Attributes& attributes) {
    std::vector<std::string> names{"output"};
    if (attributes.flag("state_outputs")) names.push_back("state_output");
    if (attributes.flag("state_outputs") && attributes.text("mode") == "lstm") names.push_back("statecell_output");
    return names;
  };
  // The upper bounds keep the size of the blob within 64 bits.
  op.attributes = {
      integer("state_size").at_least(1).at_most(1 << 24),
      integer("num_layers").at_least(1).at_most(1 << 10),
      boolean("bidirectional").or_else(false),
      choice("mode", {"rnn_relu", "rnn_tanh", "lstm", "gru"}),
      real("p").or_else(0.0).at_least(0).at_most(1),
      boolean("state_outputs").or_else(false),
      integer("projection_size").or_none().at_least(1).at_most(1 << 24),
      // MXNet ignores the clipping on the CPU, and so does this.
      real("lstm_state_clip_min").or_none(),
      real("lstm_state_clip_max").or_none(),
      boolean("lstm_state_clip_nan").or_else(false),
      boolean("use_sequence_length").or_else(false),
  };
  op.infer_shape = infer_rnn_shape;
  op.infer_type = infer_rnn_type;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      const Recurrence<T> recurrence(call);
      return Kernel{recurrence, recurrence.workspace_bytes()};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> rnn_ops() {
  return {rnn()};
}

}  // namespace tenon
