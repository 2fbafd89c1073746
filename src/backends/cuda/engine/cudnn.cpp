// Convolutions by cuDNN, channels last: groups, three spatial axes, deconvolutions, and what is measured beside kernels
// of our own. The epilogue is fused into cuDNN's graph where cuDNN can; else a kernel of ours follows, in place.

#include <algorithm>

#include <fmt/format.h>

#include "backends/cuda/engine/convolution_graph.h"
#include "backends/cuda/engine/engine.h"
#include "backends/cuda/runtime/memory.h"
#include "core/env.h"
#include "core/error.h"
#include "core/log.h"
#include "engine/kernel_binaries.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr std::size_t kPlans = 3;  // of a graph that are measured, and
constexpr std::size_t kTried = 8;  // of cuDNN's engines that are tried for them

/// Addresses by the graph's numbers.
std::vector<void*> addresses(const ConvolutionGraph& convolution, const KernelPointers& pointers) {
  std::vector<void*> at(convolution.graph.tensors.size(), nullptr);
  const auto put = [&](int tensor, const void* address) {
    if (tensor >= 0) at[static_cast<std::size_t>(tensor)] = const_cast<void*>(address);
  };
  put(convolution.graph.src, pointers.src);
  put(convolution.graph.weight, pointers.weight);
  for (std::size_t k = 0; k < convolution.operands.size(); ++k) put(convolution.operands[k], pointers.operand[k]);
  for (std::size_t i = 0; i < convolution.outputs.size(); ++i) put(convolution.outputs[i], pointers.dst[i]);
  return at;
}

/// One graph and how its plans become ways.
struct Question {
  std::string name;  ///< "cudnn fused=1"
  ConvolutionGraph convolution;
  /// What applies the epilogue, in place; none where it is in the graph.
  std::optional<KernelSpec> finish = {};
  /// What brings a row-major product to blocks.
  std::optional<KernelSpec> to_blocks = {};
};

/// Of a product that its own kernels follow: where they find it, and how large it is.
std::size_t product_bytes(const Question& question) {
  if (!question.to_blocks) return 0;
  std::size_t bytes = sizeof(float);
  const DnnGraph& graph = question.convolution.graph;
  for (const std::int64_t size : graph.tensors[static_cast<std::size_t>(graph.dst)].dims) {
    bytes *= static_cast<std::size_t>(size);
  }
  return (bytes + 255) / 256 * 256;
}

/// A plan of a question with the kernels that follow it.
struct Answer {
  Question question;
  std::shared_ptr<DnnEngines> engines;  // kept, for layers that are alike
  DnnPlan plan;
  std::optional<FusedKernel> finish = {}, to_blocks = {};
};

void launch(const GpuDevice& device, const Answer& answer, void* stream, const KernelPointers& pointers,
            void* workspace) {
  const auto& [question, engines, plan, finish, to_blocks] = answer;
  std::vector<void*> at = addresses(question.convolution, pointers);
  if (!finish) return plan.run(device, stream, at, workspace);
  void* const dst = *std::ranges::find_if(pointers.dst, [](const void* address) { return address != nullptr; });
  void* const product = to_blocks ? workspace : dst;
  at[static_cast<std::size_t>(question.convolution.graph.dst)] = product;
  plan.run(device, stream, at, static_cast<std::byte*>(workspace) + product_bytes(question));
  KernelPointers after = pointers;
  if (to_blocks) {
    KernelPointers move;
    move.src = product;
    move.dst[0] = dst;
    to_blocks->launch(stream, move);
  }
  after.src = dst;
  finish->launch(stream, after);
}

Way way_of(const GpuDevice& device, const Question& question, std::shared_ptr<DnnEngines> engines, const DnnPlan& plan,
           std::string label) {
  Answer answer{question, std::move(engines), plan};
  if (question.finish) answer.finish.emplace(device, *question.finish);
  if (question.to_blocks) answer.to_blocks.emplace(device, *question.to_blocks);
  Way way{std::move(label), question.convolution.weights, plan.workspace_bytes() + product_bytes(question),
          [&device, answer = std::move(answer)](void* stream, const KernelPointers& pointers, void* workspace) {
            launch(device, answer, stream, pointers, workspace);
          }};
  way.layout = question.to_blocks ? WayLayout::row_major : WayLayout::channels_last;
  return way;
}

/// The question's plans; what is refused is logged and, the last of it, given as reason.
std::vector<Way> answers(GpuDevice& device, const Question& question, const LibraryWays::Wanted& wanted,
                         std::string& reason) {
  std::vector<Way> ways;
  try {
    const auto engines = DnnEngines::get(device, question.convolution.graph);
    const std::size_t most = wanted.all ? kPlans : 1;
    for (std::size_t rank = 0; rank < std::min(engines->count(), kTried) && ways.size() < most; ++rank) {
      std::string own = fmt::format("{} rank={}", question.name, rank), why;
      if (wanted.label && *wanted.label != own) continue;
      const auto plan = engines->plan(rank, why);
      if (plan) {
        ways.push_back(way_of(device, question, engines, *plan, std::move(own)));
      } else {
        reason = fmt::format("{}: {}", own, why);
        log(LogLevel::debug, "{}", reason);
      }
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::internal) throw;
    device.make_current();  // throws where the device is lost
    reason = error.what();
    log(LogLevel::debug, "{}: {}", question.name, reason);
  }
  return ways;
}

KernelSpec finish_spec(const FusedCall& fused, MemoryFormat format) {
  const BlockedShape dst = blocked_shape(fused.request().call.shape_out(), format);
  return pointwise_spec(dst, fused.storage(), fused.epilogue(), fused.target());
}

std::vector<Question> questions_of(const FusedCall& fused) {
  const OpCall& call = fused.request().call;
  const Storage storage = fused.storage();
  std::vector<Question> questions;
  auto whole = fused_graph(call, storage, fused.epilogue());
  const auto* refusal = std::get_if<std::string>(&whole);
  if (refusal != nullptr) {
    log(LogLevel::debug, "node '{}': {}", call.node.name, *refusal);
  } else {
    questions.push_back({"cudnn fused=1", std::get<ConvolutionGraph>(std::move(whole))});
  }
  if (refusal != nullptr || !questions[0].convolution.graph.pointwise.empty()) {
    questions.push_back({"cudnn fused=0", product_graph(call, storage),
                         finish_spec(fused, channels_last_format(storage, call.shape_out()[1]))});
  }
  // With channels last cuDNN has few engines that multiply whole float32 numbers.
  if (storage == Storage::f32) {
    const BlockedShape dst = blocked_shape(call.shape_out());
    questions.push_back({"cudnn row-major", row_major_graph(call), finish_spec(fused, blocked_format(storage)),
                         reorder_spec(dst, storage, true, fused.target())});
  }
  return questions;
}

std::string key_of(const FusedCall& fused) {
  const OpCall& call = fused.request().call;
  const std::size_t version = cudnn().usable() ? cudnn().cudnnGetVersion() : 0;
  return fmt::format("cudnn {} {} {}", version, to_text(product_graph(call, fused.storage()).graph),
                     to_text(fused.epilogue().expressions));
}

std::vector<Way> cudnn_ways(const FusedCall& fused, const LibraryWays::Wanted& wanted) {
  if (!cudnn().usable()) fail(ErrorCode::internal, "cuDNN is not here: {}", cudnn().library.problem());
  // Its heuristics rank, and other versions rank otherwise.
  if (KernelBinaries* plan = KernelScope::current()) {
    plan->depend_on("cuDNN", static_cast<std::int64_t>(cudnn().cudnnGetVersion()));
  }
  GpuDevice& device = device_of(fused.request().memory);
  std::vector<Way> ways;
  std::string reason;
  for (const Question& question : questions_of(fused)) {
    if (wanted.label && !wanted.label->starts_with(question.name)) continue;
    for (Way& way : answers(device, question, wanted, reason)) ways.push_back(std::move(way));
    if (!ways.empty() && !wanted.all) break;
  }
  if (ways.empty() && !wanted.label) {
    fail(ErrorCode::internal, "cuDNN has no way to do it; the last it says: {}", reason);
  }
  return ways;
}

WeightShape weight_shape(const OpCall& call) {
  const Shape& weight = call.shape_in(1);
  return {static_cast<int>(weight[1]), static_cast<int>(weight.elements(2, weight.rank()))};
}

Offer offer_cudnn(const StepRequest& request) {
  Conditions conditions;
  conditions.require(request.constant[1] != nullptr, "the weight is computed");
  conditions.require(cudnn().usable(), "cuDNN is not here: {}", cudnn().library.problem());
  if (conditions.refuse()) return conditions.reason();
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  const MemoryFormat format = blocked_format(fused.storage());
  return fused.plan({{}, cudnn_libraries(fused)}, format, format, weight_shape(request.call));
}

}  // namespace

bool only_cudnn() {
  const auto candidates = env::cuda_candidates();
  if (candidates && *candidates != "cudnn") {
    fail(ErrorCode::invalid_argument, "TENON_CUDA_CANDIDATES is '{}'; the only value is 'cudnn'", *candidates);
  }
  return candidates.has_value();
}

std::vector<LibraryWays> cudnn_libraries(const FusedCall& fused) {
  return {{[&fused] { return key_of(fused); },
           [&fused](const LibraryWays::Wanted& wanted) { return cudnn_ways(fused, wanted); }}};
}

std::vector<Implementation> engine_cudnn_implementations() {
  return {{"cudnn:convolution", {"convolution"}, offer_cudnn}, {"cudnn:deconvolution", {"deconvolution"}, offer_cudnn}};
}

}  // namespace tenon::cuda
