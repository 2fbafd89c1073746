// A CUDA driver without a GPU. Work that is queued on a stream waits there until somebody waits for it, as late as a
// GPU could run it: what a caller forgot to wait for, or gave back too early, shows.

#include "fake_driver.h"

#include <cuda.h>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emulated_kernel.h"

namespace {

using Work = std::function<void()>;  // an empty one never ends

struct Context {
  std::size_t memory = std::size_t{256} << 20, used = 0;
  CUresult lost = CUDA_SUCCESS;
  int major = 8, minor = 5;  // NVRTC makes nothing for 8.5, of which there is no GPU
  std::map<CUdeviceptr, std::size_t> blocks;
};

std::recursive_mutex mutex;
std::array<Context, kFakeDevices> contexts;
std::map<std::string, std::pair<CUresult, int>> failing;
CUresult failing_work = CUDA_SUCCESS;
std::size_t pending = 0;
int hanging_launches = 0;
int driver_version = 13000;
std::string launches, asked_launches;
thread_local Context* current = nullptr;

std::size_t pages_of(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

/// Devices' memory can be touched only while their work runs: a host that reads or writes it ends, as with a
/// GPU. Under the mutex.
class MemoryInUse {
 public:
  MemoryInUse() {
    if (uses_++ == 0) protect(PROT_READ | PROT_WRITE);
  }
  ~MemoryInUse() {
    if (--uses_ == 0) protect(PROT_NONE);
  }
  MemoryInUse(const MemoryInUse&) = delete;
  MemoryInUse& operator=(const MemoryInUse&) = delete;

 private:
  static void protect(int how) {
    for (const Context& context : contexts) {
      for (const auto& [address, bytes] : context.blocks) {
        mprotect(reinterpret_cast<void*>(address), pages_of(bytes), how);
      }
    }
  }
  static inline int uses_ = 0;
};

/// A loaded image: the library of an emulated kernel, or code of a GPU.
struct Module {
  std::size_t hash = 0;
  void* library = nullptr;
};
/// Without `prepare` it does nothing.
struct Function {
  std::size_t image = 0;
  std::string name;
  PrepareLaunch prepare = nullptr;
};

void note_launch(const Function& function, const std::array<unsigned, 3>& grid, unsigned threads, unsigned shared_bytes,
                 unsigned attributes) {
  for (const std::size_t number : {function.image, std::size_t{grid[0]}, std::size_t{grid[1]}, std::size_t{grid[2]},
                                   std::size_t{threads}, std::size_t{shared_bytes}, std::size_t{attributes}}) {
    launches += std::to_string(number) + " ";
  }
  launches += function.name + "\n";
}

/// The end of what the headers of an image speak of.
std::size_t image_bytes(const void* image) {
  const auto& header = *static_cast<const Elf64_Ehdr*>(image);
  return std::max(static_cast<std::size_t>(header.e_shoff) + std::size_t{header.e_shentsize} * header.e_shnum,
                  static_cast<std::size_t>(header.e_phoff) + std::size_t{header.e_phentsize} * header.e_phnum);
}

Context* context_of(CUcontext handle) {
  return reinterpret_cast<Context*>(handle);
}

/// What a call begins with: the device may be lost, or the test wants a failure.
CUresult begin(const char* function) {
  const auto found = failing.find(function);
  if (found != failing.end() && found->second.second > 0) {
    --found->second.second;
    return found->second.first;
  }
  return current == nullptr ? CUDA_SUCCESS : current->lost;
}

#define BEGIN                                                              \
  const std::scoped_lock lock(mutex);                                      \
  if (const CUresult problem = begin(__func__); problem != CUDA_SUCCESS) { \
    return problem;                                                        \
  }

#define BEGIN_ON(stream) \
  BEGIN                  \
  if ((stream)->is_foreign()) return CUDA_ERROR_INVALID_CONTEXT;

}  // namespace

struct CUstream_st {
  Context* context = nullptr;
  std::deque<Work> queue;
  bool capturing = false;
  std::vector<Work> captured;

  /// A call that queues must come from a thread on the stream's device.
  bool is_foreign() const { return current != context; }

  void push(Work work) {
    if (capturing) {
      captured.push_back(std::move(work));
    } else {
      queue.push_back(std::move(work));
      ++pending;
    }
  }

  /// A kernel of a GPU: it does nothing, and may hang.
  void push_kernel() {
    push(hanging_launches > 0 && hanging_launches-- > 0 ? Work() : Work([] {}));
  }

  CUresult run_until(const std::function<bool()>& done) {
    const MemoryInUse in_use;
    while (context->lost == CUDA_SUCCESS && !queue.empty() && queue.front() && !done()) {
      const Work work = std::move(queue.front());
      queue.pop_front();
      --pending;
      if (failing_work != CUDA_SUCCESS) {
        context->lost = std::exchange(failing_work, CUDA_SUCCESS);
        return context->lost;
      }
      work();
    }
    return context->lost;
  }
  CUresult run_all() {
    return run_until([] { return false; });
  }

  /// Whether these bytes lie in memory of the device that is still allocated.
  void require(CUdeviceptr address, std::size_t bytes) const {
    auto block = context->blocks.upper_bound(address);
    if (block != context->blocks.begin() && address + bytes <= (--block)->first + block->second) return;
    context->lost = CUDA_ERROR_ILLEGAL_ADDRESS;
  }
};

struct CUevent_st {
  CUstream stream = nullptr;
  int recorded = 0, reached = 0;
  std::chrono::steady_clock::time_point time;
};

struct CUgraph_st {
  std::vector<Work> work;
};
struct CUgraphExec_st {
  std::vector<Work> work;
};

extern "C" {

void fake_cuda_set_memory(int ordinal, std::size_t bytes) {
  const std::scoped_lock lock(mutex);
  contexts[static_cast<std::size_t>(ordinal)].memory = bytes;
}
std::size_t fake_cuda_used(int ordinal) {
  const std::scoped_lock lock(mutex);
  return contexts[static_cast<std::size_t>(ordinal)].used;
}
void fake_cuda_fail_calls(const char* function, int status, int calls) {
  const std::scoped_lock lock(mutex);
  failing[function] = {static_cast<CUresult>(status), calls};
}
void fake_cuda_fail_work(int status) {
  const std::scoped_lock lock(mutex);
  failing_work = static_cast<CUresult>(status);
}
void fake_cuda_set_capability(int ordinal, int major, int minor) {
  const std::scoped_lock lock(mutex);
  contexts[static_cast<std::size_t>(ordinal)].major = major;
  contexts[static_cast<std::size_t>(ordinal)].minor = minor;
}
void fake_cuda_hang(int count) {
  const std::scoped_lock lock(mutex);
  hanging_launches = count;
}
std::size_t fake_cuda_pending() {
  const std::scoped_lock lock(mutex);
  return pending;
}
void fake_cuda_set_driver_version(int version) {
  const std::scoped_lock lock(mutex);
  driver_version = version;
}
const char* fake_cuda_launches() {
  const std::scoped_lock lock(mutex);
  asked_launches = std::exchange(launches, {});
  return asked_launches.c_str();
}

// ---- the device ----

CUresult cuInit(unsigned) {
  return CUDA_SUCCESS;
}
/// NVRTC asks for the driver's tables, to keep what it compiled.
CUresult cuGetExportTable(const void**, const CUuuid*) {
  return CUDA_ERROR_NOT_SUPPORTED;
}
CUresult cuDriverGetVersion(int* version) {
  *version = driver_version;
  return CUDA_SUCCESS;
}
CUresult cuGetErrorName(CUresult status, const char** name) {
  *name = status == CUDA_ERROR_ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : status == CUDA_ERROR_LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED"
                                               : "CUDA_ERROR_OF_A_TEST";
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult, const char** sentence) {
  *sentence = "as the fake driver says";
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int* count) {
  *count = kFakeDevices;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  *device = ordinal;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char* name, int length, CUdevice) {
  std::strncpy(name, "fake GPU", static_cast<std::size_t>(length));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice device) {
  std::memset(uuid, device, sizeof *uuid);
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice device) {
  const Context& context = contexts[static_cast<std::size_t>(device)];
  *value = which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR            ? context.major
           : which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR          ? context.minor
           : which == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT              ? 132
           : which == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN ? 232448
                                                                            : 0;
  return CUDA_SUCCESS;
}
CUresult cuDeviceTotalMem(std::size_t* bytes, CUdevice device) {
  *bytes = contexts[static_cast<std::size_t>(device)].memory;
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext* handle, CUdevice device) {
  *handle = reinterpret_cast<CUcontext>(&contexts[static_cast<std::size_t>(device)]);
  return CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext handle) {
  current = context_of(handle);
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext* handle) {
  *handle = reinterpret_cast<CUcontext>(current);
  return CUDA_SUCCESS;
}
CUresult cuCtxSynchronize() {
  return pending == 0 ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;  // nothing here waits for all streams of a device
}

// ---- memory ----

CUresult cuMemAlloc(CUdeviceptr* address, std::size_t bytes) {
  BEGIN
  if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (current->used + bytes > current->memory) return CUDA_ERROR_OUT_OF_MEMORY;
  void* const block = mmap(nullptr, pages_of(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  *address = reinterpret_cast<CUdeviceptr>(block);
  const MemoryInUse in_use;
  current->blocks[*address] = bytes;
  std::memset(block, 0xff, bytes);  // NaN: nobody may rely on zeros
  current->used += bytes;
  return CUDA_SUCCESS;
}
CUresult cuMemFree(CUdeviceptr address) {
  BEGIN
  const auto block = current->blocks.find(address);
  if (block == current->blocks.end()) return CUDA_ERROR_INVALID_VALUE;
  const std::size_t pages = pages_of(block->second);
  current->used -= block->second;
  current->blocks.erase(block);
  munmap(reinterpret_cast<void*>(address), pages);
  return CUDA_SUCCESS;
}
CUresult cuMemGetInfo(std::size_t* available, std::size_t* total) {
  BEGIN
  *available = current->memory - current->used;
  *total = current->memory;
  return CUDA_SUCCESS;
}
CUresult cuPointerGetAttribute(void* value, CUpointer_attribute attribute, CUdeviceptr address) {
  BEGIN
  for (std::size_t ordinal = 0; ordinal < contexts.size(); ++ordinal) {
    auto block = contexts[ordinal].blocks.upper_bound(address);
    if (block == contexts[ordinal].blocks.begin() || address >= (--block)->first + block->second) continue;
    if (attribute == CU_POINTER_ATTRIBUTE_MEMORY_TYPE) {
      *static_cast<CUmemorytype*>(value) = CU_MEMORYTYPE_DEVICE;
    } else if (attribute == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) {
      *static_cast<int*>(value) = static_cast<int>(ordinal);
    } else if (attribute == CU_POINTER_ATTRIBUTE_RANGE_START_ADDR) {
      *static_cast<CUdeviceptr*>(value) = block->first;
    } else if (attribute == CU_POINTER_ATTRIBUTE_RANGE_SIZE) {
      *static_cast<std::size_t*>(value) = block->second;
    } else {
      return CUDA_ERROR_NOT_SUPPORTED;
    }
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_INVALID_VALUE;
}
CUresult cuMemHostAlloc(void** memory, std::size_t bytes, unsigned) {
  BEGIN
  if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  *memory = std::malloc(bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemFreeHost(void* memory) {
  std::free(memory);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr dst, const void* src, std::size_t bytes, CUstream stream) {
  BEGIN_ON(stream)
  stream->push([=] {
    stream->require(dst, bytes);
    if (stream->context->lost == CUDA_SUCCESS) std::memcpy(reinterpret_cast<void*>(dst), src, bytes);
  });
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoHAsync(void* dst, CUdeviceptr src, std::size_t bytes, CUstream stream) {
  BEGIN_ON(stream)
  stream->push([=] {
    stream->require(src, bytes);
    if (stream->context->lost == CUDA_SUCCESS) std::memcpy(dst, reinterpret_cast<const void*>(src), bytes);
  });
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr dst, CUdeviceptr src, std::size_t bytes, CUstream stream) {
  BEGIN_ON(stream)
  stream->push([=] {
    stream->require(src, bytes);
    stream->require(dst, bytes);
    if (stream->context->lost != CUDA_SUCCESS) return;
    std::memmove(reinterpret_cast<void*>(dst), reinterpret_cast<const void*>(src), bytes);
  });
  return CUDA_SUCCESS;
}
CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D*, CUstream) {
  return CUDA_ERROR_NOT_SUPPORTED;
}
CUresult cuMemsetD8Async(CUdeviceptr dst, unsigned char value, std::size_t bytes, CUstream stream) {
  BEGIN_ON(stream)
  stream->push([=] {
    stream->require(dst, bytes);
    if (stream->context->lost == CUDA_SUCCESS) std::memset(reinterpret_cast<void*>(dst), value, bytes);
  });
  return CUDA_SUCCESS;
}
CUresult cuMemsetD32Async(CUdeviceptr, unsigned, std::size_t, CUstream) {
  return CUDA_ERROR_NOT_SUPPORTED;
}

// ---- streams, events, graphs ----

CUresult cuStreamCreate(CUstream* stream, unsigned) {
  BEGIN
  *stream = new CUstream_st{current, {}, false, {}};
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) {
  const std::scoped_lock lock(mutex);
  pending -= stream->queue.size();
  delete stream;
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream stream) {
  BEGIN
  return stream->capturing ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : stream->run_all();
}
CUresult cuStreamQuery(CUstream stream) {
  BEGIN
  bool first = true;
  const CUresult status = stream->run_until([&] { return !std::exchange(first, false); });
  return status != CUDA_SUCCESS ? status : stream->queue.empty() ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  BEGIN
  const int wanted = event->recorded;
  stream->push([=] {
    if (event->stream != nullptr) event->stream->run_until([&] { return event->reached >= wanted; });
  });
  return CUDA_SUCCESS;
}
CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode) {
  BEGIN_ON(stream)
  stream->capturing = true;
  return CUDA_SUCCESS;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  const std::scoped_lock lock(mutex);
  stream->capturing = false;
  std::vector<Work> work = std::exchange(stream->captured, {});
  if (const CUresult problem = begin(__func__); problem != CUDA_SUCCESS) return problem;
  *graph = new CUgraph_st{std::move(work)};
  return CUDA_SUCCESS;
}
CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus* status) {
  BEGIN
  *status = stream->capturing ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}
CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode*) {
  return CUDA_SUCCESS;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  BEGIN
  *executable = new CUgraphExec_st{graph->work};
  return CUDA_SUCCESS;
}
CUresult cuGraphUpload(CUgraphExec, CUstream stream) {
  BEGIN_ON(stream)
  return CUDA_SUCCESS;
}
CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
  BEGIN_ON(stream)
  for (const Work& work : executable->work) stream->push(work);
  return CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec executable) {
  delete executable;
  return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph graph) {
  delete graph;
  return CUDA_SUCCESS;
}
CUresult cuEventCreate(CUevent* event, unsigned) {
  BEGIN
  *event = new CUevent_st;
  return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
  BEGIN_ON(stream)
  event->stream = stream;
  const int number = ++event->recorded;
  stream->push([=] {
    event->reached = number;
    event->time = std::chrono::steady_clock::now();
  });
  return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) {
  BEGIN
  if (event->stream == nullptr || event->reached >= event->recorded) return CUDA_SUCCESS;
  return event->stream->run_until([&] { return event->reached >= event->recorded; });
}
CUresult cuEventQuery(CUevent event) {
  BEGIN
  return event->reached >= event->recorded ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}
CUresult cuEventElapsedTime(float* milliseconds, CUevent from, CUevent to) {
  BEGIN
  *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) {
  delete event;
  return CUDA_SUCCESS;
}
CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void* data) {
  BEGIN_ON(stream)
  stream->push([=] { function(data); });
  return CUDA_SUCCESS;
}

// ---- kernels: those that the fake NVRTC compiled for the host run; those for a GPU do nothing ----

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  BEGIN
  const auto& header = *static_cast<const Elf64_Ehdr*>(image);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return CUDA_ERROR_INVALID_IMAGE;
  const std::size_t size = image_bytes(image);
  const std::size_t hash = std::hash<std::string_view>()({static_cast<const char*>(image), size});
  if (header.e_machine == EM_CUDA) {
    *module = reinterpret_cast<CUmodule>(new Module{hash, nullptr});
    return CUDA_SUCCESS;
  }
  const int file = memfd_create("kernel", MFD_CLOEXEC);
  if (file < 0 || write(file, image, size) != static_cast<ssize_t>(size)) return CUDA_ERROR_INVALID_IMAGE;
  // The file stays open: dlopen() takes a second one of the same number for the first.
  void* library = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  *module = reinterpret_cast<CUmodule>(new Module{hash, library});
  return library == nullptr ? CUDA_ERROR_INVALID_IMAGE : CUDA_SUCCESS;
}
CUresult cuModuleUnload(CUmodule) {
  return CUDA_ERROR_NOT_SUPPORTED;
}
CUresult cuModuleGetFunction(CUfunction* handle, CUmodule module, const char* name) {
  BEGIN
  const auto& image = *reinterpret_cast<const Module*>(module);
  auto function = std::make_unique<Function>(Function{image.hash, name});
  if (image.library != nullptr) {
    function->prepare = reinterpret_cast<PrepareLaunch>(dlsym(image.library, (std::string(name) + "_prepare").c_str()));
    if (function->prepare == nullptr) return CUDA_ERROR_NOT_FOUND;
  }
  *handle = reinterpret_cast<CUfunction>(function.release());  // as long as its module: for good
  return CUDA_SUCCESS;
}
CUresult cuModuleGetGlobal(CUdeviceptr*, std::size_t*, CUmodule, const char*) {
  return CUDA_ERROR_NOT_SUPPORTED;
}
CUresult cuFuncGetAttribute(int* value, CUfunction_attribute, CUfunction) {
  *value = 0;
  return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction, CUfunction_attribute, int) {
  return CUDA_SUCCESS;
}
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int*, CUfunction, int, std::size_t) {
  return CUDA_ERROR_NOT_SUPPORTED;
}
namespace {

CUresult launch(const Function& function, std::array<unsigned, 3> grid, unsigned threads, CUstream stream,
                void** arguments) {
  if (function.prepare == nullptr) {
    stream->push_kernel();
    return CUDA_SUCCESS;
  }
  if (grid[1] != 1 || grid[2] != 1) return CUDA_ERROR_NOT_SUPPORTED;
  const std::shared_ptr<EmulatedLaunch> emulated(function.prepare(arguments));
  stream->push([=] { emulated->run(grid[0], threads); });
  return CUDA_SUCCESS;
}

}  // namespace

CUresult cuLaunchKernel(CUfunction handle, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned, unsigned,
                        unsigned shared_bytes, CUstream stream, void** arguments, void**) {
  BEGIN_ON(stream)
  const auto& function = *reinterpret_cast<const Function*>(handle);
  note_launch(function, {blocks, 1, 1}, threads, shared_bytes, 0);
  return launch(function, {blocks, 1, 1}, threads, stream, arguments);
}
CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction handle, void** arguments, void**) {
  BEGIN_ON(config->hStream)
  const auto& function = *reinterpret_cast<const Function*>(handle);
  const std::array grid{config->gridDimX, config->gridDimY, config->gridDimZ};
  note_launch(function, grid, config->blockDimX, config->sharedMemBytes, config->numAttrs);
  return launch(function, grid, config->blockDimX, config->hStream, arguments);
}
CUresult cuTensorMapEncodeTiled(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*,
                                const cuuint64_t*, const cuuint32_t*, const cuuint32_t*, CUtensorMapInterleave,
                                CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
  return CUDA_ERROR_NOT_SUPPORTED;
}
}
