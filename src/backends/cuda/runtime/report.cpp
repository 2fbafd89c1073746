#include "backends/cuda/codegen/compiler.h"
#include "backends/cuda/cuda.h"
#include "backends/cuda/runtime/blas.h"
#include "backends/cuda/runtime/device.h"
#include "backends/cuda/runtime/dnn.h"

namespace tenon::cuda {
namespace {

/// "13.0" of 13000.
std::string driver_version(const Driver& driver) {
  int version = 0;
  if (driver.cuDriverGetVersion(&version) != CUDA_SUCCESS) return "";
  return fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
}

/// "9.19.0" of 91900.
std::string cudnn_version() {
  const std::size_t version = cudnn().cudnnGetVersion();
  return fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

/// "13.1.0" of 130100.
std::string blas_version() {
  const std::size_t version = blas().cublasLtGetVersion();
  return fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

LibraryInfo info_of(const char* what, const Library& library, std::string (*version)()) {
  const bool usable = library.is_open() && library.problem().empty();
  return {what, library.file(), usable ? version() : "", library.problem()};
}

/// Operations a second by precision: multiply-adds of one multiprocessor in a clock, as the architecture has them.
std::map<std::string, double> operations_of(const Properties& properties) {
  struct Rates {
    int architecture;
    double fp32, tf32, half;
  };
  constexpr Rates known[] = {{80, 64, 512, 1024}, {90, 128, 1024, 2048}};
  for (const Rates& rates : known) {
    if (rates.architecture != properties.architecture()) continue;
    const double each = 2 * properties.clock_hz * properties.multiprocessors;
    return {{"fp32", each * rates.fp32},
            {"tf32", each * rates.tf32},
            {"bf16", each * rates.half},
            {"fp16", each * rates.half}};
  }
  return {};
}

DeviceInfo info_of(const Driver& driver, int ordinal) {
  CUdevice device;
  check(driver.cuDeviceGet(&device, ordinal));
  const Properties properties = read_properties(driver, device);
  return {{Device::Kind::cuda, ordinal},
          properties.name,
          fmt::format("compute capability {}.{}, {} multiprocessors", properties.major, properties.minor,
                      properties.multiprocessors),
          properties.memory_bytes,
          properties.bytes_per_second,
          operations_of(properties)};
}

}  // namespace

DeviceList list_devices() {
  DeviceList list;
  std::string problem;
  const Driver* driver = find_driver(&problem);
  list.libraries.push_back({"CUDA driver", driver == nullptr ? "" : driver->library.file(),
                            driver == nullptr ? "" : driver_version(*driver), problem});
  list.libraries.push_back(info_of("cuDNN", cudnn().library, cudnn_version));
  list.libraries.push_back(info_of("cuBLASLt", blas().library, blas_version));
  const CompilerInfo compiler = compiler_info();
  list.libraries.push_back({"NVRTC", compiler.file, compiler.version, compiler.problem});
  int count = 0;
  if (driver != nullptr && driver->cuDeviceGetCount(&count) != CUDA_SUCCESS) count = 0;
  for (int ordinal = 0; ordinal < count; ++ordinal) list.devices.push_back(info_of(*driver, ordinal));
  return list;
}

}  // namespace tenon::cuda
