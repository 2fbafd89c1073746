#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <tenon/shape.h>

#include "graph/attributes.h"

namespace tenon {

enum class RnnCell { relu, tanh, lstm, gru };

inline RnnCell rnn_cell_of(const Attributes& attributes) {
  const std::string& mode = attributes.text("mode");
  if (mode == "lstm") return RnnCell::lstm;
  if (mode == "gru") return RnnCell::gru;
  return mode == "rnn_relu" ? RnnCell::relu : RnnCell::tanh;
}

/// The sizes a node fixes, the input size apart.
struct RnnLayout {
  explicit RnnLayout(const Attributes& attributes)
      : cell(rnn_cell_of(attributes)),
        layers(attributes.integer("num_layers")),
        directions(attributes.flag("bidirectional") ? 2 : 1),
        hidden(attributes.integer("state_size")),
        recurrent(attributes.has("projection_size") ? attributes.integer("projection_size") : hidden),
        projected(attributes.has("projection_size")),
        gates(cell == RnnCell::lstm  ? 4
              : cell == RnnCell::gru ? 3
                                     : 1) {}

  RnnCell cell;
  std::int64_t layers, directions;
  std::int64_t hidden;     ///< H: rows of a gate, elements of the LSTM's cell state
  std::int64_t recurrent;  ///< R: elements of the state that is fed back, P when projected
  bool projected;
  std::int64_t gates;

  std::int64_t input(std::int64_t layer, std::int64_t data) const { return layer == 0 ? data : directions * recurrent; }
};

/// Where the parameters of one layer and direction begin in the blob.
struct RnnOffsets {
  std::int64_t wx, wh, whr, bx, bh;
};

/// The blob: Wx, Wh (and the projection Whr) of every layer and direction, then bx, bh of every layer and direction.
inline std::vector<RnnOffsets> rnn_blob_offsets(const RnnLayout& layout, std::int64_t input, std::int64_t& size) {
  const std::int64_t rows = layout.gates * layout.hidden;
  std::vector<RnnOffsets> offsets;
  size = 0;
  const auto take = [&size](std::int64_t count) { return std::exchange(size, size + count); };
  for (std::int64_t layer = 0; layer < layout.layers; ++layer) {
    for (std::int64_t direction = 0; direction < layout.directions; ++direction) {
      const std::int64_t wx = take(Shape{rows, layout.input(layer, input)}.elements());
      const std::int64_t wh = take(rows * layout.recurrent);
      const std::int64_t whr = take(layout.projected ? layout.recurrent * layout.hidden : 0);
      offsets.push_back({wx, wh, whr, 0, 0});
    }
  }
  for (RnnOffsets& offset : offsets) {
    offset.bx = take(rows);
    offset.bh = take(rows);
  }
  return offsets;
}

}  // namespace tenon
