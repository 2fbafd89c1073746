#include "backends/cuda/engine/convolution_graph.h"

#include <algorithm>

#include <fmt/format.h>

#include "graph/graph.h"

namespace tenon::cuda {
namespace {

using Dims = std::vector<std::int64_t>;

cudnnDataType_t type_of(Storage storage) {
  return storage == Storage::f16 ? CUDNN_DATA_HALF : storage == Storage::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

std::int64_t filled_up(std::int64_t channels, std::int64_t unit) {
  return (channels + unit - 1) / unit * unit;
}

/// The spatial axes as cuDNN counts them: at least two; a row is an image of height 1.
Dims spatial(const Window& window, const Extent& extent) {
  return {extent.begin() + (window.rank == 3 ? 0 : 1), extent.end()};
}

Dims with_channels(std::int64_t first, std::int64_t channels, Dims rest) {
  rest.insert(rest.begin(), {first, channels});
  return rest;
}

/// What the expressions are in cuDNN's graph.
class Fusion {
 public:
  Fusion(ConvolutionGraph& made, const EpilogueSpec& epilogue, Storage storage)
      : made_(made), epilogue_(epilogue), storage_(storage) {}

  /// Why it cannot be, else empty.
  std::string fuse() {
    add_operands();
    dst().is_virtual = true;
    dst().type = CUDNN_DATA_FLOAT;
    for (std::size_t i = 0; i < epilogue_.expressions.size(); ++i) {
      const int value = value_of(epilogue_.expressions[i]);
      if (!problem_.empty()) return problem_;
      values_.push_back(value);
      made_.outputs.push_back(epilogue_.stored[i] ? value : -1);
      if (epilogue_.stored[i]) store(value);
    }
    return problem_;
  }

 private:
  DnnTensor& tensor(int number) { return made_.graph.tensors[static_cast<std::size_t>(number)]; }
  DnnTensor& dst() { return tensor(made_.graph.dst); }

  int add(DnnTensor tensor) {
    made_.graph.tensors.push_back(std::move(tensor));
    return static_cast<int>(made_.graph.tensors.size()) - 1;
  }

  void add_operands() {
    const Dims dims = dst().dims;
    Dims vector(dims.size(), 1);
    vector[1] = dims[1];
    for (const bool per_channel : epilogue_.per_channel) {
      made_.operands.push_back(per_channel ? add({CUDNN_DATA_FLOAT, vector}) : add({type_of(storage_), dims}));
    }
  }

  void store(int value) {
    if (!tensor(value).is_virtual) problem_ = "an output is an operand or another output";
    tensor(value).is_virtual = false;
    tensor(value).type = type_of(storage_);
  }

  int step(cudnnPointwiseMode_t mode, int x, int b = -1, std::optional<double> upper_clip = {}) {
    const int y = add({CUDNN_DATA_FLOAT, dst().dims, true});
    made_.graph.pointwise.push_back({mode, x, b, y, upper_clip});
    return y;
  }

  int step_of(cudnnPointwiseMode_t mode, const Expression& first, const Expression& second) {
    const int x = value_of(first), b = value_of(second);
    return step(mode, x, b);
  }

  static std::string_view function_of(const Expression& expression) {
    if (expression.kind != Expression::Kind::call) return {};
    return expression_functions()[static_cast<std::size_t>(expression.index)].name;
  }

  /// The e of relu(e) or max(e, 0); null for anything else.
  static const Expression* rectified(const Expression& expression) {
    if (function_of(expression) == "relu") return &expression.arguments[0];
    if (function_of(expression) != "max" || expression.arguments[1] != constant(0)) return nullptr;
    return &expression.arguments[0];
  }

  int value_of(const Expression& expression) {
    switch (expression.kind) {
      case Expression::Kind::source:
        return made_.graph.dst;
      case Expression::Kind::operand:
        return made_.operands[static_cast<std::size_t>(expression.index)];
      case Expression::Kind::output:
        return values_[static_cast<std::size_t>(expression.index)];
      case Expression::Kind::constant:
        problem_ = fmt::format("the constant {} is no operand of cuDNN's", expression.constant);
        return 0;
      case Expression::Kind::call:
        return value_of_call(expression);
    }
    return 0;
  }

  int value_of_call(const Expression& expression) {
    if (const Expression* inner = rectified(expression)) return step(CUDNN_POINTWISE_RELU_FWD, value_of(*inner));
    const std::string_view function = function_of(expression);
    const std::vector<Expression>& parts = expression.arguments;
    if (function == "min" && parts[1].kind == Expression::Kind::constant && rectified(parts[0]) != nullptr) {
      return step(CUDNN_POINTWISE_RELU_FWD, value_of(*rectified(parts[0])), -1, parts[1].constant);
    }
    if (function == "fma") {
      const int product = step_of(CUDNN_POINTWISE_MUL, parts[0], parts[1]);
      return step(CUDNN_POINTWISE_ADD, product, value_of(parts[2]));
    }
    struct Mode {
      std::string_view function;
      cudnnPointwiseMode_t mode;
    };
    constexpr Mode kModes[] = {{"add", CUDNN_POINTWISE_ADD},
                               {"sub", CUDNN_POINTWISE_SUB},
                               {"mul", CUDNN_POINTWISE_MUL},
                               {"div", CUDNN_POINTWISE_DIV},
                               {"sigmoid", CUDNN_POINTWISE_SIGMOID_FWD},
                               {"tanh", CUDNN_POINTWISE_TANH_FWD},
                               {"softrelu", CUDNN_POINTWISE_SOFTPLUS_FWD}};
    const auto found = std::ranges::find(kModes, function, &Mode::function);
    if (found == std::end(kModes)) {
      problem_ = fmt::format("the function {} is not fused by cuDNN", function);
      return 0;
    }
    return parts.size() > 1 ? step_of(found->mode, parts[0], parts[1]) : step(found->mode, value_of(parts[0]));
  }

  ConvolutionGraph& made_;
  const EpilogueSpec& epilogue_;
  Storage storage_;
  std::vector<int> values_;  // of the outputs
  std::string problem_;
};

/// With the model's own channels.
ConvolutionGraph unfilled_graph(const OpCall& call, cudnnDataType_t type) {
  const ConvolutionSizes sizes = convolution_sizes(call);
  const Window& window = sizes.window;
  ConvolutionGraph made;
  DnnGraph& graph = made.graph;
  graph.transposed = call.node.op_name() == "deconvolution";
  graph.stride = spatial(window, window.stride);
  graph.dilate = spatial(window, window.dilate);
  graph.pad_begin = spatial(window, window.pad_begin);
  graph.pad_end = spatial(window, window.pad_end);
  const Shape& weight = call.shape_in(1);
  graph.tensors = {{type, with_channels(sizes.batch, sizes.src_channels, spatial(window, window.src))},
                   {type, with_channels(weight[0], weight[1], spatial(window, window.kernel))},
                   {type, with_channels(sizes.batch, sizes.dst_channels, spatial(window, window.dst))}};
  return made;
}

}  // namespace

ConvolutionGraph product_graph(const OpCall& call, Storage storage) {
  const ConvolutionSizes sizes = convolution_sizes(call);
  const std::int64_t unit = unit_of(storage);
  // Channels of a group cannot be filled up: groups that fill no units become a single one, with zeros in between.
  const bool spread = sizes.groups > 1 && (sizes.src_channels % unit != 0 || sizes.dst_channels % unit != 0);
  const std::int64_t groups = spread ? 1 : sizes.groups;
  ConvolutionGraph made = unfilled_graph(call, type_of(storage));
  made.graph.float32 = storage == Storage::f32;
  made.weights.order = WeightLayout::Order::channels_last;
  made.weights.block_n = made.weights.chunk = groups == 1 ? static_cast<int>(unit) : 1;
  made.weights.spread = spread ? static_cast<int>(sizes.groups) : 1;
  const std::int64_t src = filled_up(sizes.src_channels, unit), dst = filled_up(sizes.dst_channels, unit);
  std::vector<DnnTensor>& tensors = made.graph.tensors;
  tensors[0].dims[1] = src;
  tensors[1].dims[0] = made.graph.transposed ? src : dst;
  tensors[1].dims[1] = (made.graph.transposed ? dst : src) / groups;
  tensors[2].dims[1] = dst;
  return made;
}

ConvolutionGraph row_major_graph(const OpCall& call) {
  ConvolutionGraph made = unfilled_graph(call, CUDNN_DATA_FLOAT);
  made.graph.float32 = true;
  made.graph.channels_last = false;
  made.weights.order = WeightLayout::Order::row_major;
  return made;
}

std::variant<ConvolutionGraph, std::string> fused_graph(const OpCall& call, Storage storage,
                                                        const EpilogueSpec& epilogue) {
  ConvolutionGraph made = product_graph(call, storage);
  if (storage == Storage::tf32) return "cuDNN does not round to TF32 what it stores";
  if (made.graph.transposed) return "the epilogue of a deconvolution is a kernel of its own";
  if (call.shape_out()[1] % unit_of(storage) != 0) {
    return fmt::format("{} channels do not fill units of {}: what is left of them must stay zero", call.shape_out()[1],
                       unit_of(storage));
  }
  std::string problem = Fusion(made, epilogue, storage).fuse();
  if (!problem.empty()) return problem;
  return made;
}

}  // namespace tenon::cuda
