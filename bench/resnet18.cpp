// The convolutions of ResNet-18 v2 with their epilogues and the maximum pooling, in sequence, so that weights come from
// where they lie in a network; as the accelerated backend chooses them. Leaves out the first batch normalisation, the
// average pooling and the dense layer.
//
//     bin/bench-resnet18 --benchmark_repetitions=5

#include <omp.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "backends/cpu/engine.h"
#include "engine/program.h"
#include "engine/run.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

/// Writes the graph and draws its weights.
class Writer {
 public:
  std::string text = "%data = variable\n";
  Parameters weights;

  /// A convolution; `residual` is added to its first output, whose scaled and rectified copy is the second.
  std::string convolution(const std::string& data, std::int64_t channels, std::int64_t filters, int kernel, int stride,
                          const std::string& residual, bool rectified) {
    const std::string name = fmt::format("conv{}", count_++);
    draw(name + "_w", {filters, channels, kernel, kernel},
         std::sqrt(2.0f / static_cast<float>(channels * kernel * kernel)));
    std::string operands, epilogue = "x";
    if (!residual.empty()) {
      draw(name + "_scale", {filters}, 1);
      draw(name + "_shift", {filters}, 1);
      operands = fmt::format(", {}, %{}_scale, %{}_shift", residual, name, name);
      epilogue = "add(x, $0); relu(fma(y0, $1, $2))";
    } else if (rectified) {
      draw(name + "_bias", {filters}, 1);
      operands = fmt::format(", %{}_bias", name);
      epilogue = "relu(add(x, $0))";
    }
    const int pad = kernel / 2;
    text += fmt::format(
        "%{0} = convolution({1}, %{0}_w{2}) {{kernel=({3}, {3}), stride=({4}, {4}), pad_begin=({5}, {5}), "
        "pad_end=({5}, {5}), epilogue={6}}}\n",
        name, data, operands, kernel, stride, pad, epilogue);
    return "%" + name;
  }

  void draw(const std::string& name, const Shape& shape, float deviation) {
    std::normal_distribution<float> normal(0, deviation);
    Tensor tensor(shape, DType::float32);
    for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.mutable_data<float>()[i] = normal(random_);
    weights[name] = tensor;
    text += fmt::format("%{} = variable\n", name);
  }

 private:
  std::mt19937 random_{1};
  int count_ = 0;
};

Writer resnet18() {
  Writer writer;
  const std::string stem = writer.convolution("%data", 3, 64, 7, 2, "", true);
  writer.draw("pool_scale", {64}, 1);
  writer.draw("pool_shift", {64}, 1);
  writer.text += fmt::format(
      "%pool = pooling({}, %pool_scale, %pool_shift) {{kernel=(3, 3), stride=(2, 2), pad_begin=(1, 1), pad_end=(1, 1), "
      "epilogue=x; relu(fma(y0, $0, $1))}}\n",
      stem);
  std::string sum = "%pool", active = "%pool#1";
  std::int64_t channels = 64;
  for (const std::int64_t filters : {64, 128, 256, 512}) {
    for (int unit = 0; unit < 2; ++unit) {
      const int stride = unit == 0 && filters > 64 ? 2 : 1;
      const std::string inner = writer.convolution(active, channels, filters, 3, stride, "", true);
      if (stride == 2) sum = writer.convolution(active, channels, filters, 1, 2, "", false);
      sum = writer.convolution(inner, filters, filters, 3, 1, sum, true);
      active = sum + "#1";
      channels = filters;
    }
  }
  writer.text += fmt::format("return {}\n", active);
  return writer;
}

void run_resnet18(benchmark::State& state) {
  const std::int64_t batch = state.range(0);
  const Writer writer = resnet18();
  Graph graph = parse_graph(writer.text, body_ops());
  std::map<std::string, TensorType> known{{"data", {Shape{batch, 3, 224, 224}, DType::float32}}};
  for (const auto& [name, weight] : writer.weights) known[name] = {weight.shape(), weight.dtype()};
  infer(graph, known);
  ParameterStore store(Model(Graph(), {}));
  const Backend backend = cpu::accelerated_backend();
  const Program program = build_program(graph, backend, writer.weights, store);
  Tensor arena(Shape{static_cast<std::int64_t>(program.arena_bytes)}, DType::uint8);
  Tensor data(Shape{batch, 3, 224, 224}, DType::float32);
  for (std::int64_t i = 0; i < data.elements(); ++i) data.mutable_data<float>()[i] = static_cast<float>(i % 255) / 255;
  const void* feeds[] = {data.data()};
  const ProgramMemory memory{static_cast<std::byte*>(arena.mutable_data()), feeds, {}};
  for (const Step& step : program.steps) run_step(program, step, memory);
  std::vector<double> best(program.steps.size(), 1e9);
  for ([[maybe_unused]] auto iteration : state) {
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
      const double start = omp_get_wtime();
      run_step(program, program.steps[i], memory);
      best[i] = std::min(best[i], omp_get_wtime() - start);
    }
  }
  if (std::getenv("STEPS") == nullptr) return;
  double sum = 0;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    sum += best[i] * 1e3;
    std::cout << fmt::format("{:10} {:28} {:8.3f} ms\n", program.steps[i].info.node,
                             program.steps[i].info.implementation, best[i] * 1e3);
  }
  std::cout << fmt::format("sum of the best times {:.2f} ms\n", sum);
}

BENCHMARK(run_resnet18)->Arg(1)->Arg(16)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tenon

int main(int argc, char** argv) {
  if (std::getenv("OMP_NUM_THREADS") == nullptr) omp_set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
