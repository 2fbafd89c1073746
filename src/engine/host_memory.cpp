#include <chrono>
#include <cstring>

#include "core/processor.h"
#include "engine/device_memory.h"

namespace tenon {
namespace {

class HostQueue : public DeviceQueue {
 public:
  void* stream() const override { return nullptr; }
  void clear(void* dst, std::size_t bytes) override {
    if (bytes > 0) std::memset(dst, 0, bytes);
  }
  void copy_in(void* dst, const void* src, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(dst, src, bytes);
  }
  void copy_out(void* dst, const void* src, std::size_t bytes) override { copy_in(dst, src, bytes); }
  void wait() override {}
  void wait_for(void*) override {}
  void precede(void*) override {}
  double time(const std::function<void()>& work) override {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  std::unique_ptr<Recording> record(const std::function<void()>&) override { return nullptr; }
};

class HostMemory : public DeviceMemory {
 public:
  const std::string& name() const override { return name_; }
  std::string processor() const override { return processor_name(); }
  bool is_host() const override { return true; }
  std::shared_ptr<std::byte> allocate(std::size_t bytes) override {
    const auto memory = std::make_shared<Tensor>(Shape{static_cast<std::int64_t>(bytes)}, DType::uint8);
    return {memory, static_cast<std::byte*>(memory->mutable_data())};
  }
  Tensor resident(const Tensor& tensor) override { return tensor; }
  void copy(void* dst, const void* src, std::size_t bytes, void*) const override {
    if (bytes > 0) std::memcpy(dst, src, bytes);
  }
  void require_own(const void*, std::size_t) const override {}
  std::unique_ptr<DeviceQueue> open_queue() override { return std::make_unique<HostQueue>(); }

 private:
  std::string name_ = "cpu";
};

}  // namespace

std::shared_ptr<DeviceMemory> host_memory() {
  static const auto memory = std::make_shared<HostMemory>();
  return memory;
}

}  // namespace tenon
