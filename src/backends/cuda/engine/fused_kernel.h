#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
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

/// How a way's data and results lie: in blocks, channels last, or the data row-major and the results in blocks.
enum class WayLayout { blocks, channels_last, row_major };

/// A way to run a step: a generated kernel, or a library's.
struct Way {
  std::string label;  ///< "ring n=128 …", "cublaslt"
  WeightLayout weights;
  std::size_t workspace_bytes = 0;
  std::function<void(void* stream, const KernelPointers& pointers, void* workspace)> launch;
  WayLayout layout = WayLayout::blocks;
};

/// What a library offers for a step.
struct LibraryWays {
  /// Its version and what is asked of it: a part of what a choice is kept by.
  std::function<std::string()> key;
  /// Which of its ways: those worth measuring, the likeliest alone, or that of this label.
  struct Wanted {
    bool all = false;
    std::optional<std::string> label = {};
  };
  /// The likeliest first. Throws Error with the reason where there is none. They may take long to make ready: it is
  /// asked only where they are measured or taken.
  std::function<std::vector<Way>(const Wanted& wanted)> ways;
};

/// What there is to choose from: kernels to be generated, the likeliest first, and libraries.
struct Candidates {
  std::vector<KernelSpec> generated;
  std::vector<LibraryWays> libraries;
};

/// What a way is measured with: its weights packed as it wants them.
struct Trial {
  KernelPointers pointers;
  void* workspace = nullptr;
  /// Changes of layout that its neighbours may cost: they are measured with it.
  std::vector<std::function<void(void* stream)>> changes = {};
};

/// The way to take. Without `prepare`, or with a single kernel, the first kernel that compiles without spilling
/// registers, else a library's first way. What was measured is kept on disk by device and problem. A candidate that
/// does not end in time is left out, and `abandon` called: it may still write to what it was given.
Way choose_way(const GpuDevice& device, const Candidates& candidates, const std::function<Trial(const Way&)>& prepare,
               const std::function<void()>& abandon = {});

/// The way of this label, which was taken before. Throws Error(corrupt) where there is none.
Way recorded_way(const GpuDevice& device, const Candidates& candidates, const std::string& label);

}  // namespace tenon::cuda
