// Anchors and detections of SSD.

#include <cmath>

#include "core/dispatch.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

// MultiBoxPrior.

void infer_prior_shape(ShapeInference& shapes) {
  const Attributes& attributes = shapes.attributes();
  if (attributes.reals("sizes").empty() || attributes.reals("ratios").empty()) {
    shapes.refuse("sizes has {} and ratios has {} items, but each needs one at least", attributes.reals("sizes").size(),
                  attributes.reals("ratios").size());
  }
  for (const char* name : {"steps", "offsets"}) {
    if (attributes.reals(name).size() != 2) {
      shapes.refuse("{} has {} items, but (y, x) is expected", name, attributes.reals(name).size());
    }
  }
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return;
  if (data.rank() < 4) shapes.refuse("'data' has shape {}, but (batch, channel, y, x) is expected", data.str());
  const auto each = static_cast<std::int64_t>(attributes.reals("sizes").size() + attributes.reals("ratios").size() - 1);
  const bool known = data[2] != Shape::unknown && data[3] != Shape::unknown;
  shapes.set_out(0, Shape{1, known ? data[2] * data[3] * each : Shape::unknown, 4});
}

struct Prior {
  float half_width, half_height;
};

/// The boxes of every cell: each size with the first ratio, then the first size with the other ratios.
std::vector<Prior> priors(const Attributes& attributes, std::int64_t height, std::int64_t width) {
  const auto prior = [&](double size, double ratio) {
    const float side = static_cast<float>(size), root = std::sqrt(static_cast<float>(ratio));
    return Prior{side * static_cast<float>(height) / static_cast<float>(width) * root / 2, side / root / 2};
  };
  const auto& sizes = attributes.reals("sizes");
  const auto& ratios = attributes.reals("ratios");
  std::vector<Prior> result;
  for (const double size : sizes) result.push_back(prior(size, ratios[0]));
  for (std::size_t i = 1; i < ratios.size(); ++i) result.push_back(prior(sizes[0], ratios[i]));
  return result;
}

template <class T>
Kernel make_prior(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const std::int64_t height = call.shape_in(0)[2], width = call.shape_in(0)[3];
  const auto pair = [&](const char* name) {
    const auto& reals = attributes.reals(name);
    return std::pair(static_cast<float>(reals[0]), static_cast<float>(reals[1]));
  };
  auto step = pair("steps");
  if (step.first <= 0 || step.second <= 0) {
    step = {1 / static_cast<float>(height), 1 / static_cast<float>(width)};
  }
  return {[=, offsets = pair("offsets"), boxes = priors(attributes, height, width),
           clip = attributes.flag("clip")](const Operands& operands) {
    T* dst = operands.out<T>();
    const auto put = [&](float value) { *dst++ = store<T>(clip ? std::clamp(value, 0.0f, 1.0f) : value); };
    for (std::int64_t row = 0; row < height; ++row) {
      const float y = (static_cast<float>(row) + offsets.first) * step.first;
      for (std::int64_t column = 0; column < width; ++column) {
        const float x = (static_cast<float>(column) + offsets.second) * step.second;
        for (const Prior& box : boxes) {
          put(x - box.half_width);
          put(y - box.half_height);
          put(x + box.half_width);
          put(y + box.half_height);
        }
      }
    }
  }};
}

Op multibox_prior() {
  Op op;
  op.name = "_contrib_MultiBoxPrior";
  op.aliases = {"_npx_multibox_prior"};
  op.doc = "Anchor boxes (xmin, ymin, xmax, ymax) in units of the image for every cell of data (N, C, H, W).";
  op.attributes = {
      reals("sizes").or_else(std::vector<double>{1}),
      reals("ratios").or_else(std::vector<double>{1}),
      boolean("clip").or_else(false),
      reals("steps").or_else(std::vector<double>{-1, -1}),
      reals("offsets").or_else(std::vector<double>{0.5, 0.5}),
  };
  op.infer_shape = infer_prior_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() { return make_prior<T>(call); });
  };
  return op;
}

// MultiBoxDetection.

void infer_detection_shape(ShapeInference& shapes) {
  if (const auto count = shapes.attributes().reals("variances").size(); count != 4) {
    shapes.refuse("variances has {} items, but 4 are expected", count);
  }
  if (!has_rank(shapes, 0, 3, "(batch, classes, anchors)")) return;
  const Shape scores = shapes.in(0);
  const std::int64_t anchors = scores[2];
  shapes.set_in(1, Shape{scores[0], anchors == Shape::unknown ? anchors : 4 * anchors});
  shapes.set_in(2, Shape{Shape::unknown, anchors, 4});
  shapes.set_out(0, Shape{scores[0], anchors, 6});
}

struct DetectionParameters {
  explicit DetectionParameters(const Attributes& attributes)
      : clip(attributes.flag("clip")),
        force_suppress(attributes.flag("force_suppress")),
        threshold(static_cast<float>(attributes.real("threshold"))),
        nms_threshold(static_cast<float>(attributes.real("nms_threshold"))),
        nms_topk(attributes.integer("nms_topk")) {
    for (int i = 0; i < 4; ++i)
      variances[i] = static_cast<float>(attributes.reals("variances")[static_cast<std::size_t>(i)]);
  }
  bool clip, force_suppress;
  float threshold, nms_threshold;
  std::int64_t nms_topk;
  float variances[4];
};

/// [class, score, xmin, ymin, xmax, ymax]; class -1 is none.
template <class A>
struct Detection {
  A id, score, box[4];
};

template <class A>
A overlap(const A* a, const A* b) {
  const A width = std::max(A{0}, std::min(a[2], b[2]) - std::max(a[0], b[0]));
  const A height = std::max(A{0}, std::min(a[3], b[3]) - std::max(a[1], b[1]));
  const A shared = width * height;
  const A both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return both <= 0 ? A{0} : shared / both;
}

/// The anchor moved and scaled by the predicted location.
template <class T, class A = arithmetic_t<T>>
void decode(A* box, const T* anchor, const T* location, const DetectionParameters& parameters) {
  for (int axis = 0; axis < 2; ++axis) {
    const A low = load(anchor[axis]), high = load(anchor[axis + 2]);
    const A size = high - low;
    const A centre = load(location[axis]) * parameters.variances[axis] * size + (low + high) / 2;
    const A half = std::exp(load(location[axis + 2]) * parameters.variances[axis + 2]) * size / 2;
    box[axis] = centre - half;
    box[axis + 2] = centre + half;
  }
  if (!parameters.clip) return;
  for (int i = 0; i < 4; ++i) box[i] = std::max(A{0}, std::min(A{1}, box[i]));
}

template <class T>
class MultiBoxDetection {
 public:
  explicit MultiBoxDetection(const OpCall& call)
      : parameters_(call.attributes()),
        batch_(call.shape_in(0)[0]),
        classes_(call.shape_in(0)[1]),
        anchors_(call.shape_in(0)[2]) {}

  std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(anchors_) * (2 * sizeof(Row) + sizeof(A) + sizeof(std::int32_t));
  }

  void operator()(const Operands& operands) const {
    Row* rows = reinterpret_cast<Row*>(operands.workspace);
    for (std::int64_t n = 0; n < batch_; ++n) {
      const std::int64_t count = detect(operands, n, rows);
      if (count > 0 && parameters_.nms_threshold > 0 && parameters_.nms_threshold <= 1) suppress(rows, count);
      T* dst = operands.out<T>() + n * anchors_ * 6;
      for (std::int64_t i = 0; i < anchors_; ++i) {
        const Row none{-1, -1, {-1, -1, -1, -1}};
        const Row& row = i < count ? rows[i] : none;
        for (const A value : {row.id, row.score, row.box[0], row.box[1], row.box[2], row.box[3]})
          *dst++ = store<T>(value);
      }
    }
  }

 private:
  using A = arithmetic_t<T>;
  using Row = Detection<A>;

  /// The anchors whose best class, class 0 (background) apart, reaches the threshold.
  std::int64_t detect(const Operands& operands, std::int64_t n, Row* rows) const {
    const T* scores = operands.in<T>(0) + n * classes_ * anchors_;
    const T* locations = operands.in<T>(1) + n * anchors_ * 4;
    std::int64_t count = 0;
    for (std::int64_t anchor = 0; anchor < anchors_; ++anchor) {
      A best = -1;
      std::int64_t id = 0;
      for (std::int64_t j = 1; j < classes_; ++j) {
        const A score = load(scores[j * anchors_ + anchor]);
        if (score > best) {
          best = score;
          id = j;
        }
      }
      if (id == 0 || best < parameters_.threshold) continue;
      Row& row = rows[count++];
      row.id = static_cast<A>(id - 1);
      row.score = best;
      decode(row.box, operands.in<T>(2) + anchor * 4, locations + anchor * 4, parameters_);
    }
    return count;
  }

  /// Sorts by score and marks what overlaps a better box of its class. Rows beyond nms_topk lose their class and keep
  /// their unsorted content, as in MXNet.
  void suppress(Row* rows, std::int64_t count) const {
    Row* unsorted = rows + anchors_;
    A* scores = reinterpret_cast<A*>(unsorted + anchors_);
    auto* order = reinterpret_cast<std::int32_t*>(scores + anchors_);
    for (std::int64_t i = 0; i < count; ++i) {
      unsorted[i] = rows[i];
      scores[i] = rows[i].score;
      order[i] = static_cast<std::int32_t>(i);
    }
    sort_by_score(order, order + count, scores);
    const std::int64_t kept = parameters_.nms_topk > 0 ? std::min(parameters_.nms_topk, count) : count;
    for (std::int64_t i = 0; i < kept; ++i) rows[i] = unsorted[order[i]];
    for (std::int64_t i = kept; i < count; ++i) rows[i].id = -1;
    for (std::int64_t i = 0; i < kept; ++i) {
      for (std::int64_t j = i + 1; j < kept && rows[i].id >= 0; ++j) {
        const bool rivals = rows[j].id >= 0 && (parameters_.force_suppress || rows[i].id == rows[j].id);
        if (rivals && overlap(rows[i].box, rows[j].box) >= parameters_.nms_threshold) rows[j].id = -1;
      }
    }
  }

  DetectionParameters parameters_;
  std::int64_t batch_, classes_, anchors_;
};

Op multibox_detection() {
  Op op;
  op.name = "_contrib_MultiBoxDetection";
  op.aliases = {"_npx_multibox_detection"};
  op.doc = "Decodes predicted locations, keeps the best class of each anchor and suppresses overlapping boxes.";
  op.inputs = always({"cls_prob", "loc_pred", "anchor"});
  op.attributes = {
      boolean("clip").or_else(true),
      real("threshold").or_else(0.01),
      integer("background_id").or_else(0),  // MXNet takes class 0 whatever this says
      real("nms_threshold").or_else(0.5),
      boolean("force_suppress").or_else(false),
      reals("variances").or_else(std::vector<double>{0.1, 0.1, 0.2, 0.2}),
      integer("nms_topk").or_else(-1),
  };
  op.infer_shape = infer_detection_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      const MultiBoxDetection<T> detection(call);
      return Kernel{detection, detection.workspace_bytes()};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> multibox_ops() {
  return {multibox_prior(), multibox_detection()};
}

}  // namespace tenon
