// The reference of an operator that has no kernel here. The copies and the host's work are queued on the stream, so
// that they keep their order and are recorded like any kernel. Parameters are read where they are, on the host.

#include <exception>
#include <map>
#include <utility>

#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/stream_watch.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

/// Pinned memory for one stream's operands, and what the host does with it.
class Trip {
 public:
  Trip(CUstream stream, const Kernel& kernel, const std::vector<const void*>& constants,
       const std::vector<std::size_t>& src_bytes, const std::vector<std::size_t>& dst_bytes,
       const std::vector<bool>& read)
      : kernel_(kernel), watch_(stream, [this] { return std::exchange(failure_, nullptr); }) {
    std::size_t bytes = 0;
    const auto reserve = [&](std::size_t size) {
      const std::size_t at = bytes;
      bytes += (size + 63) / 64 * 64;
      return at;
    };
    std::vector<std::size_t> at;
    for (const std::size_t size : src_bytes) at.push_back(reserve(size));
    for (const std::size_t size : dst_bytes) at.push_back(reserve(size));
    const std::size_t workspace = reserve(kernel.workspace_bytes);
    check(driver().cuMemHostAlloc(&memory_, std::max<std::size_t>(bytes, 1), CU_MEMHOSTALLOC_PORTABLE));
    auto* base = static_cast<std::byte*>(memory_);
    for (std::size_t i = 0; i < src_bytes.size(); ++i) {
      src_.push_back(constants[i] != nullptr ? constants[i] : base + at[i]);
    }
    for (std::size_t i = 0; i < dst_bytes.size(); ++i) {
      dst_.push_back(read[i] ? base + at[src_bytes.size() + i] : nullptr);
    }
    workspace_ = base + workspace;
  }
  ~Trip() { driver().cuMemFreeHost(memory_); }
  Trip(const Trip&) = delete;
  Trip& operator=(const Trip&) = delete;

  const void* src(std::size_t i) const { return src_[i]; }
  void* dst(std::size_t i) const { return dst_[i]; }

  /// Called by the driver, in a thread of its own.
  static void CUDA_CB run(void* self) {
    auto& trip = *static_cast<Trip*>(self);
    try {
      trip.kernel_.run({trip.src_, trip.dst_, trip.workspace_});
    } catch (...) {
      if (!trip.failure_) trip.failure_ = std::current_exception();
    }
  }

 private:
  const Kernel& kernel_;
  void* memory_ = nullptr;
  std::vector<const void*> src_;
  std::vector<void*> dst_;
  std::byte* workspace_ = nullptr;
  std::exception_ptr failure_;  // the first since wait() asked: who runs on a stream cannot throw to its caller
  const StreamWatch watch_;     // the last: nobody asks a trip that is half gone
};

/// The kernel of one step, run by any number of streams at a time.
struct RoundTrip {
  Kernel kernel;
  std::vector<Tensor> constants;  // keeps them alive
  std::vector<const void*> constant;
  std::vector<std::size_t> src_bytes, dst_bytes;
  std::vector<bool> read;
  std::mutex mutex;
  std::map<void*, std::unique_ptr<Trip>> trips;  // by stream

  Trip& trip(void* stream) {
    const std::scoped_lock lock(mutex);
    std::unique_ptr<Trip>& found = trips[stream];
    if (!found) {
      found = std::make_unique<Trip>(static_cast<CUstream>(stream), kernel, constant, src_bytes, dst_bytes, read);
    }
    return *found;
  }

  void run(const Operands& operands) {
    Trip& way = trip(operands.stream);
    const auto stream = static_cast<CUstream>(operands.stream);
    for (std::size_t i = 0; i < src_bytes.size(); ++i) {
      if (constant[i] != nullptr || operands.src[i] == nullptr || src_bytes[i] == 0) continue;
      check(driver().cuMemcpyDtoHAsync(const_cast<void*>(way.src(i)), reinterpret_cast<CUdeviceptr>(operands.src[i]),
                                       src_bytes[i], stream));
    }
    check(driver().cuLaunchHostFunc(stream, Trip::run, &way));
    for (std::size_t i = 0; i < dst_bytes.size(); ++i) {
      if (operands.dst[i] == nullptr || dst_bytes[i] == 0) continue;
      check(
          driver().cuMemcpyHtoDAsync(reinterpret_cast<CUdeviceptr>(operands.dst[i]), way.dst(i), dst_bytes[i], stream));
    }
  }
};

Offer offer(const StepRequest& request) {
  const OpCall& call = request.call;
  if (!call.node.op->reference) return "the operator has no reference";
  const auto step = std::make_shared<RoundTrip>();
  step->kernel = call.node.op->reference(call);
  StepPlan plan;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    step->src_bytes.push_back(padded_bytes(call.inputs[i], {}));
    step->constant.push_back(nullptr);
    if (request.constant[i] == nullptr) continue;
    step->constants.push_back(*request.constant[i]);
    step->constant.back() = request.constant[i]->data();
    plan.absorbed.push_back(static_cast<int>(i));
  }
  for (const TensorType& output : call.outputs) step->dst_bytes.push_back(padded_bytes(output, {}));
  step->read = request.read;
  plan.kernel.run = [step](const Operands& operands) { step->run(operands); };
  return plan;
}

}  // namespace

Implementation round_trip_implementation() {
  return {"host:reference", {}, offer};
}

}  // namespace tenon::cuda
