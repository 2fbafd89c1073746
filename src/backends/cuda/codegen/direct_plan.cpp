// How kernels/direct.cuh is cut. Cuts are compared by an estimate in clocks of a Hopper processor.

#include "backends/cuda/codegen/direct_plan.h"

#include <algorithm>

#include <fmt/format.h>

namespace tenon::cuda {
namespace {

constexpr std::size_t kMost = 3;
constexpr int kSharedBytes = 48 * 1024;  // declared in the kernel
constexpr int kMostThreads = 512;        // with 128 registers each
constexpr int kMostSums = 72;            // of a thread

int div_up(int a, int b) {
  return (a + b - 1) / b;
}
int round_up(int a, int b) {
  return div_up(a, b) * b;
}

/// How the results are shared out: channels and neighbours a thread makes, threads across and down.
struct Cut {
  int group = 8, groups_of_block = 1, run = 1, tile_w = 8, tile_h = 4;
};

/// A cut of a problem, and what follows from it; the names are those of direct.cuh.
class Tile {
 public:
  Tile(const DirectProblem& problem, const Cut& cut)
      : problem_(problem), convolution_(problem.convolution), cut_(cut) {}

  int pixel_threads() const { return round_up(cut_.tile_w * cut_.tile_h, 32); }
  int threads() const { return pixel_threads() * cut_.groups_of_block; }
  int blocks() const {
    return convolution_.images * div_up(problem_.dst_w, cut_.tile_w * cut_.run) * div_up(problem_.dst_h, cut_.tile_h) *
           (div_up(convolution_.channels, cut_.group) / cut_.groups_of_block);
  }
  int shared_bytes() const {
    return 4 * convolution_.src_channels *
           (patch_h() * pitch() + cut_.groups_of_block * convolution_.taps() * cut_.group);
  }
  bool fits() const { return sums() <= kMostSums && threads() <= kMostThreads && shared_bytes() <= kSharedBytes; }

  /// Of the whole grid.
  double clocks(const Target& target) const {
    constexpr double kStart = 1500;  // a block's launch, its first reads and its last writes
    const double warps = threads() / 32.0, instructions = instructions_of_thread();
    const int blocks_of_processor = div_up(blocks(), target.processors);
    // Four warps a clock, but one warp alone waits for itself every other clock.
    return kStart + std::max(blocks_of_processor * warps / 4, 1.5) * instructions;
  }

  KernelSpec spec(const EpilogueSpec& main, const EpilogueSpec& side, const Target& target) const {
    KernelSpec spec = convolution_spec(convolution_, main, side, target, "direct");
    spec.includes = {"units"};
    const PoolWindow& pool = problem_.pool;
    for (auto& [name, value] : spec.constants) {
      if (name == "kDstH") value = problem_.dst_h;
      if (name == "kDstW") value = problem_.dst_w;
    }
    for (const auto& [name, value] : {std::pair{"kStrideY", convolution_.stride_y},
                                      {"kStrideX", convolution_.stride_x},
                                      {"kConvH", convolution_.dst_h},
                                      {"kConvW", convolution_.dst_w},
                                      {"kPoolH", pool.kernel_h},
                                      {"kPoolW", pool.kernel_w},
                                      {"kPoolStrideY", pool.stride_y},
                                      {"kPoolStrideX", pool.stride_x},
                                      {"kPoolPadY", pool.pad_y},
                                      {"kPoolPadX", pool.pad_x},
                                      {"kFromPlanes", static_cast<int>(problem_.from_planes)},
                                      {"kToPlanes", static_cast<int>(problem_.to_planes)},
                                      {"kChannelsLast", 0},
                                      {"kGroup", cut_.group},
                                      {"kGroupsOfBlock", cut_.groups_of_block},
                                      {"kRun", cut_.run},
                                      {"kTileW", cut_.tile_w},
                                      {"kTileH", cut_.tile_h},
                                      {"kPixelThreads", pixel_threads()},
                                      {"kBlocksPerSm", blocks_per_processor()}}) {
      spec.constants.emplace_back(name, value);
    }
    spec.side.stored.assign(side.stored.size(), false);
    spec.launch = {{blocks(), 1, 1}, threads(), 0, 1};
    spec.weights = {WeightLayout::Order::direct, cut_.group, 0, 1, false};
    spec.label = fmt::format("direct n={}x{} run={} tile={}x{}", cut_.groups_of_block, cut_.group, cut_.run,
                             cut_.tile_w, cut_.tile_h);
    return spec;
  }

 private:
  int rows() const { return problem_.pool.kernel_h; }
  int columns() const { return (cut_.run - 1) * problem_.pool.stride_x + problem_.pool.kernel_w; }
  int sums() const { return rows() * columns() * cut_.group; }
  int read_h() const { return (rows() - 1) * convolution_.stride_y + convolution_.kernel_h; }
  int read_w() const { return (columns() - 1) * convolution_.stride_x + convolution_.kernel_w; }
  int step_x() const { return cut_.run * problem_.pool.stride_x * convolution_.stride_x; }
  int vector() const { return step_x() % 4 == 0 ? 4 : step_x() % 2 == 0 ? 2 : 1; }
  int patch_h() const { return (cut_.tile_h - 1) * problem_.pool.stride_y * convolution_.stride_y + read_h(); }
  int pitch() const { return round_up((cut_.tile_w - 1) * step_x() + round_up(read_w(), vector()), 4); }

  /// Of a plane.
  int read_words() const { return read_h() * round_up(read_w(), vector()); }
  /// Sums, what they are made of, and what it takes to find that.
  int registers() const { return round_up(sums() + read_words() + cut_.group + 48, 8); }
  int blocks_per_processor() const { return std::max(1, std::min(1536, 65536 / registers()) / threads()); }

  double instructions_of_thread() const {
    // Shared memory gives a warp's 32 words a clock to one of four schedulers; weights, the same word for all lanes,
    // may take less.
    constexpr double kRead = 2;
    const double products = 1.0 * convolution_.taps() * sums();
    const double reads = kRead * (read_words() + convolution_.taps() * cut_.group);
    const double copies =
        convolution_.src_channels * patch_h() * pitch() * (problem_.from_planes ? 12.0 : 6.0) / threads();
    const double ends = 6.0 * sums();
    return convolution_.src_channels * (products + reads) + copies + ends;
  }

  const DirectProblem& problem_;
  const ConvolutionProblem& convolution_;
  Cut cut_;
};

bool possible(const DirectProblem& problem) {
  const ConvolutionProblem& convolution = problem.convolution;
  return convolution.groups == 1 && !convolution.side && !convolution.pool && convolution.dilate_y == 1 &&
         convolution.dilate_x == 1 && convolution.taps() <= 25 && problem.pool.taps() <= 9;
}

/// Channels a thread makes: whole units, or all that there are.
std::vector<int> groups_of(const DirectProblem& problem) {
  const int channels = round_up(problem.convolution.channels, 4);
  const int unit = problem.to_planes ? 4 : unit_of(problem.convolution.storage);
  std::vector<int> groups;
  for (const int group : {4, 8, 16}) {
    if (group % unit == 0 && group < channels) groups.push_back(group);
  }
  if (channels <= 16) groups.push_back(channels);
  return groups;
}

std::vector<Cut> cuts_of(const DirectProblem& problem) {
  std::vector<Cut> cuts;
  for (const int group : groups_of(problem)) {
    const int groups = div_up(problem.convolution.channels, group);
    for (int together = 1; together <= groups; ++together) {
      if (groups % together != 0) continue;
      for (const int run : {1, 2, 4, 8}) {
        for (const int threads : {32, 64, 128}) {
          for (int across = 1; across <= 8; ++across) {
            const int tile_w = std::min(div_up(problem.dst_w, run * across), threads);
            const Cut cut{group, together, run, tile_w, std::min(threads / tile_w, problem.dst_h)};
            if (Tile(problem, cut).fits()) cuts.push_back(cut);
          }
        }
      }
    }
  }
  return cuts;
}

}  // namespace

DirectProblem direct_problem(const ConvolutionProblem& convolution) {
  return {convolution, {}, convolution.dst_h, convolution.dst_w, false, false};
}

std::vector<KernelSpec> direct_candidates(const DirectProblem& problem, const EpilogueSpec& main,
                                          const EpilogueSpec& side, const Target& target) {
  std::vector<KernelSpec> specs;
  if (!possible(problem)) return specs;
  std::vector<Cut> cuts = cuts_of(problem);
  std::ranges::stable_sort(cuts, {}, [&](const Cut& cut) { return Tile(problem, cut).clocks(target); });
  for (const Cut& cut : cuts) {
    // One tile of each way to share out channels and neighbours: tiles that differ a little take the same time.
    const bool alike = std::ranges::any_of(specs, [&](const KernelSpec& spec) {
      return spec.constant("kGroup") == cut.group && spec.constant("kRun") == cut.run;
    });
    if (!alike) specs.push_back(Tile(problem, cut).spec(main, side, target));
    if (specs.size() == kMost) break;
  }
  return specs;
}

bool has_few_products(const ConvolutionProblem& convolution) {
  // What the tensor cores multiply three times for fp32 leaves more room.
  const int most = convolution.storage == Storage::f32 ? 320 : 160;
  return !convolution.side && convolution.channels <= 32 && convolution.src_channels <= 32 &&
         convolution.src_channels * convolution.taps() <= most;
}

bool direct_pays(const DirectProblem& problem, const Target& target) {
  constexpr double kProductsPerClock = 80, kBytesPerClock = 15, kLaunch = 3500;  // of a processor; of the device
  const ConvolutionProblem& convolution = problem.convolution;
  const PoolWindow& pool = problem.pool;
  const double products = 1.0 * problem.dst_h * problem.dst_w * pool.taps() * round_up(convolution.channels, 4) *
                          convolution.src_channels * convolution.taps();
  const int unit = unit_of(convolution.storage);
  const double src_units = 1.0 * div_up(convolution.src_channels, unit) * convolution.src_h * convolution.src_w;
  const double conv_units = 1.0 * div_up(convolution.channels, unit) * convolution.dst_h * convolution.dst_w;
  double bytes = 0, launches = 0;
  if (problem.from_planes) {
    // The change of layout: planes read, units written; the convolution reads them.
    bytes += 4.0 * convolution.src_channels * convolution.src_h * convolution.src_w + 2 * 16 * src_units;
    ++launches;
  }
  if (pool.taps() > 1) {
    bytes += 2 * 16 * conv_units;
    ++launches;
  }
  const double images = 1.0 * convolution.images / target.processors;
  return images * products / kProductsPerClock <= images * bytes / kBytesPerClock + launches * kLaunch;
}

}  // namespace tenon::cuda
