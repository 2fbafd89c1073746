// Normalizations by statistics of the data themselves: InstanceNorm, LayerNorm, GroupNorm, L2Normalization, LRN.

#include <algorithm>
#include <cmath>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/axis_split.h"
#include "ops/rules.h"

namespace tenon {
namespace {

void require_rank(const ShapeInference& shapes, int least) {
  const Shape& data = shapes.in(0);
  if (data.rank() < least) shapes.refuse("'data' has shape {}, but at least {} axes are expected", data.str(), least);
}

// InstanceNorm, LayerNorm and GroupNorm: (x - mean) / sqrt(var + eps) * gamma + beta, where mean and variance are taken
// over one set of elements, and gamma and beta belong to a part of them or to several sets.

/// Elements `step` apart that share a mean and a variance.
struct Set {
  std::int64_t first, count, step;
};

struct Moments {
  double mean, variance;
};

template <class T>
Moments moments_of(const T* src, const Set& set) {
  const auto n = static_cast<double>(set.count);
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < set.count; ++i) sum += load(src[set.first + i * set.step]);
  const double mean = sum / n;
  for (std::int64_t i = 0; i < set.count; ++i) {
    const double d = load(src[set.first + i * set.step]) - mean;
    squares += d * d;
  }
  return {mean, squares / n};
}

/// What the second and third output hold.
enum class Spread { deviation, variance };

struct NormProblem {
  AxisSplit split;              ///< the middle axis is what a set covers
  std::int64_t parameters = 1;  ///< elements of gamma and beta
  bool per_element = false;     ///< element i of a set has its own gamma[i]; otherwise set s has gamma[s % parameters]
  double eps = 1e-5;
  Spread spread = Spread::deviation;
};

template <class T>
void normalize(const NormProblem& problem, const Operands& operands) {
  const auto& [outer, size, inner] = problem.split;
  const T* src = operands.in<T>(0);
  const T* gamma = operands.in<T>(1);
  const T* beta = operands.in<T>(2);
  T* dst = operands.out<T>(0);
  for (std::int64_t s = 0; s < outer * inner; ++s) {
    const Set set{problem.split.line(s / inner, s % inner), size, inner};
    const auto [mean, variance] = moments_of(src, set);
    const double deviation = std::sqrt(variance + problem.eps);
    if (T* means = operands.out<T>(1)) means[s] = store<T>(mean);
    if (T* spreads = operands.out<T>(2)) {
      spreads[s] = store<T>(problem.spread == Spread::variance ? variance : deviation);
    }
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t p = problem.per_element ? i : s % problem.parameters, at = set.first + i * set.step;
      dst[at] = store<T>((load(src[at]) - mean) / deviation * load(gamma[p]) + load(beta[p]));
    }
  }
}

Kernel normalize_kernel(const OpCall& call, NormProblem problem) {
  problem.parameters = call.shape_in(1).elements();
  problem.eps = call.attributes().real("eps");
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{[problem](const Operands& operands) { normalize<T>(problem, operands); }};
  });
}

/// Gamma and beta have `parameters` elements; both statistics have the shape `statistics`.
void set_affine_shapes(ShapeInference& shapes, std::int64_t parameters, const Shape& statistics) {
  for (int i = 1; i <= 2; ++i) {
    shapes.set_in(i, {parameters});
    shapes.set_out(i, statistics);
  }
}

Op affine_norm(std::string name, std::string doc, double eps) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.inputs = always({"data", "gamma", "beta"});
  op.outputs = always({"output", "mean", "std"});
  op.visible_outputs = [](const Attributes& attributes) {
    return attributes.has("output_mean_var") && attributes.flag("output_mean_var") ? 3 : 1;
  };
  op.attributes = {real("eps").or_else(eps)};
  return op;
}

Op instance_norm() {
  Op op = affine_norm("InstanceNorm",
                      "Each channel of each sample by its own mean and variance; one gamma and beta a channel.", 1e-3);
  op.outputs = always({"output", "mean", "var"});
  op.infer_shape = [](ShapeInference& shapes) {
    tie_data_and_output(shapes);
    const Shape& data = shapes.in(0);
    if (!data.has_rank()) return;
    require_rank(shapes, 3);
    set_affine_shapes(shapes, data[1], {data[0], data[1]});
  };
  op.reference = [](const OpCall& call) {
    const Shape& data = call.shape_in(0);
    return normalize_kernel(call, {.split = split_around(data, 2, data.rank()), .spread = Spread::variance});
  };
  return op;
}

Op layer_norm() {
  Op op = affine_norm(
      "LayerNorm", "Each line along the axis by its own mean and variance; one gamma and beta an element of it.", 1e-5);
  op.aliases = {"_npx_layer_norm"};
  op.attributes.push_back(integer("axis").or_else(-1));
  op.attributes.push_back(boolean("output_mean_var").or_else(false));
  op.infer_shape = [](ShapeInference& shapes) {
    tie_data_and_output(shapes);
    const Shape& data = shapes.in(0);
    if (!data.has_rank()) return;
    const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), data.rank());
    Shape statistics = data;
    statistics[axis] = 1;
    set_affine_shapes(shapes, data[axis], statistics);
  };
  op.reference = [](const OpCall& call) {
    const Shape& data = call.shape_in(0);
    const int axis = from_front(call.attributes().integer("axis"), data.rank());
    return normalize_kernel(call, {.split = split_around(data, axis, axis + 1), .per_element = true});
  };
  return op;
}

Op group_norm() {
  Op op = affine_norm("GroupNorm",
                      "Each group of channels of each sample by its own mean and variance; one gamma and beta a group.",
                      1e-5);
  op.attributes.push_back(integer("num_groups").or_else(1).at_least(1).at_most(INT32_MAX));
  op.attributes.push_back(boolean("output_mean_var").or_else(false));
  op.infer_shape = [](ShapeInference& shapes) {
    tie_data_and_output(shapes);
    const Shape& data = shapes.in(0);
    if (!data.has_rank()) return;
    require_rank(shapes, 3);
    const std::int64_t groups = shapes.attributes().integer("num_groups");
    if (data[1] != Shape::unknown && data[1] % groups != 0) {
      shapes.refuse("'data' has {} channels, which num_groups={} does not divide", data[1], groups);
    }
    // MXNet 1.x learns one number a group; 2.0 one a channel.
    set_affine_shapes(shapes, groups, {data[0], groups});
  };
  op.reference = [](const OpCall& call) {
    const std::int64_t sets = call.shape_in(0)[0] * call.attributes().integer("num_groups");
    const std::int64_t elements = call.shape_in(0).elements();
    return normalize_kernel(call, {.split = {sets, sets == 0 ? 0 : elements / sets, 1}});
  };
  return op;
}

// L2Normalization.

/// The axes [first, last) whose sum of squares divides an element.
std::pair<int, int> l2_axes(const std::string& mode, int rank) {
  if (mode == "channel") return {1, 2};
  return {mode == "spatial" ? 2 : 1, rank};
}

template <class T>
void l2_normalize(const AxisSplit& split, double eps, const Operands& operands) {
  const T* src = operands.in<T>(0);
  for (std::int64_t s = 0; s < split.outer * split.inner; ++s) {
    const std::int64_t first = split.line(s / split.inner, s % split.inner);
    double squares = eps;
    for (std::int64_t i = 0; i < split.size; ++i) {
      const double x = load(src[first + i * split.inner]);
      squares += x * x;
    }
    const double norm = std::sqrt(squares);
    if (T* norms = operands.out<T>(1)) norms[s] = store<T>(norm);
    for (std::int64_t i = 0; i < split.size; ++i) {
      const std::int64_t at = first + i * split.inner;
      operands.out<T>(0)[at] = store<T>(load(src[at]) / norm);
    }
  }
}

void infer_l2_shape(ShapeInference& shapes) {
  tie_data_and_output(shapes);
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return;
  const std::string& mode = shapes.attributes().text("mode");
  require_rank(shapes, mode == "instance" ? 1 : 3);
  const auto [first, last] = l2_axes(mode, data.rank());
  if (mode == "instance") {
    shapes.set_out(1, {data[0]});
    return;
  }
  Shape norm = data;
  for (int axis = first; axis < last; ++axis) norm[axis] = 1;
  shapes.set_out(1, norm);
}

Op l2_normalization() {
  Op op;
  op.name = "L2Normalization";
  op.doc = "data / sqrt(eps + the sum of squares) over all but the batch (instance), the channels or the spatial axes.";
  op.outputs = always({"output", "norm"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {real("eps").or_else(1e-10), choice("mode", {"instance", "channel", "spatial"}).or_else("instance")};
  op.infer_shape = infer_l2_shape;
  op.reference = [](const OpCall& call) {
    const Shape& data = call.shape_in(0);
    const auto axes = l2_axes(call.attributes().text("mode"), data.rank());
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      return Kernel{[split = split_around(data, axes.first, axes.second), eps = call.attributes().real("eps")](
                        const Operands& operands) { l2_normalize<T>(split, eps, operands); }};
    });
  };
  return op;
}

// LRN: local response normalization across channels.

struct LrnProblem {
  AxisSplit split;  ///< around the channels
  std::int64_t size = 1;
  double alpha = 1e-4, beta = 0.75, knorm = 2;
};

/// dst = src * (knorm + alpha / size * the sum of squares in the window of channels)^-beta.
template <class T>
void lrn(const LrnProblem& problem, const Operands& operands) {
  const auto& [outer, channels, inner] = problem.split;
  const T* src = operands.in<T>(0);
  const std::int64_t half = problem.size / 2;
  for (std::int64_t s = 0; s < outer * inner; ++s) {
    const std::int64_t first = problem.split.line(s / inner, s % inner);
    for (std::int64_t c = 0; c < channels; ++c) {
      double squares = 0;
      for (std::int64_t k = std::max<std::int64_t>(c - half, 0); k <= std::min(c + half, channels - 1); ++k) {
        const double x = load(src[first + k * inner]);
        squares += x * x;
      }
      const std::int64_t at = first + c * inner;
      const double norm = problem.knorm + problem.alpha / static_cast<double>(problem.size) * squares;
      if (T* norms = operands.out<T>(1)) norms[at] = store<T>(norm);
      operands.out<T>(0)[at] = store<T>(load(src[at]) * std::pow(norm, -problem.beta));
    }
  }
}

Kernel make_lrn(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const LrnProblem problem{split_around(call.shape_in(0), 1, 2), attributes.integer("nsize"), attributes.real("alpha"),
                           attributes.real("beta"), attributes.real("knorm")};
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{[problem](const Operands& operands) { lrn<T>(problem, operands); }};
  });
}

Op local_response_norm() {
  Op op;
  op.name = "LRN";
  op.doc = "data * (knorm + alpha/nsize * the sum of squares over nsize neighbouring channels)^-beta.";
  op.outputs = always({"output", "tmp_norm"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {real("alpha").or_else(1e-4), real("beta").or_else(0.75), real("knorm").or_else(2),
                   integer("nsize").at_least(1).at_most(INT32_MAX)};
  op.infer_shape = [](ShapeInference& shapes) {
    same_shape(shapes);
    const std::int64_t size = shapes.attributes().integer("nsize");
    if (size % 2 == 0) shapes.refuse("nsize={} must be odd, so that a channel is the middle of its window", size);
    if (shapes.in(0).has_rank() && shapes.in(0).rank() != 4) {
      shapes.refuse("'data' has shape {}, but four axes are expected: batch, channels, height and width",
                    shapes.in(0).str());
    }
  };
  op.reference = make_lrn;
  return op;
}

}  // namespace

std::vector<Op> normalization_ops() {
  return {instance_norm(), layer_norm(), group_norm(), l2_normalization(), local_response_norm()};
}

}  // namespace tenon
