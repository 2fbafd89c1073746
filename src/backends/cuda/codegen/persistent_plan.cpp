// How kernels/persistent.cuh is cut: which pixels and channels a piece has, and what of weights and patches is kept
// ahead. Cuts are compared by an estimate in clocks, whose figures are a Hopper processor's.

#include "backends/cuda/codegen/persistent_plan.h"

#include <algorithm>

#include <fmt/format.h>

namespace tenon::cuda {
namespace {

constexpr std::size_t kMost = 3;

int div_up(int a, int b) {
  return (a + b - 1) / b;
}

struct Cut {
  int block_n = 64, tiles = 4;
  bool linear = false;
};

/// A cut of a problem, and what follows from it.
class Piece {
 public:
  Piece(const ConvolutionProblem& problem, const Target& target, const Cut& cut)
      : problem_(problem), target_(target), cut_(cut) {}

  /// Input channels a patch holds: 128 bytes of a pixel, or what divides the channels. Nothing where nothing does.
  static int chunk_of(const ConvolutionProblem& problem) {
    const int unit = unit_of(problem.storage);
    if (thin(problem)) return unit;
    for (const int units : {8, 6, 4, 2}) {
      // With a stride a patch has almost four times the pixels.
      if (units > 4 && problem.taps() > 1 && problem.stride_y == 2) continue;
      if (problem.src_channels % (units * unit) == 0) return units * unit;
    }
    return 0;
  }
  /// One unit of input channels: two taps are multiplied at once.
  static bool thin(const ConvolutionProblem& problem) {
    return problem.src_channels <= unit_of(problem.storage) && problem.taps() > 1;
  }

  bool thin() const { return thin(problem_); }
  /// Even and odd rows and columns lie apart.
  bool strided() const { return problem_.stride_y == 2 && !cut_.linear; }
  bool splits() const { return problem_.storage == Storage::f32; }
  /// Two blocks a processor where memory is all that counts.
  int blocks_per_processor() const { return thin() && cut_.tiles == 2 && !splits() ? 2 : 1; }
  int groups() const { return div_up(cut_.linear ? div_up(positions(), 64) : tiles(), cut_.tiles); }
  int pieces() const { return groups() * div_up(problem_.channels, cut_.block_n); }
  int patches() const { return problem_.taps() > 1 && !thin() ? 2 : 3; }
  /// Stages of weights that fit beside the patches; more than eight never helped.
  int ring() const {
    const int left = target_.shared_bytes / blocks_per_processor() - 1024 - patches() * (patch_bytes() + 16);
    return std::min({left / (stage_bytes() + 16), thin() ? 2 : 8, 128 * 1024 / stage_bytes()});
  }
  int shared_bytes() const { return ring() * (stage_bytes() + 16) + patches() * (patch_bytes() + 16); }
  int threads() const { return cut_.tiles * 128 + 128; }
  bool fits() const {
    const int registers = 65536 / (threads() * blocks_per_processor()) / 8 * 8;
    const int copiers = splits() ? 96 : strided() ? 64 : 56;  // persistent.cuh has the same
    const int left = std::min(232, (registers * threads() - copiers * 128) / (cut_.tiles * 128) / 8 * 8);
    if (strided() && !splits() && cut_.tiles > 3) return false;  // spills, whatever the sums
    const int sums = cut_.block_n / 2 * ((splits() ? 2 : 1) + (problem_.side ? 1 : 0));
    return sums + (splits() ? 72 : 40) <= left && ring() >= (thin() ? 2 : 3);
  }

  /// Of the whole convolution: what the tensor cores, the stores and the loads of a piece take, whichever is the
  /// longest, and what of a piece's end nothing hides.
  double clocks() const {
    constexpr double kStoredPerClock = 12, kLoadedPerClock = 30, kEnd = 700;
    const int n = cut_.block_n, unit = unit_of(problem_.storage);
    const int steps = thin() ? div_up(problem_.taps(), 2) : problem_.src_channels / (2 * unit) * stages();
    // A product reads 2 KB of pixels and 32 bytes a channel from shared memory, 128 bytes a clock.
    const double products = 1.0 * cut_.tiles * steps * std::max(n / 2, 16 + n / 4) * (splits() ? 3 : 1);
    const double stored =
        64.0 * cut_.tiles * n * element_bytes(problem_.storage) * (problem_.side ? 2 : 1) / (problem_.pool ? 4 : 1);
    const int chunks = thin() ? 1 : problem_.src_channels / chunk_of(problem_);
    const double loaded = 1.0 * chunks * patch_bytes() + 1.0 * stage_bytes() * (thin() ? 1 : chunks * stages());
    const double piece = std::max({products, stored / kStoredPerClock, loaded / kLoadedPerClock}) + kEnd;
    return div_up(pieces(), target_.processors) * piece;
  }

  KernelSpec spec(const EpilogueSpec& main, const EpilogueSpec& side) const {
    const ConvolutionProblem& problem = problem_;
    KernelSpec spec = convolution_spec(problem, main, side, target_, "persistent");
    const int chunk = chunk_of(problem), blocks = blocks_per_processor();
    for (const auto& [name, value] : {std::pair{"kStride", problem.stride_y},
                                      {"kChunk", chunk},
                                      {"kBlockN", cut_.block_n},
                                      {"kTilesOfBlock", cut_.tiles},
                                      {"kRing", ring()},
                                      {"kPatches", patches()},
                                      {"kLinear", static_cast<int>(cut_.linear)},
                                      {"kPool", static_cast<int>(problem.pool)},
                                      {"kSide", static_cast<int>(problem.side)},
                                      {"kBlocksPerSm", blocks}}) {
      spec.constants.emplace_back(name, value);
    }
    spec.wgmma_columns = {cut_.block_n};
    spec.launch = {{std::min(pieces(), target_.processors * blocks), 1, 1}, threads(), shared_bytes(), 1};
    spec.weights = {WeightLayout::Order::units, cut_.block_n, chunk, thin() ? 2 : 1, problem.side, splits()};
    spec.label = fmt::format("persistent n={} tiles={} {} ring={}", cut_.block_n, cut_.tiles,
                             cut_.linear ? "linear" : "tiled", ring());
    return spec;
  }

 private:
  int stage_bytes() const {
    const int unit = unit_of(problem_.storage);
    const int steps = thin() ? div_up(problem_.taps(), 2) : chunk_of(problem_) / (2 * unit);
    return steps * 32 * cut_.block_n * (splits() ? 2 : 1);
  }
  int patch_bytes() const {
    const int pixels = cut_.linear
                           ? cut_.tiles * 64 + 2 * (problem_.pad_y * (problem_.dst_w + problem_.pad_x) + problem_.pad_x)
                           : cut_.tiles * tile_size(problem_.kernel_h) * tile_size(problem_.kernel_w);
    return chunk_of(problem_) / unit_of(problem_.storage) * pixels * 16 * (splits() ? 2 : 1);
  }
  /// Pixels across a tile's patch, or down.
  int tile_size(int kernel) const { return problem_.stride_y * (7 + div_up(kernel, problem_.stride_y)); }
  /// Stages of weights of a chunk.
  int stages() const { return problem_.taps() + (problem_.side ? 1 : 0); }
  int positions() const {
    return problem_.images * (problem_.dst_h + problem_.pad_y) * (problem_.dst_w + problem_.pad_x);
  }
  int tiles() const { return problem_.images * div_up(problem_.dst_h, 8) * div_up(problem_.dst_w, 8); }

  const ConvolutionProblem& problem_;
  const Target& target_;
  Cut cut_;
};

bool possible(const ConvolutionProblem& problem, const Target& target) {
  const bool plain = problem.groups == 1 && problem.stride_y == problem.stride_x && problem.dilate_y == 1 &&
                     problem.dilate_x == 1 && problem.kernel_h <= 5 && problem.kernel_w <= 5;
  return target.wgmma() && plain && Piece::chunk_of(problem) > 0;
}

/// Rows of pixels one after another, with the padding between them.
bool linear_possible(const ConvolutionProblem& problem) {
  if (problem.pool || problem.side) return false;
  if (problem.taps() == 1) return problem.pad_y == 0 && problem.pad_x == 0;
  return problem.stride_y == 1 && problem.kernel_h == 2 * problem.pad_y + 1 &&
         problem.kernel_w == 2 * problem.pad_x + 1 && problem.dst_h == problem.src_h && problem.dst_w == problem.src_w;
}

bool tiled_possible(const ConvolutionProblem& problem) {
  if (problem.pool && (problem.dst_h % 8 != 0 || problem.dst_w % 8 != 0)) return false;
  const bool strided = problem.stride_y == 2 && !problem.pool && !Piece::thin(problem);
  return problem.taps() > 1 && ((problem.stride_y == 1 && !problem.side) || strided);
}

std::vector<Cut> cuts_of(const ConvolutionProblem& problem, const Target& target) {
  std::vector<Cut> cuts;
  for (const bool linear : {false, true}) {
    if (!(linear ? linear_possible(problem) : tiled_possible(problem))) continue;
    for (const int block_n : {256, 192, 128, 64, 32}) {
      const bool fills =
          problem.channels % block_n == 0 || block_n == 32 || (block_n <= 128 && problem.channels > block_n / 2);
      for (const int tiles : {4, 3, 2}) {
        const Cut cut{block_n, tiles, linear};
        const Piece piece(problem, target, cut);
        if (fills && piece.fits() && 2 * piece.pieces() >= target.processors) cuts.push_back(cut);
      }
    }
  }
  return cuts;
}

}  // namespace

std::vector<KernelSpec> persistent_candidates(const ConvolutionProblem& problem, const EpilogueSpec& main,
                                              const EpilogueSpec& side, const Target& target) {
  std::vector<KernelSpec> specs;
  if (!possible(problem, target)) return specs;
  std::vector<Cut> cuts = cuts_of(problem, target);
  std::ranges::stable_sort(cuts, {}, [&](const Cut& cut) { return Piece(problem, target, cut).clocks(); });
  if (cuts.size() > kMost) cuts.erase(cuts.begin() + kMost, cuts.end());
  for (const Cut& cut : cuts) specs.push_back(Piece(problem, target, cut).spec(main, side));
  return specs;
}

}  // namespace tenon::cuda
