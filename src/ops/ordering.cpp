// Operators that sort along one axis: topk, sort, argsort.

#include <algorithm>

#include "ops/axes.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// The sorted axis; a None axis sorts the flattened tensor.
struct SortAxis {
  Shape src;
  int axis;
};

template <class Window>
SortAxis sort_axis(const Window& window, const Shape& src) {
  if (window.attributes().has("axis")) return {src, normal_axis(window, window.attributes().integer("axis"), src)};
  return {src.is_known() ? Shape{src.elements()} : Shape::of_rank(1), 0};
}

/// How many of the sorted axis topk keeps: all when k is not positive.
template <class Window>
std::int64_t kept_count(const Window& window, const SortAxis& along) {
  const std::int64_t k = window.attributes().integer("k"), size = along.src[along.axis];
  if (size != Shape::unknown && k > size) {
    window.refuse("k={} is greater than the {} elements along axis {} of shape {}", k, size, along.axis,
                  along.src.str());
  }
  return k > 0 ? k : size;
}

/// Which outputs of an operator get what; -1 for nothing. The first `count` of each sorted line are kept.
struct SortOutputs {
  std::int64_t count;
  int values = -1, positions = -1;
  int mask = -1;  ///< of the source's shape: 1 where an element is kept, else 0
};

template <class A>
struct SortItem {
  A key;
  std::int64_t position;
};

/// NaN goes behind all numbers; equal ones keep their order.
template <class A>
bool stands_before(const SortItem<A>& a, const SortItem<A>& b, bool ascending) {
  const bool a_nan = a.key != a.key, b_nan = b.key != b.key;
  if (a_nan || b_nan) return a_nan == b_nan ? a.position < b.position : b_nan;
  if (a.key == b.key) return a.position < b.position;
  return (a.key < b.key) == ascending;
}

/// Writes element `index` of an output, unless nobody asked for it.
template <class A>
struct SortWriter {
  int output = -1;
  Writer<A> write = nullptr;

  SortWriter(const OpCall& call, int which) : output(which) {
    if (which >= 0) write = writer<A>(call.dtype_out(which));
  }
  void put(const Operands& operands, std::int64_t index, A value) const {
    if (output < 0) return;
    if (void* dst = operands.dst[static_cast<std::size_t>(output)]; dst != nullptr) write(dst, index, 1, &value);
  }
};

/// Sorts each line along the axis in the workspace, which holds one line.
Kernel sort_kernel(const OpCall& call, const SortAxis& along, const SortOutputs& outputs) {
  const AxisMask mask = one_axis(along.axis, along.src);
  Shape kept = along.src;
  kept[along.axis] = outputs.count;
  return dispatch_accumulator(call.dtype_in(0), [&]<class A>() {
    const Reduction lines(along.src, mask);
    const auto run = [lines, kept_lines = Reduction(kept, mask), ascending = call.attributes().flag("is_ascend"),
                      read = reader<A>(call.dtype_in(0)), count = outputs.count,
                      values = SortWriter<A>(call, outputs.values),
                      positions = SortWriter<std::int64_t>(call, outputs.positions),
                      chosen = SortWriter<std::int64_t>(call, outputs.mask)](const Operands& operands) {
      const std::span items(reinterpret_cast<SortItem<A>*>(operands.workspace), static_cast<std::size_t>(lines.terms));
      for (std::int64_t line = 0; line < lines.results; ++line) {
        std::int64_t read_so_far = 0;
        lines.visit<A>(line, read, operands.src[0], [&](A key) {
          items[static_cast<std::size_t>(read_so_far)] = {key, read_so_far};
          ++read_so_far;
        });
        std::sort(items.begin(), items.end(),
                  [ascending](const auto& a, const auto& b) { return stands_before(a, b, ascending); });
        for (std::int64_t i = 0; i < lines.terms; ++i) {
          const SortItem<A>& item = items[static_cast<std::size_t>(i)];
          chosen.put(operands, lines.begin(line) + lines.term(item.position), i < count);
          if (i >= count) continue;
          const std::int64_t to = kept_lines.begin(line) + kept_lines.term(i);
          values.put(operands, to, item.key);
          positions.put(operands, to, item.position);
        }
      }
    };
    return Kernel{run, static_cast<std::size_t>(lines.terms) * sizeof(SortItem<A>)};
  });
}

AttributeSpec index_dtype() {
  return dtype_choice("dtype", {"float16", "float32", "float64", "int32", "int64", "uint8"})
      .or_else(std::string("float32"));
}

/// Data in, values of the data's type or indices of type `dtype` out.
void topk_type(TypeInference& types) {
  const std::string& wanted = types.attributes().text("ret_typ");
  if (wanted == "indices") return types.set_out(0, types.attributes().dtype("dtype"));
  types.set_out(0, types.in(0));
  types.set_in(0, types.out(0));
  if (types.outputs() > 1) types.set_out(1, types.attributes().dtype("dtype"));
}

void topk_shape(ShapeInference& shapes) {
  if (!shapes.in(0).has_rank()) return;
  SortAxis along = sort_axis(shapes, shapes.in(0));
  const std::int64_t count = kept_count(shapes, along);
  if (shapes.attributes().text("ret_typ") == "mask") return shapes.set_out(0, shapes.in(0));
  along.src[along.axis] = count;
  for (int i = 0; i < shapes.outputs(); ++i) shapes.set_out(i, along.src);
}

/// Values come with their indices, which are hidden unless both are wanted.
bool has_values(const Attributes& attributes) {
  return attributes.text("ret_typ") == "value" || attributes.text("ret_typ") == "both";
}

Op topk_op() {
  Op op;
  op.name = "topk";
  op.aliases = {"_npx_topk"};
  op.doc =
      "The k greatest (or least) along the axis: their values, their indices, both, or a mask of where they stand.";
  op.outputs = [](const Attributes& attributes) {
    return has_values(attributes) ? std::vector<std::string>{"output0", "output1"} : std::vector<std::string>{"output"};
  };
  op.visible_outputs = [](const Attributes& attributes) { return attributes.text("ret_typ") == "both" ? 2 : 1; };
  op.attributes = {integer("axis").or_none().or_else(std::int64_t{-1}), integer("k").or_else(std::int64_t{1}),
                   choice("ret_typ", {"value", "indices", "mask", "both"}).or_else(std::string("indices")),
                   boolean("is_ascend").or_else(false), index_dtype()};
  op.infer_shape = topk_shape;
  op.infer_type = topk_type;
  op.reference = [](const OpCall& call) {
    const SortAxis along = sort_axis(KernelWindow{call}, call.shape_in(0));
    SortOutputs outputs{kept_count(KernelWindow{call}, along)};
    const std::string& wanted = call.attributes().text("ret_typ");
    if (wanted == "mask") {
      outputs.mask = 0;
    } else if (wanted == "indices") {
      outputs.positions = 0;
    } else {
      outputs.values = 0;
      outputs.positions = 1;
    }
    return sort_kernel(call, along, outputs);
  };
  return op;
}

void sort_shape(ShapeInference& shapes) {
  if (!shapes.in(0).has_rank()) return;
  const SortAxis along = sort_axis(shapes, shapes.in(0));
  for (int i = 0; i < shapes.outputs(); ++i) shapes.set_out(i, along.src);
}

Op sort_op() {
  Op op;
  op.name = "sort";
  op.aliases = {"_npi_sort"};
  op.doc = "The elements sorted along the axis.";
  op.outputs = always({"output0", "output1"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {integer("axis").or_none().or_else(std::int64_t{-1}), boolean("is_ascend").or_else(true)};
  op.infer_shape = sort_shape;
  op.infer_type = [](TypeInference& types) {
    types.set_out(0, types.in(0));
    types.set_in(0, types.out(0));
    types.set_out(1, DType::int32);
  };
  op.reference = [](const OpCall& call) {
    if (call.dtype_in(0) == DType::float16) {
      call.refuse(ErrorCode::unsupported,
                  "'data' {} is float16, which sort does not take on the CPU; Cast it to float32",
                  call.shape_in(0).str());
    }
    const SortAxis along = sort_axis(KernelWindow{call}, call.shape_in(0));
    return sort_kernel(call, along, {.count = along.src[along.axis], .values = 0, .positions = 1});
  };
  return op;
}

Op argsort_op() {
  Op op;
  op.name = "argsort";
  op.aliases = {"_npi_argsort"};
  op.doc = "Where the sorted elements stood along the axis; float32 unless dtype says otherwise.";
  op.attributes = {integer("axis").or_none().or_else(std::int64_t{-1}), boolean("is_ascend").or_else(true),
                   index_dtype()};
  op.infer_shape = sort_shape;
  op.infer_type = [](TypeInference& types) { types.set_out(0, types.attributes().dtype("dtype")); };
  op.reference = [](const OpCall& call) {
    const SortAxis along = sort_axis(KernelWindow{call}, call.shape_in(0));
    return sort_kernel(call, along, {.count = along.src[along.axis], .positions = 0});
  };
  return op;
}

}  // namespace

std::vector<Op> ordering_ops() {
  return {topk_op(), sort_op(), argsort_op()};
}

}  // namespace tenon
