#pragma once

// The accelerated backend: implementations for the primitives and for what a compiled subgraph keeps of MXNet's
// operators, with Tenon's own kernels. Values lie in blocks of 16 channels or row-major; what multiplies with bf16
// reads and writes blocks of bfloat16, and its neighbours keep to that.

#include <string>
#include <variant>
#include <vector>

#include "backends/cpu/cpu.h"
#include "backends/cpu/kernels/epilogue.h"
#include "backends/cpu/kernels/matmul.h"
#include "engine/backend.h"

namespace tenon::cpu {

inline constexpr MemoryFormat kBlocked{16}, kNarrowBlocks{16, DType::bfloat16};

/// What is to be spared where both cannot be.
enum class Optimize { speed, memory };

/// What runs the bodies of engine nodes; what none of its own takes is left to the plain backend's, then to the
/// reference. With Optimize::memory packed weights take no more memory than the original ones, but for the padding of
/// whole blocks, and are packed straight from those.
Backend accelerated_backend(Optimize optimize = Optimize::speed);

// The families, a file each.
std::vector<Implementation> engine_convolution_implementations(Optimize optimize);
std::vector<Implementation> engine_pooling_implementations();
std::vector<Implementation> engine_matmul_implementations();
std::vector<Implementation> engine_pointwise_implementations();
std::vector<Implementation> engine_line_implementations();
/// One of them: softmax in its spellings, along any axis.
Implementation line_softmax_implementation();
std::vector<Implementation> engine_copy_implementations();
std::vector<Implementation> engine_product_implementations();
std::vector<Implementation> engine_recurrent_implementations();
std::vector<Implementation> engine_resize_implementations();

/// That this machine has an instruction set the kernels are written for, and all values are float32.
Conditions kernel_conditions(const OpCall& call);

/// The epilogue of a primitive whose result has so many channels, tied to the node's operands; or why there is none.
/// `channels` counts what a tile calls channels; results and the operands of their shape lie as `results` says. With
/// `same_place` vectors, too, lie as the result does.
std::variant<Epilogue, std::string> make_epilogue(const OpCall& call, std::int64_t channels, MemoryFormat results,
                                                  bool same_place = false);

/// The plan's formats: data, operands of the result's shape and results as said, everything else row-major.
void set_formats(const OpCall& call, MemoryFormat data, MemoryFormat results, StepPlan& plan);

/// Binds the epilogue to the operands of a run; its workspace begins at `offset` of the step's.
BoundEpilogue bind_epilogue(const Epilogue& epilogue, const Operands& operands, int first_operand,
                            std::size_t offset = 0);

/// Packs a weight (columns, inner), in parallel.
void pack_weight(const MatmulProblem& problem, const float* weight, void* packed);
/// The whole product, shared out over the threads.
void run_matmul(const MatmulProblem& problem, const float* src, const void* packed, const BoundEpilogue& epilogue);

}  // namespace tenon::cpu
