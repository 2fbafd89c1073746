#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include <tenon/dtype.h>

#include "backends/cpu/kernels/epilogue_tile.h"
#include "backends/cpu/kernels/isa.h"
#include "passes/expression.h"

namespace tenon::cpu {

/// An operand of an epilogue: one value a channel, or one at the same place as the output's, lying as the output does.
struct EpilogueOperand {
  bool per_channel = false;
  DType storage = DType::float32;  ///< or bfloat16, where it is not per channel
};

/// The expressions of a primitive made ready for tiles of its output:
///
///     x * scale + shift [+ residual] [times slope where negative] [+ residual], clamped; optionally a second output,
///     y0 * scale + shift, clamped
///
/// runs as such, in registers; any other goes through an interpreter whose instructions work on a tile in the L1 cache.
class Epilogue {
 public:
  /// Throws Error(unsupported) for more operands, outputs or instructions than the interpreter holds.
  Epilogue(const Expressions& expressions, std::vector<EpilogueOperand> operands, std::vector<DType> outputs,
           std::int64_t channels, Isa isa = machine_isa());

  bool common() const { return common_; }
  int outputs() const { return static_cast<int>(outputs_.size()); }
  /// Memory for padded copies of the vectors.
  std::size_t workspace_bytes() const;
  /// Ties it to the operands' and outputs' memory (null: nobody reads that output). `workspace` holds until the run
  /// ends.
  BoundEpilogue bind(std::span<const void* const> operands, std::span<void* const> dst, std::byte* workspace) const;

 private:
  /// A vector over the channels, or its value for all of them; `operand` -1: none.
  struct Term {
    int operand = -1;
    float value = 0;
  };
  /// clamp(leaky(leaf * scale + shift + residual, slope)), or the residual behind the slope
  struct Form {
    Term scale{-1, 1}, shift{-1, 0}, slope;
    int residual = -1;
    bool scaled = false, shifted = false, sloped = false, residual_last = false, clamped = false;
    float low, high;
    Form();
  };

  bool match(const Expression& expression, const Expression& leaf, Form& form) const;
  bool match_operand(const Expression& expression, Term& term) const;
  void match_common(const Expressions& expressions);
  bool match_chain(const Expression& expression, const Expression& within);
  void compile(const Expressions& expressions);
  Argument compile(const Expression& expression);
  std::uint8_t add_instruction(Instruction instruction);
  bool converts() const;
  std::int64_t padded_channels() const { return (channels_ + 15) / 16 * 16; }

  std::vector<EpilogueOperand> operands_;
  std::vector<DType> outputs_;
  std::int64_t channels_;
  Isa isa_;
  bool common_ = false;
  bool chained_ = false;  // one output, by both forms
  Form forms_[2];
  EpilogueCode code_;
  int constants_ = 0;
  std::array<bool, kMaxTemporaries> in_use_{};  // temporaries, while compiling
};

}  // namespace tenon::cpu
