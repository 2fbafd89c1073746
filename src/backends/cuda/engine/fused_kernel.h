#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "backends/cuda/codegen/kernel_spec.h"
#include "backends/cuda/runtime/device.h"

namespace tenon::cuda {

/// What a generated kernel is given: `Pointers` of kernels/epilogue.cuh.
struct KernelPointers {
  const void* src = nullptr;
  const void* weight = nullptr;
  std::array<const void*, 8> operand{};
  std::array<void*, 4> dst{};
  std::array<const void*, 4> side_operand{};
  std::array<void*, 2> side_dst{};
};

/// A generated kernel on its device.
class FusedKernel {
 public:
  /// Compiles (or finds in the cache on disk) and loads; the same text only once a process and device.
  FusedKernel(const GpuDevice& device, KernelSpec spec);

  /// Queues it. It may start while its predecessor on the stream still runs, and waits for it before it reads or writes
  /// what that does.
  void launch(void* stream, const KernelPointers& pointers) const;
  const KernelSpec& spec() const { return spec_; }
  /// Whether the registers did not suffice.
  bool spills() const { return spills_; }

 private:
  KernelSpec spec_;
  CUfunction function_ = nullptr;
  bool spills_ = false;
};

/// What the generator should make kernels for.
Target target_of(const GpuDevice& device);

/// The kernel to take among candidates, the likeliest first. `prepare` gives what a candidate is to be measured with
/// (it packs the weights); without it, or with a single candidate, the first that compiles without spilling registers.
/// What was measured is kept on disk by device and problem. A candidate that does not end in time is left out, and
/// `abandon` called: it may still write to what it was given.
FusedKernel choose_kernel(const GpuDevice& device, const std::vector<KernelSpec>& candidates,
                          const std::function<KernelPointers(const KernelSpec&)>& prepare,
                          const std::function<void()>& abandon = {});

}  // namespace tenon::cuda
