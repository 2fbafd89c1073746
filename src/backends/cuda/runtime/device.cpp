#include "backends/cuda/runtime/device.h"

#include <pthread.h>

#include <atomic>
#include <map>

#include "core/error.h"
#include "core/log.h"

namespace tenon::cuda {
namespace {

thread_local int current_ordinal = 0;

/// The first fault of each device.
struct Faults {
  std::atomic<bool> any = false;  // every forward asks: without a fault, without a lock
  std::mutex mutex;
  std::map<int, std::string> first;
};

Faults& faults() {
  static auto& instance = *new Faults;
  return instance;
}

/// How often this process and its ancestors were forked since CUDA was first used. Counted when it happens: a forward
/// is too short for a system call that asks who it is in.
int forks() {
  static std::atomic<int> count = 0;
  [[maybe_unused]] static const int registered = pthread_atfork(nullptr, nullptr, [] { ++count; });
  return count;
}

int attribute(const Driver& driver, CUdevice device, CUdevice_attribute which) {
  int value = 0;
  check(driver.cuDeviceGetAttribute(&value, which, device));
  return value;
}

}  // namespace

Properties read_properties(const Driver& driver, CUdevice device) {
  Properties properties;
  char name[256] = "";
  check(driver.cuDeviceGetName(name, sizeof name, device));
  properties.name = name;
  properties.major = attribute(driver, device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  properties.minor = attribute(driver, device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  properties.multiprocessors = attribute(driver, device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  properties.shared_bytes =
      static_cast<std::size_t>(attribute(driver, device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN));
  check(driver.cuDeviceTotalMem(&properties.memory_bytes, device));
  properties.clock_hz = 1e3 * attribute(driver, device, CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
  constexpr double kTransfers = 2;  // a clock
  properties.bytes_per_second = kTransfers * 1e3 * attribute(driver, device, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE) *
                                attribute(driver, device, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH) / 8;
  return properties;
}

std::string description(const Properties& properties) {
  return fmt::format("{} of compute capability {}.{} with {} multiprocessors and {} bytes of shared memory",
                     properties.name, properties.major, properties.minor, properties.multiprocessors,
                     properties.shared_bytes);
}

GpuDevice& GpuDevice::get(int ordinal) {
  static std::mutex mutex;
  // Never destroyed: memory may be given back after the end of main().
  static auto& devices = *new std::map<int, std::unique_ptr<GpuDevice>>;
  const std::scoped_lock lock(mutex);
  std::unique_ptr<GpuDevice>& device = devices[ordinal];
  if (!device) device.reset(new GpuDevice(ordinal));
  return *device;
}

GpuDevice::GpuDevice(int ordinal) : ordinal_(ordinal), title_(fmt::format("cuda:{}", ordinal)), forks_(forks()) {
  std::string problem;
  const Driver* found = find_driver(&problem);
  if (found == nullptr) {
    fail(ErrorCode::unsupported, "the device {} cannot be used: {}; bind on cpu, or see `tenon devices`", title_,
         problem);
  }
  int count = 0;
  check(found->cuDeviceGetCount(&count));
  if (ordinal < 0 || ordinal >= count) {
    fail(ErrorCode::unsupported, "there is no device {}: this machine has {} CUDA devices, counted from cuda:0", title_,
         count);
  }
  CUdevice device;
  check(found->cuDeviceGet(&device, ordinal));
  properties_ = read_properties(*found, device);
  if (properties_.major < 8) {
    fail(ErrorCode::unsupported, "the device {}, {}, has compute capability {}.{}, but 8.0 is the least Tenon runs on",
         title_, properties_.name, properties_.major, properties_.minor);
  }
  check(found->cuDevicePrimaryCtxRetain(&context_, device));
}

void GpuDevice::make_current() const {
  if (forks_ != forks()) {
    fail(ErrorCode::unsupported,
         "{}: CUDA was initialised before this process was forked, and does not survive that; bind in the new process",
         title_);
  }
  if (faults().any) {
    const std::scoped_lock lock(faults().mutex);
    const auto fault = faults().first.find(ordinal_);
    if (fault != faults().first.end()) {
      fail(ErrorCode::internal, "the device {} failed before and is lost to this process; the first cause: {}", title_,
           fault->second);
    }
  }
  current_ordinal = ordinal_;
  check(driver().cuCtxSetCurrent(context_));
}

BlockCache::Block GpuDevice::take(std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (auto block = cache_.take(bytes)) return *block;
  CUdeviceptr address = 0;
  CUresult status = driver().cuMemAlloc(&address, bytes);
  if (status == CUDA_ERROR_OUT_OF_MEMORY && cache_.bytes() > 0) {
    log(LogLevel::info, "{}: out of memory; freeing {} bytes that were kept for later", title_, cache_.bytes());
    for (const auto& kept : cache_.drain()) check(driver().cuMemFree(kept.address));
    status = driver().cuMemAlloc(&address, bytes);
  }
  if (status == CUDA_ERROR_OUT_OF_MEMORY) {
    std::size_t available = 0, total = 0;
    driver().cuMemGetInfo(&available, &total);
    fail(ErrorCode::out_of_memory, "{} has {} of {} bytes free, but {} more are needed; use a smaller batch", title_,
         available, total, bytes);
  }
  check(status);
  return {address, bytes};
}

void GpuDevice::release(const BlockCache::Block& block) noexcept {
  const std::scoped_lock lock(mutex_);
  try {
    cache_.give(block);
  } catch (const std::bad_alloc&) {
    driver().cuMemFree(block.address);
  }
}

std::shared_ptr<std::byte> GpuDevice::allocate(std::size_t bytes) {
  make_current();
  const BlockCache::Block block = take(BlockCache::rounded(bytes));
  return {reinterpret_cast<std::byte*>(block.address), [this, block](std::byte*) { release(block); }};
}

void GpuDevice::trim() {
  make_current();
  const std::scoped_lock lock(mutex_);
  for (const auto& kept : cache_.drain()) check(driver().cuMemFree(kept.address));
}

bool is_sticky(CUresult status) {
  switch (status) {
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
      return true;
    default:
      return false;
  }
}

void poison_current_device(std::string_view cause) {
  const std::scoped_lock lock(faults().mutex);
  faults().first.try_emplace(current_ordinal, cause);
  faults().any = true;
}

}  // namespace tenon::cuda
