#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <tenon/tensor.h>

namespace tenon {

/// Work that was recorded once, to be queued again at the price of one call.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
};

/// Work for a device, done in the order in which it was queued. One thread at a time; whoever runs programs has one of
/// his own.
class DeviceQueue {
 public:
  virtual ~DeviceQueue() = default;
  /// What kernels are given as Operands::stream; null on the host. The calling thread may launch on it.
  virtual void* stream() const = 0;
  virtual void clear(void* dst, std::size_t bytes) = 0;
  /// From the host to the device. The caller may change `src` at once.
  virtual void copy_in(void* dst, const void* src, std::size_t bytes) = 0;
  /// From the device to the host, after everything queued; waits for it.
  virtual void copy_out(void* dst, const void* src, std::size_t bytes) = 0;
  /// Returns when everything queued is done. Throws Error where some of it failed.
  virtual void wait() = 0;
  /// Milliseconds between the begin and the end, on the device, of what `work` queues; waits for it.
  virtual double time(const std::function<void()>& work) = 0;
  /// What is queued here from now on begins after all that is queued on a stream of somebody else so far; and the other
  /// way round. On the host, which queues nothing, nothing happens.
  virtual void wait_for(void* stream) = 0;
  virtual void precede(void* stream) = 0;
  /// Records what `work` queues instead of doing it. Null where work is not recorded: then queue it each time.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work) = 0;
};

/// The memory of a device: all that the engine and the executor know of devices. Any thread may use it.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  /// "cpu", "cuda:0".
  virtual const std::string& name() const = 0;
  /// What computes on it, by all that kernels are chosen and tuned by: "AMD EPYC 9R14 25.17.1".
  virtual std::string processor() const = 0;
  /// Whether the host reads and writes it.
  virtual bool is_host() const = 0;
  /// Fresh memory, 64-byte aligned or better, not initialised. Throws Error(out_of_memory) with what was needed and
  /// what there is.
  virtual std::shared_ptr<std::byte> allocate(std::size_t bytes) = 0;
  /// The tensor where kernels of the device read it: itself on the host, a copy elsewhere.
  virtual Tensor resident(const Tensor& tensor) = 0;
  /// Copies within the memory; on a stream (Operands::stream) it is queued there.
  virtual void copy(void* dst, const void* src, std::size_t bytes, void* stream) const = 0;
  /// Throws Error(invalid_argument) where these bytes, of somebody else, are no memory of the device. On the host,
  /// where nobody can tell, it does not.
  virtual void require_own(const void* data, std::size_t bytes) const = 0;
  virtual std::unique_ptr<DeviceQueue> open_queue() = 0;
};

/// The memory of the host: copies are copies, and work is done when it is queued.
std::shared_ptr<DeviceMemory> host_memory();

}  // namespace tenon
