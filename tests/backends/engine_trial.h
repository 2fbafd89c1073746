#pragma once

// A graph of primitives run by the accelerated backend, for each instruction set of this machine, beside the reference.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <list>
#include <random>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/cpu/engine.h"
#include "core/threads.h"
#include "engine/program.h"
#include "engine/run.h"
#include "passes/primitives.h"
#include "support/evaluate.h"
#include "support/guarded.h"

namespace tenon {

/// Variables of which the name begins with w or c are constants, the others are fed.
struct EngineTrial {
  std::string text;
  std::map<std::string, Tensor> values;

  struct Outcome {
    std::vector<Tensor> outputs;
    std::vector<std::string> implementations;
  };

  Outcome run_accelerated(const Backend& backend) const {
    Graph graph = parse_graph(text, body_ops());
    std::map<std::string, TensorType> known;
    Parameters constants;
    for (const auto& [name, value] : values) {
      known[name] = {value.shape(), value.dtype()};
      if (name.starts_with('w') || name.starts_with('c')) constants[name] = value;
    }
    infer(graph, known);
    require_complete(graph);
    ParameterStore store(Model(Graph(), {}));
    const Program program = build_program(graph, backend, constants, store, {.give_results = true});
    std::list<Guarded> guarded;
    std::vector<const void*> feeds;
    for (const NodeId id : program.feeds) {
      const Tensor& value = values.at(program.graph.node(id).name);
      feeds.push_back(guarded.emplace_back(value.bytes(), value.data()).data());
    }
    Outcome outcome;
    std::vector<void*> results;
    for (const Value output : program.graph.outputs) {
      const TensorType& type = program.graph.type(output);
      outcome.outputs.emplace_back(type.shape, *type.dtype);
      results.push_back(guarded.emplace_back(outcome.outputs.back().bytes()).data());
    }
    Tensor arena(Shape{static_cast<std::int64_t>(program.arena_bytes)}, DType::uint8);
    std::fill_n(arena.mutable_data<std::uint8_t>(), arena.bytes(),
                std::uint8_t{0xff});  // NaN: nothing may be left over
    run(program, {static_cast<std::byte*>(arena.mutable_data()), feeds, results});
    for (std::size_t i = 0; i < results.size(); ++i) {
      std::memcpy(outcome.outputs[i].mutable_data(), results[i], outcome.outputs[i].bytes());
    }
    for (const Step& step : program.steps) outcome.implementations.push_back(step.info.implementation);
    return outcome;
  }

  /// Fails unless every output comes within `tolerance` of the reference, relative to its greatest magnitude, and one
  /// of the steps is `implementation`.
  void expect_close(double tolerance, const std::string& implementation) const {
    static const Backend backend = cpu::accelerated_backend();
    const std::vector<Tensor> expected = evaluate(parse_graph(text, body_ops()), values);
    const ThreadScope threads(2);
    const cpu::Isa best = cpu::machine_isa();
    for (const cpu::Isa isa : {cpu::Isa::avx2, cpu::Isa::avx512}) {
      if (isa > best) continue;
      cpu::limit_isa(isa);
      const Outcome outcome = run_accelerated(backend);
      cpu::limit_isa(cpu::Isa::avx512);
      EXPECT_NE(std::ranges::find(outcome.implementations, implementation), outcome.implementations.end()) << text;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        expect_near(outcome.outputs[i], expected[i], tolerance, fmt::format("output {}, {}\n{}", i, name(isa), text));
      }
    }
  }

  static void expect_near(const Tensor& actual, const Tensor& expected, double tolerance, const std::string& what) {
    ASSERT_EQ(actual.shape().str(), expected.shape().str()) << what;
    const float *a = actual.data<float>(), *e = expected.data<float>();
    double greatest = 0;
    for (std::int64_t i = 0; i < expected.elements(); ++i) {
      if (std::isfinite(e[i])) greatest = std::max(greatest, std::abs(static_cast<double>(e[i])));
    }
    for (std::int64_t i = 0; i < expected.elements(); ++i) {
      const bool same = a[i] == e[i] || (std::isnan(a[i]) && std::isnan(e[i]));
      ASSERT_TRUE(same || std::abs(static_cast<double>(a[i]) - static_cast<double>(e[i])) <= tolerance * greatest)
          << "element " << i << " is " << a[i] << ", expected " << e[i] << " in " << what;
    }
  }
};

/// Draws what a test needs; says its seed where the test fails.
class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed), trace_(__FILE__, __LINE__, fmt::format("seed {}", seed)) {}

  std::int64_t from(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + from(0, static_cast<std::int64_t>(choices.size()) - 1));
  }
  Tensor tensor(const Shape& shape, float size = 2) {
    Tensor result(shape, DType::float32);
    std::uniform_real_distribution<float> uniform(-size, size);
    for (std::int64_t i = 0; i < result.elements(); ++i) result.mutable_data<float>()[i] = uniform(random_);
    return result;
  }

 private:
  std::mt19937 random_;
  testing::ScopedTrace trace_;
};

}  // namespace tenon
