// Every way to convolve on the layers of known networks, one benchmark each, named network:layer/way/batch:
//
//     bin/bench-convolution --benchmark_filter='resnet18.*/1$'
//
// GFLOP/s count the multiplications and additions of the direct form whatever the way does, so they are comparable; one
// thread unless OMP_NUM_THREADS says otherwise. Weights stay in the cache between iterations where they fit; in a
// network they often do not.

#include <omp.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "backends/cpu/kernels/convolution.h"
#include "backends/cpu/kernels/epilogue.h"

namespace tenon::cpu {
namespace {

struct Layer {
  const char* name;
  std::int64_t channels, filters, size, kernel, stride, pad;  // of square maps; `size` is the source's
  std::int64_t groups = 1;
};

constexpr Layer kLayers[] = {
    {"resnet18:stem", 3, 64, 224, 7, 2, 3},
    {"resnet18:stage1", 64, 64, 56, 3, 1, 1},
    {"resnet18:stage2-down", 64, 128, 56, 3, 2, 1},
    {"resnet18:stage2-shortcut", 64, 128, 56, 1, 2, 0},
    {"resnet18:stage2", 128, 128, 28, 3, 1, 1},
    {"resnet18:stage3-down", 128, 256, 28, 3, 2, 1},
    {"resnet18:stage3-shortcut", 128, 256, 28, 1, 2, 0},
    {"resnet18:stage3", 256, 256, 14, 3, 1, 1},
    {"resnet18:stage4-down", 256, 512, 14, 3, 2, 1},
    {"resnet18:stage4-shortcut", 256, 512, 14, 1, 2, 0},
    {"resnet18:stage4", 512, 512, 7, 3, 1, 1},
    {"resnet50:stage1-reduce", 256, 64, 56, 1, 1, 0},
    {"resnet50:stage1-expand", 64, 256, 56, 1, 1, 0},
    {"resnet50:stage2-reduce", 512, 128, 28, 1, 1, 0},
    {"resnet50:stage2-expand", 128, 512, 28, 1, 1, 0},
    {"resnet50:stage3-reduce", 1024, 256, 14, 1, 1, 0},
    {"resnet50:stage3-expand", 256, 1024, 14, 1, 1, 0},
    {"resnet50:stage4-reduce", 2048, 512, 7, 1, 1, 0},
    {"resnet50:stage4-expand", 512, 2048, 7, 1, 1, 0},
    {"vgg16:conv1-1", 3, 64, 224, 3, 1, 1},
    {"vgg16:conv1-2", 64, 64, 224, 3, 1, 1},
    {"vgg16:conv2-2", 128, 128, 112, 3, 1, 1},
    {"vgg16:conv3-2", 256, 256, 56, 3, 1, 1},
    {"vgg16:conv4-2", 512, 512, 28, 3, 1, 1},
    {"vgg16:conv5", 512, 512, 14, 3, 1, 1},
    {"mobilenetv2:stem", 3, 32, 224, 3, 2, 1},
    {"mobilenetv2:expand1", 16, 96, 112, 1, 1, 0},
    {"mobilenetv2:depthwise1", 96, 96, 112, 3, 2, 1, 96},
    {"mobilenetv2:project1", 96, 24, 56, 1, 1, 0},
    {"mobilenetv2:depthwise2", 144, 144, 56, 3, 1, 1, 144},
    {"mobilenetv2:depthwise3", 384, 384, 14, 3, 1, 1, 384},
    {"mobilenetv2:project3", 384, 64, 14, 1, 1, 0},
    {"mobilenetv2:depthwise5", 960, 960, 7, 3, 1, 1, 960},
    {"mobilenetv2:last", 320, 1280, 7, 1, 1, 0},
    {"mobilenet1:depthwise1", 32, 32, 112, 3, 1, 1, 32},
    {"mobilenet1:pointwise1", 32, 64, 112, 1, 1, 0},
    {"alexnet:conv1", 3, 64, 224, 11, 4, 2},
    {"alexnet:conv2", 64, 192, 27, 5, 1, 2},
    {"inceptionv3:7x1", 192, 192, 17, 7, 1, 3},
};

struct Way {
  std::string name;
  std::function<ConvolutionOffer(const ConvolutionProblem&)> make;
};

std::vector<Way> ways() {
  std::vector<Way> ways = {{"direct", [](const ConvolutionProblem& problem) { return make_direct(problem); }},
                           {"planar", [](const ConvolutionProblem& problem) { return make_planar(problem); }},
                           {"stem", [](const ConvolutionProblem& problem) { return make_stem(problem); }},
                           {"depthwise", [](const ConvolutionProblem& problem) { return make_depthwise(problem); }}};
  for (const WinogradTiles tiles :
       {WinogradTiles::f22, WinogradTiles::f44, WinogradTiles::f66, WinogradTiles::f42, WinogradTiles::mixed,
        WinogradTiles::phases22, WinogradTiles::phases44, WinogradTiles::line}) {
    for (const std::int64_t block : {0, 28, 49, 98, 196}) {
      const std::string suffix = block == 0 ? "" : fmt::format("-by-{}", block);
      ways.push_back({std::string(name(tiles)) + suffix, [=](const ConvolutionProblem& problem) {
                        return make_winograd(problem, tiles, machine_isa(), block);
                      }});
    }
  }
  return ways;
}

struct Free {
  void operator()(float* memory) const { std::free(memory); }
};
using Floats = std::unique_ptr<float, Free>;

Floats floats(std::size_t count, float value) {
  Floats memory(static_cast<float*>(std::aligned_alloc(4096, (count * sizeof(float) + 4095) / 4096 * 4096 + 4096)));
  std::fill_n(memory.get(), count, value);
  return memory;
}

void run(benchmark::State& state, const Convolution& convolution, const ConvolutionProblem& problem) {
  const auto blocked = [&](std::int64_t blocks, const Extent& size) {
    return static_cast<std::size_t>(problem.batch * blocks * 16 * product(size));
  };
  const Floats src = floats(blocked(problem.src_blocks(), problem.src), 0.5f);
  const Floats dst = floats(blocked(problem.dst_blocks(), problem.dst), 0);
  const Floats weight =
      floats(static_cast<std::size_t>(problem.filters * problem.channels * product(problem.kernel)), 1e-3f);
  const Floats packed = floats(convolution.packed_floats(), 0);
  const Floats workspace = floats(convolution.workspace_bytes() / sizeof(float), 0);
  const Floats bias = floats(static_cast<std::size_t>(problem.filters), 0.1f);
  convolution.pack(weight.get(), packed.get());
  const Epilogue epilogue(parse_expressions("relu(add(x, $0))"), {{true, DType::float32}}, {DType::float32},
                          problem.filters);
  std::vector<std::byte> vectors(epilogue.workspace_bytes());
  const void* operands[] = {bias.get()};
  void* outputs[] = {dst.get()};
  for ([[maybe_unused]] auto iteration : state) {
    convolution.run(src.get(), packed.get(), epilogue.bind(operands, outputs, vectors.data()), workspace.get());
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(problem.operations() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void register_benchmarks() {
  for (const Layer& layer : kLayers) {
    for (const std::int64_t batch : {1, 16}) {
      ConvolutionProblem problem;
      problem.batch = batch;
      problem.channels = layer.channels;
      problem.filters = layer.filters;
      problem.groups = layer.groups;
      const std::int64_t size = (layer.size + 2 * layer.pad - layer.kernel) / layer.stride + 1;
      problem.src = {1, layer.size, layer.size};
      problem.dst = {1, size, size};
      problem.kernel = {1, layer.kernel, layer.kernel};
      problem.stride = {1, layer.stride, layer.stride};
      problem.pad = {0, layer.pad, layer.pad};
      for (const Way& way : ways()) {
        auto offer = way.make(problem);
        auto* taken = std::get_if<0>(&offer);
        if (taken == nullptr) continue;
        const std::shared_ptr<const Convolution> convolution = std::move(*taken);
        benchmark::RegisterBenchmark(fmt::format("{}/{}/{}", layer.name, way.name, batch).c_str(),
                                     [=](benchmark::State& state) { run(state, *convolution, problem); })
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace
}  // namespace tenon::cpu

int main(int argc, char** argv) {
  if (std::getenv("OMP_NUM_THREADS") == nullptr) omp_set_num_threads(1);
  tenon::cpu::register_benchmarks();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
