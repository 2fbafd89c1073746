// Operators that are no convolution, as networks have them: each by the accelerated backend and by the plain one.

#include <cstdlib>
#include <memory>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "backends/cpu/cpu.h"
#include "backends/cpu/engine.h"
#include "engine/run.h"
#include "graph/graph.h"
#include "passes/primitives.h"

namespace {

using namespace tenon;

/// One or two nodes over variables a, b, …, of which those named w… are constants.
struct Case {
  const char* name;
  std::map<std::string, Shape> shapes;
  const char* accelerated;
  const char* plain;
};

const Case kCases[] = {
    {"resnet18_v2:dense",
     {{"a", {1, 512}}, {"w", {1000, 512}}, {"wb", {1000}}},
     "matmul(%a, %w, %wb) {epilogue=add(x, $0)}",
     "FullyConnected(%a, %w, %wb) {num_hidden=1000}"},
    {"vgg16:dense1",
     {{"a", {1, 25088}}, {"w", {4096, 25088}}, {"wb", {4096}}},
     "matmul(%a, %w, %wb) {epilogue=relu(add(x, $0))}",
     "FullyConnected(%a, %w, %wb) {num_hidden=4096}"},
    {"vgg16:dense2x16",
     {{"a", {16, 4096}}, {"w", {4096, 4096}}, {"wb", {4096}}},
     "matmul(%a, %w, %wb) {epilogue=relu(add(x, $0))}",
     "FullyConnected(%a, %w, %wb) {num_hidden=4096}"},
    {"transformer:dense",
     {{"a", {256, 768}}, {"w", {3072, 768}}, {"wb", {3072}}},
     "matmul(%a, %w, %wb) {epilogue=add(x, $0)}",
     "FullyConnected(%a, %w, %wb) {num_hidden=3072}"},
    {"resnet18_v2:pool0",
     {{"a", {1, 64, 112, 112}}},
     "pooling(%a) {kernel=(3, 3), stride=(2, 2), pad_begin=(1, 1), pad_end=(1, 1)}",
     "Pooling(%a) {kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type=max}"},
    {"inceptionv3:pool",
     {{"a", {1, 288, 35, 35}}},
     "pooling(%a) {type=avg, kernel=(3, 3), stride=(1, 1), pad_begin=(1, 1), pad_end=(1, 1)}",
     "Pooling(%a) {kernel=(3, 3), pad=(1, 1), pool_type=avg}"},
    {"resnet18_v2:pool1",
     {{"a", {1, 512, 7, 7}}},
     "pooling(%a) {type=avg, global=True}",
     "Pooling(%a) {global_pool=True, pool_type=avg}"},
    {"densenet121:norm",
     {{"a", {1, 256, 56, 56}}, {"wb", {256}}, {"wc", {256}}},
     "pointwise(%a, %wb, %wc) {epilogue=relu(fma(x, $0, $1))}",
     "relu(%a)"},
    {"unet:sigmoid", {{"a", {1, 64, 128, 128}}}, "pointwise(%a) {epilogue=sigmoid(x)}", "sigmoid(%a)"},
    {"transformer:gelu",
     {{"a", {256, 3072}}},
     "pointwise(%a) {epilogue=mul(mul(x, 0.5), add(erf(mul(x, 0.70710678)), 1))}",
     "LeakyReLU(%a) {act_type=gelu}"},
};

/// The node, between changes of format that are not timed.
class Bench {
 public:
  Bench(const Case& entry, const char* node, const Backend& backend) : store_(Model(Graph(), {})) {
    std::string text;
    std::map<std::string, TensorType> known;
    Parameters constants;
    for (const auto& [name, shape] : entry.shapes) {
      text += fmt::format("%{} = variable\n", name);
      known[name] = {shape, DType::float32};
      Tensor value(shape, DType::float32);
      std::fill_n(value.mutable_data<float>(), value.elements(), 0.25f);
      if (name.starts_with('w')) {
        constants[name] = value;
      } else {
        feeds_.push_back(value);
      }
    }
    text += fmt::format("%y = {}\nreturn %y\n", node);
    Graph graph = parse_graph(text, body_ops());
    infer(graph, known);
    program_ = build_program(std::move(graph), backend, constants, store_);
    for (const auto& feed : feeds_) addresses_.push_back(feed.data());
    arena_.reset(static_cast<std::byte*>(std::aligned_alloc(4096, (program_.arena_bytes + 4096) / 4096 * 4096)));
    std::fill_n(arena_.get(), program_.arena_bytes, std::byte{});
    run(program_, memory());
  }

  void time(benchmark::State& state) {
    const auto step = std::ranges::find_if(program_.steps, [](const Step& s) { return s.node >= 0; });
    state.SetLabel(step->info.implementation);
    for ([[maybe_unused]] auto iteration : state) run_step(program_, *step, memory());
  }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  ProgramMemory memory() { return {arena_.get(), addresses_, {}}; }

  ParameterStore store_;
  std::vector<Tensor> feeds_;
  Program program_;
  std::vector<const void*> addresses_;
  std::unique_ptr<std::byte, Free> arena_;
};

void register_case(const Case& entry, const char* node, const Backend& backend) {
  benchmark::RegisterBenchmark(fmt::format("{}/{}", entry.name, backend.name).c_str(), [&entry, node, &backend](
                                                                                           benchmark::State& state) {
    Bench(entry, node, backend).time(state);
  })->Unit(benchmark::kMicrosecond);
}

}  // namespace

int main(int argc, char** argv) {
  static const Backend accelerated = cpu::accelerated_backend(), plain = cpu::plain_backend();
  for (const Case& entry : kCases) {
    register_case(entry, entry.accelerated, accelerated);
    register_case(entry, entry.plain, plain);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
