// Which kernels can run a convolution, how they are cut, and which goes first where nobody measures. The figures the
// order comes from are in docs/cuda.md.

#include "backends/cuda/codegen/convolution_plan.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "backends/cuda/codegen/direct_plan.h"
#include "backends/cuda/codegen/persistent_plan.h"

namespace tenon::cuda {
namespace {

using Constants = std::vector<std::pair<std::string, int>>;

int div_up(int a, int b) {
  return (a + b - 1) / b;
}
int round_up(int a, int b) {
  return div_up(a, b) * b;
}

/// The sizes of a halo patch; patch.cuh computes the same.
struct Patch {
  int step = 1, units = 0;
  Patch(const ConvolutionProblem& problem, int chunk) {
    step = problem.taps() == 1 ? 1 : problem.stride_y;
    const int h = 7 * step + problem.kernel_h, w = 7 * step + problem.kernel_w;
    units = chunk / unit_of(problem.storage) * h * w;
  }
  int bytes() const { return units * 16; }
};

int tiles_of(const ConvolutionProblem& problem) {
  return problem.images * div_up(problem.dst_h, 8) * div_up(problem.dst_w, 8);
}

void add(KernelSpec& spec, Constants constants) {
  spec.constants.insert(spec.constants.end(), constants.begin(), constants.end());
}

/// The three kernels that work on halo patches.
class PatchKernels {
 public:
  PatchKernels(const ConvolutionProblem& problem, const EpilogueSpec& main, const EpilogueSpec& side,
               const Target& target)
      : problem_(problem), main_(main), side_(side), target_(target) {}

  bool splits() const { return problem_.storage == Storage::f32; }

  bool possible() const {
    return target_.wgmma() && problem_.groups == 1 && problem_.stride_y == problem_.stride_x &&
           problem_.stride_y <= 2 && problem_.dilate_y == 1 && problem_.dilate_x == 1 && problem_.kernel_h <= 5 &&
           problem_.kernel_w <= 5 && problem_.src_channels % step_channels() == 0;
  }

  /// Nothing where the cut does not fit the problem or the device.
  void halo(std::vector<KernelSpec>& specs, int block_n, int chunk) const {
    if (problem_.src_channels % chunk != 0 || chunk % step_channels() != 0 || block_n % 16 != 0) return;
    const int split = problem_.src_channels / chunk, instructions = taps() * (chunk / step_channels());
    if (split != 1 && split != 2 && split != 4 && split != 8) return;
    if (instructions > 80 && !splits()) return;  // they are unrolled
    KernelSpec spec = base("halo", block_n, chunk);
    const int exchange = split > 1 ? 64 * block_n * 4 * (problem_.side ? 2 : 1) : 0;
    const int bytes = taps() * chunk * block_n * weight_element() + Patch(problem_, chunk).bytes() + exchange + 16;
    add(spec, {{"kSplit", split}, {"kThreads", 256}});
    spec.launch = {{tiles_of(problem_) * split, blocks(block_n), 1}, 256, bytes, split};
    spec.label = fmt::format("halo n={} split={}", block_n, split);
    keep(specs, std::move(spec));
  }

  void ring(std::vector<KernelSpec>& specs, int block_n, int tiles, int chunk, int stages, int split = 1) const {
    chunk = std::min(chunk, problem_.src_channels);
    if (problem_.src_channels % chunk != 0 || problem_.src_channels / chunk % split != 0) return;
    if (chunk % step_channels() != 0 || block_n / 8 % split != 0) return;
    KernelSpec spec = base("ring", block_n, chunk);
    stages = std::min(stages, problem_.src_channels / chunk / split * taps());
    const int patches = 2 * tiles * Patch(problem_, chunk).bytes();
    const int bytes = stages * chunk * block_n * weight_element() + patches + stages * 16;
    // A cluster leaves its sums where ring and patches were.
    if (split > 1 && tiles * 64 * block_n * 4 * (problem_.side ? 2 : 1) > bytes - stages * 16) return;
    if (splits() && split_registers(block_n) > registers_of(1, tiles)) return;
    const bool registers =
        splits() ? split_registers(block_n) <= registers_of(2, tiles) : tiles <= 2 && (!problem_.side || block_n <= 64);
    const bool two = 2 * (bytes + 1024) <= target_.shared_bytes && registers;
    add(spec, {{"kTilesOfBlock", tiles}, {"kRing", stages}, {"kSplit", split}, {"kBlocksPerSm", two ? 2 : 1}});
    spec.launch = {{div_up(tiles_of(problem_), tiles) * split, blocks(block_n), 1}, tiles * 128 + 32, bytes, split};
    spec.label = fmt::format("ring n={} tiles={} chunk={} stages={} split={}", block_n, tiles, chunk, stages, split);
    keep(specs, std::move(spec));
  }

  void resident(std::vector<KernelSpec>& specs, int block_n, int tiles, int chunk) const {
    if (splits() || problem_.side || problem_.src_channels % chunk != 0 || chunk % step_channels() != 0) return;
    KernelSpec spec = base("resident", block_n, chunk);
    const int weights = taps() * problem_.src_channels * block_n * element();
    const int bytes = weights + 2 * tiles * Patch(problem_, chunk).bytes() + 16;
    add(spec, {{"kTilesOfBlock", tiles}, {"kBlocksPerSm", 1}});
    const int across = std::max(1, target_.processors / blocks(block_n));
    spec.launch = {{std::min(across, div_up(tiles_of(problem_), tiles)), blocks(block_n), 1}, tiles * 128, bytes, 1};
    spec.label = fmt::format("resident n={} tiles={}", block_n, tiles);
    keep(specs, std::move(spec));
  }

 private:
  int element() const { return element_bytes(problem_.storage); }
  int weight_element() const { return splits() ? 8 : element(); }
  /// What a thread of a split ring needs: sums, those of a part, both halves of A, addresses.
  int split_registers(int block_n) const { return block_n / 2 * (problem_.side ? 3 : 2) + 96; }
  /// Of a thread: they are given to four warps at a time, so the producer counts like a warpgroup.
  static int registers_of(int blocks, int tiles) { return std::min(255, 65536 / (blocks * (tiles + 1) * 128) / 8 * 8); }
  int step_channels() const { return 2 * unit_of(problem_.storage); }
  int taps() const { return problem_.taps() + (problem_.side ? 1 : 0); }
  int blocks(int block_n) const { return div_up(problem_.channels, block_n); }

  KernelSpec base(std::string text, int block_n, int chunk) const {
    KernelSpec spec = convolution_spec(problem_, main_, side_, target_, std::move(text));
    spec.includes = {"patch"};
    add(spec, {{"kStride", problem_.stride_y}, {"kChunk", chunk}, {"kBlockN", block_n}, {"kSide", problem_.side}});
    spec.wgmma_columns = {block_n};
    spec.weights = {WeightLayout::Order::units, block_n, chunk, 1, problem_.side, splits()};
    return spec;
  }

  void keep(std::vector<KernelSpec>& specs, KernelSpec spec) const {
    if (spec.launch.shared_bytes <= target_.shared_bytes) specs.push_back(std::move(spec));
  }

  const ConvolutionProblem& problem_;
  const EpilogueSpec& main_;
  const EpilogueSpec& side_;
  const Target& target_;
};

void gather(std::vector<KernelSpec>& specs, const ConvolutionProblem& problem, const EpilogueSpec& main,
            const Target& target, int block_n, int groups, int stage_units, int ring) {
  KernelSpec spec = convolution_spec(problem, main, {}, target, "gather");
  const bool split = problem.storage == Storage::f32 && target.wgmma();
  const int bytes = ring * stage_units * 16 * (groups * 64 + block_n * (split ? 2 : 1)) + ring * 8;
  const int per_sm = 2 * (bytes + 1024) <= target.shared_bytes && groups <= 2 && block_n <= 128 ? 2 : 1;
  add(spec, {{"kStrideY", problem.stride_y},
             {"kStrideX", problem.stride_x},
             {"kDilateY", problem.dilate_y},
             {"kDilateX", problem.dilate_x},
             {"kBlockN", block_n},
             {"kGroupsOfBlock", groups},
             {"kStageUnits", stage_units},
             {"kRing", ring},
             {"kBlocksPerSm", per_sm}});
  spec.wgmma_columns = {block_n};
  const int rows = problem.images * problem.dst_h * problem.dst_w;
  spec.launch = {{div_up(rows, groups * 64), div_up(problem.channels, block_n), 1}, groups * 128, bytes, 1};
  spec.weights = {WeightLayout::Order::units,
                  block_n,
                  round_up(problem.src_channels, unit_of(problem.storage)),
                  stage_units,
                  false,
                  split};
  spec.label = fmt::format("gather{} n={} rows={} stages={}x{}", target.wgmma() ? "" : "-mma", block_n, groups * 64,
                           ring, stage_units);
  if (bytes <= target.shared_bytes) specs.push_back(std::move(spec));
}

void add_gathers(std::vector<KernelSpec>& specs, const ConvolutionProblem& problem, const EpilogueSpec& main,
                 const Target& target) {
  const int rows = problem.images * problem.dst_h * problem.dst_w;
  const int wide = problem.channels > 64 ? 128 : problem.channels > 32 ? 64 : problem.channels > 16 ? 32 : 16;
  // Wide blocks read less, narrow ones are more: as many as keep the device busy.
  const bool few = div_up(rows, 128) * div_up(problem.channels, wide) < target.processors;
  std::vector<std::pair<int, int>> cuts;
  for (int n = wide; n >= std::min(wide, 32); n /= 2) {
    cuts.push_back({n, 2});
    cuts.push_back({n, 1});
  }
  if (few) std::ranges::reverse(cuts);
  const int units = problem.taps() * div_up(problem.src_channels, unit_of(problem.storage));
  const int stage = units >= 16 ? 8 : 4;
  for (const auto& [n, groups] : cuts) {
    gather(specs, problem, main, target, n, groups, stage, n >= 128 ? 4 : 5);
    // Few blocks that read much, as of a layer that is fully connected, need more of it under way.
    const bool deep = few && n <= 64 && units >= 64 * stage;
    if (deep) gather(specs, problem, main, target, n, groups, stage, groups == 1 && n == 32 ? 14 : 10);
  }
}

KernelSpec depthwise(const ConvolutionProblem& problem, const EpilogueSpec& main, const Target& target, int run) {
  KernelSpec spec = convolution_spec(problem, main, {}, target, "depthwise");
  spec.includes = {"units"};
  add(spec, {{"kStrideY", problem.stride_y},
             {"kStrideX", problem.stride_x},
             {"kDilateY", problem.dilate_y},
             {"kDilateX", problem.dilate_x},
             {"kChannelsLast", false},
             {"kRun", run}});
  const int runs =
      problem.images * div_up(problem.channels, unit_of(problem.storage)) * problem.dst_h * div_up(problem.dst_w, run);
  spec.launch = {{div_up(runs, 128), 1, 1}, 128, 0, 1};
  spec.weights = {WeightLayout::Order::depthwise, 1, 0, 1, false};
  spec.label = fmt::format("depthwise run={}", run);
  return spec;
}

/// A run shares its reads, but one pixel a thread fills the device where there are few.
std::vector<KernelSpec> depthwise_candidates(const ConvolutionProblem& problem, const EpilogueSpec& main,
                                             const Target& target) {
  std::vector<KernelSpec> specs;
  const int threads =
      problem.images * div_up(problem.channels, unit_of(problem.storage)) * problem.dst_h * problem.dst_w;
  std::vector<int> runs = {4, 2, 1};
  if (threads < target.processors * 1024) std::ranges::reverse(runs);
  for (const int run : runs) {
    if (run <= problem.dst_w) specs.push_back(depthwise(problem, main, target, run));
  }
  return specs;
}

/// A cut of the ring: channels and tiles of a block, and the blocks that share a tile's K.
struct Cut {
  int block_n, tiles, split;
};

/// Blocks that are large and yet about as many as the device has processors: large ones read less for what they
/// compute. Measured at batches 8, 32 and 128 of ResNet-18's layers, the best has at least 128 blocks wherever some cut
/// does.
std::vector<Cut> ring_cuts(const ConvolutionProblem& problem, const Target& target) {
  constexpr std::ptrdiff_t kMostCuts = 7;
  const int tiles = tiles_of(problem);
  const auto blocks = [&](const Cut& cut) {
    return div_up(tiles, cut.tiles) * div_up(problem.channels, cut.block_n) * cut.split;
  };
  const bool split = problem.storage == Storage::f32;
  std::vector<Cut> cuts;
  for (const int block_n : {128, 64, 32}) {
    if (block_n > 32 && problem.channels <= block_n / 2) continue;
    for (const int group : {split ? 3 : 4, 2, 1}) {
      if (split && group * block_n > 128) continue;  // the registers do not suffice
      for (const int across : {1, 2}) cuts.push_back({block_n, group, across});
    }
  }
  const int enough = target.processors * 9 / 10;
  std::ranges::stable_sort(cuts, [&](const Cut& a, const Cut& b) {
    const int blocks_a = std::min(blocks(a), enough), blocks_b = std::min(blocks(b), enough);
    if (blocks_a != blocks_b) return blocks_a > blocks_b;
    if (a.split != b.split) return a.split < b.split;
    const int size_a = a.block_n * a.tiles, size_b = b.block_n * b.tiles;
    if (size_a != size_b) return size_a > size_b;
    return split ? a.tiles > b.tiles : a.block_n > b.block_n;  // split weights are twice as long
  });
  if (std::ssize(cuts) > kMostCuts) cuts.erase(cuts.begin() + kMostCuts, cuts.end());
  return cuts;
}

/// Stages of the ring: what was best, or what fits beside the patches.
int ring_stages(const ConvolutionProblem& problem, const Cut& cut, int chunk, const Target& target) {
  const bool split = problem.storage == Storage::f32;
  const int stage = chunk * cut.block_n * (split ? 8 : element_bytes(problem.storage));
  const int left = target.shared_bytes - 2 * cut.tiles * Patch(problem, chunk).bytes() - 1024;
  // By size of a stage: half as long ones, of stride 2, are twice as many.
  const int long_ones = cut.block_n == 128 ? (cut.tiles == 1 ? 7 : 8) : cut.block_n == 64 ? 14 : 18;
  const int short_ones = cut.block_n == 128 ? (cut.tiles == 1 ? 10 : 8) : cut.block_n == 64 ? 20 : 36;
  const int wanted = chunk >= 8 * unit_of(problem.storage) ? long_ones : short_ones;
  return std::min(wanted, left / (stage + 16));
}

/// 3×3 and larger: halos where latency rules, resident weights where they are small, rings elsewhere.
void add_patch_kernels(std::vector<KernelSpec>& specs, const ConvolutionProblem& problem, const PatchKernels& kernels,
                       const Target& target) {
  const int tiles = tiles_of(problem), channels = problem.src_channels;
  // fp32's weights take twice the room: half as many at a time, where a cluster can share the rest.
  const bool split = problem.storage == Storage::f32, half = split && channels <= 256;
  const int chunk = channels % 64 == 0 && !half ? 64 : channels % 32 == 0 ? 32 : 16;
  const bool latency = tiles * div_up(problem.channels, 64) * (channels / chunk) <= 2 * target.processors;
  if (latency) {
    // Half as wide blocks are twice as many; where K is split in four or eight there are enough.
    const bool narrow = channels / chunk <= 2 || problem.side;
    kernels.halo(specs, narrow ? 32 : 64, chunk);
    kernels.halo(specs, narrow ? 64 : 32, chunk);
  }
  // A patch's part of the channels: 128 bytes of a pixel, or half of that where it is read with steps.
  const int part = std::min(chunk, (problem.stride_y == 1 ? 8 : 4) * unit_of(problem.storage));
  if (problem.stride_y == 1 && channels <= 64 && tiles >= target.processors) {
    kernels.resident(specs, 64, tiles >= 40 * target.processors ? 4 : 3, part);
    kernels.resident(specs, 64, tiles >= 40 * target.processors ? 3 : 4, part);
  }
  for (const Cut& cut : ring_cuts(problem, target)) {
    const int stages = ring_stages(problem, cut, part, target);
    if (stages >= 3) kernels.ring(specs, cut.block_n, cut.tiles, part, stages, cut.split);
  }
  if (!latency) kernels.halo(specs, 64, chunk);
}

/// 1×1 at small batches: whole K in one block of a cluster, as much of it as fits.
void add_pointwise_halos(std::vector<KernelSpec>& specs, const ConvolutionProblem& problem, const PatchKernels& kernels,
                         const Target& target) {
  const int tiles = tiles_of(problem);
  if (tiles * div_up(problem.channels, 64) > 2 * target.processors) return;
  for (const int block_n : {64, 32}) {
    for (const int split : {1, 2, 4, 8}) {
      const int chunk = problem.src_channels / split;
      const int blocks = tiles * div_up(problem.channels, block_n) * split;
      if (chunk >= 64 && (chunk <= 256 || split == 8) && blocks <= 4 * target.processors) {
        kernels.halo(specs, block_n, chunk);
      }
    }
  }
}

/// Best on an H100 wherever each block has two pieces or more to do, but for 64 channels, whose weights can all be
/// kept.
bool suits_blocks_that_stay(const ConvolutionProblem& problem, const Target& target) {
  const std::int64_t results = std::int64_t{tiles_of(problem)} * problem.channels;
  const bool plenty = results >= std::int64_t{2} * target.processors * 4 * 128;
  return plenty && (problem.channels > 64 || problem.src_channels != 64);
}

}  // namespace

KernelSpec convolution_spec(const ConvolutionProblem& problem, const EpilogueSpec& main, const EpilogueSpec& side,
                            const Target& target, std::string text) {
  KernelSpec spec;
  spec.text = std::move(text);
  spec.storage = problem.storage;
  spec.target = target;
  spec.main = main;
  spec.side = side;
  spec.constants = {{"kImages", problem.images},     {"kSrcChannels", problem.src_channels},
                    {"kSrcH", problem.src_h},        {"kSrcW", problem.src_w},
                    {"kChannels", problem.channels}, {"kDstH", problem.dst_h},
                    {"kDstW", problem.dst_w},        {"kKernelH", problem.kernel_h},
                    {"kKernelW", problem.kernel_w},  {"kPadY", problem.pad_y},
                    {"kPadX", problem.pad_x}};
  return spec;
}

std::vector<KernelSpec> convolution_candidates(const ConvolutionProblem& problem, const EpilogueSpec& main,
                                               const EpilogueSpec& side, const Target& target) {
  if (problem.depthwise())
    return problem.pool ? std::vector<KernelSpec>{} : depthwise_candidates(problem, main, target);
  std::vector<KernelSpec> specs;
  if (problem.groups != 1) return specs;
  std::vector<KernelSpec> persistent = persistent_candidates(problem, main, side, target);
  if (problem.pool) return persistent;
  const PatchKernels kernels(problem, main, side, target);
  if (kernels.possible()) {
    if (problem.taps() > 1) {
      add_patch_kernels(specs, problem, kernels, target);
    } else {
      add_pointwise_halos(specs, problem, kernels, target);
    }
  }
  if (!problem.side) add_gathers(specs, problem, main, target);
  const bool second = !specs.empty() && !suits_blocks_that_stay(problem, target);
  specs.insert(specs.begin() + (second ? 1 : 0), std::make_move_iterator(persistent.begin()),
               std::make_move_iterator(persistent.end()));
  if (has_few_products(problem)) {
    std::vector<KernelSpec> direct = direct_candidates(direct_problem(problem), main, side, target);
    specs.insert(specs.begin(), std::make_move_iterator(direct.begin()), std::make_move_iterator(direct.end()));
  }
  return specs;
}

std::vector<KernelSpec> stem_candidates(const StemProblem& problem, const EpilogueSpec& conv, const EpilogueSpec& pool,
                                        const Target& target) {
  std::vector<KernelSpec> specs;
  const bool per_channel = std::ranges::all_of(conv.per_channel, [](bool flag) { return flag; });
  if (!target.wgmma() || problem.src_channels > 4 || problem.src_w % 2 != 0 || conv.expressions.size() != 1 ||
      !per_channel) {
    return specs;
  }
  KernelSpec spec;
  spec.storage = problem.storage;
  spec.target = target;
  spec.main = pool;
  spec.side = conv;
  spec.side.stored = {false};
  spec.includes = {"stem_data"};
  spec.constants = {{"kImages", problem.images},     {"kSrcChannels", problem.src_channels},
                    {"kSrcH", problem.src_h},        {"kSrcW", problem.src_w},
                    {"kConvH", problem.conv_h()},    {"kConvW", problem.conv_w()},
                    {"kChannels", problem.channels}, {"kDstH", problem.dst_h()},
                    {"kDstW", problem.dst_w()}};

  const int tiles_of_image = div_up(problem.dst_h(), 7) * div_up(problem.dst_w(), 7);
  if (element_bytes(problem.storage) == 4) {
    // Split weights are twice as long: half as many channels.
    const bool split = problem.storage == Storage::f32;
    const int block_n = split ? 32 : 64;
    KernelSpec wide = spec;
    wide.text = wide.label = "stem_wide";
    wide.includes.push_back("stem_tile");
    add(wide, {{"kBlockN", block_n}, {"kBlocksPerSm", 2}});
    wide.wgmma_columns = {block_n};
    wide.weights = {WeightLayout::Order::units, block_n, 8, 1, false, split};
    wide.launch = {{problem.images * tiles_of_image, div_up(problem.channels, block_n), 1},
                   256,
                   28 * 64 * 32 + (split ? 2 : 1) * 2 * 37 * 19 * 16 + 16,
                   1};
    specs.push_back(wide);
    return specs;
  }

  KernelSpec tiles = spec;
  tiles.text = "stem";
  tiles.includes.push_back("stem_tile");
  add(tiles, {{"kBlockN", 32}});
  tiles.wgmma_columns = {32};
  tiles.weights = {WeightLayout::Order::units, 32, unit_of(problem.storage), 1, false};
  tiles.launch = {{problem.images * tiles_of_image, div_up(problem.channels, 32), 1},
                  256,
                  28 * 32 * 16 + 37 * 19 * 16 + 256 * 80 + 16,
                  1};
  tiles.label = "stem";
  specs.push_back(tiles);

  const bool pool_per_channel = std::ranges::all_of(pool.per_channel, [](bool flag) { return flag; });
  if (pool_per_channel && problem.channels % 64 == 0 && problem.conv_w() % 8 == 0 && problem.dst_h() % 4 == 0 &&
      problem.conv_h() == 2 * problem.dst_h()) {
    KernelSpec columns = spec;
    columns.text = "stem_columns";
    // At five blocks a processor ptxas serialises the products (C7512): twice as slow.
    add(columns, {{"kBlockN", 64}, {"kPooled", 4}, {"kTurns", 6}, {"kBlocksPerSm", 4}});
    columns.wgmma_register_columns = {72};
    columns.weights = {WeightLayout::Order::units, 64, unit_of(problem.storage), 1, false};
    columns.launch = {
        {problem.images * problem.dst_h() / 4, problem.channels / 64, 1}, 128, 23 * (problem.conv_w() + 3) * 16, 1};
    columns.label = "stem_columns";
    specs.insert(problem.images >= 8 ? specs.begin() : specs.end(), columns);
  }
  return specs;
}

}  // namespace tenon::cuda
