#include "backends/registry.h"

#include <array>

#include "backends/cpu/cpu.h"
#include "backends/reference/reference.h"
#include "core/error.h"

namespace tenon {

const Backend& find_backend(std::string_view name, const Device& device) {
  if (device.kind != Device::Kind::cpu) {
    fail(ErrorCode::unsupported, "no backend runs on the device {}; bind on cpu", device.str());
  }
  static const std::array<Backend, 2> backends = {cpu::plain_backend(),
                                                  Backend{"reference", {reference_implementation()}}};
  for (const Backend& backend : backends) {
    if (backend.name == name) return backend;
  }
  fail(ErrorCode::not_found, "there is no backend '{}'; choose plain or reference", name);
}

}  // namespace tenon
