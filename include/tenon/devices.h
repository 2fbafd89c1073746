#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <tenon/device.h>

namespace tenon {

/// A device that models can be bound on.
struct DeviceInfo {
  Device device;
  std::string name;    ///< "NVIDIA H100 80GB HBM3"
  std::string detail;  ///< "compute capability 9.0, 132 multiprocessors"
  std::size_t memory_bytes = 0;
  /// What a GPU does at most at its highest clocks: bytes of its memory a second, and operations a second (a
  /// multiply-add is two) by precision: "fp32" without tensor cores, "tf32", "bf16", "fp16". 0 and empty where unknown.
  double bytes_per_second = 0;
  std::map<std::string, double> operations_per_second;
};

/// A library that is opened at run time, there or missing.
struct LibraryInfo {
  std::string what;     ///< "cuDNN"
  std::string file;     ///< the path that was opened; empty where there is none
  std::string version;  ///< empty where unknown
  std::string problem;  ///< why it cannot be used; empty where it can
};

struct DeviceList {
  std::vector<DeviceInfo> devices;  ///< the CPU first
  std::vector<LibraryInfo> libraries;
};

/// What there is on this machine and what is missing. Does not throw for what is missing.
DeviceList list_devices();

}  // namespace tenon
