#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "passes/expression.h"

namespace tenon::cuda {

/// How activations and packed weights are stored, and with it which products the tensor cores make of them: tf32 is
/// float32 rounded when it is stored; f32 is split into two TF32 numbers when it is multiplied.
enum class Storage { f16, bf16, tf32, f32 };
std::string_view name(Storage storage);
int element_bytes(Storage storage);
/// The channels in 16 bytes: the block of the kernels' layout.
int unit_of(Storage storage);

/// What a device allows a kernel.
struct Target {
  int architecture = 90;         ///< 80: mma.sync; 90: wgmma, clusters, programmatic dependent launch
  bool tensor_core_mma = false;  ///< mma.sync even where there is wgmma: how the sm_80 family is tested on a Hopper GPU
  int processors = 132;
  int shared_bytes = 232448;  ///< of one block

  bool wgmma() const { return architecture >= 90 && !tensor_core_mma; }
};
Target hopper();
Target ampere();

/// What happens to the products in registers.
struct EpilogueSpec {
  Expressions expressions;
  std::vector<bool> per_channel;  ///< of each operand: one value a channel, else a tensor like the outputs
  std::vector<bool> stored;       ///< of each output: whether anybody reads it

  bool empty() const { return expressions.empty(); }
};
/// `x`, stored.
EpilogueSpec plain_epilogue();

/// How a kernel wants its weights.
struct WeightLayout {
  enum class Order {
    none,
    units,          ///< (blocks of channels, chunks, taps, units of the chunk, block_n, unit)
    rows,           ///< (channels, units of K, taps, unit)
    depthwise,      ///< (units of channels, taps, unit) in float32
    direct,         ///< (blocks of channels, source channels, taps, block_n) in float32
    channels_last,  ///< (channels in blocks of block_n, taps, source channels in chunks)
    row_major,      ///< (channels, source channels, taps)
  };
  Order order = Order::none;
  int block_n = 1;
  int chunk = 0;       ///< channels
  int pad_units = 1;   ///< a block's units of K are filled up with zeros to a multiple of it
  bool side = false;   ///< a tap more: the 1×1 convolution that rides along
  bool split = false;  ///< units: a unit of K is two, what TF32 keeps of it and the rest
  int spread = 1;      ///< groups: each filter is filled up with zeros to the source channels of all of them
  friend bool operator==(const WeightLayout&, const WeightLayout&) = default;
};

struct Launch {
  std::array<int, 3> grid{1, 1, 1};
  int threads = 128;
  int shared_bytes = 0;
  int cluster = 1;  ///< blocks along x
};

/// A kernel to be compiled: a template (kernels/<text>.cuh), its constants, its epilogues; and how it is launched.
struct KernelSpec {
  std::string text;
  std::vector<std::string> includes;  ///< templates before it, beyond prelude and epilogue
  std::vector<std::pair<std::string, int>> constants;
  Storage storage = Storage::f16;
  Target target;
  EpilogueSpec main, side;
  std::vector<int> wgmma_columns;           ///< the N of the wgmma with both operands in shared memory
  std::vector<int> wgmma_register_columns;  ///< of those with A in registers, which split ones have too
  Launch launch;
  WeightLayout weights;

  /// "ring block_n=128 tiles=4 …": the constants that a choice is made of.
  std::string label;

  int constant(std::string_view constant_name) const;
  /// fp32 by wgmma: operands are split into two TF32 numbers (split.cuh).
  bool splits() const { return storage == Storage::f32 && target.wgmma() && !wgmma_columns.empty(); }
};

/// The whole source text, to be compiled by NVRTC without any header.
std::string source_of(const KernelSpec& spec);

/// One `struct NAME` for epilogue.cuh. The operands and outputs are those of `p.operand`, `p.dst` or, of the side, of
/// `p.side_operand`, `p.side_dst`.
std::string epilogue_source(const EpilogueSpec& epilogue, std::string_view struct_name, bool side);

/// The text of a template, which the build embeds. Throws Error(internal) for a name that is none.
std::string_view kernel_text(std::string_view name);

}  // namespace tenon::cuda
