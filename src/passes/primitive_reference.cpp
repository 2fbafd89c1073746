#include "passes/primitive_reference.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "graph/graph.h"
#include "ops/arithmetic.h"
#include "ops/axis_split.h"
#include "ops/convolution.h"
#include "passes/primitives.h"

namespace tenon {
namespace {

/// x of every place, from the data and the weight (null where there is none).
using Formula = std::function<void(const float* data, const float* weight, float* x)>;

Formula convolution_formula(const OpCall& call, bool transposed) {
  const ConvolutionSizes sizes = convolution_sizes(call);
  const Window& w = sizes.window;
  // What lies behind the last window needs no number: the destination's sizes bound the loop.
  const ConvolutionProblem problem{sizes.batch,
                                   sizes.groups,
                                   sizes.src_channels,
                                   sizes.dst_channels,
                                   w.src,
                                   w.dst,
                                   {w.rank, w.kernel, w.stride, w.dilate, w.pad_begin}};
  const Kernel kernel =
      transposed ? deconvolution_kernel(DType::float32, problem) : convolution_kernel(DType::float32, problem);
  return [kernel](const float* data, const float* weight, float* x) {
    const std::array<const void*, 2> src{data, weight};
    const std::array<void*, 1> dst{x};
    kernel.run({src, dst});
  };
}

Formula matmul_formula(const OpCall& call) {
  return [sizes = matmul_sizes(call)](const float* data, const float* weight, float* x) {
    for (std::int64_t r = 0; r < sizes.rows; ++r) {
      for (std::int64_t h = 0; h < sizes.columns; ++h) {
        double sum = 0;
        for (std::int64_t i = 0; i < sizes.inner; ++i) {
          sum += static_cast<double>(data[r * sizes.inner + i]) * static_cast<double>(weight[h * sizes.inner + i]);
        }
        x[r * sizes.columns + h] = static_cast<float>(sum);
      }
    }
  };
}

/// One window of a pooling, at position `at` of a plane.
float pooled(const PoolingSizes& sizes, const float* plane, const Extent& at) {
  const Window& window = sizes.window;
  double maximum = std::numeric_limits<float>::lowest(), sum = 0;
  std::int64_t met = 0, padded = 1;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t start = at[i] * window.stride[i] - window.pad_begin[i];
    padded *= std::min(start + window.kernel[i], window.src[i] + window.pad_begin[i]) - start;
  }
  for_each_position(window.kernel, [&](const Extent& tap) {
    Extent from;
    for (std::size_t i = 0; i < 3; ++i) from[i] = at[i] * window.stride[i] - window.pad_begin[i] + tap[i];
    if (!contains(window.src, from)) return;
    const double value = plane[offset(window.src, from)];
    if (value > maximum) maximum = value;
    sum += sizes.type == PoolingType::lp ? std::pow(value, sizes.p_value) : value;
    ++met;
  });
  switch (sizes.type) {
    case PoolingType::max:
      return static_cast<float>(maximum);
    case PoolingType::average:
      return met == 0 ? 0 : static_cast<float>(sum / static_cast<double>(sizes.count_include_pad ? padded : met));
    case PoolingType::sum:
      return static_cast<float>(sum);
    case PoolingType::lp:
      break;
  }
  return static_cast<float>(sizes.p_value == 3 ? std::cbrt(sum) : sizes.p_value == 2 ? std::sqrt(sum) : sum);
}

Formula pooling_formula(const OpCall& call) {
  return [sizes = pooling_sizes(call)](const float* data, const float*, float* x) {
    for (std::int64_t plane = 0; plane < sizes.batch * sizes.channels; ++plane) {
      const float* src = data + plane * product(sizes.window.src);
      float* dst = x + plane * product(sizes.window.dst);
      for_each_position(sizes.window.dst,
                        [&](const Extent& at) { dst[offset(sizes.window.dst, at)] = pooled(sizes, src, at); });
    }
  };
}

Formula formula_of(const OpCall& call) {
  const std::string& name = call.node.op->name;
  if (name == "convolution") return convolution_formula(call, false);
  if (name == "deconvolution") return convolution_formula(call, true);
  if (name == "matmul") return matmul_formula(call);
  if (name == "pooling") return pooling_formula(call);
  return
      [count = call.shape_out().elements()](const float* data, const float*, float* x) { std::copy_n(data, count, x); };
}

/// Elements of any type as floats.
struct Input {
  Reader<float> read;
  std::int64_t elements;
  bool per_channel = false;
};

/// The epilogue of one node, applied to every x.
struct Epilogue {
  Expressions expressions;
  std::vector<Input> operands;
  std::vector<Writer<float>> outputs;
  AxisSplit split;  ///< around the channels

  Epilogue(const OpCall& call, int first) : expressions(epilogue_of(call.node)) {
    for (std::size_t k = static_cast<std::size_t>(first); k < call.inputs.size(); ++k) {
      const int operand = static_cast<int>(k) - first;
      operands.push_back({reader<float>(*call.inputs[k].dtype), 0, is_per_channel(call, operand)});
    }
    for (const TensorType& output : call.outputs) outputs.push_back(writer<float>(*output.dtype));
    const Shape& out = call.shape_out();
    const int axis = channel_axis(call.node, out.rank());
    if (out.rank() > 0) split = split_around(out, axis, axis + 1);
  }

  void apply(const float* x, std::span<const void* const> src, std::span<void* const> dst,
             std::span<float> scratch) const {
    const std::int64_t count = split.outer * split.size * split.inner;
    const std::span<float> operand = scratch.first(operands.size()), results = scratch.subspan(operands.size());
    for (std::int64_t at = 0; at < count; ++at) {
      for (std::size_t k = 0; k < operands.size(); ++k) {
        const std::int64_t from = operands[k].per_channel ? at / split.inner % split.size : at;
        operands[k].read(src[k], from, 1, 1, &operand[k]);
      }
      evaluate(expressions, x[at], operand, results);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        if (dst[i] != nullptr) outputs[i](dst[i], at, 1, &results[i]);
      }
    }
  }
};

}  // namespace

Kernel primitive_reference(const OpCall& call) {
  const int first = first_operand(call.node);
  std::vector<Input> fixed;
  std::size_t floats = static_cast<std::size_t>(call.shape_out().elements());
  for (std::size_t i = 0; i < static_cast<std::size_t>(first); ++i) {
    fixed.push_back({reader<float>(*call.inputs[i].dtype), call.inputs[i].shape.elements()});
    floats += static_cast<std::size_t>(fixed.back().elements);
  }
  const std::size_t scratch = call.inputs.size() + call.outputs.size();
  const auto run = [fixed, formula = formula_of(call), epilogue = Epilogue(call, first), scratch,
                    count = call.shape_out().elements()](const Operands& operands) {
    float* x = reinterpret_cast<float*>(operands.workspace);
    float* free = x + count;
    std::array<const float*, 2> converted{};
    for (std::size_t i = 0; i < fixed.size(); ++i) {
      fixed[i].read(operands.src[i], 0, 1, fixed[i].elements, free);
      converted[i] = free;
      free += fixed[i].elements;
    }
    formula(converted[0], converted[1], x);
    epilogue.apply(x, operands.src.subspan(fixed.size()), operands.dst, {free, scratch});
  };
  return {run, (floats + scratch) * sizeof(float)};
}

}  // namespace tenon
