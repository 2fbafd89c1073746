// The ways to compute the primitives `convolution`, best first, and `deconvolution`. Weights that are constant are
// packed once for all programs of a model; others are packed in every run.

#include <array>

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/convolution.h"
#include "engine/cost.h"
#include "graph/graph.h"
#include "passes/primitives.h"

namespace tenon::cpu {
namespace {

ConvolutionProblem problem_of(const OpCall& call) {
  const ConvolutionSizes sizes = convolution_sizes(call);
  ConvolutionProblem problem;
  problem.batch = sizes.batch;
  problem.channels = sizes.src_channels;
  problem.filters = sizes.dst_channels;
  problem.groups = sizes.groups;
  problem.src = sizes.window.src;
  problem.dst = sizes.window.dst;
  problem.kernel = sizes.window.kernel;
  problem.stride = sizes.window.stride;
  problem.dilate = sizes.window.dilate;
  problem.pad = sizes.window.pad_begin;
  problem.narrow = precision_of(call.node) == Precision::bf16;
  return problem;
}

/// What a step keeps.
struct Prepared {
  std::shared_ptr<const Convolution> convolution;
  Epilogue epilogue;
  std::shared_ptr<const Tensor> packed;  // null: the weight comes at run time

  // The workspace: the convolution's, packed weights, the epilogue's vectors.
  std::size_t packed_offset() const { return (convolution->workspace_bytes() + 63) / 64 * 64; }
  std::size_t epilogue_offset() const {
    return packed_offset() + (packed ? 0 : (convolution->packed_floats() * sizeof(float) + 63) / 64 * 64);
  }

  void run(const Operands& operands) const {
    const float* weight = packed ? packed->data<float>() : nullptr;
    if (!packed) {
      float* fresh = reinterpret_cast<float*>(operands.workspace + packed_offset());
      convolution->pack(operands.in<float>(1), fresh);
      weight = fresh;
    }
    convolution->run(operands.in<float>(0), weight, bind_epilogue(epilogue, operands, 2, epilogue_offset()),
                     reinterpret_cast<float*>(operands.workspace));
  }
};

Offer plan_of(const StepRequest& request, const ConvolutionProblem& problem, ConvolutionOffer offer) {
  if (auto* reason = std::get_if<std::string>(&offer)) return std::move(*reason);
  const MemoryFormat blocks = problem.narrow ? kNarrowBlocks : kBlocked;
  auto epilogue = make_epilogue(request.call, problem.filters, blocks);
  if (auto* reason = std::get_if<std::string>(&epilogue)) return std::move(*reason);
  Prepared prepared{std::get<0>(std::move(offer)), std::get<Epilogue>(std::move(epilogue)), nullptr};

  StepPlan plan;
  if (const auto multiply_adds = prepared.convolution->multiply_adds()) {
    plan.operations = operations(request.call) - problem.operations() + 2 * *multiply_adds;
  }
  set_formats(request.call, prepared.convolution->row_major_src() ? MemoryFormat{} : blocks, blocks, plan);
  if (const Tensor* weight = request.constant[1]) {
    const Convolution& convolution = *prepared.convolution;
    prepared.packed = request.parameters.derive(
        *weight, convolution.packing(), {Shape{static_cast<std::int64_t>(convolution.packed_floats())}, DType::float32},
        [&](Tensor& packed) { convolution.pack(weight->data<float>(), packed.mutable_data<float>()); });
    plan.packed = {prepared.packed};
    plan.absorbed = {1};
  }
  // A residual is read where it is overwritten, tile by tile.
  for (int i = 2; i < static_cast<int>(request.call.inputs.size()); ++i) {
    if (!is_per_channel(request.call, i - 2)) plan.in_place.push_back(i);
  }
  plan.kernel.workspace_bytes = prepared.epilogue_offset() + prepared.epilogue.workspace_bytes();
  plan.kernel.run = [prepared = std::move(prepared)](const Operands& operands) { prepared.run(operands); };
  return plan;
}

/// That the data comes row-major, as a network's first does.
Conditions row_major_conditions(const StepRequest& request) {
  Conditions conditions = kernel_conditions(request.call);
  conditions.require(request.src[0].row_major(), "the data lies in blocks of {} channels", request.src[0].block);
  return conditions;
}

/// The offer, or that it would hold more than the weight itself.
ConvolutionOffer sparing(const StepRequest& request, Optimize optimize, ConvolutionOffer offer) {
  if (optimize == Optimize::speed || std::holds_alternative<std::string>(offer)) return offer;
  constexpr double most = 1.05;
  const auto before = static_cast<double>(request.constant[1]->bytes());
  const auto after = static_cast<double>(std::get<0>(offer)->packed_floats() * sizeof(float));
  if (after <= most * before) return offer;
  return fmt::format("it packs {:.0f} bytes of weights into {:.0f}, and memory is to be spared", before, after);
}

Offer offer_stem(const StepRequest& request, Optimize optimize) {
  Conditions conditions = row_major_conditions(request);
  conditions.require(request.constant[1] != nullptr, "the weight is computed, and transforming it costs too much");
  if (conditions.refuse()) return conditions.reason();
  const ConvolutionProblem problem = problem_of(request.call);
  return plan_of(request, problem, sparing(request, optimize, make_stem(problem)));
}

Offer offer_planar(const StepRequest& request) {
  const Conditions conditions = row_major_conditions(request);
  if (conditions.refuse()) return conditions.reason();
  const ConvolutionProblem problem = problem_of(request.call);
  return plan_of(request, problem, make_planar(problem));
}

Offer offer_depthwise(const StepRequest& request) {
  const Conditions conditions = kernel_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const ConvolutionProblem problem = problem_of(request.call);
  return plan_of(request, problem, make_depthwise(problem));
}

Offer offer_deconvolution(const StepRequest& request) {
  const Conditions conditions = kernel_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const ConvolutionProblem problem = problem_of(request.call);
  return plan_of(request, problem, make_deconvolution(problem));
}

Offer offer_direct(const StepRequest& request) {
  const Conditions conditions = kernel_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const ConvolutionProblem problem = problem_of(request.call);
  return plan_of(request, problem, make_direct(problem));
}

/// When tiles of one shape are worth their transforms.
struct WinogradRule {
  WinogradTiles tiles;
  std::int64_t rows, columns;
  std::int64_t products;      // of a tile, counted as multiplications of a channel by a filter
  std::int64_t fewest_tiles;  // below, the multipliers wait for the weights
};

/// Best first where several hold. Measured on ResNet's and VGG's stages (bench/convolution.cpp): at 14x14 and 7x7 the
/// mixed tiles pay from a batch on; at 7x7 and batch 1 rectangles read fewer weights than squares.
constexpr std::array kWinogradRules{
    WinogradRule{WinogradTiles::f66, 6, 6, 64, 25},     WinogradRule{WinogradTiles::mixed, 4, 4, 36, 64},
    WinogradRule{WinogradTiles::f44, 4, 4, 36, 12},     WinogradRule{WinogradTiles::f42, 4, 2, 24, 6},
    WinogradRule{WinogradTiles::f22, 2, 2, 16, 6},      WinogradRule{WinogradTiles::phases44, 4, 4, 81, 25},
    WinogradRule{WinogradTiles::phases22, 2, 2, 25, 25}};

constexpr double kFewestSaved = 1.25;
// Tiles of 6x6 against tiles of 4x4: their transforms are larger, and so are a tile's points, which with 256 channels
// and 256 filters no longer stay in the cache (at 56x56 nothing is won; with 64 or 128 each 4 to 8 %, at 112x112 16 %).
constexpr double kFewestSavedOver4x4 = 1.08;
constexpr std::int64_t kMostFor6x6 = 256;
constexpr std::int64_t kFewestLines = 12;  // tiles: below, the multipliers wait for the weights

/// Products of a line of outputs in tiles of 4, with a smaller last one where a form has that.
std::int64_t products_by_4(std::int64_t outputs) {
  const std::int64_t rest = outputs % 4;
  return outputs / 4 * 6 + (rest == 0 ? 0 : rest == 1 ? 6 : rest + 2);
}

Offer offer_winograd(const WinogradRule& rule, const StepRequest& request, Optimize optimize) {
  Conditions conditions = kernel_conditions(request.call);
  conditions.require(request.constant[1] != nullptr, "the weight is computed, and transforming it costs too much");
  if (conditions.refuse()) return conditions.reason();
  const ConvolutionProblem problem = problem_of(request.call);
  const std::int64_t height = problem.dst[1], width = problem.dst[2];
  const bool mixed = rule.tiles == WinogradTiles::mixed;
  const auto tiles_along = [&](std::int64_t size, std::int64_t tile) { return (size + (mixed ? 0 : tile - 1)) / tile; };
  const std::int64_t tiles = problem.batch * tiles_along(height, rule.rows) * tiles_along(width, rule.columns);
  conditions.require(problem.channels >= 16 && problem.filters >= 16, "{} channels and {} filters, fewer than 16",
                     problem.channels, problem.filters);
  conditions.require(request.rarely_best || tiles >= rule.fewest_tiles, "{} tiles of {}x{}, fewer than {}", tiles,
                     rule.rows, rule.columns, rule.fewest_tiles);
  if (rule.tiles == WinogradTiles::f66) {
    const double fewer = static_cast<double>(problem.batch * products_by_4(height) * products_by_4(width)) /
                         static_cast<double>(tiles * rule.products);
    conditions.require(request.rarely_best || fewer >= kFewestSavedOver4x4,
                       "{}x{} outputs need only {:.2f} times fewer products than in tiles of 4x4", height, width,
                       fewer);
    conditions.require(request.rarely_best || problem.channels + problem.filters <= kMostFor6x6,
                       "the points of {} channels and {} filters leave the cache", problem.channels, problem.filters);
  }
  if (rule.tiles == WinogradTiles::phases44) {
    const std::int64_t small = 25 * problem.batch * tiles_along(height, 2) * tiles_along(width, 2);
    conditions.require(request.rarely_best || tiles * rule.products < small,
                       "{}x{} outputs need fewer products in tiles of 2x2", height, width);
  }
  if (!mixed) {
    // Below so many times fewer products, the transforms eat the gain (35x35 to 17x17 by phases: 1.28, and 10 to 20 %).
    const double gain =
        static_cast<double>(9 * problem.batch * height * width) / static_cast<double>(tiles * rule.products);
    conditions.require(request.rarely_best || gain >= kFewestSaved,
                       "{}x{} outputs in tiles of {}x{} save only a factor of {:.2f}", height, width, rule.rows,
                       rule.columns, gain);
  }
  if (conditions.refuse()) return conditions.reason();
  return plan_of(request, problem, sparing(request, optimize, make_winograd(problem, rule.tiles)));
}

/// Windows that are lines, as Inception's 1x7 and 7x1.
Offer offer_winograd_line(const StepRequest& request, Optimize optimize) {
  Conditions conditions = kernel_conditions(request.call);
  conditions.require(request.constant[1] != nullptr, "the weight is computed, and transforming it costs too much");
  if (conditions.refuse()) return conditions.reason();
  const ConvolutionProblem problem = problem_of(request.call);
  ConvolutionOffer offer = make_winograd(problem, WinogradTiles::line);
  if (auto* reason = std::get_if<std::string>(&offer)) return std::move(*reason);
  const std::int64_t taps = product(problem.kernel), outputs = line_outputs(taps);
  const std::int64_t along = problem.dst[problem.kernel[1] == taps ? 1 : 2],
                     tiles_along = (along + outputs - 1) / outputs;
  const double gain = static_cast<double>(taps * along) / static_cast<double>(tiles_along * (outputs + taps - 1));
  const std::int64_t tiles = problem.batch * product(problem.dst) / along * tiles_along;
  conditions.require(problem.channels >= 16 && problem.filters >= 16, "{} channels and {} filters, fewer than 16",
                     problem.channels, problem.filters);
  conditions.require(request.rarely_best || tiles >= kFewestLines, "{} tiles of {} outputs in a line, fewer than {}",
                     tiles, outputs, kFewestLines);
  conditions.require(request.rarely_best || gain >= kFewestSaved,
                     "lines of {} outputs in tiles of {} save only a factor of {:.2f}", along, outputs, gain);
  if (conditions.refuse()) return conditions.reason();
  return plan_of(request, problem, sparing(request, optimize, std::move(offer)));
}

}  // namespace

std::vector<Implementation> engine_convolution_implementations(Optimize optimize) {
  const auto stem = [optimize](const StepRequest& request) { return offer_stem(request, optimize); };
  const auto line = [optimize](const StepRequest& request) { return offer_winograd_line(request, optimize); };
  std::vector<Implementation> list = {{"tenon:stem", {"convolution"}, stem},
                                      {"tenon:planar", {"convolution"}, offer_planar},
                                      {"tenon:depthwise", {"convolution"}, offer_depthwise}};
  for (const WinogradRule& rule : kWinogradRules) {
    list.push_back({"tenon:" + std::string(name(rule.tiles)),
                    {"convolution"},
                    [&rule, optimize](const StepRequest& request) { return offer_winograd(rule, request, optimize); }});
  }
  list.push_back({"tenon:" + std::string(name(WinogradTiles::line)), {"convolution"}, line});
  list.push_back({"tenon:direct", {"convolution"}, offer_direct});
  list.push_back({"tenon:deconvolution", {"deconvolution"}, offer_deconvolution});
  return list;
}

}  // namespace tenon::cpu
