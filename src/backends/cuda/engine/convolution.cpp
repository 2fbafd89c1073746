#include "backends/cuda/codegen/convolution_plan.h"
#include "backends/cuda/codegen/fuse.h"
#include "backends/cuda/engine/engine.h"
#include "engine/tuner.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

/// The most bytes that the weights of groups may become when they are spread over all channels.
constexpr std::int64_t kMostSpread = std::int64_t{64} << 20;

/// Whether cuDNN is worth measuring beside generated kernels: where those multiply zeros, or where the user has time;
/// or whether it may have been measured before.
/// (Making its plans ready takes longer than compiling kernels.)
bool asks_cudnn(const StepRequest& request, int spread) {
  const bool recorded = request.variant != nullptr;
  return spread > 1 || recorded || (request.tuner != nullptr && request.tuner->options().effort == Effort::full);
}

Offer offer_convolution(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions;
  conditions.require(call.shape_in(0).rank() <= 4, "there are {} spatial axes, not one or two",
                     call.shape_in(0).rank() - 2);
  conditions.require(request.constant[1] != nullptr, "the weight is computed");
  conditions.require(!only_cudnn(), "TENON_CUDA_CANDIDATES leaves convolutions to cuDNN");
  if (conditions.refuse()) return conditions.reason();
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  ConvolutionProblem problem = convolution_problem(call);
  const WeightShape weights{problem.src_channels / problem.groups, problem.taps()};
  // Groups other than one and depthwise run as one, whose filters have zeros for the other groups' channels.
  const int spread = problem.depthwise() ? 1 : problem.groups;
  const std::int64_t bytes = call.shape_in(1).elements() * spread * element_bytes(fused.storage());
  conditions.require(spread == 1 || bytes <= kMostSpread,
                     "spread over all channels the weights of {} groups would take {} bytes, more than {}", spread,
                     bytes, kMostSpread);
  if (conditions.refuse()) return conditions.reason();
  problem.groups /= spread;
  Candidates candidates{convolution_candidates(problem, fused.epilogue(), {}, fused.target()), {}};
  for (KernelSpec& spec : candidates.generated) spec.weights.spread = spread;
  if (asks_cudnn(request, spread)) candidates.libraries = cudnn_libraries(fused);
  const MemoryFormat format = blocked_format(fused.storage());
  return fused.plan(candidates, format, format, weights);
}

Offer offer_pair(const StepRequest& request) {
  Conditions conditions;
  conditions.require(request.constant[1] != nullptr && request.constant[2] != nullptr, "a weight is computed");
  if (conditions.refuse()) return conditions.reason();
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  ConvolutionProblem problem = convolution_problem(request.call);
  problem.side = true;
  const auto candidates = convolution_candidates(problem, fused.epilogue(), plain_epilogue(), fused.target());
  const MemoryFormat format = blocked_format(fused.storage());
  return fused.plan({candidates, {}}, format, format, {problem.src_channels, problem.taps(), true});
}

Offer offer_pool(const StepRequest& request) {
  Conditions conditions;
  conditions.require(request.constant[1] != nullptr, "the weight is computed");
  if (conditions.refuse()) return conditions.reason();
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  ConvolutionProblem problem = convolution_problem(request.call);
  problem.pool = true;
  problem.dst_h *= 2;  // the call's results are the maxima
  problem.dst_w *= 2;
  const auto candidates = convolution_candidates(problem, fused.epilogue(), {}, fused.target());
  const MemoryFormat format = blocked_format(fused.storage());
  return fused.plan({candidates, {}}, format, format, {problem.src_channels, problem.taps()});
}

Offer offer_stem(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions;
  conditions.require(request.constant[1] != nullptr, "the weight is computed");
  if (conditions.refuse()) return conditions.reason();
  FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  const EpilogueSpec conv_epilogue{parse_expressions(call.attributes().text("conv_epilogue")), {}, {true}};
  const int operands = operand_count(conv_epilogue.expressions);
  if (std::string problem = fused.take_side_vectors(2, operands); !problem.empty()) return problem;
  EpilogueSpec conv = conv_epilogue;
  conv.per_channel.assign(static_cast<std::size_t>(operands), true);
  const Shape& src = call.shape_in(0);
  const auto size = [&](int axis) { return static_cast<int>(src[axis]); };
  const StemProblem problem{size(0), size(1), size(2), size(3), static_cast<int>(call.shape_out()[1]), fused.storage()};
  const auto candidates = stem_candidates(problem, conv, fused.epilogue(), fused.target());
  conditions.require(!candidates.empty(), "no kernel makes a stem of {}", src.str());
  if (conditions.refuse()) return conditions.reason();
  return fused.plan({candidates, {}}, {}, blocked_format(fused.storage()), {problem.src_channels, 49, false, true});
}

}  // namespace

std::vector<Implementation> engine_convolution_implementations() {
  return {{"tenon:convolution", {"convolution"}, offer_convolution},
          {"tenon:convolution_pool", {"convolution_pool"}, offer_pool},
          {"tenon:convolution_pair", {"convolution_pair"}, offer_pair},
          {"tenon:stem", {"stem"}, offer_stem}};
}

}  // namespace tenon::cuda
