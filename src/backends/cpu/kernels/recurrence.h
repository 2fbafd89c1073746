#pragma once

#include <cstdint>

namespace tenon::cpu {

enum class RecurrentCell : std::uint8_t { relu, tanh, lstm, gru };

/// One step of `rows` sequences: the state h (rows, hidden) and, of an LSTM, c from the gates before their functions,
/// rows of gates one after another: lstm i, f, g, o; gru r, z, n.
struct RecurrentStep {
  RecurrentCell cell = RecurrentCell::lstm;
  std::int64_t rows = 1, hidden = 1;
  const float* gates = nullptr;        ///< of data and state together; of a gru of the data alone
  const float* state_gates = nullptr;  ///< of a gru: of the state
  float* h = nullptr;
  float* c = nullptr;
  float* dst = nullptr;  ///< a copy of h
  std::int64_t dst_stride = 1;
};

namespace avx512 {
void recur(const RecurrentStep& step);
}
namespace avx2 {
void recur(const RecurrentStep& step);
}

}  // namespace tenon::cpu
