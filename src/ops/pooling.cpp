// Pooling over one to three spatial dimensions.

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/spatial.h"

namespace tenon {
namespace {

enum class PoolType { max, average, sum, lp };

/// Which elements of a window an average is taken over. The pad counts as zeros.
enum class Divisor {
  inside_pad,  ///< those of the padded data: a last window that hangs over it counts fewer
  real,        ///< those of the data
  kernel,      ///< always the whole kernel (Pooling_v1)
};

struct PoolingProblem {
  std::int64_t batch = 1, channels = 1;
  Extent src{1, 1, 1}, dst{1, 1, 1};
  SlidingWindow window;
  bool channels_last = false;
  PoolType type = PoolType::max;
  Divisor divisor = Divisor::inside_pad;
  bool zeros_compete = false;  ///< the pad's zeros take part in a maximum (Pooling_v1)
  double power = 1;            ///< of lp
};

/// The part of a window, at position `at`, that meets the data: [first, last), and what an average divides by.
struct Part {
  Extent first, last;
  std::int64_t divisor = 1;
  bool meets_pad = false;
};

Part part_at(const PoolingProblem& problem, const Extent& at) {
  const SlidingWindow& window = problem.window;
  Part part;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t start = at[i] * window.stride[i] - window.pad[i];
    const std::int64_t end = std::min(start + window.kernel[i], problem.src[i] + window.pad[i]);
    part.first[i] = std::max(start, std::int64_t{0});
    part.last[i] = std::min(end, problem.src[i]);
    part.meets_pad = part.meets_pad || start < part.first[i] || end > part.last[i];
    switch (problem.divisor) {
      case Divisor::inside_pad:
        part.divisor *= end - start;
        break;
      case Divisor::real:
        part.divisor *= part.last[i] - part.first[i];
        break;
      case Divisor::kernel:
        part.divisor *= window.kernel[i];
        break;
    }
  }
  return part;
}

/// x to the power of 1, 2 or 3; no absolute value is taken, as in MXNet.
double power(double x, double exponent) {
  return exponent == 1 ? x : exponent == 2 ? x * x : x * x * x;
}
double root(double x, double exponent) {
  return exponent == 1 ? x : exponent == 2 ? std::sqrt(x) : std::cbrt(x);
}

template <class T>
double lowest() {
  if constexpr (std::same_as<T, float16>) return -65504;
  if constexpr (std::same_as<T, bfloat16>) return -0x1.fep127;
  return static_cast<double>(std::numeric_limits<arithmetic_t<T>>::lowest());
}

/// Reduces the elements `src[offset(position) * step]` of one window. A window without any gives the lowest number of
/// the type, or zero.
template <class T>
double reduce(const PoolingProblem& problem, const T* src, std::int64_t step, const Part& part) {
  double maximum = problem.zeros_compete && part.meets_pad ? 0 : lowest<T>(), sum = 0;
  bool empty = true;
  Extent at;
  for (at[0] = part.first[0]; at[0] < part.last[0]; ++at[0]) {
    for (at[1] = part.first[1]; at[1] < part.last[1]; ++at[1]) {
      for (at[2] = part.first[2]; at[2] < part.last[2]; ++at[2]) {
        const double x = load(src[offset(problem.src, at) * step]);
        if (x > maximum) maximum = x;
        sum += problem.type == PoolType::lp ? power(x, problem.power) : x;
        empty = false;
      }
    }
  }
  switch (problem.type) {
    case PoolType::max:
      return maximum;
    case PoolType::average:
      return empty ? 0 : sum / static_cast<double>(part.divisor);
    case PoolType::sum:
      return sum;
    case PoolType::lp:
      return root(sum, problem.power);
  }
  return 0;
}

template <class T>
void pool(const PoolingProblem& problem, const Operands& operands) {
  const T* src = operands.in<T>(0);
  T* dst = operands.out<T>();
  const std::int64_t channels = problem.channels;
  const std::int64_t channel_step = problem.channels_last ? 1 : product(problem.src);
  const std::int64_t step = problem.channels_last ? channels : 1;
  for (std::int64_t n = 0; n < problem.batch; ++n) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const T* plane = src + n * channels * product(problem.src) + c * channel_step;
      T* result = dst + n * channels * product(problem.dst) + (problem.channels_last ? c : c * product(problem.dst));
      for_each_position(problem.dst, [&](const Extent& at) {
        result[offset(problem.dst, at) * step] = store<T>(reduce(problem, plane, step, part_at(problem, at)));
      });
    }
  }
}

// Shapes.

std::int64_t pooled_size(const ShapeInference& shapes, const SlidingWindow& window, int axis, std::int64_t size) {
  const std::size_t i = window.slot(axis);
  const std::int64_t padded = size + 2 * window.pad[i], kernel = window.kernel[i], stride = window.stride[i];
  if (kernel > padded) {
    shapes.refuse("the kernel has {} elements along spatial axis {}, but 'data' has {}, {} with its padding", kernel,
                  axis, size, padded);
  }
  const bool ceiling = shapes.attributes().text("pooling_convention") == "full";
  return 1 + (padded - kernel + (ceiling ? stride - 1 : 0)) / stride;
}

void check_pooling_rank(const ShapeInference& shapes, int least) {
  const Shape& data = shapes.in(0);
  if (data.rank() < least || data.rank() > 5) {
    shapes.refuse("'data' has shape {}, but {} to 5 dimensions are expected: batch, channels and the spatial ones",
                  data.str(), least);
  }
}

void infer_global_pooling(ShapeInference& shapes, Layout layout) {
  Shape out = shapes.in(0);
  for (int axis = 0; axis < out.rank() - 2; ++axis) out[layout.spatial + axis] = 1;
  shapes.set_out(0, out);
}

void infer_windows(ShapeInference& shapes, Layout layout) {
  const SlidingWindow window = checked_window(shapes);
  const Shape& data = shapes.in(0);
  if (data.rank() != window.rank + 2) {
    shapes.refuse("'data' has shape {}, but kernel={} needs {} dimensions", data.str(),
                  format_attribute(shapes.attributes().tuple("kernel")), window.rank + 2);
  }
  Shape out = data;
  for (int axis = 0; axis < window.rank; ++axis) {
    const std::int64_t size = data[layout.spatial + axis];
    if (size != Shape::unknown) out[layout.spatial + axis] = pooled_size(shapes, window, axis, size);
  }
  shapes.set_out(0, out);
}

/// Batch and channels pass from the result to the data.
void infer_data(ShapeInference& shapes, Layout layout) {
  Shape data = Shape::of_rank(shapes.in(0).rank());
  data[0] = shapes.out()[0];
  data[layout.channel] = shapes.out()[layout.channel];
  shapes.set_in(0, data);
}

void infer_pooling_of_rank(ShapeInference& shapes, int least_rank) {
  if (!shapes.in(0).has_rank()) return;
  check_pooling_rank(shapes, least_rank);
  const Layout layout = checked_layout(shapes, shapes.in(0).rank() - 2);
  if (shapes.attributes().flag("global_pool")) {
    infer_global_pooling(shapes, layout);
  } else {
    infer_windows(shapes, layout);
  }
  infer_data(shapes, layout);
}

void infer_pooling(ShapeInference& shapes) {
  const Attributes& attributes = shapes.attributes();
  if (attributes.text("pooling_convention") == "same") {
    shapes.refuse("pooling_convention=same is not supported; MXNet never runs it either. Use valid or full");
  }
  if (attributes.text("pool_type") == "lp") {
    if (!attributes.has("p_value")) shapes.refuse("pool_type=lp needs the attribute p_value: 1, 2 or 3");
  }
  infer_pooling_of_rank(shapes, 3);
}

void infer_pooling_v1(ShapeInference& shapes) {
  infer_pooling_of_rank(shapes, 4);
}

// Kernels.

PoolType pool_type_of(const std::string& word) {
  if (word == "max") return PoolType::max;
  if (word == "avg") return PoolType::average;
  return word == "sum" ? PoolType::sum : PoolType::lp;
}

PoolingProblem problem_of(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const int rank = call.shape_in(0).rank() - 2;
  const Layout layout = layout_of(attributes, rank);
  PoolingProblem problem;
  problem.batch = call.shape_in(0)[0];
  problem.channels = call.shape_in(0)[layout.channel];
  problem.src = spatial_extent(call.shape_in(0), layout);
  problem.dst = spatial_extent(call.shape_out(), layout);
  problem.channels_last = layout.channels_last();
  problem.type = pool_type_of(attributes.text("pool_type"));
  if (attributes.flag("global_pool")) {
    problem.window.rank = rank;
    problem.window.kernel = problem.src;
  } else {
    problem.window = sliding_window(attributes);
  }
  return problem;
}

Kernel kernel_of(const OpCall& call, const PoolingProblem& problem) {
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{[problem](const Operands& operands) { pool<T>(problem, operands); }};
  });
}

Kernel make_pooling(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  PoolingProblem problem = problem_of(call);
  if (attributes.has("count_include_pad") && !attributes.flag("count_include_pad")) problem.divisor = Divisor::real;
  if (problem.type == PoolType::lp) problem.power = static_cast<double>(attributes.integer("p_value"));
  return kernel_of(call, problem);
}

Kernel make_pooling_v1(const OpCall& call) {
  PoolingProblem problem = problem_of(call);
  problem.divisor = Divisor::kernel;
  problem.zeros_compete = true;
  return kernel_of(call, problem);
}

// Declarations.

Op pooling() {
  Op op;
  op.name = "Pooling";
  op.aliases = {"_npx_pooling"};
  op.doc =
      "The maximum, average, sum or p-norm of each window. An average counts the padding unless count_include_pad is "
      "False, but not what lies beyond the padding.";
  op.attributes = window_attributes(false);
  op.attributes.insert(
      op.attributes.end(),
      {choice("pool_type", {"max", "avg", "sum", "lp"}).or_else("max"), boolean("global_pool").or_else(false),
       boolean("cudnn_off").or_else(false), choice("pooling_convention", {"valid", "full", "same"}).or_else("valid"),
       integer("p_value").or_none().at_least(1).at_most(3), boolean("count_include_pad").or_none(),
       choice("layout", {"NCW", "NCHW", "NCDHW", "NWC", "NHWC", "NDHWC"}).or_none()});
  op.infer_shape = infer_pooling;
  op.reference = make_pooling;
  return op;
}

Op pooling_v1() {
  Op op;
  op.name = "Pooling_v1";
  op.doc =
      "Pooling as of MXNet 0.x: the padding is zeros that take part in a maximum, and an average divides by the "
      "kernel.";
  op.attributes = window_attributes(false);
  op.attributes.insert(op.attributes.end(), {choice("pool_type", {"max", "avg", "sum"}).or_else("max"),
                                             boolean("global_pool").or_else(false),
                                             choice("pooling_convention", {"valid", "full"}).or_else("valid")});
  op.infer_shape = infer_pooling_v1;
  op.reference = make_pooling_v1;
  return op;
}

}  // namespace

std::vector<Op> pooling_ops() {
  return {pooling(), pooling_v1()};
}

}  // namespace tenon
