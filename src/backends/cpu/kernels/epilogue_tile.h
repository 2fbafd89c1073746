#pragma once

// What a kernel and its epilogue say to each other at run time: plain structs, for files of kernels/isa/ too.

#include <cstddef>
#include <cstdint>

namespace tenon::cpu {

inline constexpr int kMaxOperands = 12;
inline constexpr int kMaxOutputs = 4;

/// The functions of expression_functions(), in any order.
enum class Function : std::uint8_t {
  add,
  sub,
  mul,
  div,
  max,
  min,
  fma,
  relu,
  leaky,
  elu,
  sigmoid,
  tanh,
  softrelu,
  softsign,
  exp,
  log,
  sqrt,
  rsqrt,
  abs,
  erf,
};

/// Where an instruction finds an argument: what the kernel computed, a row of operand values that were loaded, a vector
/// over the channels, a constant, or what an instruction before left.
struct Argument {
  enum class Kind : std::uint8_t { source, channel, constant, temporary } kind = Kind::source;
  std::uint8_t index = 0;
};

/// One function over a tile, its result in a temporary; or, with `load`, an operand that lies as the output does.
struct Instruction {
  bool load = false;
  Function function = Function::add;
  std::uint8_t operand = 0;
  std::uint8_t result = 0;
  Argument arguments[3];
};

inline constexpr int kMaxInstructions = 64;
inline constexpr int kMaxConstants = 16;
inline constexpr int kMaxTemporaries = 12;

/// An epilogue for the interpreter.
struct EpilogueCode {
  int instructions = 0;
  Instruction instruction[kMaxInstructions];
  float constant[kMaxConstants];
  int outputs = 1;
  Argument output[kMaxOutputs];
};

/// Part of what a kernel computed: `rows` vectors of 16 channels from `channel` on, one after the other at `src`. In
/// the operands and outputs they are `stride` elements apart from `offset` on. Of the last block of channels only the
/// first `lanes` exist; with `padded`, memory goes on behind them and gets zeros.
struct Tile {
  const float* src = nullptr;
  int rows = 0;
  std::int64_t offset = 0;
  std::int64_t stride = 16;
  int channel = 0;
  int lanes = 16;
  bool padded = true;
};

struct BoundEpilogue;
using ApplyEpilogue = void (*)(const BoundEpilogue& epilogue, const Tile& tile);

/// An epilogue tied to the memory of one run. `apply` writes a tile to every output that is wanted.
struct BoundEpilogue {
  ApplyEpilogue apply = nullptr;

  // The common form: y0 = clamp(leaky(x * scale + shift + residual, slope)), or clamp(leaky(…) + residual);
  // y1 = clamp(y0 * scale + shift).
  bool common = false;
  const float* scale[2] = {};  ///< one a channel, padded to whole vectors
  const float* shift[2] = {};
  const float* slope = nullptr;  ///< one a channel, padded to whole vectors; null: none
  float low[2] = {}, high[2] = {};
  const void* residual = nullptr;  ///< null: none
  bool residual_last = false;      ///< behind the slope
  bool second = false;

  // Any other form.
  const EpilogueCode* code = nullptr;
  const void* operand[kMaxOperands] = {};  ///< vectors padded to whole vectors

  void* dst[kMaxOutputs] = {};        ///< null: nobody reads it
  std::uint32_t narrow_operands = 0;  ///< a bit for each operand that lies as bfloat16
  std::uint32_t narrow_outputs = 0;
  bool narrow_residual = false;
};

// For one instruction set each: the two ways to apply an epilogue.
namespace avx512 {
void apply_common(const BoundEpilogue& epilogue, const Tile& tile);
void apply_code(const BoundEpilogue& epilogue, const Tile& tile);
}  // namespace avx512
namespace avx512_bf16 {  // the same, faster where something lies as bfloat16
void apply_common(const BoundEpilogue& epilogue, const Tile& tile);
void apply_code(const BoundEpilogue& epilogue, const Tile& tile);
}  // namespace avx512_bf16
namespace avx2 {
void apply_common(const BoundEpilogue& epilogue, const Tile& tile);
void apply_code(const BoundEpilogue& epilogue, const Tile& tile);
}  // namespace avx2

}  // namespace tenon::cpu
