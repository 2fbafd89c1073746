#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "backends/cuda/codegen/layer_plan.h"
#include "backends/cuda/codegen/problems.h"
#include "backends/cuda/engine/fused_kernel.h"
#include "engine/backend.h"
#include "passes/primitives.h"

namespace tenon::cuda {

// The families, a file each.
std::vector<Implementation> engine_convolution_implementations();
std::vector<Implementation> engine_matmul_implementations();
std::vector<Implementation> engine_layer_implementations();
std::vector<Implementation> engine_concat_implementations();
std::vector<Implementation> engine_cudnn_implementations();

/// Channels in blocks of 16 bytes.
MemoryFormat blocked_format(Storage storage);
/// All channels in one block, a multiple of those: how cuDNN wants its data.
MemoryFormat channels_last_format(Storage storage, std::int64_t channels);
/// What a step that runs in either of the two gives `shape` in whose data lies in `src`.
MemoryFormat format_like(MemoryFormat src, Storage storage, const Shape& shape);
/// How blocks in this format are stored.
Storage storage_in(MemoryFormat format);
/// A value of rank 2 and up as (images, channels, 1, rest) or, with two spatial axes, as it is.
BlockedShape blocked_shape(const Shape& shape, MemoryFormat format = {});
/// From one of the kernels' two layouts to that of `to`, as it is stored.
FusedKernel relayout_kernel(const GpuDevice& device, const Shape& shape, MemoryFormat to);
/// Between row-major float32, blocks and channels last; where the stored type changes, too, by way of float32.
Kernel engine_reorder(const GpuDevice& device, const TensorType& type, MemoryFormat from, MemoryFormat to);

/// Whether every convolution is left to cuDNN, all values in between have their channels last, and nothing is joined
/// that only generated kernels run: the comparison that TENON_CUDA_CANDIDATES asks for.
bool only_cudnn();

/// What a kernel's weights are: filters of `taps` elements over `src_channels` channels; no taps, no weights.
struct WeightShape {
  int src_channels = 0, taps = 0;
  bool side = false;  ///< input 2 is a 1×1 convolution that rides along
  bool stem = false;  ///< units hold pairs of pixels
};

/// A primitive on its way to a kernel: its epilogue as the generator wants it, its vectors of one value a channel
/// packed.
class FusedCall {
 public:
  explicit FusedCall(const StepRequest& request);

  /// Why no kernel can do it; empty where one can.
  const std::string& problem() const { return problem_; }
  const StepRequest& request() const { return request_; }
  const GpuDevice& device() const { return device_; }
  const Target& target() const { return target_; }
  Storage storage() const { return storage_; }
  const EpilogueSpec& epilogue() const { return epilogue_; }
  bool has_tensor_operands() const;
  /// Whether the last output is more than an affine function of its source: then it goes on to another layer.
  bool is_hidden_layer() const;

  /// Inputs that are the operands of a product beside the main one, one value a channel each. Why not, else empty.
  std::string take_side_vectors(int first, int count);

  /// The plan of a step that runs one of the candidates. Its data and its results lie in the given formats, or as the
  /// way that is taken wants them; tensor operands as the results.
  StepPlan plan(const Candidates& candidates, MemoryFormat src, MemoryFormat dst,
                const WeightShape& weights = {}) const;

 private:
  /// The device's copy of a vector, in float32, filled up.
  std::shared_ptr<const Tensor> vector_of(int input) const;
  /// The changes of layout that a way may cost which does not run in blocks.
  std::vector<std::function<void(void* stream)>> changes_for(WayLayout layout, const KernelPointers& pointers,
                                                             std::size_t tensors) const;
  /// The device's copy of the weights, packed for the kernel.
  std::shared_ptr<const Tensor> pack(const WeightLayout& layout, const WeightShape& shape) const;

  const StepRequest& request_;
  const GpuDevice& device_;
  Target target_;
  Storage storage_ = Storage::f16;
  EpilogueSpec epilogue_;
  int first_operand_ = 1;
  std::vector<std::shared_ptr<const Tensor>> vectors_;  ///< of each operand; null for tensors
  std::vector<std::shared_ptr<const Tensor>> side_vectors_;
  std::string problem_;
};

/// cuDNN's ways to run a convolution or a deconvolution. They refer to the call.
std::vector<LibraryWays> cudnn_libraries(const FusedCall& fused);

}  // namespace tenon::cuda
