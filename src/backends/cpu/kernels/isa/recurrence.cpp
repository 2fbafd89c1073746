// The part of a recurrent step that is no matrix product.

#include "backends/cpu/kernels/recurrence.h"

#include "backends/cpu/kernels/isa/math.h"

namespace tenon::cpu::TENON_ISA {
namespace {

/// The new state of 16 hidden units; `gates` and `state_gates` point at their first gates.
template <RecurrentCell cell>
TENON_ALWAYS_INLINE Vec update(const RecurrentStep& step, const float* gates, const float* state_gates, Vec h, float* c,
                               Mask mask) {
  const auto gate = [&](int g) { return load(gates + g * step.hidden, mask); };
  if constexpr (cell == RecurrentCell::relu) return at_least(zero(), gate(0));
  if constexpr (cell == RecurrentCell::tanh) return tanh(gate(0));
  if constexpr (cell == RecurrentCell::lstm) {
    const Vec kept = mul(sigmoid(gate(1)), load(c, mask));
    const Vec state = fma(sigmoid(gate(0)), tanh(gate(2)), kept);
    store(c, state, mask);
    return mul(sigmoid(gate(3)), tanh(state));
  }
  const auto state_gate = [&](int g) { return load(state_gates + g * step.hidden, mask); };
  const Vec r = sigmoid(add(gate(0), state_gate(0))), z = sigmoid(add(gate(1), state_gate(1)));
  const Vec n = tanh(fma(r, state_gate(2), gate(2)));
  return fma(z, sub(h, n), n);
}

template <RecurrentCell cell>
void recur_rows(const RecurrentStep& step) {
  constexpr int gates = cell == RecurrentCell::lstm ? 4 : cell == RecurrentCell::gru ? 3 : 1;
  for (std::int64_t row = 0; row < step.rows; ++row) {
    for (std::int64_t i = 0; i < step.hidden; i += kLanes) {
      const Mask mask = first_lanes(static_cast<int>(lesser<std::int64_t>(kLanes, step.hidden - i)));
      const std::int64_t at = row * step.hidden + i, gate = row * gates * step.hidden + i;
      const Vec h =
          update<cell>(step, step.gates + gate, cell == RecurrentCell::gru ? step.state_gates + gate : nullptr,
                       load(step.h + at, mask), cell == RecurrentCell::lstm ? step.c + at : nullptr, mask);
      store(step.h + at, h, mask);
      store(step.dst + row * step.dst_stride + i, h, mask);
    }
  }
}

}  // namespace

void recur(const RecurrentStep& step) {
  switch (step.cell) {
    case RecurrentCell::relu:
      return recur_rows<RecurrentCell::relu>(step);
    case RecurrentCell::tanh:
      return recur_rows<RecurrentCell::tanh>(step);
    case RecurrentCell::lstm:
      return recur_rows<RecurrentCell::lstm>(step);
    case RecurrentCell::gru:
      return recur_rows<RecurrentCell::gru>(step);
  }
}

}  // namespace tenon::cpu::TENON_ISA
