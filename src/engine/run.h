#pragma once

#include <cstddef>
#include <span>

#include "engine/program.h"

namespace tenon {

/// The memory one run of a Program works on; the caller's.
struct ProgramMemory {
  std::byte* arena = nullptr;
  std::span<const void* const> feeds;
  std::span<void* const> results;  ///< of a Program that gives its results
  void* stream = nullptr;          ///< of a device
};

/// Where an operand lies in this memory; null for nowhere.
const void* read_address(const Program& program, const ProgramMemory& memory, Place place);
void* write_address(const Program& program, const ProgramMemory& memory, Place place);
std::byte* buffer_address(const Program& program, const ProgramMemory& memory, int buffer);

/// Runs the steps, one after another. Allocates nothing where no step has more than 64 operands. Any number of threads
/// may run one Program, each in memory of its own.
void run(const Program& program, const ProgramMemory& memory);
/// One of them.
void run_step(const Program& program, const Step& step, const ProgramMemory& memory);

}  // namespace tenon
