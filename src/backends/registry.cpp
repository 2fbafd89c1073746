#include "backends/registry.h"

#include <array>
#include <map>
#include <mutex>
#include <tuple>

#include "backends/cpu/cpu.h"
#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/isa.h"
#include "backends/cuda/cuda.h"
#include "backends/guest/guest.h"
#include "backends/reference/reference.h"
#include "core/error.h"
#include "core/processor.h"
#include "engine/engine_node.h"
#include "engine/selector.h"

namespace tenon {
namespace {

/// Subgraphs by `inner`, what is between them by `outer`.
Backend with_engine_nodes(std::string name, Backend outer, Backend inner) {
  outer.name = std::move(name);
  outer.identity = inner.identity;
  outer.fused_ops = inner.fused_ops;
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

Precision parse_precision(std::string_view word) {
  if (word == "fp32") return Precision::fp32;
  if (word == "tf32") return Precision::tf32;
  if (word == "bf16") return Precision::bf16;
  if (word == "fp16") return Precision::fp16;
  fail(ErrorCode::invalid_argument, "there is no precision '{}'; choose fp32, tf32, bf16 or fp16", word);
}

cpu::Optimize parse_optimize(std::string_view word) {
  if (word == "speed") return cpu::Optimize::speed;
  if (word == "memory") return cpu::Optimize::memory;
  fail(ErrorCode::invalid_argument, "there is nothing called '{}' to optimize; choose speed or memory", word);
}

void require_bfloat16() {
  if (cpu::machine_has_bfloat16()) return;
  fail(ErrorCode::unsupported,
       "this processor ({}) cannot multiply bfloat16, for which it needs AVX512-BF16; choose --precision fp32",
       processor_name());
}

/// Subgraphs compiled for the processor; made once for what is asked.
const Backend& accelerated_cpu_backend(Precision precision, cpu::Optimize optimize) {
  static std::mutex mutex;
  static std::map<std::pair<Precision, cpu::Optimize>, Backend> made;
  const std::scoped_lock lock(mutex);
  const std::pair key(precision, optimize);
  const auto known = made.find(key);
  if (known != made.end()) return known->second;
  Backend engine = cpu::accelerated_backend(optimize);
  engine.passes.precision = precision;
  return made.emplace(key, with_engine_nodes("cpu", cpu::plain_backend(), std::move(engine))).first->second;
}

/// The backends of a GPU; made once an ordinal and precision.
const Backend& cuda_backend(std::string_view name, const Device& device, std::string_view precision) {
  if (name != "plain" && name != "cuda") {
    fail(ErrorCode::not_found, "there is no backend '{}' for the device {}; choose plain or cuda", name, device.str());
  }
  const Precision asked = parse_precision(precision);
  if (name == "plain" && asked != Precision::fp32) {
    fail(ErrorCode::unsupported, "the backend 'plain' computes on {} with fp32, not {}; choose the backend cuda",
         device.str(), precision);
  }
  static std::mutex mutex;
  static std::map<std::tuple<std::string, int, Precision>, Backend> made;
  const std::scoped_lock lock(mutex);
  const std::tuple key(std::string(name), device.ordinal, asked);
  const auto known = made.find(key);
  if (known != made.end()) return known->second;
  Backend backend = cuda::plain_backend(device.ordinal);
  if (name == "cuda") {
    Backend engine = cuda::engine_backend(device.ordinal);
    engine.passes = PassOptions{.precision = asked};
    backend = with_engine_nodes("cuda", std::move(backend), std::move(engine));
  }
  return made.emplace(key, std::move(backend)).first->second;
}

}  // namespace

const Backend& find_backend(std::string_view name, const Device& device, std::string_view precision,
                            std::string_view optimize) {
  const cpu::Optimize spared = parse_optimize(optimize);
  const bool compiled = name == "cpu" && device.kind == Device::Kind::cpu;
  if (spared != cpu::Optimize::speed && !compiled) {
    fail(ErrorCode::unsupported, "the backend '{}' on {} does not optimize {}; choose the backend cpu", name,
         device.str(), optimize);
  }
  if (device.kind == Device::Kind::cuda) return cuda_backend(name, device, precision);
  const Precision asked = parse_precision(precision);
  if (asked != Precision::fp32 && (name != "cpu" || asked != Precision::bf16)) {
    fail(ErrorCode::unsupported, "the backend '{}' computes on the processor with {}, not {}", name,
         name == "cpu" ? "fp32 or bf16" : "fp32", precision);
  }
  if (asked == Precision::bf16) require_bfloat16();
  if (name == "cpu") return accelerated_cpu_backend(asked, spared);
  static const std::array<Backend, 2> backends = {cpu::plain_backend(),
                                                  Backend{"reference", {reference_implementation()}}};
  for (const Backend& backend : backends) {
    if (backend.name == name) return backend;
  }
  if (name.find('/') != name.npos) return guest_backend(std::string(name));
  fail(ErrorCode::not_found,
       "there is no backend '{}'; choose plain, reference, cpu or the path of a guest, ./guest.so", name);
}

}  // namespace tenon
