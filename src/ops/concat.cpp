// Operators that join or part tensors along an axis: Concat, _rnn_param_concat, stack, SliceChannel, _split_v2.

#include <numeric>

#include <fmt/ranges.h>

#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// One copy a part: parts of the given sizes along an axis, laid one behind the other. `outer` and `inner` are the
/// numbers of elements before and behind that axis.
std::vector<StridedCopy> joining_copies(std::int64_t outer, const std::vector<std::int64_t>& sizes,
                                        std::int64_t inner) {
  const std::int64_t total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  std::vector<StridedCopy> copies;
  std::int64_t offset = 0;
  for (const std::int64_t size : sizes) {
    copies.push_back({{{outer, size * inner, total * inner}, {size * inner, 1, 1}}, 0, offset * inner});
    offset += size;
  }
  return copies;
}

std::vector<PreparedCopy> prepared(const std::vector<StridedCopy>& copies, DType dtype) {
  std::vector<PreparedCopy> result;
  for (const StridedCopy& copy : copies) result.emplace_back(copy, dtype);
  return result;
}

/// Input i goes to its part of output 0.
Kernel joining_kernel(const OpCall& call, int axis, const std::vector<std::int64_t>& sizes, std::int64_t inner) {
  const auto copies = joining_copies(call.shape_out().elements(0, axis), sizes, inner);
  CopyForm form;
  for (const StridedCopy& copy : copies) form.parts.push_back({static_cast<int>(form.parts.size()), 0, copy});
  return {[copies = prepared(copies, call.dtype_out())](const Operands& operands) {
            for (std::size_t i = 0; i < copies.size(); ++i) copies[i](operands.src[i], operands.dst[0]);
          },
          0, std::make_shared<KernelForm>(KernelForm{std::move(form)})};
}

/// Every input and the output agree on all axes but the joined one, where the sizes add up; one missing size follows.
void infer_concat(ShapeInference& shapes, const std::string& axis_name) {
  Shape common;
  if (shapes.out().has_rank()) common = Shape::of_rank(shapes.out().rank());
  for (int i = 0; i < shapes.inputs() && !common.has_rank(); ++i) {
    if (shapes.in(i).has_rank()) common = Shape::of_rank(shapes.in(i).rank());
  }
  if (!common.has_rank()) return;
  const int axis = resolve_axis(shapes, shapes.attributes().integer(axis_name), common.rank());

  std::int64_t sum = 0;
  int missing = 0, last_missing = -1;
  for (int i = 0; i < shapes.inputs(); ++i) {
    Shape src = shapes.in(i);
    if (!src.has_rank() || src.rank() != common.rank()) {
      if (src.has_rank())
        shapes.refuse("input {} has shape {}, but {} dimensions are expected", i, src.str(), common.rank());
      ++missing, last_missing = i;
      continue;
    }
    if (src[axis] == Shape::unknown) ++missing, last_missing = i;
    sum += src[axis] == Shape::unknown ? 0 : src[axis];
    src[axis] = Shape::unknown;
    for (int other = 0; other < common.rank(); ++other) {
      if (common[other] == Shape::unknown) common[other] = src[other];
    }
  }
  for (int other = 0; other < common.rank(); ++other) {
    if (other != axis && common[other] == Shape::unknown && shapes.out().has_rank())
      common[other] = shapes.out()[other];
  }
  for (int i = 0; i < shapes.inputs(); ++i) shapes.set_in(i, common);

  Shape dst = common;
  if (missing == 0) dst[axis] = sum;
  shapes.set_out(0, dst);
  if (missing == 1 && shapes.out()[axis] != Shape::unknown) {
    Shape src = common;
    src[axis] = shapes.out()[axis] - sum;
    if (src[axis] < 0) {
      shapes.refuse("the inputs add up to {} on axis {}, but the output {} has only {}", sum, axis, shapes.out().str(),
                    shapes.out()[axis]);
    }
    shapes.set_in(last_missing, src);
  }
}

/// `axis` is what the operator calls its axis: Concat says dim.
Op concat(std::string name, std::vector<std::string> aliases, std::string doc, const std::string& axis_name = "dim") {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = std::move(doc);
  op.inputs = counted();
  op.attributes = {integer("num_args").at_least(1), integer(axis_name).or_else(1)};
  op.infer_shape = [axis_name](ShapeInference& shapes) { infer_concat(shapes, axis_name); };
  op.reference = [axis_name](const OpCall& call) {
    const Shape& dst = call.shape_out();
    const int axis = from_front(call.attributes().integer(axis_name), dst.rank());
    std::vector<std::int64_t> sizes;
    for (const TensorType& input : call.inputs) sizes.push_back(input.shape[axis]);
    return joining_kernel(call, axis, sizes, dst.elements(axis + 1, dst.rank()));
  };
  return op;
}

Op stack(std::string name) {
  Op op;
  op.name = std::move(name);
  op.doc = "Equal shapes laid side by side along a new axis.";
  op.inputs = counted();
  op.attributes = {integer("num_args").at_least(1), integer("axis").or_else(0)};
  op.infer_shape = [](ShapeInference& shapes) {
    for (int round = 0; round < 2; ++round) {
      for (int i = 1; i < shapes.inputs(); ++i) {
        shapes.set_in(i, shapes.in(0));
        shapes.set_in(0, shapes.in(i));
      }
    }
    const Shape src = shapes.in(0);
    const int rank = src.has_rank() ? src.rank() + 1 : shapes.out().rank();
    if (rank < 1) return;
    const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), rank);
    if (src.has_rank())
      shapes.set_out(0, joined(joined(part(src, 0, axis), {shapes.inputs()}), part(src, axis, rank - 1)));
    const Shape dst = shapes.out();
    for (int i = 0; i < shapes.inputs(); ++i) shapes.set_in(i, joined(part(dst, 0, axis), part(dst, axis + 1, rank)));
  };
  op.reference = [](const OpCall& call) {
    const Shape& dst = call.shape_out();
    const int axis = from_front(call.attributes().integer("axis"), dst.rank());
    const std::vector<std::int64_t> sizes(call.inputs.size(), 1);
    return joining_kernel(call, axis, sizes, dst.elements(axis + 1, dst.rank()));
  };
  return op;
}

/// Concat whose axis is called axis, and where axis=None flattens the inputs first.
Op numpy_concatenate() {
  Op op = concat("_npi_concatenate", {}, "Tensors joined along an axis, flattened first without one.", "axis");
  op.outputs = always({"out"});
  op.attributes[1] = integer("axis").or_none();
  op.infer_shape = [](ShapeInference& shapes) {
    if (shapes.attributes().has("axis")) return infer_concat(shapes, "axis");
    std::int64_t total = 0;
    for (int i = 0; i < shapes.inputs(); ++i) {
      if (!shapes.in(i).is_known()) return;
      total += shapes.in(i).elements();
    }
    shapes.set_out(0, {total});
  };
  op.reference = [along_axis = op.reference](const OpCall& call) {
    if (call.attributes().has("axis")) return along_axis(call);
    std::vector<std::int64_t> sizes;
    for (const TensorType& input : call.inputs) sizes.push_back(input.shape.elements());
    return joining_kernel(call, 0, sizes, 1);
  };
  return op;
}

/// NumPy's atleast_1d and atleast_2d.
Shape as_vector(const Shape& shape) {
  return shape.rank() < 1 ? Shape{1} : shape;
}
Shape as_row(const Shape& shape) {
  return shape.rank() < 2 ? joined({1}, as_vector(shape)) : shape;
}

/// Joins along an axis what `raise` makes of each shape: NumPy's vstack and column_stack.
Op raised_concat(std::string name, int axis, Shape (*raise)(const Shape&)) {
  Op op;
  op.name = std::move(name);
  op.doc = "Tensors joined along an axis, vectors made matrices first.";
  op.inputs = counted();
  op.attributes = {integer("num_args").at_least(1)};
  op.infer_shape = [axis, raise](ShapeInference& shapes) {
    Shape dst;
    for (int i = 0; i < shapes.inputs(); ++i) {
      if (!shapes.in(i).is_known()) return;
      const Shape src = raise(shapes.in(i));
      if (i == 0) dst = src;
      bool fits = src.rank() == dst.rank();
      for (int other = 0; fits && other < src.rank(); ++other) fits = other == axis || src[other] == dst[other];
      if (!fits) shapes.refuse("input {} of shape {} does not fit those before it, {}", i, src.str(), dst.str());
      if (i > 0) dst[axis] += src[axis];
    }
    shapes.set_out(0, dst);
  };
  op.reference = [axis, raise](const OpCall& call) {
    const Shape& dst = call.shape_out();
    std::vector<std::int64_t> sizes;
    for (const TensorType& input : call.inputs) sizes.push_back(raise(input.shape)[axis]);
    return joining_kernel(call, axis, sizes, dst.elements(axis + 1, dst.rank()));
  };
  return op;
}

std::vector<std::string> numbered_outputs(std::int64_t count) {
  if (count == 1) return {"output"};
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back("output" + std::to_string(i));
  return names;
}

/// Each input with axes of size 1 added up to a rank.
Op at_least(std::string name, Shape (*raise)(const Shape&)) {
  Op op;
  op.name = std::move(name);
  op.doc = "The inputs with axes of size 1 added up to a rank.";
  op.inputs = counted();
  op.outputs = [](const Attributes& attributes) { return numbered_outputs(std::ssize(counted()(attributes))); };
  op.attributes = {integer("num_args").at_least(1)};
  op.infer_shape = [raise](ShapeInference& shapes) {
    for (int i = 0; i < shapes.inputs(); ++i) {
      if (shapes.in(i).is_known()) shapes.set_out(i, raise(shapes.in(i)));
    }
  };
  op.infer_type = [](TypeInference& types) {
    for (int i = 0; i < types.inputs(); ++i) tie_types(types, {i}, {i});
  };
  op.reference = [](const OpCall& call) {
    std::vector<CopyForm::Part> parts;
    for (int i = 0; i < static_cast<int>(call.inputs.size()); ++i) {
      parts.push_back({i, i, whole_copy(call.shape_in(i).elements())});
    }
    return copies_kernel(call, std::move(parts));
  };
  return op;
}

/// Input 0's parts go to the outputs. Sizes are along `axis` of the input.
Kernel parting_kernel(const OpCall& call, int axis, const std::vector<std::int64_t>& sizes) {
  const Shape& src = call.shape_in(0);
  auto copies = joining_copies(src.elements(0, axis), sizes, src.elements(axis + 1, src.rank()));
  CopyForm form;
  for (StridedCopy& copy : copies) {
    copy = copy.inverse();
    form.parts.push_back({0, static_cast<int>(form.parts.size()), copy});
  }
  return {[copies = prepared(copies, call.dtype_in(0))](const Operands& operands) {
            for (std::size_t i = 0; i < copies.size(); ++i) copies[i](operands.src[0], operands.dst[i]);
          },
          0, std::make_shared<KernelForm>(KernelForm{std::move(form)})};
}

/// Shapes of the parts in both directions. `sizes` are unknown where the input's axis is.
void infer_parts(ShapeInference& shapes, int axis, const std::vector<std::int64_t>& sizes, bool squeeze) {
  Shape src = shapes.in(0);
  for (int i = 0; i < shapes.outputs(); ++i) {
    Shape dst = src;
    dst[axis] = sizes[static_cast<std::size_t>(i)];
    if (squeeze && dst[axis] != 1 && dst[axis] != Shape::unknown) {
      shapes.refuse("squeeze_axis needs parts of size 1 on axis {}, but the input {} gives output {} the size {}", axis,
                    src.str(), i, dst[axis]);
    }
    shapes.set_out(i, squeeze ? joined(part(dst, 0, axis), part(dst, axis + 1, dst.rank())) : dst);
    const Shape& learnt = shapes.out(i);
    for (int other = 0; other < src.rank(); ++other) {
      if (other != axis) src[other] = learnt[squeeze && other > axis ? other - 1 : other];
    }
  }
  shapes.set_in(0, src);
}

Op slice_channel() {
  Op op;
  op.name = "SliceChannel";
  op.aliases = {"split"};
  op.doc = "num_outputs equal parts along an axis; squeeze_axis drops that axis when it becomes 1.";
  op.outputs = counted("num_outputs", "output");
  op.attributes = {integer("num_outputs").at_least(1), integer("axis").or_else(1),
                   boolean("squeeze_axis").or_else(false)};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), src.rank());
    const std::int64_t parts = shapes.outputs();
    if (src[axis] != Shape::unknown && src[axis] % parts != 0) {
      shapes.refuse("axis {} of shape {} cannot be parted in {} equal pieces", axis, src.str(), parts);
    }
    const std::int64_t size = src[axis] == Shape::unknown ? Shape::unknown : src[axis] / parts;
    infer_parts(shapes, axis, std::vector<std::int64_t>(static_cast<std::size_t>(parts), size),
                shapes.attributes().flag("squeeze_axis"));
    const bool squeeze = shapes.attributes().flag("squeeze_axis");
    if (shapes.in(0)[axis] == Shape::unknown && (squeeze || shapes.out()[axis] != Shape::unknown)) {
      Shape learnt = shapes.in(0);
      learnt[axis] = squeeze ? parts : Shape{parts, shapes.out()[axis]}.elements();
      shapes.set_in(0, learnt);
    }
  };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    const int axis = from_front(call.attributes().integer("axis"), src.rank());
    const auto parts = static_cast<std::int64_t>(call.outputs.size());
    return parting_kernel(call, axis, std::vector<std::int64_t>(call.outputs.size(), src[axis] / parts));
  };
  return op;
}

/// Sizes of _split_v2's parts: equal `sections`, or from one index to the next.
std::vector<std::int64_t> section_sizes(const Attributes& attributes, std::int64_t size) {
  const std::int64_t sections = attributes.integer("sections");
  if (sections > 0) {
    return std::vector<std::int64_t>(static_cast<std::size_t>(sections),
                                     size == Shape::unknown ? size : size / sections);
  }
  auto begins = attributes.ints("indices");
  begins.push_back(size);
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const bool open = size == Shape::unknown && i + 2 == begins.size();
    sizes.push_back(open ? Shape::unknown : begins[i + 1] - begins[i]);
  }
  return sizes;
}

/// The indices must begin with 0 and leave every part some elements (outside numpy semantics).
void check_indices(const ShapeInference& shapes, std::int64_t size) {
  auto begins = shapes.attributes().ints("indices");
  if (begins.empty() || begins[0] != 0) shapes.refuse("indices=({}) must begin with 0", fmt::join(begins, ","));
  if (size != Shape::unknown) begins.push_back(size);
  for (std::size_t i = 1; i < begins.size(); ++i) {
    if (begins[i] > begins[i - 1] || (begins[i] == begins[i - 1] && shapes.np_shape())) continue;
    shapes.refuse("the part from {} to {} has no elements; indices=({})", begins[i - 1], begins[i],
                  format_attribute(shapes.attributes().tuple("indices")));
  }
}

Op split_v2() {
  Op op;
  op.name = "_split_v2";
  op.aliases = {"_npi_split"};
  op.doc = "`sections` equal parts along an axis, or parts that begin at `indices` (0 first).";
  op.outputs = [](const Attributes& attributes) {
    constexpr std::int64_t limit = 1 << 20;
    const std::int64_t sections = attributes.integer("sections");
    if (sections > limit)
      fail(ErrorCode::invalid_argument, "attribute sections={} must be at most {}", sections, limit);
    const std::int64_t parts = sections > 0 ? sections : std::ssize(attributes.tuple("indices"));
    return numbered_outputs(parts);
  };
  op.attributes = {ints("indices"), integer("axis").or_else(1), boolean("squeeze_axis").or_else(false),
                   integer("sections").or_else(0).at_least(0)};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), src.rank());
    const std::int64_t sections = shapes.attributes().integer("sections");
    if (sections > 0 && src[axis] != Shape::unknown && src[axis] % sections != 0) {
      shapes.refuse("axis {} of shape {} cannot be parted in {} equal pieces", axis, src.str(), sections);
    }
    if (sections == 0) check_indices(shapes, src[axis]);
    infer_parts(shapes, axis, section_sizes(shapes.attributes(), src[axis]), shapes.attributes().flag("squeeze_axis"));
  };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    const int axis = from_front(call.attributes().integer("axis"), src.rank());
    return parting_kernel(call, axis, section_sizes(call.attributes(), src[axis]));
  };
  return op;
}

}  // namespace

std::vector<Op> concat_ops() {
  return {
      concat("Concat", {"concat", "_sparse_concat"}, "Tensors joined along an axis."),
      concat("_rnn_param_concat", {"_npi_rnn_param_concat"}, "Pieces of RNN's parameter vector, joined."),
      stack("stack"),
      stack("_npi_stack"),
      numpy_concatenate(),
      raised_concat("_npi_vstack", 0, as_row),
      raised_concat("_npi_column_stack", 1,
                    [](const Shape& s) { return s.rank() < 2 ? joined(as_vector(s), {1}) : s; }),
      at_least("_np_atleast_1d", as_vector),
      at_least("_np_atleast_2d", as_row),
      at_least("_np_atleast_3d", [](const Shape& s) { return s.rank() < 3 ? joined(as_row(s), {1}) : s; }),
      slice_channel(),
      split_v2(),
  };
}

}  // namespace tenon
