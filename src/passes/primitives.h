#pragma once

#include <cstdint>
#include <vector>

#include "graph/inference.h"
#include "graph/op.h"
#include "ops/spatial.h"
#include "passes/expression.h"

namespace tenon {

// The primitives: what the passes lower a subgraph to and an accelerated backend implements. They are operators like
// MXNet's, in a registry of their own, with the same text form, inference and naive reference.
//
//     convolution(data, weight, operands…)      (N, C, …) and (F, C/groups, kernel…) to (N, F, …); no bias of its own
//     deconvolution(data, weight, operands…)    its transpose; weight (C, F/groups, kernel…)
//     matmul(data, weight, operands…)           rows of data times the transpose of weight (hidden, inner)
//     pooling(data, operands…)                  maximum, average, sum or p-norm of each window
//     pointwise(x, operands…)                   nothing before the epilogue
//
// What each gives first is the `x` of its epilogue: one expression an output (passes/expression.h). Operand k of the
// expressions is an input behind the weight: a vector is read by channel, a tensor of the output's shape at the same
// place. Arithmetic is in float, whatever the element types; `dtype` says the outputs' where it is not the data's.

/// The five of them.
const OpRegistry& primitives();
/// What the graph of a compiled subgraph consists of: the primitives and every operator of MXNet.
const OpRegistry& body_ops();

bool is_primitive(const Node& node);
/// The number of the input that is operand 0: 2 where there is a weight, else 1.
int first_operand(const Node& node);
/// The expressions of a primitive.
Expressions epilogue_of(const Node& node);
/// The axis of the outputs that a vector operand belongs to: 1, the last one of a matmul, `axis` of a pointwise node.
int channel_axis(const Node& node, int rank);
/// Whether operand k is a vector, read by channel.
bool is_per_channel(const OpCall& call, int k);

// Rules of shapes, for operators that backends join from primitives.

/// What the convolution of inputs 0 and 1 by the node's attributes gives; without rank while they are not known.
Shape convolved_shape(ShapeInference& shapes);
/// All outputs have the shape; inputs from `first` on are operands: vectors of its channels, or of the shape, too.
void set_outputs(ShapeInference& shapes, const Shape& shape, int first, int axis);

/// How the multiplications may be rounded; sums are float in any case.
enum class Precision { fp32, tf32, bf16, fp16 };
Precision precision_of(const Node& node);

/// A window over one to three spatial axes, aligned at the last of an Extent's three.
struct Window {
  int rank = 0;
  Extent src{1, 1, 1}, dst{1, 1, 1};
  Extent kernel{1, 1, 1}, stride{1, 1, 1}, dilate{1, 1, 1};
  Extent pad_begin{0, 0, 0}, pad_end{0, 0, 0};

  /// Where among the three the spatial axis `axis` (from 0) is kept.
  std::size_t slot(int axis) const { return static_cast<std::size_t>(3 - rank + axis); }
  /// From the first tap to the last, the dilation's holes included.
  std::int64_t reach(std::size_t i) const { return dilate[i] * (kernel[i] - 1) + 1; }
};

/// The sizes of a convolution or of a deconvolution; the channels are those of all groups together.
struct ConvolutionSizes {
  std::int64_t batch = 1, groups = 1, src_channels = 1, dst_channels = 1;
  Window window;
};
ConvolutionSizes convolution_sizes(const OpCall& call);

struct MatmulSizes {
  std::int64_t rows = 1, inner = 1, columns = 1;
};
MatmulSizes matmul_sizes(const OpCall& call);

enum class PoolingType { max, average, sum, lp };

/// The sizes of a pooling. An average divides by the elements of the window that lie in the data or, where the pad
/// counts, in the data and `pad_begin` elements around it; what `pad_end` has beyond that never counts. A window
/// without an element gives the lowest number, or zero.
struct PoolingSizes {
  std::int64_t batch = 1, channels = 1;
  Window window;  ///< of a global pooling: all of the data
  PoolingType type = PoolingType::max;
  bool count_include_pad = true;
  int p_value = 2;  ///< of lp: 1, 2 or 3
};
PoolingSizes pooling_sizes(const OpCall& call);

}  // namespace tenon
