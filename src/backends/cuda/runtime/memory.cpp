#include "backends/cuda/runtime/memory.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/cuda/runtime/stream_watch.h"
#include "core/error.h"
#include "core/log.h"

namespace tenon::cuda {
namespace {

CUdeviceptr address_of(const void* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
}

/// Pinned memory on the way between host and device, in two halves: while one is copied, the other is filled.
class Staging {
 public:
  static constexpr std::size_t kHalf = std::size_t{4} << 20;

  ~Staging() {
    for (const Half& half : halves_) {
      if (half.copied != nullptr) driver().cuEventDestroy(half.copied);
      if (half.memory != nullptr) driver().cuMemFreeHost(half.memory);
    }
  }

  void copy_in(CUstream stream, std::byte* dst, const std::byte* src, std::size_t bytes) {
    for (std::size_t done = 0; done < bytes; done += kHalf) {
      const std::size_t part = std::min(kHalf, bytes - done);
      const Half& half = next();
      check(driver().cuEventSynchronize(half.copied));
      std::memcpy(half.memory, src + done, part);
      check(driver().cuMemcpyHtoDAsync(address_of(dst + done), half.memory, part, stream));
      check(driver().cuEventRecord(half.copied, stream));
    }
  }

  void copy_out(CUstream stream, std::byte* dst, const std::byte* src, std::size_t bytes) {
    for (std::size_t done = 0; done < bytes; done += kHalf) {
      const std::size_t part = std::min(kHalf, bytes - done);
      const Half& half = next();
      check(driver().cuMemcpyDtoHAsync(half.memory, address_of(src + done), part, stream));
      check(driver().cuStreamSynchronize(stream));
      std::memcpy(dst + done, half.memory, part);
    }
  }

 private:
  struct Half {
    void* memory = nullptr;
    CUevent copied = nullptr;
  };

  const Half& next() {
    Half& half = halves_[turn_ ^= 1];
    if (half.memory == nullptr) {
      check(driver().cuMemHostAlloc(&half.memory, kHalf, CU_MEMHOSTALLOC_PORTABLE));
      check(driver().cuEventCreate(&half.copied, CU_EVENT_DISABLE_TIMING));
    }
    return half;
  }

  std::array<Half, 2> halves_;
  std::size_t turn_ = 0;
};

/// A point in the order of a stream.
class Event {
 public:
  explicit Event(CUevent_flags flags) { check(driver().cuEventCreate(&event_, flags)); }
  ~Event() { driver().cuEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator CUevent() const { return event_; }

 private:
  CUevent event_ = nullptr;
};

class GraphRecording : public Recording {
 public:
  GraphRecording(const GpuDevice& device, CUstream stream, CUgraphExec graph)
      : device_(device), stream_(stream), graph_(graph) {}
  ~GraphRecording() override { driver().cuGraphExecDestroy(graph_); }
  /// To the device, so that the first replay takes no longer than the others.
  void upload() { check(driver().cuGraphUpload(graph_, stream_)); }
  void replay() override {
    device_.make_current();
    check(driver().cuGraphLaunch(graph_, stream_));
  }

 private:
  const GpuDevice& device_;
  CUstream stream_;
  CUgraphExec graph_;
};

/// Work that could not be recorded: queued anew each time.
class Repetition : public Recording {
 public:
  explicit Repetition(std::function<void()> work) : work_(std::move(work)) {}
  void replay() override { work_(); }

 private:
  std::function<void()> work_;
};

class GpuQueue : public DeviceQueue {
 public:
  explicit GpuQueue(const GpuDevice& device) : device_(device) {
    device_.make_current();
    check(driver().cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING));
  }
  ~GpuQueue() override {
    // What is queued may still use memory that is about to be given back.
    driver().cuStreamSynchronize(stream_);
    // What nobody waited to hear must not be told to the next stream of this address.
    static_cast<void>(take_failure(stream_));
    driver().cuStreamDestroy(stream_);
  }

  void* stream() const override {
    device_.make_current();  // whoever asks is about to launch on it
    return stream_;
  }

  void clear(void* dst, std::size_t bytes) override {
    device_.make_current();
    if (bytes > 0) check(driver().cuMemsetD8Async(address_of(dst), 0, bytes, stream_));
  }

  void copy_in(void* dst, const void* src, std::size_t bytes) override {
    device_.make_current();
    staging_.copy_in(stream_, static_cast<std::byte*>(dst), static_cast<const std::byte*>(src), bytes);
  }

  void copy_out(void* dst, const void* src, std::size_t bytes) override {
    device_.make_current();
    staging_.copy_out(stream_, static_cast<std::byte*>(dst), static_cast<const std::byte*>(src), bytes);
    wait();
  }

  void wait() override {
    device_.make_current();
    check(driver().cuStreamSynchronize(stream_));
    if (const std::exception_ptr failure = take_failure(stream_)) std::rethrow_exception(failure);
  }

  void wait_for(void* stream) override {
    device_.make_current();
    require_stream(driver().cuEventRecord(meeting(), static_cast<CUstream>(stream)));
    check(driver().cuStreamWaitEvent(stream_, meeting(), CU_EVENT_WAIT_DEFAULT));
  }

  void precede(void* stream) override {
    device_.make_current();
    check(driver().cuEventRecord(meeting(), stream_));
    require_stream(driver().cuStreamWaitEvent(static_cast<CUstream>(stream), meeting(), CU_EVENT_WAIT_DEFAULT));
  }

  double time(const std::function<void()>& work) override {
    device_.make_current();
    const Event begin(CU_EVENT_DEFAULT), end(CU_EVENT_DEFAULT);
    check(driver().cuEventRecord(begin, stream_));
    work();
    check(driver().cuEventRecord(end, stream_));
    wait();
    float milliseconds = 0;
    check(driver().cuEventElapsedTime(&milliseconds, begin, end));
    return milliseconds;
  }

  std::unique_ptr<Recording> record(const std::function<void()>& work) override {
    device_.make_current();
    try {
      auto recording = std::make_unique<GraphRecording>(device_, stream_, instantiate(capture(work)));
      recording->upload();
      return recording;
    } catch (const Error& error) {
      device_.make_current();  // throws where the device is lost
      log(LogLevel::warning, "{}: the program is not recorded as a CUDA graph: {}", device_.title(), error.what());
      return std::make_unique<Repetition>(work);
    }
  }

 private:
  /// Where this stream and another meet.
  CUevent meeting() {
    if (!meeting_) meeting_ = std::make_unique<Event>(CU_EVENT_DISABLE_TIMING);
    return *meeting_;
  }

  void require_stream(CUresult status) const {
    if (status == CUDA_ERROR_INVALID_HANDLE || status == CUDA_ERROR_INVALID_CONTEXT) {
      fail(ErrorCode::invalid_argument, "the stream is none of {}: {}", device_.title(), describe(status));
    }
    check(status);
  }

  CUgraph capture(const std::function<void()>& work) {
    check(driver().cuStreamBeginCapture(stream_, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CUgraph graph = nullptr;
    try {
      work();
    } catch (...) {
      if (driver().cuStreamEndCapture(stream_, &graph) == CUDA_SUCCESS) driver().cuGraphDestroy(graph);
      throw;
    }
    check(driver().cuStreamEndCapture(stream_, &graph));
    return graph;
  }

  static CUgraphExec instantiate(CUgraph graph) {
    CUgraphExec executable = nullptr;
    const CUresult status = driver().cuGraphInstantiateWithFlags(&executable, graph, 0);
    driver().cuGraphDestroy(graph);
    check(status);
    return executable;
  }

  const GpuDevice& device_;
  CUstream stream_ = nullptr;
  Staging staging_;
  std::unique_ptr<Event> meeting_;
};

class GpuMemory : public DeviceMemory {
 public:
  explicit GpuMemory(int ordinal) : device_(GpuDevice::get(ordinal)) {}

  GpuDevice& device() const { return device_; }
  const std::string& name() const override { return device_.title(); }
  std::string processor() const override { return description(device_.properties()); }
  bool is_host() const override { return false; }
  std::shared_ptr<std::byte> allocate(std::size_t bytes) override { return device_.allocate(bytes); }

  Tensor resident(const Tensor& tensor) override {
    const auto memory = device_.allocate(tensor.bytes());
    const std::scoped_lock lock(upload_mutex_);
    if (!upload_) upload_ = std::make_unique<GpuQueue>(device_);
    upload_->copy_in(memory.get(), tensor.data(), tensor.bytes());
    upload_->wait();
    return Tensor::borrow_const(memory.get(), tensor.shape(), tensor.dtype(), memory);
  }

  void copy(void* dst, const void* src, std::size_t bytes, void* stream) const override {
    copy_within(dst, src, bytes, stream);
  }

  void require_own(const void* data, std::size_t bytes) const override {
    device_.make_current();
    const CUdeviceptr address = address_of(data);
    CUmemorytype type{};
    int ordinal = -1;
    CUdeviceptr begin = 0;
    std::size_t size = 0;
    // The driver knows nothing of memory that the host has from elsewhere.
    const auto ask = [&](auto& value, CUpointer_attribute attribute) {
      return driver().cuPointerGetAttribute(&value, attribute, address) == CUDA_SUCCESS;
    };
    if (!ask(type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE) || type != CU_MEMORYTYPE_DEVICE ||
        !ask(ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)) {
      fail(ErrorCode::invalid_argument, "the address {} lies in memory of the host, not of {}", fmt::ptr(data), name());
    }
    if (ordinal != device_.ordinal()) {
      fail(ErrorCode::invalid_argument, "the address {} lies in memory of cuda:{}, not of {}", fmt::ptr(data), ordinal,
           name());
    }
    if (ask(begin, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR) && ask(size, CU_POINTER_ATTRIBUTE_RANGE_SIZE) &&
        begin + size < address + bytes) {
      fail(ErrorCode::invalid_argument, "{} bytes are wanted at {}, but the memory there ends after {}", bytes,
           fmt::ptr(data), begin + size - address);
    }
  }

  std::unique_ptr<DeviceQueue> open_queue() override { return std::make_unique<GpuQueue>(device_); }

 private:
  GpuDevice& device_;
  std::mutex upload_mutex_;
  std::unique_ptr<GpuQueue> upload_;
};

}  // namespace

std::shared_ptr<DeviceMemory> gpu_memory(int ordinal) {
  return std::make_shared<GpuMemory>(ordinal);
}

void copy_within(void* dst, const void* src, std::size_t bytes, void* stream) {
  if (bytes == 0) return;
  check(driver().cuMemcpyDtoDAsync(address_of(dst), address_of(src), bytes, static_cast<CUstream>(stream)));
}

GpuDevice& device_of(const DeviceMemory& memory) {
  return dynamic_cast<const GpuMemory&>(memory).device();
}

}  // namespace tenon::cuda
