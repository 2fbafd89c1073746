// Fully connected layers. Few rows: every weight is read once by a warp that makes whole outputs. Many: a convolution
// whose kernel is all of the image, by the tensor cores.

#include <algorithm>

#include "backends/cuda/codegen/convolution_plan.h"
#include "backends/cuda/engine/engine.h"
#include "backends/cuda/runtime/blas.h"
#include "backends/cuda/runtime/memory.h"
#include "core/error.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr int kFewRows = 16;
/// From here on the tensor cores may be faster even so: measured.
constexpr int kSomeRows = 4;

ConvolutionProblem whole_image(const BlockedShape& src, int channels, Storage storage) {
  ConvolutionProblem problem;
  problem.images = src.images;
  problem.src_channels = src.channels;
  problem.src_h = problem.kernel_h = src.h;
  problem.src_w = problem.kernel_w = src.w;
  problem.channels = channels;
  problem.storage = storage;
  return problem;
}

/// cuBLASLt's product, which leaves its results where an output belongs, and the expressions after it.
std::vector<Way> library_ways(const FusedCall& fused, const BlockedShape& src, int columns) {
  if (!blas().usable()) fail(ErrorCode::internal, "cuBLASLt is not here: {}", blas().library.problem());
  const Storage storage = fused.storage();
  const int unit = unit_of(storage);
  BlasProduct product;
  product.dtype = storage == Storage::f16 ? DType::float16 : DType::bfloat16;
  product.rows = src.images;
  product.inner = (src.channels + unit - 1) / unit * unit * src.h * src.w;
  product.columns = (columns + unit - 1) / unit * unit;
  product.a = {product.inner, false, 0};
  product.b = {product.inner, true, 0};
  product.c = {product.columns, false, 0};
  const auto blas_way = blas_kernel(device_of(fused.request().memory), product);
  const auto stored = std::ranges::find(fused.epilogue().stored, true);
  if (!blas_way || stored == fused.epilogue().stored.end()) {
    fail(ErrorCode::internal, "cuBLASLt has no way to do it");
  }
  const auto at = static_cast<std::size_t>(stored - fused.epilogue().stored.begin());
  const BlockedShape dst{src.images, columns, 1, 1};
  const FusedKernel finish(fused.device(), pointwise_spec(dst, storage, fused.epilogue(), fused.target()));
  return {{"cublaslt",
           {WeightLayout::Order::rows, unit, 0, 1, false},
           blas_way->workspace_bytes,
           [=](void* stream, const KernelPointers& pointers, void* workspace) {
             blas_way->run(stream, pointers.src, pointers.weight, pointers.dst[at], nullptr, workspace);
             KernelPointers after = pointers;
             after.src = pointers.dst[at];
             finish.launch(stream, after);
           }}};
}

/// Only for blocks of 16 bits: cuBLASLt's TF32 would not round what it stores.
std::vector<LibraryWays> libraries_for(const FusedCall& fused, const BlockedShape& src, int columns) {
  if (element_bytes(fused.storage()) != 2) return {};
  return {{[] { return std::string("cublaslt"); },
           [&fused, src, columns](const LibraryWays::Wanted& wanted) {
             if (wanted.label && *wanted.label != "cublaslt") return std::vector<Way>();
             return library_ways(fused, src, columns);
           }}};
}

Offer offer_matmul(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions;
  conditions.require(call.shape_out().rank() == 2, "the output has {} axes, not two", call.shape_out().rank());
  conditions.require(call.shape_in(0).rank() >= 2, "the data has one axis");
  conditions.require(request.constant[1] != nullptr, "the weight is computed");
  if (conditions.refuse()) return conditions.reason();
  const FusedCall fused(request);
  if (!fused.problem().empty()) return fused.problem();
  const Storage storage = fused.storage();
  const MemoryFormat blocked = blocked_format(storage);
  const BlockedShape src = blocked_shape(call.shape_in(0));
  const int pixels = src.h * src.w, columns = static_cast<int>(call.shape_out()[1]);
  if (src.images > kFewRows || fused.has_tensor_operands()) {
    const auto candidates =
        convolution_candidates(whole_image(src, columns, storage), fused.epilogue(), {}, fused.target());
    return fused.plan({candidates, libraries_for(fused, src, columns)}, blocked, blocked, {src.channels, pixels});
  }
  RowsProblem problem;
  problem.rows = src.images;
  const int unit = unit_of(storage);
  problem.inner = (src.channels + unit - 1) / unit * unit * pixels;
  problem.columns = columns;
  // Results of the net itself keep their precision; what another layer reads is stored as it wants it.
  problem.f32_out = !fused.is_hidden_layer();
  problem.storage = storage;
  Candidates candidates{rows_candidates(problem, fused.epilogue(), fused.target()), {}};
  if (problem.rows >= kSomeRows && !problem.f32_out) {
    for (KernelSpec& spec :
         convolution_candidates(whole_image(src, columns, storage), fused.epilogue(), {}, fused.target())) {
      candidates.generated.push_back(std::move(spec));
    }
    candidates.libraries = libraries_for(fused, src, columns);
  }
  return fused.plan(candidates, blocked, problem.f32_out ? MemoryFormat{} : blocked, {src.channels, pixels});
}

}  // namespace

std::vector<Implementation> engine_matmul_implementations() {
  return {{"tenon:matmul", {"matmul"}, offer_matmul}};
}

}  // namespace tenon::cuda
