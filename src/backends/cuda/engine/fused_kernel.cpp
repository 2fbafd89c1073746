#include "backends/cuda/engine/fused_kernel.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "backends/cuda/cubin_cache.h"
#include "backends/cuda/runtime/module.h"
#include "core/env.h"
#include "core/error.h"
#include "core/file_cache.h"
#include "core/log.h"

namespace tenon::cuda {
namespace {

constexpr int kRuns = 9;              // of a recorded sequence, of which the median counts
constexpr int kLaunches = 12;         // of a sequence: one after another, as in a network
constexpr std::size_t kMeasured = 8;  // candidates; those behind the first few were never best by more than the noise

// What a candidate's first launch may take. It takes microseconds, or the milliseconds of a large batch: one that does
// not end in this time hangs, or is no candidate.
constexpr std::chrono::milliseconds kPatience{1000};

/// A stream of its own, events, and the median time of a kernel in microseconds. A kernel that does not end leaves its
/// stream behind for good: no call of the driver takes a kernel back.
class Stopwatch {
 public:
  Stopwatch() {
    check(driver().cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING));
    check(driver().cuEventCreate(&begin_, CU_EVENT_DEFAULT));
    check(driver().cuEventCreate(&end_, CU_EVENT_DEFAULT));
  }
  ~Stopwatch() {
    driver().cuEventDestroy(begin_);
    driver().cuEventDestroy(end_);
    driver().cuStreamDestroy(stream_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  /// Nothing where the first launch does not end in time; the stopwatch is of no more use then.
  std::optional<float> microseconds(const Way& way, const Trial& trial) {
    launch(way, trial);
    if (!ends_in_time()) return {};
    CUgraph graph = nullptr;
    CUgraphExec recorded = nullptr;
    check(driver().cuStreamBeginCapture(stream_, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    for (int i = 0; i < kLaunches; ++i) launch(way, trial);
    check(driver().cuStreamEndCapture(stream_, &graph));
    check(driver().cuGraphInstantiateWithFlags(&recorded, graph, 0));
    check(driver().cuGraphDestroy(graph));
    std::vector<float> times(kRuns);
    check(driver().cuGraphLaunch(recorded, stream_));
    for (float& time : times) {
      check(driver().cuEventRecord(begin_, stream_));
      check(driver().cuGraphLaunch(recorded, stream_));
      check(driver().cuEventRecord(end_, stream_));
      check(driver().cuEventSynchronize(end_));
      check(driver().cuEventElapsedTime(&time, begin_, end_));
    }
    check(driver().cuGraphExecDestroy(recorded));
    std::ranges::nth_element(times, times.begin() + kRuns / 2);
    return times[kRuns / 2] * 1000 / kLaunches;
  }

 private:
  void launch(const Way& way, const Trial& trial) const {
    way.launch(stream_, trial.pointers, trial.workspace);
    for (const auto& change : trial.changes) change(stream_);
  }

  bool ends_in_time() const {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      const CUresult status = driver().cuStreamQuery(stream_);
      if (status != CUDA_ERROR_NOT_READY) check(status);
      if (status == CUDA_SUCCESS) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }

  CUstream stream_ = nullptr;
  CUevent begin_ = nullptr, end_ = nullptr;
};

/// Compiles them side by side: most of an engine's build time is the compiler's. A failure shows when it is loaded.
void compile_all(const std::vector<KernelSpec>& candidates, std::size_t count) {
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        cached_cubin(source_of(candidates[i]), candidates[i].target.architecture);
      } catch (const Error&) {
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// What a measured choice is kept by: everything that decides it but the values.
std::string problem_key(const GpuDevice& device, const Candidates& candidates) {
  std::string key = device.properties().name;
  for (const LibraryWays& library : candidates.libraries) key += '\n' + library.key();
  for (const KernelSpec& spec : candidates.generated) {
    key += '\n' + spec.label + ' ' + std::string(name(spec.storage)) + ' ' + to_text(spec.main.expressions) + ' ' +
           to_text(spec.side.expressions);
    for (const auto& [constant, value] : spec.constants) key += fmt::format(" {}={}", constant, value);
  }
  return key;
}

Way way_of(FusedKernel kernel) {
  const KernelSpec& spec = kernel.spec();
  return {spec.label, spec.weights, 0,
          [kernel = std::move(kernel)](void* stream, const KernelPointers& pointers, void*) {
            kernel.launch(stream, pointers);
          }};
}

std::optional<FusedKernel> try_kernel(const GpuDevice& device, const KernelSpec& spec) {
  try {
    return FusedKernel(device, spec);
  } catch (const Error& error) {
    log(LogLevel::warning, "the kernel '{}' is left out: {}", spec.label, error.what());
    return {};
  }
}

FusedKernel first_kernel(const GpuDevice& device, const std::vector<KernelSpec>& candidates) {
  std::optional<FusedKernel> spilling;
  for (const KernelSpec& spec : candidates) {
    auto kernel = try_kernel(device, spec);
    if (kernel && !kernel->spills()) return *std::move(kernel);
    if (kernel && !spilling) spilling = std::move(kernel);
  }
  if (spilling) return *std::move(spilling);
  fail(ErrorCode::internal, "none of {} kernels could be made", candidates.size());
}

/// Without measuring.
Way first_way(const GpuDevice& device, const Candidates& candidates) {
  if (!candidates.generated.empty()) return way_of(first_kernel(device, candidates.generated));
  std::string reasons;
  for (const LibraryWays& library : candidates.libraries) {
    try {
      return library.ways({}).at(0);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::internal) throw;
      device.make_current();  // throws where the device is lost
      reasons += reasons.empty() ? error.what() : std::string("; ") + error.what();
    }
  }
  fail(ErrorCode::internal, "{}", reasons);
}

/// A library's ways, or none and a line in the log.
std::vector<Way> try_library(const GpuDevice& device, const LibraryWays& library, const LibraryWays::Wanted& wanted) {
  try {
    return library.ways(wanted);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::internal) throw;
    device.make_current();  // throws where the device is lost
    log(LogLevel::debug, "a library is left out: {}", error.what());
    return {};
  }
}

/// The ways that are measured: the first of the kernels, those that compile, and the libraries'.
std::vector<Way> contenders(const GpuDevice& device, const Candidates& candidates) {
  const std::vector<KernelSpec>& generated = candidates.generated;
  const std::size_t count = std::min(generated.size(), kMeasured);
  compile_all(generated, count);
  std::string sizes;
  if (count > 0) {
    for (const auto& [constant, value] : generated.front().constants) sizes += fmt::format(" {}={}", constant, value);
  }
  for (const LibraryWays& library : candidates.libraries) sizes += " " + library.key();
  log(LogLevel::debug, "measuring {} kernels for {}", count, sizes);
  std::vector<Way> ways;
  for (std::size_t i = 0; i < count; ++i) {
    if (auto kernel = try_kernel(device, generated[i])) ways.push_back(way_of(*std::move(kernel)));
  }
  for (const LibraryWays& library : candidates.libraries) {
    for (Way& way : try_library(device, library, {.all = true})) ways.push_back(std::move(way));
  }
  return ways;
}

/// Nothing where it fails, with a line in the log, or does not end in time.
std::optional<float> time_of(const GpuDevice& device, Stopwatch& stopwatch, const Way& way, const Trial& trial) {
  try {
    const std::optional<float> time = stopwatch.microseconds(way, trial);
    if (!time) {
      log(LogLevel::warning, "the kernel '{}' is left out: it has not ended after {} ms", way.label, kPatience.count());
    }
    return time;
  } catch (const Error& error) {
    device.make_current();  // throws where the device is lost
    log(LogLevel::warning, "the kernel '{}' is left out: {}", way.label, error.what());
    return {};
  }
}

/// The fastest; none where there is nothing to measure.
std::optional<Way> measured_way(const GpuDevice& device, const std::vector<Way>& ways,
                                const std::function<Trial(const Way&)>& prepare, const std::function<void()>& abandon) {
  auto stopwatch = std::make_unique<Stopwatch>();
  std::optional<Way> best;
  float least = 0;
  std::size_t left_out = 0;
  for (const Way& way : ways) {
    const std::optional<float> time = time_of(device, *stopwatch, way, prepare(way));
    if (!time) {
      ++left_out;
      if (abandon) abandon();
      stopwatch = std::make_unique<Stopwatch>();
      continue;
    }
    log(LogLevel::debug, "  {}: {:.2f} us", way.label, *time);
    if (best && *time >= least) continue;
    best = way;
    least = *time;
  }
  if (!best && left_out > 0) {
    fail(ErrorCode::internal, "none of {} kernels could be used: {} failed or have not ended after {} ms each",
         ways.size(), left_out, kPatience.count());
  }
  return best;
}

/// The way that was measured to be the best before, where it can still be made.
std::optional<Way> kept_way(const GpuDevice& device, const Candidates& candidates, const std::string& label) {
  const auto spec = std::ranges::find(candidates.generated, label, &KernelSpec::label);
  if (spec != candidates.generated.end()) {
    auto kernel = try_kernel(device, *spec);
    if (!kernel) return {};
    return way_of(*std::move(kernel));
  }
  for (const LibraryWays& library : candidates.libraries) {
    std::vector<Way> ways = try_library(device, library, {.label = label});
    if (!ways.empty()) return std::move(ways.front());
  }
  return {};
}

}  // namespace

FusedKernel::FusedKernel(const GpuDevice& device, KernelSpec spec) : spec_(std::move(spec)) {
  CUmodule module = module_of(device, source_of(spec_), spec_.target.architecture);
  check(driver().cuModuleGetFunction(&function_, module, "tenon_kernel"));
  int local = 0;
  check(driver().cuFuncGetAttribute(&local, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, function_));
  spills_ = local > 0;
  if (spec_.launch.shared_bytes > 48 * 1024) {
    check(driver().cuFuncSetAttribute(function_, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                      spec_.launch.shared_bytes));
  }
}

void FusedKernel::launch(void* stream, const KernelPointers& pointers) const {
  const Launch& launch = spec_.launch;
  std::array<CUlaunchAttribute, 2> attributes{};
  CUlaunchConfig config{};
  config.gridDimX = static_cast<unsigned>(launch.grid[0]);
  config.gridDimY = static_cast<unsigned>(launch.grid[1]);
  config.gridDimZ = static_cast<unsigned>(launch.grid[2]);
  config.blockDimX = static_cast<unsigned>(launch.threads);
  config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = static_cast<unsigned>(launch.shared_bytes);
  config.hStream = static_cast<CUstream>(stream);
  config.attrs = attributes.data();
  if (spec_.target.architecture >= 90) {
    attributes[config.numAttrs].id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    attributes[config.numAttrs++].value.programmaticStreamSerializationAllowed = 1;
  }
  if (launch.cluster > 1) {
    auto& attribute = attributes[config.numAttrs++];
    attribute.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    attribute.value.clusterDim.x = static_cast<unsigned>(launch.cluster);
    attribute.value.clusterDim.y = attribute.value.clusterDim.z = 1;
  }
  void* arguments[] = {const_cast<KernelPointers*>(&pointers)};
  check(driver().cuLaunchKernelEx(&config, function_, arguments, nullptr));
}

Target target_of(const GpuDevice& device) {
  const Properties& properties = device.properties();
  Target target;
  target.architecture = properties.major == 9 ? 90 : properties.major * 10 + properties.minor;
  target.tensor_core_mma = properties.major != 9 || env::cuda_mma() == "1";
  target.processors = properties.multiprocessors;
  target.shared_bytes = static_cast<int>(properties.shared_bytes);
  return target;
}

Way choose_way(const GpuDevice& device, const Candidates& candidates, const std::function<Trial(const Way&)>& prepare,
               const std::function<void()>& abandon) {
  const bool single = candidates.generated.size() == 1 && candidates.libraries.empty();
  if (!prepare || single || env::tune() == "off") return first_way(device, candidates);
  static const FileCache cache = FileCache::named("cuda-choices");
  const std::string key = problem_key(device, candidates);
  if (const auto kept = cache.find(key)) {
    if (auto way = kept_way(device, candidates, *kept)) return *std::move(way);
  }
  auto way = measured_way(device, contenders(device, candidates), prepare, abandon);
  if (!way) return first_way(device, candidates);
  cache.keep(key, way->label);
  return *std::move(way);
}

Way recorded_way(const GpuDevice& device, const Candidates& candidates, const std::string& label) {
  const auto spec = std::ranges::find(candidates.generated, label, &KernelSpec::label);
  if (spec != candidates.generated.end()) return way_of(FusedKernel(device, *spec));
  // Asked last: libraries take longer to open than all the rest to load.
  for (const LibraryWays& library : candidates.libraries) {
    const std::vector<Way> ways = try_library(device, library, {.label = label});
    if (!ways.empty()) return ways.front();
  }
  fail(ErrorCode::corrupt, "the recorded kernel '{}' is none of those that can run it", label);
}

}  // namespace tenon::cuda
