#include "zoo/initialize.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/file_backed.h"

namespace tenon::zoo {
namespace {

/// The finaliser of splitmix64: a bijection that scatters.
std::uint64_t scatter(std::uint64_t z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

/// Where a parameter's sequence starts: FNV-1a of its name, displaced by the seed.
std::uint64_t start(std::string_view name, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char byte : name) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  return scatter(hash + scatter(seed));
}

/// In (-1, 1), symmetric, variance 1/3.
double uniform(std::uint64_t bits) {
  return (static_cast<double>(2 * (bits >> 40) + 1) - 0x1p24) * 0x1p-24;
}

/// The sum of four numbers of 16 bits: close to normal, variance 4/3, exact in any order of evaluation.
double bell(std::uint64_t bits) {
  std::int64_t sum = 0;
  for (int part = 0; part < 4; ++part) sum += 2 * static_cast<std::int64_t>(bits >> 16 * part & 0xFFFF) + 1 - 0x10000;
  return static_cast<double>(sum) * 0x1p-16;
}

template <class Draw>
Tensor fill(std::string_view name, const Shape& shape, std::uint64_t seed, double scale, Draw draw) {
  const std::uint64_t origin = start(name, seed);
  return file_backed(shape, [=](std::span<float> piece, std::int64_t at) {
    std::uint64_t step = static_cast<std::uint64_t>(at);
    for (float& element : piece) {
      element = static_cast<float>(scale * draw(scatter(origin + ++step * 0x9E3779B97F4A7C15u)));
    }
  });
}

Tensor constant(const Shape& shape, float value) {
  return file_backed(shape, [=](std::span<float> piece, std::int64_t) { std::ranges::fill(piece, value); });
}

Tensor normal(std::string_view name, const Shape& shape, std::uint64_t seed, double variance) {
  return fill(name, shape, seed, std::sqrt(variance * 3 / 4), bell);
}

Tensor initial(const Node& variable, std::uint64_t seed) {
  const Shape& shape = variable.outputs[0].shape;
  const auto hint = variable.written.find("__init__");
  const std::string_view rule = hint == variable.written.end() ? std::string_view() : hint->second;
  if (rule == "zeros") return constant(shape, 0);
  if (rule == "ones") return constant(shape, 1);
  if (rule == "normal") return normal(variable.name, shape, seed, 1e-4);
  const auto fan_in = static_cast<double>(shape.elements(1, shape.rank()));
  if (rule == xavier_out) {
    const double fan_out = fan_in / static_cast<double>(shape[1]) * static_cast<double>(shape[0]);
    return normal(variable.name, shape, seed, 2 / fan_out);
  }
  if (!rule.empty()) fail(ErrorCode::internal, "parameter '{}' asks for the initializer {}", variable.name, rule);
  return fill(variable.name, shape, seed, std::sqrt(3 / fan_in), uniform);
}

}  // namespace

Parameters initialize(const Graph& graph, std::uint64_t seed) {
  Parameters parameters;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.is_variable() && node.name != "data") parameters[node.name] = initial(node, seed);
  }
  return parameters;
}

}  // namespace tenon::zoo
