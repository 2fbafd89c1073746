// Convolutions, their transposes and bilinear UpSampling by a kernel of our own, behind cuDNN in the list.

#include <algorithm>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/convolution.h"

namespace tenon::cuda {
namespace {

/// What the kernel takes by value.
struct ConvolveGeometry {
  std::int64_t batch, src_channels, dst_channels;
  std::int64_t group_src_channels, group_dst_channels;
  Extent src, dst, kernel, stride, dilate, pad;

  explicit ConvolveGeometry(const ConvolutionProblem& problem)
      : batch(problem.batch),
        src_channels(problem.src_channels),
        dst_channels(problem.dst_channels),
        group_src_channels(problem.src_channels / problem.groups),
        group_dst_channels(problem.dst_channels / problem.groups),
        src(problem.src),
        dst(problem.dst),
        kernel(problem.window.kernel),
        stride(problem.window.stride),
        dilate(problem.window.dilate),
        pad(problem.window.pad) {}
};

StepPlan plan_of(const StepRequest& request, const ConvolutionProblem& problem, bool transposed) {
  constexpr unsigned threads = 128;
  const GpuFunction kernel = GpuFunction::get(
      device_of(request.memory),
      typed_text({{"T", type_name(request.call.dtype_in(0))}}, "convolve", {{"TRANSPOSED", transposed ? "1" : "0"}}),
      "convolve");
  StepPlan plan;
  plan.kernel.run = [kernel, g = ConvolveGeometry(problem), has_bias = problem.has_bias,
                     blocks = grid_size(request.call.shape_out().elements(), threads)](const Operands& at) {
    launch(kernel, at.stream, blocks, threads, g, at.dst[0], at.src[0], at.src[1], has_bias ? at.src[2] : nullptr);
  };
  return plan;
}

Offer offer(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  return plan_of(request, ConvolutionProblem::of(request.call), request.call.node.op_name() == "Deconvolution");
}

/// A deconvolution of each channel by its own kernel.
Offer offer_bilinear(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = floating_conditions(call);
  conditions.require(call.attributes().text("sample_type") == "bilinear", "it repeats the nearest");
  if (conditions.refuse()) return conditions.reason();
  const std::int64_t scale = call.attributes().integer("scale"), side = call.shape_in(1)[2];
  ConvolutionProblem problem;
  problem.window = {
      .rank = 2, .kernel = {1, side, side}, .stride = {1, scale, scale}, .pad = {0, scale / 2, scale / 2}};
  problem.batch = call.shape_in(0)[0];
  problem.groups = problem.src_channels = problem.dst_channels = call.shape_in(0)[1];
  problem.src = spatial_extent(call.shape_in(0), {});
  problem.dst = spatial_extent(call.shape_out(), {});
  return plan_of(request, problem, true);
}

}  // namespace

std::vector<Implementation> convolve_implementations() {
  return {{"cuda:convolve", {"Convolution", "Convolution_v1", "Deconvolution"}, offer},
          {"cuda:convolve", {"UpSampling"}, offer_bilinear}};
}

}  // namespace tenon::cuda
