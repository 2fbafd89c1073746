// Sums of products over named axes: _npi_einsum, _npi_tensordot, _npi_tensordot_int_axes.

#include <algorithm>
#include <map>
#include <span>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/kernel_form.h"
#include "ops/registry.h"
#include "ops/rules.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

/// One letter of "ij,jk->ik" for each axis: the operands', and the output's.
struct Subscripts {
  std::vector<std::string> operands;
  std::string dst;
};

/// Reads the text form; empty where it is none. Without "->" the output has the letters that occur once, in
/// alphabetical order.
std::optional<Subscripts> parse_subscripts(std::string text) {
  std::erase(text, ' ');
  Subscripts subscripts{{""}, ""};
  std::string letters;
  const std::size_t arrow = text.find("->");
  for (const char c : text.substr(0, arrow)) {
    if (c == ',') {
      subscripts.operands.emplace_back();
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      subscripts.operands.back() += c;
      letters += c;
    } else {
      return {};
    }
  }
  if (arrow != std::string::npos) {
    for (const char c : text.substr(arrow + 2)) {
      if (letters.find(c) == std::string::npos || subscripts.dst.find(c) != std::string::npos) return {};
      subscripts.dst += c;
    }
    return subscripts;
  }
  std::sort(letters.begin(), letters.end());
  for (const char c : letters) {
    if (std::count(letters.begin(), letters.end(), c) == 1) subscripts.dst += c;
  }
  return subscripts;
}

/// The loops, run. `at` is where each operand is read.
struct Contraction : ContractionForm {
  template <class T>
  arithmetic_t<T> sum(std::size_t loop, const Operands& operands, std::span<std::int64_t> at) const {
    arithmetic_t<T> result = 0;
    if (loop < loops.size()) {
      walk(loop, at, [&](std::int64_t) { result += sum<T>(loop + 1, operands, at); });
      return result;
    }
    result = 1;
    for (std::size_t i = 0; i < at.size(); ++i) result *= load(static_cast<const T*>(operands.src[i])[at[i]]);
    return result;
  }

  template <class T>
  void run(std::size_t loop, const Operands& operands, std::span<std::int64_t> at, T* dst) const {
    if (loop == kept) {
      *dst = store<T>(sum<T>(loop, operands, at));
    } else {
      walk(loop, at, [&](std::int64_t i) { run(loop + 1, operands, at, dst + i * loops[loop].dst); });
    }
  }

  /// Calls step(i) with the positions moved along the loop, and moves them back.
  void walk(std::size_t loop, std::span<std::int64_t> at, const auto& step) const {
    const Loop& axis = loops[loop];
    for (std::int64_t i = 0; i < axis.extent; ++i) {
      step(i);
      for (std::size_t k = 0; k < at.size(); ++k) at[k] += axis.src[k];
    }
    for (std::size_t k = 0; k < at.size(); ++k) at[k] -= axis.extent * axis.src[k];
  }
};

Contraction contraction(const OpCall& call, const Subscripts& subscripts) {
  std::string letters = subscripts.dst;
  for (const std::string& operand : subscripts.operands) {
    for (const char c : operand) {
      if (letters.find(c) == std::string::npos) letters += c;
    }
  }
  Contraction result{{{}, subscripts.dst.size()}};
  const auto dst_strides = row_major_strides(call.shape_out());
  for (const char c : letters) {
    ContractionForm::Loop loop{0, std::vector<std::int64_t>(call.inputs.size(), 0), 0};
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
      const auto strides = row_major_strides(call.inputs[i].shape);
      for (std::size_t axis = 0; axis < strides.size(); ++axis) {
        if (subscripts.operands[i][axis] != c) continue;
        loop.extent = call.inputs[i].shape[static_cast<int>(axis)];
        loop.src[i] += strides[axis];
      }
    }
    if (result.loops.size() < result.kept) loop.dst = dst_strides[result.loops.size()];
    result.loops.push_back(std::move(loop));
  }
  return result;
}

/// Sizes by letter; refuses operands that disagree.
void infer_contraction(ShapeInference& shapes, const Subscripts& subscripts) {
  std::map<char, std::int64_t> sizes;
  for (int i = 0; i < shapes.inputs(); ++i) {
    const Shape& src = shapes.in(i);
    const std::string& letters = subscripts.operands[static_cast<std::size_t>(i)];
    if (!src.is_known()) return;
    if (std::ssize(letters) != src.rank()) {
      shapes.refuse("input {} has shape {}, but subscripts '{}'", i, src.str(), letters);
    }
    for (int axis = 0; axis < src.rank(); ++axis) {
      const auto [entry, fresh] = sizes.emplace(letters[static_cast<std::size_t>(axis)], src[axis]);
      if (entry->second != src[axis]) {
        shapes.refuse("axis {} of input {} has size {}, but '{}' has size {} before", axis, i, src[axis], entry->first,
                      entry->second);
      }
    }
  }
  std::vector<std::int64_t> dims;
  for (const char c : subscripts.dst) dims.push_back(sizes.at(c));
  shapes.set_out(0, Shape(dims));
}

Kernel contraction_kernel(const OpCall& call, const Subscripts& subscripts) {
  return dispatch_float(call.dtype_out(), call.node.op_name(), [&]<class T>() {
    const std::size_t count = call.inputs.size();
    const Contraction loops = contraction(call, subscripts);
    const auto run = [count, c = loops](const Operands& operands) {
      const std::span<std::int64_t> at(reinterpret_cast<std::int64_t*>(operands.workspace), count);
      std::fill(at.begin(), at.end(), 0);
      c.run<T>(0, operands, at, operands.out<T>());
    };
    return Kernel{run, count * sizeof(std::int64_t), std::make_shared<KernelForm>(KernelForm{ContractionForm(loops)})};
  });
}

Op einsum() {
  Op op;
  op.name = "_npi_einsum";
  op.doc = "The product of the inputs, summed over the letters that the output does not have.";
  op.inputs = counted();
  op.attributes = {integer("num_args").at_least(1), text("subscripts").or_else(std::string()),
                   integer("optimize").or_else(0)};
  op.infer_shape = [](ShapeInference& shapes) {
    const std::string& text = shapes.attributes().text("subscripts");
    const auto subscripts = parse_subscripts(text);
    if (!subscripts || std::ssize(subscripts->operands) != shapes.inputs()) {
      shapes.refuse("subscripts='{}' must give a letter for each axis of {} inputs, as in 'ij,jk->ik'", text,
                    shapes.inputs());
    }
    infer_contraction(shapes, *subscripts);
  };
  op.reference = [](const OpCall& call) {
    return contraction_kernel(call, *parse_subscripts(call.attributes().text("subscripts")));
  };
  return op;
}

/// tensordot as subscripts: a's axes are 'a', 'b', …; b's summed axes take the letters of a's, its others new ones.
Subscripts tensordot_subscripts(int a_rank, int b_rank, const std::vector<std::int64_t>& a_axes,
                                const std::vector<std::int64_t>& b_axes) {
  Subscripts subscripts{{"", std::string(static_cast<std::size_t>(b_rank), ' ')}, ""};
  char letter = 'a';
  for (int axis = 0; axis < a_rank; ++axis) subscripts.operands[0] += letter++;
  for (std::size_t i = 0; i < a_axes.size(); ++i) {
    subscripts.operands[1][static_cast<std::size_t>(from_front(b_axes[i], b_rank))] =
        subscripts.operands[0][static_cast<std::size_t>(from_front(a_axes[i], a_rank))];
  }
  for (const char c : subscripts.operands[0]) {
    if (subscripts.operands[1].find(c) == std::string::npos) subscripts.dst += c;
  }
  for (char& c : subscripts.operands[1]) {
    if (c == ' ') subscripts.dst += c = letter++;
  }
  return subscripts;
}

/// The axes that a tensordot sums over: lists, or with `axes` the last so many of a and the first so many of b.
struct SummedAxes {
  std::vector<std::int64_t> a, b;
};
SummedAxes summed_axes(const Attributes& attributes, int a_rank) {
  if (!attributes.all().contains("axes")) return {attributes.ints("a_axes_summed"), attributes.ints("b_axes_summed")};
  SummedAxes axes;
  for (std::int64_t i = 0; i < attributes.integer("axes"); ++i) {
    axes.a.push_back(a_rank - attributes.integer("axes") + i);
    axes.b.push_back(i);
  }
  return axes;
}

Op tensordot(std::string name, std::vector<AttributeSpec> attributes) {
  Op op;
  op.name = std::move(name);
  op.doc = "The product of a and b, summed over pairs of their axes; a's other axes come first.";
  op.inputs = always({"a", "b"});
  op.attributes = std::move(attributes);
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape &a = shapes.in(0), &b = shapes.in(1);
    if (!a.has_rank() || !b.has_rank()) return;
    const SummedAxes axes = summed_axes(shapes.attributes(), a.rank());
    if (axes.a.size() != axes.b.size()) {
      shapes.refuse("{} axes of a, but {} of b are summed", axes.a.size(), axes.b.size());
    }
    resolve_axes(shapes, axes.a, a.rank());
    resolve_axes(shapes, axes.b, b.rank());
    infer_contraction(shapes, tensordot_subscripts(a.rank(), b.rank(), axes.a, axes.b));
  };
  op.reference = [](const OpCall& call) {
    const int a_rank = call.shape_in(0).rank();
    const SummedAxes axes = summed_axes(call.attributes(), a_rank);
    return contraction_kernel(call, tensordot_subscripts(a_rank, call.shape_in(1).rank(), axes.a, axes.b));
  };
  return op;
}

}  // namespace

std::vector<Op> einsum_ops() {
  return {
      einsum(),
      tensordot("_npi_tensordot", {ints("a_axes_summed"), ints("b_axes_summed")}),
      tensordot("_npi_tensordot_int_axes", {integer("axes").at_least(0).at_most(32)}),
  };
}

}  // namespace tenon
