// Epilogues on tiles in the L1 cache.

#include "backends/cpu/kernels/isa/epilogue_common.h"
#include "backends/cpu/kernels/isa/math.h"

namespace tenon::cpu::TENON_ISA {
namespace {

constexpr int kRows = 8;  // of a tile that the interpreter takes at a time

template <bool residual, bool second, bool narrow>
void apply_common_form(const BoundEpilogue& bound, const Tile& tile) {
  const CommonEpilogue<residual, second, narrow> epilogue(bound, tile.channel);
  if (tile.padded || tile.lanes == kLanes) {
    for (int row = 0; row < tile.rows; ++row) {
      epilogue.apply(load(tile.src + row * kLanes), tile.offset + row * tile.stride);
    }
  } else {
    const Mask lanes = first_lanes(tile.lanes);
    for (int row = 0; row < tile.rows; ++row) {
      epilogue.apply(load(tile.src + row * kLanes), tile.offset + row * tile.stride, lanes);
    }
  }
}

/// Where an argument's vectors lie: `stride` floats from row to row.
struct Rows {
  const float* at;
  std::int64_t stride;
};

template <class Compute>
TENON_ALWAYS_INLINE void each_row(int rows, const Rows* from, float* to, Compute compute) {
  for (int row = 0; row < rows; ++row) {
    const auto argument = [&](int i) __attribute__((always_inline)) {
      return load(from[i].at + row * from[i].stride);
    };
    store(to + row * kLanes, compute(argument));
  }
}

void run_function(Function function, int rows, const Rows* from, float* to) {
  const Vec none = zero(), one = broadcast(1);
  switch (function) {
    case Function::add:
      return each_row(rows, from, to, [](auto a) { return add(a(0), a(1)); });
    case Function::sub:
      return each_row(rows, from, to, [](auto a) { return sub(a(0), a(1)); });
    case Function::mul:
      return each_row(rows, from, to, [](auto a) { return mul(a(0), a(1)); });
    case Function::div:
      return each_row(rows, from, to, [](auto a) { return div(a(0), a(1)); });
    case Function::max:
      return each_row(rows, from, to, [](auto a) { return at_least(a(1), a(0)); });
    case Function::min:
      return each_row(rows, from, to, [](auto a) { return at_most(a(1), a(0)); });
    case Function::fma:
      return each_row(rows, from, to, [](auto a) { return fma(a(0), a(1), a(2)); });
    case Function::relu:
      return each_row(rows, from, to, [=](auto a) { return at_least(none, a(0)); });
    case Function::leaky:
      return each_row(rows, from, to, [=](auto a) {
        const Vec x = a(0);
        return select(less(none, x), x, mul(a(1), x));
      });
    case Function::elu:
      return each_row(rows, from, to, [=](auto a) {
        const Vec x = a(0);
        return select(less(none, x), x, mul(a(1), expm1(x)));
      });
    case Function::sigmoid:
      return each_row(rows, from, to, [](auto a) { return sigmoid(a(0)); });
    case Function::tanh:
      return each_row(rows, from, to, [](auto a) { return tanh(a(0)); });
    case Function::softrelu:
      return each_row(rows, from, to, [](auto a) { return softrelu(a(0)); });
    case Function::softsign:
      return each_row(rows, from, to, [=](auto a) {
        const Vec x = a(0);
        return div(x, add(one, abs(x)));
      });
    case Function::exp:
      return each_row(rows, from, to, [](auto a) { return exp(a(0)); });
    case Function::log:
      return each_row(rows, from, to, [](auto a) { return log(a(0)); });
    case Function::sqrt:
      return each_row(rows, from, to, [](auto a) { return sqrt(a(0)); });
    case Function::rsqrt:
      return each_row(rows, from, to, [=](auto a) { return div(one, sqrt(a(0))); });
    case Function::abs:
      return each_row(rows, from, to, [](auto a) { return abs(a(0)); });
    case Function::erf:
      return each_row(rows, from, to, [](auto a) { return erf(a(0)); });
  }
}

/// Runs the code on a few rows of a tile.
class Interpreter {
 public:
  Interpreter(const BoundEpilogue& epilogue, const Tile& tile)
      : epilogue_(epilogue), tile_(tile), lanes_(first_lanes(tile.lanes)) {
    for (int i = 0; i < kMaxConstants; ++i) store(constants_[i], broadcast(epilogue.code->constant[i]));
  }

  void run(int first, int rows) {
    const EpilogueCode& code = *epilogue_.code;
    for (int i = 0; i < code.instructions; ++i) {
      const Instruction& instruction = code.instruction[i];
      float* result = temporaries_[instruction.result][0];
      if (instruction.load) {
        for (int row = 0; row < rows; ++row)
          store(result + row * kLanes, load_operand(instruction.operand, first + row));
      } else {
        Rows from[3];
        for (int k = 0; k < 3; ++k) from[k] = rows_of(instruction.arguments[k], first);
        run_function(instruction.function, rows, from, result);
      }
    }
    for (int i = 0; i < code.outputs; ++i) {
      if (epilogue_.dst[i] == nullptr) continue;
      const Rows from = rows_of(code.output[i], first);
      for (int row = 0; row < rows; ++row) store_output(i, first + row, load(from.at + row * from.stride));
    }
  }

 private:
  bool whole() const { return tile_.padded || tile_.lanes == kLanes; }
  std::int64_t offset(int row) const { return tile_.offset + row * tile_.stride; }

  Vec load_operand(int operand, int row) const {
    const bool narrow = (epilogue_.narrow_operands >> operand & 1) != 0;
    if (whole()) return load_as(epilogue_.operand[operand], offset(row), narrow);
    return load(static_cast<const float*>(epilogue_.operand[operand]) + offset(row), lanes_);
  }

  void store_output(int output, int row, Vec v) const {
    if (!whole()) return store(static_cast<float*>(epilogue_.dst[output]) + offset(row), v, lanes_);
    store_as(epilogue_.dst[output], offset(row), keep(lanes_, v), (epilogue_.narrow_outputs >> output & 1) != 0);
  }

  Rows rows_of(Argument argument, int first) const {
    switch (argument.kind) {
      case Argument::Kind::source:
        return {tile_.src + first * kLanes, kLanes};
      case Argument::Kind::channel:
        return {static_cast<const float*>(epilogue_.operand[argument.index]) + tile_.channel, 0};
      case Argument::Kind::constant:
        return {constants_[argument.index], 0};
      case Argument::Kind::temporary:
        break;
    }
    return {temporaries_[argument.index][0], kLanes};
  }

  const BoundEpilogue& epilogue_;
  const Tile& tile_;
  const Mask lanes_;
  alignas(64) float constants_[kMaxConstants][kLanes];
  alignas(64) float temporaries_[kMaxTemporaries][kRows][kLanes];
};

}  // namespace

void apply_common(const BoundEpilogue& epilogue, const Tile& tile) {
  dispatch_common(epilogue, [&]<bool residual, bool second, bool narrow>() {
    apply_common_form<residual, second, narrow>(epilogue, tile);
  });
}

void apply_code(const BoundEpilogue& epilogue, const Tile& tile) {
  Interpreter interpreter(epilogue, tile);
  for (int row = 0; row < tile.rows; row += kRows) interpreter.run(row, lesser(kRows, tile.rows - row));
}

}  // namespace tenon::cpu::TENON_ISA
