// Boxes: non-maximum suppression, overlap, decoding, matching.

#include <cmath>

#include "core/dispatch.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

AttributeSpec box_format(std::string name, const char* fallback) {
  return choice(std::move(name), {"corner", "center"}).or_else(std::string(fallback));
}

/// Corner: (xmin, ymin, xmax, ymax). Center: (x, y, width, height).
enum class Format { corner, center };

Format format_of(const Attributes& attributes, const char* name) {
  return attributes.text(name) == "corner" ? Format::corner : Format::center;
}

/// The length both boxes share along one axis; a and b point to that axis' first number.
template <class T, class A = arithmetic_t<T>>
A shared_length(const T* a, const T* b, Format format) {
  const auto low = [&](const T* box) {
    return format == Format::corner ? load(box[0]) : load(box[0]) - load(box[2]) / 2;
  };
  const auto high = [&](const T* box) {
    return format == Format::corner ? load(box[2]) : load(box[0]) + load(box[2]) / 2;
  };
  const A length = std::min(high(a), high(b)) - std::max(low(a), low(b));
  return length > 0 ? length : A{0};
}

template <class T, class A = arithmetic_t<T>>
A area(const T* box, Format format) {
  const A width = format == Format::corner ? load(box[2]) - load(box[0]) : load(box[2]);
  const A height = format == Format::corner ? load(box[3]) - load(box[1]) : load(box[3]);
  return width < 0 || height < 0 ? A{0} : width * height;
}

/// Intersection over union. Two empty boxes give NaN, which no threshold exceeds.
template <class T, class A = arithmetic_t<T>>
A overlap(const T* a, const T* b, Format format) {
  const A shared = shared_length(a, b, format) * shared_length(a + 1, b + 1, format);
  return shared / (area(a, format) + area(b, format) - shared);
}

// box_nms.

void infer_nms_shape(ShapeInference& shapes) {
  shapes.set_in(0, shapes.out());
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return;
  if (data.rank() < 2) shapes.refuse("'data' has shape {}, but (…, boxes, width) is expected", data.str());
  const Attributes& attributes = shapes.attributes();
  const std::int64_t id = attributes.integer("id_index"), score = attributes.integer("score_index"),
                     box = attributes.integer("coord_start"), width = data[data.rank() - 1];
  Shape record = data;
  record[data.rank() - 1] = 1;
  shapes.set_out(0, data);
  shapes.set_out(1, record);
  if (width == Shape::unknown) return;
  const std::int64_t needed = id >= 0 ? 6 : 5;
  if (width < needed) {
    shapes.refuse("'data' has shape {}, but its rows need {} values at least: 4 coordinates, a score{}", data.str(),
                  needed, id >= 0 ? " and a class" : "");
  }
  const auto check = [&](const char* name, std::int64_t index, std::int64_t count) {
    if (index < 0 || index + count > width) {
      shapes.refuse("{} is {}, which lies outside of the {} values of a row", name, index, width);
    }
    if (count == 1 && index >= box && index < box + 4) {
      shapes.refuse("{} is {}, which lies among the coordinates {} to {}", name, index, box, box + 3);
    }
  };
  check("coord_start", box, 4);
  check("score_index", score, 1);
  if (id >= 0) check("id_index", id, 1);
  if (id == score) shapes.refuse("id_index and score_index are both {}", id);
}

struct NmsParameters {
  explicit NmsParameters(const Attributes& attributes)
      : overlap_threshold(static_cast<float>(attributes.real("overlap_thresh"))),
        valid_threshold(static_cast<float>(attributes.real("valid_thresh"))),
        topk(attributes.integer("topk")),
        box(attributes.integer("coord_start")),
        score(attributes.integer("score_index")),
        id(attributes.integer("id_index")),
        background(attributes.integer("background_id")),
        force_suppress(attributes.flag("force_suppress")),
        in(format_of(attributes, "in_format")),
        out(format_of(attributes, "out_format")) {}
  float overlap_threshold, valid_threshold;
  std::int64_t topk, box, score, id, background;
  bool force_suppress;
  Format in, out;
};

/// Converts one box; MXNet leaves boxes that begin left of zero as they are.
template <class T, class A = arithmetic_t<T>>
void convert(T* box, Format to) {
  if (load(box[0]) < 0) return;
  for (int axis = 0; axis < 2; ++axis) {
    const A first = load(box[axis]), second = load(box[axis + 2]);
    box[axis] = store<T>(to == Format::center ? (first + second) / 2 : first - second / 2);
    box[axis + 2] = store<T>(to == Format::center ? second - first : first + second / 2);
  }
}

template <class T>
class BoxNms {
 public:
  explicit BoxNms(const OpCall& call) : parameters_(call.attributes()) {
    const Shape& data = call.shape_in(0);
    batch_ = data.elements(0, data.rank() - 2);
    boxes_ = data[data.rank() - 2];
    width_ = data[data.rank() - 1];
    topk_ = parameters_.topk < 0 ? boxes_ : std::min(boxes_, parameters_.topk);
  }

  std::size_t workspace_bytes() const { return static_cast<std::size_t>(boxes_) * (sizeof(A) + sizeof(std::int32_t)); }

  void operator()(const Operands& operands) const {
    T* record = operands.out<T>(1);
    const std::int64_t rows = batch_ * boxes_;
    if (topk_ == 0) {
      std::copy_n(operands.in<T>(0), rows * width_, operands.out<T>());
      for (std::int64_t i = 0; record != nullptr && i < rows; ++i) record[i] = store<T>(i);
      return;
    }
    std::fill_n(operands.out<T>(), rows * width_, store<T>(-1));
    if (record != nullptr) std::fill_n(record, rows, store<T>(-1));
    for (std::int64_t n = 0; n < batch_; ++n) run_one(operands, n);
  }

 private:
  using A = arithmetic_t<T>;

  bool valid(const T* row) const {
    return load(row[parameters_.score]) > parameters_.valid_threshold &&
           (parameters_.id < 0 || load(row[parameters_.id]) != static_cast<A>(parameters_.background));
  }

  bool rivals(const T* a, const T* b) const {
    return parameters_.force_suppress || parameters_.id < 0 ||
           to_index(load(a[parameters_.id])) == to_index(load(b[parameters_.id]));
  }

  void run_one(const Operands& operands, std::int64_t n) const {
    const T* src = operands.in<T>(0) + n * boxes_ * width_;
    A* scores = reinterpret_cast<A*>(operands.workspace);
    auto* order = reinterpret_cast<std::int32_t*>(scores + boxes_);
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < boxes_; ++i) {
      scores[i] = load(src[i * width_ + parameters_.score]);
      if (valid(src + i * width_)) order[count++] = static_cast<std::int32_t>(i);
    }
    sort_by_score(order, order + count, scores);
    count = std::min(count, topk_);

    constexpr std::int32_t suppressed = -1;
    T* dst = operands.out<T>() + n * boxes_ * width_;
    T* record = operands.out<T>(1) == nullptr ? nullptr : operands.out<T>(1) + n * boxes_;
    for (std::int64_t i = 0; i < count; ++i) {
      if (order[i] == suppressed) continue;
      const T* row = src + order[i] * width_;
      for (std::int64_t j = i + 1; j < count; ++j) {
        if (order[j] == suppressed) continue;
        const T* other = src + order[j] * width_;
        if (!rivals(row, other)) continue;
        if (overlap(row + parameters_.box, other + parameters_.box, parameters_.in) > parameters_.overlap_threshold) {
          order[j] = suppressed;
        }
      }
      std::copy_n(row, width_, dst);
      if (parameters_.in != parameters_.out) convert(dst + parameters_.box, parameters_.out);
      dst += width_;
      if (record != nullptr) *record++ = store<T>(n * boxes_ + order[i]);
    }
  }

  NmsParameters parameters_;
  std::int64_t batch_ = 0, boxes_ = 0, width_ = 0, topk_ = 0;
};

Op box_nms() {
  Op op;
  op.name = "_contrib_box_nms";
  op.aliases = {"_contrib_box_non_maximum_suppression"};
  op.doc = "Keeps boxes in the order of their scores, each unless it overlaps a kept one; the other rows become -1.";
  op.outputs = always({"output0", "output1"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {
      real("overlap_thresh").or_else(0.5),  real("valid_thresh").or_else(0.0),        integer("topk").or_else(-1),
      integer("coord_start").or_else(2),    integer("score_index").or_else(1),        integer("id_index").or_else(-1),
      integer("background_id").or_else(-1), boolean("force_suppress").or_else(false), box_format("in_format", "corner"),
      box_format("out_format", "corner"),
  };
  op.infer_shape = infer_nms_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      const BoxNms<T> nms(call);
      return Kernel{nms, nms.workspace_bytes()};
    });
  };
  return op;
}

// box_iou.

/// Refuses boxes that are not (…, 4).
bool has_boxes(ShapeInference& shapes, int i) {
  const Shape& shape = shapes.in(i);
  if (!shape.has_rank()) return false;
  const std::int64_t last = shape.rank() == 0 ? 0 : shape[shape.rank() - 1];
  if (shape.rank() < 2 || (last != 4 && last != Shape::unknown)) {
    shapes.refuse("input {} has shape {}, but boxes of shape (…, 4) are expected", i, shape.str());
  }
  return true;
}

Op box_iou() {
  Op op;
  op.name = "_contrib_box_iou";
  op.doc = "dst[i, j] = intersection over union of boxes lhs[i] and rhs[j].";
  op.inputs = always({"lhs", "rhs"});
  op.attributes = {box_format("format", "corner")};
  op.infer_shape = [](ShapeInference& shapes) {
    if (!has_boxes(shapes, 0) || !has_boxes(shapes, 1)) return;
    std::vector<std::int64_t> dims(shapes.in(0).begin(), shapes.in(0).end() - 1);
    dims.insert(dims.end(), shapes.in(1).begin(), shapes.in(1).end() - 1);
    shapes.set_out(0, Shape(std::move(dims)));
  };
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      return Kernel{[rows = call.shape_in(0).elements() / 4, columns = call.shape_in(1).elements() / 4,
                     format = format_of(call.attributes(), "format")](const Operands& operands) {
        T* dst = operands.out<T>();
        for (std::int64_t i = 0; i < rows; ++i) {
          for (std::int64_t j = 0; j < columns; ++j) {
            const auto ratio = overlap(operands.in<T>(0) + 4 * i, operands.in<T>(1) + 4 * j, format);
            *dst++ = store<T>(ratio > 0 ? ratio : 0);
          }
        }
      }};
    });
  };
  return op;
}

// box_decode.

template <class T>
Kernel make_decode(const OpCall& call) {
  using A = arithmetic_t<T>;
  const Attributes& attributes = call.attributes();
  const auto number = [&](const char* name) { return static_cast<A>(static_cast<float>(attributes.real(name))); };
  return {[batch = call.shape_in(0)[0], boxes = call.shape_in(0)[1], clip = number("clip"),
           deviations = std::array{number("std0"), number("std1"), number("std2"), number("std3")},
           format = format_of(attributes, "format")](const Operands& operands) {
    for (std::int64_t i = 0; i < batch * boxes; ++i) {
      const T* anchor = operands.in<T>(1) + i % boxes * 4;
      const T* src = operands.in<T>(0) + i * 4;
      T* dst = operands.out<T>() + i * 4;
      for (std::size_t axis = 0; axis < 2; ++axis) {
        A centre = load(anchor[axis]), size = load(anchor[axis + 2]);
        if (format == Format::corner) {
          size -= centre;
          centre += size / 2;
        }
        const A middle = load(src[axis]) * deviations[axis] * size + centre;
        A growth = load(src[axis + 2]) * deviations[axis + 2];
        if (clip > 0) growth = std::min(growth, clip);
        const A half = std::exp(growth) * size / 2;
        dst[axis] = store<T>(middle - half);
        dst[axis + 2] = store<T>(middle + half);
      }
    }
  }};
}

Op box_decode() {
  Op op;
  op.name = "_contrib_box_decode";
  op.doc = "Anchors (1, N, 4) moved and scaled by predictions (B, N, 4); the result is in corners.";
  op.inputs = always({"data", "anchors"});
  op.attributes = {
      real("std0").or_else(1.0), real("std1").or_else(1.0),  real("std2").or_else(1.0),
      real("std3").or_else(1.0), real("clip").or_else(-1.0), box_format("format", "center"),
  };
  op.infer_shape = [](ShapeInference& shapes) {
    shapes.set_in(0, shapes.out());
    if (!has_rank(shapes, 0, 3, "(batch, boxes, 4)")) return;
    shapes.set_in(0, Shape{Shape::unknown, Shape::unknown, 4});
    shapes.set_in(1, Shape{1, shapes.in(0)[1], 4});
    shapes.set_out(0, shapes.in(0));
  };
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() { return make_decode<T>(call); });
  };
  return op;
}

// bipartite_matching.

template <class T>
class BipartiteMatching {
 public:
  explicit BipartiteMatching(const OpCall& call)
      : ascending_(call.attributes().flag("is_ascend")),
        threshold_(static_cast<float>(call.attributes().real("threshold"))),
        topk_(call.attributes().integer("topk")) {
    const Shape& data = call.shape_in(0);
    rows_ = data[data.rank() - 2];
    columns_ = data[data.rank() - 1];
    batch_ = data.elements(0, data.rank() - 2);
  }

  std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(rows_ * columns_) * (sizeof(A) + sizeof(std::int32_t));
  }

  void operator()(const Operands& operands) const {
    const std::int64_t pairs = rows_ * columns_;
    A* scores = reinterpret_cast<A*>(operands.workspace);
    auto* order = reinterpret_cast<std::int32_t*>(scores + pairs);
    for (std::int64_t n = 0; n < batch_; ++n) {
      const T* src = operands.in<T>(0) + n * pairs;
      for (std::int64_t i = 0; i < pairs; ++i) {
        scores[i] = ascending_ ? -load(src[i]) : load(src[i]);
        order[i] = static_cast<std::int32_t>(i);
      }
      sort_by_score(order, order + pairs, scores);
      match(scores, order, operands.out<T>(0) + n * rows_, operands.out<T>(1) + n * columns_);
    }
  }

 private:
  using A = arithmetic_t<T>;

  void match(const A* scores, const std::int32_t* order, T* row_match, T* column_match) const {
    std::fill_n(row_match, rows_, store<T>(-1));
    std::fill_n(column_match, columns_, store<T>(-1));
    const A threshold = ascending_ ? -threshold_ : threshold_;
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < rows_ * columns_; ++i) {
      const std::int64_t row = order[i] / columns_, column = order[i] % columns_;
      if (load(row_match[row]) != -1 || load(column_match[column]) != -1) continue;
      if (!(scores[order[i]] > threshold)) return;
      row_match[row] = store<T>(column);
      column_match[column] = store<T>(row);
      // MXNet stops after topk + 1 matches.
      if (++count > topk_ && topk_ > 0) return;
    }
  }

  bool ascending_;
  float threshold_;
  std::int64_t topk_, rows_ = 0, columns_ = 0, batch_ = 0;
};

Op bipartite_matching() {
  Op op;
  op.name = "_contrib_bipartite_matching";
  op.doc = "Greedy matching of rows and columns by score: for each row its column, for each column its row, or -1.";
  op.outputs = always({"output0", "output1"});
  op.attributes = {boolean("is_ascend").or_else(false), real("threshold"), integer("topk").or_else(-1)};
  op.infer_shape = [](ShapeInference& shapes) {
    const Shape& data = shapes.in(0);
    if (!data.has_rank()) return;
    if (data.rank() < 2) shapes.refuse("'data' has shape {}, but (…, rows, columns) is expected", data.str());
    std::vector<std::int64_t> dims(data.begin(), data.end() - 1);
    shapes.set_out(0, Shape(dims));
    dims.back() = data[data.rank() - 1];
    shapes.set_out(1, Shape(dims));
  };
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      const BipartiteMatching<T> matching(call);
      return Kernel{matching, matching.workspace_bytes()};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> box_ops() {
  return {box_nms(), box_iou(), box_decode(), bipartite_matching()};
}

}  // namespace tenon
