#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "backends/cuda/block_cache.h"
#include "backends/cuda/runtime/driver.h"

namespace tenon::cuda {

/// What kernels are chosen and compiled by.
struct Properties {
  std::string name;  ///< "NVIDIA H100 80GB HBM3"
  int major = 0, minor = 0;
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
  std::size_t shared_bytes = 0;  ///< a block may ask for
  double clock_hz = 0;           ///< the highest of its multiprocessors
  double bytes_per_second = 0;   ///< of its memory at its highest clock
  /// What codegen/compiler.h compiles for: 80, 90.
  int architecture() const { return 10 * major + minor; }
};

/// A GPU, by ordinal: its primary context, which the process's other users of CUDA share, and its memory. Lives as long
/// as the process. Any thread may use it, after make_current().
class GpuDevice {
 public:
  /// Throws Error(unsupported), in one sentence, where there is no such GPU.
  static GpuDevice& get(int ordinal);

  int ordinal() const { return ordinal_; }
  const std::string& title() const { return title_; }  ///< "cuda:0"
  const Properties& properties() const { return properties_; }

  /// Calls of this thread go to this device from here on. Throws Error where the device failed before, or the process
  /// is a fork of the one that initialised CUDA.
  void make_current() const;

  /// Memory from the cache or the driver. Throws Error(out_of_memory) with what was needed and what there is.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);
  /// Gives what the cache holds back to the driver.
  void trim();

 private:
  explicit GpuDevice(int ordinal);
  BlockCache::Block take(std::size_t bytes);
  void release(const BlockCache::Block& block) noexcept;

  int ordinal_;
  std::string title_;
  Properties properties_;
  CUcontext context_ = nullptr;
  int forks_;  ///< at the time when CUDA was initialised
  std::mutex mutex_;
  BlockCache cache_;
};

Properties read_properties(const Driver& driver, CUdevice device);

/// "NVIDIA H100 80GB HBM3 of compute capability 9.0 with 132 multiprocessors and 232448 bytes of shared memory": all
/// that kernels are chosen, cut and compiled by.
std::string description(const Properties& properties);

/// Whether no call to the device can succeed in this process after this status.
bool is_sticky(CUresult status);
/// The first such failure of the calling thread's device; every later make_current() quotes it.
void poison_current_device(std::string_view cause);

}  // namespace tenon::cuda
