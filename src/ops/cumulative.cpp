// Operators along one axis or over the whole that are neither reductions nor sorts: running sums and histograms.

#include "ops/axes.h"
#include "ops/registry.h"

namespace tenon {
namespace {

Kernel cumsum_kernel(const OpCall& call) {
  const bool flat = !call.attributes().has("axis");
  const Shape src = flat ? call.shape_out() : call.shape_in(0);
  const int axis = flat ? 0 : normal_axis(KernelWindow{call}, call.attributes().integer("axis"), src);
  return dispatch_accumulator(call.dtype_out(), [&]<class A>() {
    return Kernel{[lines = Reduction(src, one_axis(axis, src)), read = reader<A>(call.dtype_in(0)),
                   write = writer<A>(call.dtype_out())](const Operands& operands) {
      for (std::int64_t line = 0; line < lines.results; ++line) {
        std::int64_t at = 0;
        A sum{};
        lines.visit<A>(line, read, operands.src[0], [&](A x) {
          sum += x;
          write(operands.dst[0], lines.begin(line) + lines.term(at++), 1, &sum);
        });
      }
    }};
  });
}

Op cumsum_op() {
  Op op;
  op.name = "_np_cumsum";
  op.aliases = {"cumsum"};
  op.doc = "The running sum along the axis, or of the flattened tensor.";
  op.inputs = always({"a"});
  op.attributes = {integer("axis").or_none(),
                   dtype_choice("dtype", {"float16", "float32", "float64", "int32", "int64", "int8"}).or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    if (shapes.attributes().has("axis")) {
      normal_axis(shapes, shapes.attributes().integer("axis"), src);
      shapes.set_out(0, src);
    } else if (src.is_known()) {
      shapes.set_out(0, Shape{src.elements()});
    }
  };
  op.infer_type = [](TypeInference& types) {
    if (!types.attributes().has("dtype")) return same_type(types);
    types.set_out(0, types.attributes().dtype("dtype"));
  };
  op.reference = cumsum_kernel;
  return op;
}

bool has_uniform_bins(const Attributes& attributes) {
  return attributes.has("bin_cnt");
}

void histogram_shape(ShapeInference& shapes) {
  const Attributes& attributes = shapes.attributes();
  if (has_uniform_bins(attributes)) {
    if (!attributes.has("range") || attributes.reals("range").size() != 2) {
      shapes.refuse("bin_cnt={} needs a range of two numbers", attributes.integer("bin_cnt"));
    }
    const std::vector<double>& range = attributes.reals("range");
    if (!(range[0] < range[1])) shapes.refuse("range ({}, {}) is empty; it must ascend", range[0], range[1]);
    shapes.set_out(0, Shape{attributes.integer("bin_cnt")});
    shapes.set_out(1, Shape{attributes.integer("bin_cnt") + 1});
    return;
  }
  const Shape& bins = shapes.in(1);
  if (!bins.has_rank()) return;
  if (bins.rank() != 1 || (bins[0] != Shape::unknown && bins[0] < 2)) {
    shapes.refuse("bins has shape {}; it must hold two or more edges in one axis", bins.str());
  }
  shapes.set_out(0, bins[0] == Shape::unknown ? Shape::of_rank(1) : Shape{bins[0] - 1});
  shapes.set_out(1, bins);
}

/// Bin i holds edge[i] <= x < edge[i + 1], the last one also x equal to its upper edge.
Kernel histogram_kernel(const OpCall& call) {
  const std::int64_t bins = call.shape_out(0).elements();
  const bool uniform = has_uniform_bins(call.attributes());
  const double low = uniform ? call.attributes().reals("range")[0] : 0;
  const double high = uniform ? call.attributes().reals("range")[1] : 0;
  const auto run = [=, total = call.shape_in(0).elements(), read = reader<double>(call.dtype_in(0)),
                    write = writer<double>(call.dtype_out(1))](const Operands& operands) {
    const std::span edges(reinterpret_cast<double*>(operands.workspace), static_cast<std::size_t>(bins + 1));
    if (uniform) {
      for (std::int64_t i = 0; i <= bins; ++i) {
        edges[static_cast<std::size_t>(i)] = low + static_cast<double>(i) * (high - low) / static_cast<double>(bins);
      }
    } else {
      read(operands.src[1], 0, 1, bins + 1, edges.data());
    }
    std::int64_t* counts = operands.out<std::int64_t>(0);
    std::fill_n(counts, bins, 0);
    for (std::int64_t i = 0; i < total; ++i) {
      double x;
      read(operands.src[0], i, 1, 1, &x);
      if (!(x >= edges.front() && x <= edges.back())) continue;
      const auto above = std::upper_bound(edges.begin(), edges.end(), x);
      ++counts[std::min<std::int64_t>(above - edges.begin(), bins) - 1];
    }
    if (operands.dst[1] != nullptr) write(operands.dst[1], 0, bins + 1, edges.data());
  };
  return {run, static_cast<std::size_t>(bins + 1) * sizeof(double)};
}

Op histogram_op() {
  Op op;
  op.name = "_histogram";
  op.aliases = {"_npi_histogram"};
  op.doc = "How many elements fall into each bin, and the edges: given as bins, or bin_cnt equal ones over the range.";
  op.inputs = [](const Attributes& attributes) {
    return has_uniform_bins(attributes) ? std::vector<std::string>{"data"} : std::vector<std::string>{"data", "bins"};
  };
  op.outputs = always({"output0", "output1"});
  op.attributes = {integer("bin_cnt").or_none().at_least(1).at_most(1 << 24), reals("range").or_none()};
  op.infer_shape = histogram_shape;
  op.infer_type = [](TypeInference& types) {
    types.set_out(0, DType::int64);
    for (int i = 0; i < types.inputs(); ++i) {
      types.set_out(1, types.in(i));
      types.set_in(i, types.out(1));
    }
  };
  op.reference = histogram_kernel;
  return op;
}

}  // namespace

std::vector<Op> cumulative_ops() {
  return {cumsum_op(), histogram_op()};
}

}  // namespace tenon
