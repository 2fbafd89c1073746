// Operators that pick or place rows by index: take, Embedding, one_hot, gather_nd, scatter_nd, batch_take, index_copy,
// and the arithmetic of indices itself.

#include <algorithm>
#include <cstring>

#include "graph/graph.h"
#include "ops/data_refusal.h"
#include "ops/read_index.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

std::size_t bytes_of(std::int64_t elements, DType dtype) {
  return static_cast<std::size_t>(elements) * size_of(dtype);
}

/// What becomes of an index outside [0, size).
enum class Outside { clip, wrap, refuse };

Outside outside_mode(const Attributes& attributes) {
  const std::string& mode = attributes.text("mode");
  return mode == "clip" ? Outside::clip : mode == "wrap" ? Outside::wrap : Outside::refuse;
}

std::int64_t brought_inside(std::int64_t index, std::int64_t size, Outside outside, const DataRefusal& refuse) {
  if (index >= 0 && index < size) return index;
  switch (outside) {
    case Outside::clip:
      return index < 0 ? 0 : size - 1;
    case Outside::wrap:
      return (index % size + size) % size;
    case Outside::refuse:
      break;
  }
  refuse.index(index, size);
}

/// dst[o][n] = src[o][indices[n]], each a row of `row` bytes: what take and Embedding do.
struct RowGather {
  ReadIndex read;
  std::int64_t outer, size, count;
  std::size_t row;
  Outside outside;
  DataRefusal refuse;

  void operator()(const std::byte* src, const void* indices, std::byte* dst) const {
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t n = 0; n < count; ++n) {
        const std::int64_t index = brought_inside(read(indices, n), size, outside, refuse);
        std::memcpy(dst, src + static_cast<std::size_t>(o * size + index) * row, row);
        dst += row;
      }
    }
  }
};

Op take() {
  Op op;
  op.name = "take";
  op.aliases = {"_npi_take"};
  op.doc = "Slices of a's axis by index; indices outside are clipped, wrapped or refused.";
  op.inputs = always({"a", "indices"});
  op.attributes = {integer("axis").or_else(0), choice("mode", {"clip", "raise", "wrap"}).or_else(std::string("clip"))};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape &src = shapes.in(0), &indices = shapes.in(1);
    if (!src.has_rank()) return;
    const int axis = resolve_axis(shapes, shapes.attributes().integer("axis"), src.rank());
    if (src[axis] == 0) shapes.refuse("axis {} of shape {} has no elements to take", axis, src.str());
    if (!indices.has_rank()) return;
    shapes.set_out(0, joined(joined(part(src, 0, axis), indices), part(src, axis + 1, src.rank())));
  };
  op.infer_type = [](TypeInference& types) { tie_types(types, {0}); };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    const int axis = from_front(call.attributes().integer("axis"), src.rank());
    const RowGather gather{index_reader(call.dtype_in(1)),
                           src.elements(0, axis),
                           src[axis],
                           call.shape_in(1).elements(),
                           bytes_of(src.elements(axis + 1, src.rank()), call.dtype_in(0)),
                           outside_mode(call.attributes()),
                           DataRefusal(call)};
    return Kernel{[gather](const Operands& operands) {
      gather(operands.in<std::byte>(0), operands.src[1], operands.out<std::byte>());
    }};
  };
  return op;
}

Op embedding(std::string name, std::vector<std::string> aliases) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = "Rows of weight by index; indices outside are clipped.";
  op.inputs = always({"data", "weight"});
  op.attributes = {integer("input_dim").at_least(1), integer("output_dim").at_least(1),
                   dtype_choice("dtype").or_else(std::string("float32")), boolean("sparse_grad").or_else(false)};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape weight{shapes.attributes().integer("input_dim"), shapes.attributes().integer("output_dim")};
    shapes.set_in(1, weight);
    if (shapes.in(0).has_rank()) shapes.set_out(0, joined(shapes.in(0), {weight[1]}));
    const Shape dst = shapes.out();
    if (dst.rank() > 0) shapes.set_in(0, part(dst, 0, dst.rank() - 1));
  };
  op.infer_type = [](TypeInference& types) {
    if (!types.in(1) && !types.out()) types.set_in(1, types.attributes().dtype("dtype"));
    tie_types(types, {1});
  };
  op.reference = [](const OpCall& call) {
    const RowGather gather{index_reader(call.dtype_in(0)),
                           1,
                           call.shape_in(1)[0],
                           call.shape_in(0).elements(),
                           bytes_of(call.shape_in(1)[1], call.dtype_in(1)),
                           Outside::clip,
                           DataRefusal(call)};
    return Kernel{[gather](const Operands& operands) {
      gather(operands.in<std::byte>(1), operands.src[0], operands.out<std::byte>());
    }};
  };
  return op;
}

Op one_hot() {
  Op op;
  op.name = "one_hot";
  op.aliases = {"_npx_one_hot"};
  op.doc =
      "A new last axis of `depth`: on_value at the index, off_value elsewhere; an index outside is off everywhere.";
  op.inputs = always({"indices"});
  op.attributes = {integer("depth").at_least(1), real("on_value").or_else(1.0), real("off_value").or_else(0.0),
                   dtype_choice("dtype").or_else(std::string("float32"))};
  op.infer_shape = [](ShapeInference& shapes) {
    if (shapes.in(0).has_rank()) shapes.set_out(0, joined(shapes.in(0), {shapes.attributes().integer("depth")}));
    const Shape dst = shapes.out();
    if (dst.rank() > 0) shapes.set_in(0, part(dst, 0, dst.rank() - 1));
  };
  op.infer_type = [](TypeInference& types) { types.set_out(0, types.attributes().dtype("dtype")); };
  op.reference = [](const OpCall& call) {
    const DType dtype = call.dtype_out();
    const PreparedCopy off({{{call.shape_out().elements(), 0, 1}}}, dtype), on({}, dtype);
    return Kernel{[off, on, read = index_reader(call.dtype_in(0)), count = call.shape_in(0).elements(),
                   depth = call.attributes().integer("depth"), size = size_of(dtype),
                   on_value = encode(dtype, call.attributes().real("on_value")),
                   off_value = encode(dtype, call.attributes().real("off_value"))](const Operands& operands) {
      off(off_value.data(), operands.dst[0]);
      for (std::int64_t n = 0; n < count; ++n) {
        const std::int64_t index = read(operands.src[0], n);
        if (index < 0 || index >= depth) continue;
        std::memcpy(operands.out<std::byte>() + static_cast<std::size_t>(n * depth + index) * size, on_value.data(),
                    size);
      }
    }};
  };
  return op;
}

/// Column n of an index matrix (depth, count) addresses the leading `depth` axes of a tensor.
struct Addresses {
  ReadIndex read;
  std::vector<std::int64_t> dims;  ///< the leading axes
  std::int64_t count;
  bool wraps_negative;
  DataRefusal refuse;

  /// The row that column n addresses.
  std::int64_t row(const void* indices, std::int64_t n) const {
    std::int64_t row = 0;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      const std::int64_t index = read(indices, static_cast<std::int64_t>(axis) * count + n), size = dims[axis];
      if (index >= size || index < (wraps_negative ? -size : 0)) {
        refuse.index_of_axis(index, static_cast<std::int64_t>(axis), size);
      }
      row = row * size + (index < 0 ? index + size : index);
    }
    return row;
  }
};

Addresses addresses(const OpCall& call, int indices, const Shape& target, bool wraps_negative) {
  const Shape& shape = call.shape_in(indices);
  const auto depth = static_cast<std::ptrdiff_t>(shape[0]);
  return {index_reader(call.dtype_in(indices)),
          {target.begin(), target.begin() + depth},
          shape.elements(1, shape.rank()),
          wraps_negative,
          DataRefusal(call)};
}

/// indices.shape[1:] + target.shape[depth:], the shape of what `indices` address in `target`.
Shape addressed(const ShapeInference& shapes, const Shape& indices, const Shape& target) {
  if (!indices.has_rank() || !target.has_rank()) return {};
  if (indices.rank() < 1) shapes.refuse("indices must have at least one dimension");
  if (indices[0] == Shape::unknown) return {};
  if (indices[0] > target.rank()) {
    shapes.refuse("indices {} address {} axes, but shape {} has only {}", indices.str(), indices[0], target.str(),
                  target.rank());
  }
  return joined(part(indices, 1, indices.rank()), part(target, static_cast<int>(indices[0]), target.rank()));
}

Op gather_nd() {
  Op op;
  op.name = "gather_nd";
  op.aliases = {"_npi_gather_nd", "_npx_gather_nd"};
  op.doc = "data[indices[0], indices[1], …]; negative indices count from the end.";
  op.inputs = always({"data", "indices"});
  op.infer_shape = [](ShapeInference& shapes) { shapes.set_out(0, addressed(shapes, shapes.in(1), shapes.in(0))); };
  op.infer_type = [](TypeInference& types) { tie_types(types, {0}); };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    const Addresses from = addresses(call, 1, src, true);
    const std::size_t row = bytes_of(src.elements(static_cast<int>(from.dims.size()), src.rank()), call.dtype_in(0));
    return Kernel{[from, row](const Operands& operands) {
      for (std::int64_t n = 0; n < from.count; ++n) {
        std::memcpy(operands.out<std::byte>() + static_cast<std::size_t>(n) * row,
                    operands.in<std::byte>(0) + static_cast<std::size_t>(from.row(operands.src[1], n)) * row, row);
      }
    }};
  };
  return op;
}

/// dst[indices[0], indices[1], …] = src, over zeros or over a copy of input 0 (`base`).
Kernel scatter_kernel(const OpCall& call, int src, int indices, std::optional<int> base) {
  const Shape& dst = call.shape_out();
  const Addresses to = addresses(call, indices, dst, false);
  const std::size_t row = bytes_of(dst.elements(static_cast<int>(to.dims.size()), dst.rank()), call.dtype_out());
  return {[to, row, src, indices, base, bytes = bytes_of(dst.elements(), call.dtype_out())](const Operands& operands) {
    auto* result = operands.out<std::byte>();
    if (base) {
      std::memcpy(result, operands.in<std::byte>(*base), bytes);
    } else {
      std::memset(result, 0, bytes);
    }
    for (std::int64_t n = 0; n < to.count; ++n) {
      std::memcpy(result + static_cast<std::size_t>(to.row(operands.src[static_cast<std::size_t>(indices)], n)) * row,
                  operands.in<std::byte>(src) + static_cast<std::size_t>(n) * row, row);
    }
  }};
}

Op scatter_nd() {
  Op op;
  op.name = "scatter_nd";
  op.doc = "Zeros of a shape with [indices[0], indices[1], …] set to data.";
  op.inputs = always({"data", "indices"});
  op.attributes = {ints("shape")};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape dst(shapes.attributes().ints("shape"));
    if (!dst.is_known()) shapes.refuse("shape={} has a negative size", dst.str());
    shapes.set_out(0, dst);
    shapes.set_in(0, addressed(shapes, shapes.in(1), dst));
  };
  op.infer_type = [](TypeInference& types) { tie_types(types, {0}); };
  op.reference = [](const OpCall& call) { return scatter_kernel(call, 0, 1, {}); };
  return op;
}

Op scatter_set_nd() {
  Op op;
  op.name = "_scatter_set_nd";
  op.aliases = {"_npi_scatter_set_nd"};
  op.doc = "lhs with [indices[0], indices[1], …] set to rhs.";
  op.inputs = always({"lhs", "rhs", "indices"});
  op.attributes = {ints("shape")};
  op.infer_shape = [](ShapeInference& shapes) {
    shapes.set_out(0, shapes.in(0));
    shapes.set_in(0, shapes.out());
    shapes.set_in(1, addressed(shapes, shapes.in(2), shapes.in(0)));
  };
  op.infer_type = [](TypeInference& types) { tie_types(types, {0, 1}); };
  op.reference = [](const OpCall& call) { return scatter_kernel(call, 1, 2, 0); };
  return op;
}

Op batch_take() {
  Op op;
  op.name = "batch_take";
  op.doc = "dst[i] = a[i, indices[i]]; indices outside are clipped.";
  op.inputs = always({"a", "indices"});
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (src.has_rank() && src.rank() != 2) shapes.refuse("a must be a matrix, but is {}", src.str());
    if (src.has_rank()) shapes.set_in(1, {src[0]});
    shapes.set_out(0, shapes.in(1));
    shapes.set_in(1, shapes.out());
  };
  op.infer_type = [](TypeInference& types) { tie_types(types, {0}); };
  op.reference = [](const OpCall& call) {
    return Kernel{[read = index_reader(call.dtype_in(1)), rows = call.shape_in(0)[0], columns = call.shape_in(0)[1],
                   size = size_of(call.dtype_in(0)), refuse = DataRefusal(call)](const Operands& operands) {
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t index = brought_inside(read(operands.src[1], i), columns, Outside::clip, refuse);
        std::memcpy(operands.out<std::byte>() + static_cast<std::size_t>(i) * size,
                    operands.in<std::byte>(0) + static_cast<std::size_t>(i * columns + index) * size, size);
      }
    }};
  };
  return op;
}

Op index_copy() {
  Op op;
  op.name = "_contrib_index_copy";
  op.doc = "old_tensor with row index_vector[i] replaced by row i of new_tensor.";
  op.inputs = always({"old_tensor", "index_vector", "new_tensor"});
  op.infer_shape = [](ShapeInference& shapes) {
    shapes.set_out(0, shapes.in(0));
    shapes.set_in(0, shapes.out());
    const Shape &dst = shapes.in(0), &indices = shapes.in(1);
    if (indices.has_rank() && indices.rank() != 1)
      shapes.refuse("index_vector must be a vector, but is {}", indices.str());
    if (indices.has_rank() && dst.rank() > 0) shapes.set_in(2, joined(indices, part(dst, 1, dst.rank())));
  };
  op.infer_type = [](TypeInference& types) { tie_types(types, {0, 2}); };
  op.reference = [](const OpCall& call) {
    const Shape& dst = call.shape_out();
    const std::size_t row = bytes_of(dst.elements(1, dst.rank()), call.dtype_out());
    return Kernel{[read = index_reader(call.dtype_in(1)), size = dst[0], count = call.shape_in(1)[0], row,
                   refuse = DataRefusal(call)](const Operands& operands) {
      auto* result = operands.out<std::byte>();
      std::memcpy(result, operands.in<std::byte>(0), static_cast<std::size_t>(size) * row);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t index = brought_inside(read(operands.src[1], i), size, Outside::refuse, refuse);
        std::memcpy(result + static_cast<std::size_t>(index) * row,
                    operands.in<std::byte>(2) + static_cast<std::size_t>(i) * row, row);
      }
    }};
  };
  return op;
}

Op index_array() {
  Op op;
  op.name = "_contrib_index_array";
  op.doc = "Each element's own coordinates on the given axes (all of them without axes), as a new last axis.";
  op.attributes = {ints("axes").or_none()};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    std::int64_t count = src.rank();
    if (shapes.attributes().has("axes"))
      count = std::ssize(resolve_axes(shapes, shapes.attributes().ints("axes"), src.rank()));
    shapes.set_out(0, joined(src, {count}));
  };
  op.infer_type = [](TypeInference& types) { types.set_out(0, DType::int64); };
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    std::vector<std::int64_t> axes;
    if (call.attributes().has("axes")) {
      axes = call.attributes().ints("axes");
    } else {
      for (int axis = 0; axis < src.rank(); ++axis) axes.push_back(axis);
    }
    const auto strides = row_major_strides(src);
    std::vector<std::pair<std::int64_t, std::int64_t>> stride_and_size;
    for (const std::int64_t given : axes) {
      const int axis = from_front(given, src.rank());
      stride_and_size.emplace_back(strides[static_cast<std::size_t>(axis)], src[axis]);
    }
    return Kernel{[stride_and_size, count = src.elements()](const Operands& operands) {
      auto* dst = operands.out<std::int64_t>();
      for (std::int64_t i = 0; i < count; ++i) {
        for (const auto& [stride, size] : stride_and_size) *dst++ = i / stride % size;
      }
    }};
  };
  return op;
}

/// The sizes that flat indices run over; the first one is never needed.
std::vector<std::int64_t> checked_sizes(const ShapeInference& shapes) {
  auto sizes = shapes.attributes().ints("shape");
  if (sizes.empty()) shapes.refuse("shape is missing");
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    if (sizes[i] < 1) shapes.refuse("shape={} must be positive", format_attribute(shapes.attributes().tuple("shape")));
  }
  return sizes;
}

Op index_arithmetic(std::string name, std::string alias, std::string doc) {
  Op op;
  op.name = std::move(name);
  op.aliases = {std::move(alias)};
  op.doc = std::move(doc);
  op.attributes = {ints("shape")};
  return op;
}

Op ravel_multi_index() {
  Op op = index_arithmetic("_ravel_multi_index", "ravel_multi_index",
                           "Flat positions of the coordinates in data's columns, in a tensor of `shape`.");
  op.infer_shape = [](ShapeInference& shapes) {
    const std::int64_t depth = std::ssize(checked_sizes(shapes));
    const Shape& src = shapes.in(0);
    if (!src.has_rank()) return;
    if (src.rank() < 1) shapes.refuse("data must have at least one dimension");
    shapes.set_out(0, part(src, 1, src.rank()));
    shapes.set_in(0, joined({depth}, shapes.out()));
  };
  op.reference = [](const OpCall& call) {
    return dispatch(call.dtype_in(0), [&]<class T>() {
      return Kernel{[sizes = call.attributes().ints("shape"), count = call.shape_out().elements(),
                     read = index_reader(call.dtype_in(0))](const Operands& operands) {
        for (std::int64_t n = 0; n < count; ++n) {
          std::int64_t flat = 0;
          for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
            flat = flat * sizes[axis] + read(operands.src[0], static_cast<std::int64_t>(axis) * count + n);
          }
          operands.out<T>()[n] = store<T>(flat);
        }
      }};
    });
  };
  return op;
}

Op unravel_index() {
  Op op = index_arithmetic("_unravel_index", "unravel_index",
                           "Coordinates, as columns, of flat positions in a tensor of `shape`.");
  op.infer_shape = [](ShapeInference& shapes) {
    const std::int64_t depth = std::ssize(checked_sizes(shapes));
    if (shapes.in(0).has_rank()) shapes.set_out(0, joined({depth}, shapes.in(0)));
    const Shape dst = shapes.out();
    if (dst.rank() > 0) shapes.set_in(0, part(dst, 1, dst.rank()));
  };
  op.reference = [](const OpCall& call) {
    return dispatch(call.dtype_in(0), [&]<class T>() {
      return Kernel{[sizes = call.attributes().ints("shape"), count = call.shape_in(0).elements(),
                     read = index_reader(call.dtype_in(0))](const Operands& operands) {
        for (std::int64_t n = 0; n < count; ++n) {
          std::int64_t flat = read(operands.src[0], n);
          for (std::size_t axis = sizes.size(); axis-- > 0;) {
            const bool outermost = axis == 0;
            operands.out<T>()[static_cast<std::int64_t>(axis) * count + n] =
                store<T>(outermost ? flat : flat % sizes[axis]);
            if (!outermost) flat /= sizes[axis];
          }
        }
      }};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> indexing_ops() {
  return {
      take(),
      embedding("Embedding", {"_npx_embedding", "_sparse_Embedding"}),
      embedding("_contrib_SparseEmbedding", {}),
      one_hot(),
      gather_nd(),
      scatter_nd(),
      scatter_set_nd(),
      batch_take(),
      index_copy(),
      index_array(),
      ravel_multi_index(),
      unravel_index(),
  };
}

}  // namespace tenon
