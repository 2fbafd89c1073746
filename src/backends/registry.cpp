#include "backends/registry.h"

#include <array>
#include <map>
#include <mutex>

#include "backends/cpu/cpu.h"
#include "backends/cpu/engine.h"
#include "backends/cuda/cuda.h"
#include "backends/guest/guest.h"
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

/// A path as it stands in front of a shared library; opened once.
const Backend& guest_backend(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, Backend> opened;
  const std::scoped_lock lock(mutex);
  const auto known = opened.find(path);
  if (known != opened.end()) return known->second;
  return opened.emplace(path, guest::load_backend(path, cpu::plain_backend())).first->second;
}

/// The backends of a GPU; made once an ordinal.
const Backend& cuda_backend(std::string_view name, const Device& device) {
  if (name != "plain") {
    fail(ErrorCode::not_found, "there is no backend '{}' for the device {}; choose plain", name, device.str());
  }
  static std::mutex mutex;
  static std::map<std::pair<std::string, int>, Backend> made;
  const std::scoped_lock lock(mutex);
  const std::pair key(std::string(name), device.ordinal);
  const auto known = made.find(key);
  if (known != made.end()) return known->second;
  return made.emplace(key, cuda::plain_backend(device.ordinal)).first->second;
}

}  // namespace

const Backend& find_backend(std::string_view name, const Device& device) {
  if (device.kind == Device::Kind::cuda) return cuda_backend(name, device);
  static const std::array<Backend, 3> backends = {
      cpu::plain_backend(), Backend{"reference", {reference_implementation()}},
      with_engine_nodes("cpu", cpu::plain_backend(), cpu::accelerated_backend())};
  for (const Backend& backend : backends) {
    if (backend.name == name) return backend;
  }
  if (name.find('/') != name.npos) return guest_backend(std::string(name));
  fail(ErrorCode::not_found,
       "there is no backend '{}'; choose plain, reference, cpu or the path of a guest, ./guest.so", name);
}

}  // namespace tenon
