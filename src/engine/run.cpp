#include "engine/run.h"

#include <array>

namespace tenon {
namespace {

constexpr std::size_t kUsualOperands = 64;

/// The addresses of one step's operands: on the stack, but for the rare step that has more than usual.
template <class Pointer>
class Addresses {
 public:
  explicit Addresses(std::size_t count) : count_(count) {
    if (count > kUsualOperands) many_.resize(count);
  }
  Pointer* data() { return many_.empty() ? few_.data() : many_.data(); }
  std::span<const Pointer> span() { return {data(), count_}; }

 private:
  std::size_t count_;
  std::array<Pointer, kUsualOperands> few_;
  std::vector<Pointer> many_;
};

}  // namespace

std::byte* buffer_address(const Program& program, const ProgramMemory& memory, int buffer) {
  return memory.arena + program.buffers[static_cast<std::size_t>(buffer)].offset;
}

const void* read_address(const Program& program, const ProgramMemory& memory, Place place) {
  const auto index = static_cast<std::size_t>(place.index);
  switch (place.kind) {
    case Place::Kind::feed:
      return memory.feeds[index];
    case Place::Kind::constant:
      return program.constants[index].data();
    default:
      return write_address(program, memory, place);
  }
}

void* write_address(const Program& program, const ProgramMemory& memory, Place place) {
  switch (place.kind) {
    case Place::Kind::buffer:
      return buffer_address(program, memory, place.index);
    case Place::Kind::result:
      return memory.results[static_cast<std::size_t>(place.index)];
    default:
      return nullptr;
  }
}

void run_step(const Program& program, const Step& step, const ProgramMemory& memory) {
  if (!step.kernel.run) return;
  Addresses<const void*> src(step.src.size());
  Addresses<void*> dst(step.dst.size());
  for (std::size_t i = 0; i < step.src.size(); ++i) src.data()[i] = read_address(program, memory, step.src[i]);
  for (std::size_t i = 0; i < step.dst.size(); ++i) dst.data()[i] = write_address(program, memory, step.dst[i]);
  std::byte* workspace = step.workspace < 0 ? nullptr : buffer_address(program, memory, step.workspace);
  step.kernel.run({src.span(), dst.span(), workspace, memory.stream});
}

void run(const Program& program, const ProgramMemory& memory) {
  for (const Step& step : program.steps) run_step(program, step, memory);
}

}  // namespace tenon
