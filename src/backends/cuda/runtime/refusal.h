#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include <cuda.h>

namespace tenon::cuda {

/// What a kernel writes where it meets data it cannot work on: plain/kernels/refusal.cuh has it in the same words.
struct RefusalRecord {
  static constexpr std::int64_t kNone = INT64_MAX;
  std::int64_t position = kNone;  ///< where the reference would meet it, counted in its order
  std::int64_t detail[3] = {};
  double real[2] = {};
  std::int32_t lock = 0;
};

/// The refusals of one step, whose kernels any number of streams may run. A stream's record lies in pinned memory: the
/// kernels write to it only where they refuse, and wait() of the stream's queue reads it, so that neither costs a
/// forward anything, recorded as a CUDA graph or not.
class KernelRefusals {
 public:
  /// `refuse` throws the sentence that a record stands for.
  using Refuse = std::function<void(const RefusalRecord& record)>;

  explicit KernelRefusals(Refuse refuse);
  ~KernelRefusals();
  /// Where the kernels on this stream write, by host and device. Lives as long as the refusals. Allocates when it is
  /// first asked for a stream, before a program is recorded.
  RefusalRecord* record(void* stream);

 private:
  struct Entry;
  Refuse refuse_;
  std::mutex mutex_;
  std::map<CUstream, std::unique_ptr<Entry>> entries_;
};

}  // namespace tenon::cuda
