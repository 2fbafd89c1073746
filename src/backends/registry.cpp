#include "backends/registry.h"

#include <array>

#include "backends/cpu/cpu.h"
#include "backends/reference/reference.h"
#include "core/error.h"
#include "engine/engine_node.h"
#include "engine/selector.h"

namespace tenon {
namespace {

/// Subgraphs by `inner`, what is between them by `outer`.
Backend with_engine_nodes(std::string name, Backend outer, Backend inner) {
  outer.name = std::move(name);
  const auto shared = std::make_shared<const Backend>(std::move(inner));
  outer.implementations.insert(outer.implementations.begin(), engine_implementation(shared));
  outer.selector = tenon_selector(shared);
  return outer;
}

}  // namespace

const Backend& find_backend(std::string_view name, const Device& device) {
  if (device.kind != Device::Kind::cpu) {
    fail(ErrorCode::unsupported, "no backend runs on the device {}; bind on cpu", device.str());
  }
  static const std::array<Backend, 3> backends = {cpu::plain_backend(),
                                                  Backend{"reference", {reference_implementation()}},
                                                  with_engine_nodes("cpu", cpu::plain_backend(), cpu::plain_backend())};
  for (const Backend& backend : backends) {
    if (backend.name == name) return backend;
  }
  fail(ErrorCode::not_found, "there is no backend '{}'; choose plain, reference or cpu", name);
}

}  // namespace tenon
