#pragma once

#include <vector>

#include "backends/cuda/codegen/kernel_spec.h"
#include "passes/primitives.h"

namespace tenon::cuda {

/// Values in the kernels' layout: (images, ⌈channels / unit⌉, h, w, unit).
struct BlockedShape {
  int images = 1, channels = 1, h = 1, w = 1;
  bool channels_last = false;  ///< (images, h, w, ⌈channels / unit⌉, unit) instead
};

KernelSpec pointwise_spec(const BlockedShape& shape, Storage storage, const EpilogueSpec& main, const Target& target);

struct PoolingProblem {
  BlockedShape src, dst;     ///< of one slice
  int src_d = 1, dst_d = 1;  ///< slices
  int kernel_d = 1, kernel_h = 1, kernel_w = 1, stride_z = 1, stride_y = 1, stride_x = 1;
  int pad_z = 0, pad_y = 0, pad_x = 0;
  PoolingType type = PoolingType::max;
  int p_value = 2;  ///< of lp
  bool count_padding = true;
  Storage storage = Storage::f16;
};
KernelSpec pooling_spec(const PoolingProblem& problem, const EpilogueSpec& main, const Target& target);
/// A pooling of whole planes, by all but a p-norm.
KernelSpec global_pooling_spec(const BlockedShape& src, PoolingType type, Storage storage, const EpilogueSpec& main,
                               const Target& target);

/// `rows` rows of `inner` numbers times the transpose of (columns, inner). Row-major, inner a multiple of the unit.
struct RowsProblem {
  int rows = 1, inner = 1, columns = 1;
  bool f32_out = false;
  Storage storage = Storage::f16;
};
std::vector<KernelSpec> rows_candidates(const RowsProblem& problem, const EpilogueSpec& main, const Target& target);

/// From one of the kernels' two layouts to that of `dst`.
KernelSpec relayout_spec(const BlockedShape& dst, Storage storage, const Target& target);
/// Between row-major float32 and the kernels' layout.
KernelSpec reorder_spec(const BlockedShape& shape, Storage storage, bool to_blocks, const Target& target);

}  // namespace tenon::cuda
