#include <tenon/devices.h>

#include <unistd.h>

#include "backends/cuda/cuda.h"
#include "core/threads.h"

#include <fmt/format.h>

namespace tenon {

DeviceList list_devices() {
  DeviceList list = cuda::list_devices();
  const auto memory =
      static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  list.devices.insert(list.devices.begin(),
                      {{Device::Kind::cpu, 0}, "CPU", fmt::format("{} threads", allowed_cores()), memory});
  return list;
}

}  // namespace tenon
