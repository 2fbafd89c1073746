#include <optional>

#include "backends/cuda/codegen/direct_plan.h"
#include "backends/cuda/codegen/fuse.h"
#include "backends/cuda/engine/engine.h"
#include "engine/tuner.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

/// The most bytes that the weights of groups may become when they are spread over all channels.
constexpr std::int64_t kMostSpread = std::int64_t{64} << 20;

/// Whether cuDNN is worth measuring beside generated kernels: where those multiply zeros, or where the user has time,
/// for making its plans ready takes longer than compiling kernels. Or whether it may have been measured before.
bool asks_cudnn(const StepRequest& request, int spread) {
  const bool recorded = request.variant != nullptr;
  return spread > 1 || recorded || (request.tuner != nullptr && request.tuner->options().effort == Effort::full);
}

/// One that reads the user's planes as they are, or whose few results are the net's own and leave as planes: float32,
/// whatever is stored in between. Nothing where blocks are as good.
std::optional<StepPlan> plan_in_planes(const FusedCall& fused, const ConvolutionProblem& convolution) {
  constexpr int kFewResults = 4;
  if (fused.request().call.shape_in(0).rank() != 4) return {};
  DirectProblem problem = direct_problem(convolution);
  problem.from_planes = fused.request().src[0].row_major() && convolution.src_channels <= kFewResults;
  problem.to_planes = convolution.channels <= kFewResults && has_few_products(convolution) &&
                      !fused.is_hidden_layer() && !fused.has_tensor_operands();
  problem.from_planes = problem.from_planes && (problem.to_planes || direct_pays(problem, fused.target()));
  if (!problem.from_planes && !problem.to_planes) return {};
  const auto candidates = direct_candidates(problem, fused.epilogue(), {}, fused.target());
  if (candidates.empty()) return {};
  const MemoryFormat blocks = blocked_format(fused.storage()), planes;
  return fused.plan({candidates, {}}, problem.from_planes ? planes : blocks, problem.to_planes ? planes : blocks,
                    {convolution.src_channels, convolution.taps()});
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
  if (auto plan = plan_in_planes(fused, problem)) return *std::move(plan);
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
  const DirectProblem problem = pooled_problem(call);
  const ConvolutionProblem& convolution = problem.convolution;
  const auto candidates = pooled_candidates(problem, conv, fused.epilogue(), fused.target());
  conditions.require(!candidates.empty(), "no kernel makes a stem of {}", call.shape_in(0).str());
  if (conditions.refuse()) return conditions.reason();
  return fused.plan({candidates, {}}, {}, blocked_format(fused.storage()),
                    {convolution.src_channels, convolution.taps(), false, true});
}

}  // namespace

std::vector<Implementation> engine_convolution_implementations() {
  return {{"tenon:convolution", {"convolution"}, offer_convolution},
          {"tenon:convolution_pool", {"convolution_pool"}, offer_pool},
          {"tenon:convolution_pair", {"convolution_pair"}, offer_pair},
          {"tenon:stem", {"stem"}, offer_stem}};
}

}  // namespace tenon::cuda
