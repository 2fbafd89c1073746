// Convolution and its transpose, in one to three spatial dimensions.

#include "ops/convolution.h"

#include <algorithm>

#include "core/dispatch.h"
#include "graph/graph.h"

namespace tenon {
namespace {

enum class Direction { forward, transposed };

/// The source position that meets the destination position `at` under a tap; outside of the source where none does.
template <Direction direction>
Extent source_of(const SlidingWindow& window, const Extent& at, const Extent& tap) {
  Extent from;
  for (std::size_t i = 0; i < 3; ++i) {
    if constexpr (direction == Direction::forward) {
      from[i] = at[i] * window.stride[i] - window.pad[i] + tap[i] * window.dilate[i];
    } else {
      const std::int64_t distance = at[i] + window.pad[i] - tap[i] * window.dilate[i];
      from[i] = distance % window.stride[i] == 0 ? distance / window.stride[i] : -1;
    }
  }
  return from;
}

/// dst[n,f,at] = bias[f] + sum over c and tap of src[n,c,from] * weight, which is weight[f,c,tap] for a convolution and
/// weight[c,f,tap] for its transpose; c runs over the channels of f's group.
template <class T, Direction direction>
void convolve(const ConvolutionProblem& problem, const Operands& operands) {
  const SlidingWindow& window = problem.window;
  const std::int64_t src_channels = problem.src_channels / problem.groups;  // of one group
  const std::int64_t dst_channels = problem.dst_channels / problem.groups;
  const std::int64_t src_plane = product(problem.src), dst_plane = product(problem.dst), taps = product(window.kernel);
  const T* weight = operands.in<T>(1);

  for (std::int64_t n = 0; n < problem.batch; ++n) {
    for (std::int64_t f = 0; f < problem.dst_channels; ++f) {
      const std::int64_t first = f / dst_channels * src_channels;  // source channel
      const T* src = operands.in<T>(0) + (n * problem.src_channels + first) * src_plane;
      T* dst = operands.out<T>() + (n * problem.dst_channels + f) * dst_plane;
      const double bias = problem.has_bias ? load(operands.in<T>(2)[f]) : 0;
      for_each_position(problem.dst, [&](const Extent& at) {
        double sum = bias;
        for_each_position(window.kernel, [&](const Extent& tap) {
          const Extent from = source_of<direction>(window, at, tap);
          if (!contains(problem.src, from)) return;
          for (std::int64_t c = 0; c < src_channels; ++c) {
            const std::int64_t row =
                direction == Direction::forward ? f * src_channels + c : (first + c) * dst_channels + f % dst_channels;
            const double x = load(src[c * src_plane + offset(problem.src, from)]);
            sum += x * load(weight[row * taps + offset(window.kernel, tap)]);
          }
        });
        dst[offset(problem.dst, at)] = store<T>(sum);
      });
    }
  }
}

template <Direction direction>
Kernel kernel_for(DType dtype, const ConvolutionProblem& problem) {
  return dispatch_float(dtype, "a convolution", [&]<class T>() {
    return Kernel{[problem](const Operands& operands) { convolve<T, direction>(problem, operands); }};
  });
}

// Shapes.

void check_groups(const ShapeInference& shapes, std::int64_t channels) {
  const std::int64_t filters = shapes.attributes().integer("num_filter");
  const std::int64_t groups = shapes.attributes().integer("num_group");
  if (filters % groups != 0) shapes.refuse("num_filter={} is not divisible by num_group={}", filters, groups);
  if (channels != Shape::unknown && channels % groups != 0) {
    shapes.refuse("'data' has {} channels, which num_group={} does not divide", channels, groups);
  }
}

/// The data's shape, of the rank the kernel asks for; wholly unknown dimensions while only the result's rank is known.
Shape data_shape(const ShapeInference& shapes, int rank) {
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return Shape::of_rank(rank);
  if (data.rank() != rank) {
    shapes.refuse("'data' has shape {}, but kernel={} needs {} dimensions: batch, channels and {} spatial", data.str(),
                  format_attribute(shapes.attributes().tuple("kernel")), rank, rank - 2);
  }
  return data;
}

/// (outer, inner, kernel…), or (outer, kernel…, inner) where the channels are last.
Shape weight_shape(const SlidingWindow& window, Layout layout, std::int64_t outer, std::int64_t inner) {
  Shape weight = Shape::of_rank(window.rank + 2);
  weight[0] = outer;
  weight[layout.channel] = inner;
  for (int axis = 0; axis < window.rank; ++axis) weight[layout.spatial + axis] = window.kernel[window.slot(axis)];
  return weight;
}

void set_bias(ShapeInference& shapes) {
  if (!shapes.attributes().flag("no_bias")) shapes.set_in(2, {shapes.attributes().integer("num_filter")});
}

void infer_convolution(ShapeInference& shapes) {
  const SlidingWindow window = checked_window(shapes);
  const Layout layout = checked_layout(shapes, window.rank);
  const std::int64_t filters = shapes.attributes().integer("num_filter");
  const std::int64_t groups = shapes.attributes().integer("num_group");
  set_bias(shapes);
  if (!shapes.in(0).has_rank() && !shapes.out().has_rank()) return;

  Shape data = data_shape(shapes, window.rank + 2);
  const std::int64_t channels = data[layout.channel];
  check_groups(shapes, channels);

  Shape out = Shape::of_rank(data.rank());
  out[0] = data[0];
  out[layout.channel] = filters;
  for (int axis = 0; axis < window.rank; ++axis) {
    const std::size_t i = window.slot(axis);
    const std::int64_t size = data[layout.spatial + axis], padded = size + 2 * window.pad[i];
    if (size == Shape::unknown) continue;
    if (window.reach(i) > padded) {
      shapes.refuse(
          "the kernel reaches over {} elements of spatial axis {}, but 'data' {} has {} there, {} with its padding",
          window.reach(i), axis, data.str(), size, padded);
    }
    out[layout.spatial + axis] = (padded - window.reach(i)) / window.stride[i] + 1;
  }
  shapes.set_in(1, weight_shape(window, layout, filters, channels < 0 ? Shape::unknown : channels / groups));
  shapes.set_out(0, out);

  data[0] = shapes.out()[0];
  for (int axis = 0; axis < window.rank; ++axis) {
    const std::size_t i = window.slot(axis);
    const std::int64_t size = shapes.out()[layout.spatial + axis];
    // A larger stride skips elements, so that several sizes give the same result.
    if (window.stride[i] == 1 && size != Shape::unknown)
      data[layout.spatial + axis] = size + window.reach(i) - 1 - 2 * window.pad[i];
  }
  shapes.set_in(0, data);
}

/// What is cut off on both sides of a deconvolution, and what is added to the far side.
struct Margins {
  Extent pad, adj;
};

/// From pad and adj or, where target_shape is given, from the size that is wanted.
Margins margins_of(const Attributes& attributes, const SlidingWindow& window, const Extent& src) {
  Margins margins{window.pad, {0, 0, 0}};
  const auto adj = attributes.ints("adj"), target = attributes.ints("target_shape");
  for (int axis = 0; axis < window.rank; ++axis) {
    const std::size_t i = window.slot(axis), a = static_cast<std::size_t>(axis);
    if (!adj.empty()) margins.adj[i] = adj[a];
    if (target.empty() || target[a] == 0) continue;
    const std::int64_t surplus = window.stride[i] * (src[i] - 1) + window.reach(i) - target[a];
    margins.adj[i] = surplus % 2;
    margins.pad[i] = (surplus + 1) / 2;
  }
  return margins;
}

void check_deconvolution_lists(const ShapeInference& shapes, int rank) {
  for (const char* name : {"adj", "target_shape"}) {
    const IntTuple& items = shapes.attributes().tuple(name);
    const auto legal = [](const auto& item) { return item && *item >= 0 && *item <= INT32_MAX; };
    if ((!items.empty() && std::ssize(items) != rank) || !std::all_of(items.begin(), items.end(), legal)) {
      shapes.refuse("attribute {}={} must have {} numbers, one per spatial axis, none negative", name,
                    format_attribute(items), rank);
    }
  }
}

std::int64_t deconvolved_size(const ShapeInference& shapes, const SlidingWindow& window, int axis, const Extent& src) {
  const std::size_t i = window.slot(axis);
  const std::int64_t whole = window.stride[i] * (src[i] - 1) + window.reach(i);
  const auto target = shapes.attributes().ints("target_shape");
  if (!target.empty() && target[static_cast<std::size_t>(axis)] > whole) {
    shapes.refuse("target_shape={} asks for {} elements along spatial axis {}, but the deconvolution gives only {}",
                  format_attribute(shapes.attributes().tuple("target_shape")), target[static_cast<std::size_t>(axis)],
                  axis, whole);
  }
  const Margins margins = margins_of(shapes.attributes(), window, src);
  if (margins.adj[i] >= window.stride[i]) {
    shapes.refuse("adj along spatial axis {} is {}, but it must be less than the stride, {}", axis, margins.adj[i],
                  window.stride[i]);
  }
  const std::int64_t size = whole - 2 * margins.pad[i] + margins.adj[i];
  if (size < 1) {
    shapes.refuse("the padding, {} on each side, leaves nothing of the {} elements along spatial axis {}",
                  margins.pad[i], whole, axis);
  }
  return size;
}

void infer_deconvolution(ShapeInference& shapes) {
  const SlidingWindow window = checked_window(shapes);
  const Layout layout = checked_layout(shapes, window.rank);
  check_deconvolution_lists(shapes, window.rank);
  const std::int64_t filters = shapes.attributes().integer("num_filter");
  const std::int64_t groups = shapes.attributes().integer("num_group");
  set_bias(shapes);
  if (!shapes.in(0).has_rank() && !shapes.out().has_rank()) return;

  Shape data = data_shape(shapes, window.rank + 2);
  check_groups(shapes, data[layout.channel]);
  shapes.set_in(1, weight_shape(window, layout, data[layout.channel], filters / groups));

  const Extent src = spatial_extent(data, layout);
  Shape out = Shape::of_rank(data.rank());
  out[0] = data[0];
  out[layout.channel] = filters;
  for (int axis = 0; axis < window.rank; ++axis) {
    if (src[window.slot(axis)] == Shape::unknown) continue;
    out[layout.spatial + axis] = deconvolved_size(shapes, window, axis, src);
  }
  shapes.set_out(0, out);
  data[0] = shapes.out()[0];
  shapes.set_in(0, data);
}

// Kernels.

Kernel make_convolution(const OpCall& call) {
  return convolution_kernel(call.dtype_in(0), ConvolutionProblem::of(call));
}

Kernel make_deconvolution(const OpCall& call) {
  return deconvolution_kernel(call.dtype_in(0), ConvolutionProblem::of(call));
}

// Declarations.

std::vector<AttributeSpec> convolution_attributes(bool no_bias, int workspace, std::vector<std::string> layouts) {
  std::vector<AttributeSpec> specs = window_attributes(true);
  specs.insert(specs.end(), {ints("dilate").or_else(IntTuple{}), integer("num_filter").at_least(1).at_most(INT32_MAX),
                             integer("num_group").or_else(1).at_least(1).at_most(INT32_MAX),
                             integer("workspace").or_else(workspace).at_least(0), boolean("no_bias").or_else(no_bias),
                             choice("cudnn_tune", {"off", "limited_workspace", "fastest"}).or_none(),
                             boolean("cudnn_off").or_else(false), choice("layout", std::move(layouts)).or_none()});
  return specs;
}

Op convolution(std::string name, std::vector<std::string> aliases, std::vector<std::string> layouts) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc =
      "Cross-correlation: dst[n,f,p] = bias[f] + sum over c and k of data[n,c,p*stride-pad+k*dilate] * weight[f,c,k].";
  op.inputs = unless_last("no_bias", {"data", "weight", "bias"});
  op.attributes = convolution_attributes(false, 1024, std::move(layouts));
  op.infer_shape = infer_convolution;
  op.reference = make_convolution;
  return op;
}

Op deconvolution() {
  Op op;
  op.name = "Deconvolution";
  op.aliases = {"_npx_deconvolution"};
  op.doc = "The transpose of Convolution: data[n,c,q] adds data * weight[c,f,k] to dst[n,f,q*stride-pad+k*dilate].";
  op.inputs = unless_last("no_bias", {"data", "weight", "bias"});
  op.attributes = convolution_attributes(true, 512, {"NCW", "NCHW", "NCDHW", "NHWC", "NDHWC"});
  op.attributes.push_back(ints("adj").or_else(IntTuple{}));
  op.attributes.push_back(ints("target_shape").or_else(IntTuple{}));
  op.infer_shape = infer_deconvolution;
  op.reference = make_deconvolution;
  return op;
}

}  // namespace

ConvolutionProblem ConvolutionProblem::of(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  ConvolutionProblem problem;
  problem.window = sliding_window(attributes);
  const Layout layout = layout_of(attributes, problem.window.rank);
  if (layout.channels_last()) {
    call.refuse(ErrorCode::unsupported, "layout={} is not supported on the CPU; transpose to channels first",
                attributes.text("layout"));
  }
  if (call.dtype_in(0) == DType::float16) {
    call.refuse(ErrorCode::unsupported, "float16 is not supported on the CPU; cast 'data' and the weights to float32");
  }
  problem.batch = call.shape_in(0)[0];
  problem.groups = attributes.integer("num_group");
  problem.src_channels = call.shape_in(0)[layout.channel];
  problem.dst_channels = call.shape_out()[layout.channel];
  problem.src = spatial_extent(call.shape_in(0), layout);
  problem.dst = spatial_extent(call.shape_out(), layout);
  problem.has_bias = call.inputs.size() > 2;
  if (call.node.op_name() == "Deconvolution") {
    problem.window.pad = margins_of(attributes, problem.window, problem.src).pad;
  }
  return problem;
}

Kernel convolution_kernel(DType dtype, const ConvolutionProblem& problem) {
  return kernel_for<Direction::forward>(dtype, problem);
}

Kernel deconvolution_kernel(DType dtype, const ConvolutionProblem& problem) {
  return kernel_for<Direction::transposed>(dtype, problem);
}

std::vector<Op> convolution_ops() {
  return {convolution("Convolution", {"_npx_convolution"}, {"NCW", "NCHW", "NCDHW", "NHWC", "NDHWC"}),
          convolution("Convolution_v1", {}, {"NCHW", "NHWC", "NCDHW", "NDHWC"}), deconvolution()};
}

}  // namespace tenon
