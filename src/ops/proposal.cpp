// Region proposals of Faster R-CNN. float32 only, as in MXNet.

#include <cmath>

#include "core/error.h"
#include "ops/proposal.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

void infer_proposal_shape(ShapeInference& shapes, bool single) {
  const Attributes& attributes = shapes.attributes();
  const std::int64_t kept = attributes.integer("rpn_post_nms_top_n");
  const auto anchors = static_cast<std::int64_t>(attributes.reals("scales").size() * attributes.reals("ratios").size());
  if (!has_rank(shapes, 0, 4, "(batch, 2 · anchors, y, x)")) return;
  const Shape scores = shapes.in(0);
  if (scores[1] != Shape::unknown && scores[1] != 2 * anchors) {
    shapes.refuse("'cls_prob' has {} channels, but {} scales and {} ratios need {}", scores[1],
                  attributes.reals("scales").size(), attributes.reals("ratios").size(), 2 * anchors);
  }
  if (single && scores[0] > 1) {
    shapes.refuse("'cls_prob' has a batch of {}, but this operator takes one image; use _contrib_MultiProposal",
                  scores[0]);
  }
  shapes.set_in(1, Shape{scores[0], 4 * anchors, scores[2], scores[3]});
  shapes.set_in(2, Shape{scores[0], 3});
  const std::int64_t rows = scores[0] == Shape::unknown ? Shape::unknown : scores[0] * kept;
  shapes.set_out(0, Shape{rows, 5});
  shapes.set_out(1, Shape{rows, 1});
}

using Box = ProposalBox;

/// The anchors of the first cell: ratios outside, scales inside.
std::vector<Box> base_anchors(const Attributes& attributes) {
  const float stride = static_cast<float>(attributes.integer("feature_stride"));
  const float centre = 0.5f * (stride - 1);
  std::vector<Box> anchors;
  for (const double exact_ratio : attributes.reals("ratios")) {
    for (const double exact_scale : attributes.reals("scales")) {
      const float ratio = static_cast<float>(exact_ratio), scale = static_cast<float>(exact_scale);
      const float width = std::floor(std::sqrt(std::floor(stride * stride / ratio)) + 0.5f) * scale;
      const float height = std::floor(width / scale * ratio + 0.5f) * scale;
      anchors.push_back({centre - 0.5f * (width - 1), centre - 0.5f * (height - 1), centre + 0.5f * (width - 1),
                         centre + 0.5f * (height - 1)});
    }
  }
  return anchors;
}

/// The anchor moved by the prediction: centre and logarithm of the size or, trained with an IoU loss, each corner.
Box decode(const Box& anchor, const float delta[4], bool iou_loss) {
  if (iou_loss) return {anchor.x1 + delta[0], anchor.y1 + delta[1], anchor.x2 + delta[2], anchor.y2 + delta[3]};
  const float width = anchor.x2 - anchor.x1 + 1, height = anchor.y2 - anchor.y1 + 1;
  const float x = delta[0] * width + anchor.x1 + 0.5f * (width - 1);
  const float y = delta[1] * height + anchor.y1 + 0.5f * (height - 1);
  const float half_width = 0.5f * (std::exp(delta[2]) * width - 1),
              half_height = 0.5f * (std::exp(delta[3]) * height - 1);
  return {x - half_width, y - half_height, x + half_width, y + half_height};
}

Box clipped(const Box& box, float height, float width) {
  const auto clip = [](float value, float size) { return std::max(std::min(value, size - 1), 0.0f); };
  return {clip(box.x1, width), clip(box.y1, height), clip(box.x2, width), clip(box.y2, height)};
}

float area(const Box& box) {
  return (box.x2 - box.x1 + 1) * (box.y2 - box.y1 + 1);
}

float overlap(const Box& a, const Box& b) {
  const float width = std::max(0.0f, std::min(a.x2, b.x2) - std::max(a.x1, b.x1) + 1);
  const float height = std::max(0.0f, std::min(a.y2, b.y2) - std::max(a.y1, b.y1) + 1);
  return width * height / (area(a) + area(b) - width * height);
}

class Proposal {
 public:
  explicit Proposal(const OpCall& call) : refuse_(call), p_(call) {}

  std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(p_.count) * (sizeof(Box) + sizeof(float) + 2 * sizeof(std::int32_t));
  }

  void operator()(const Operands& operands) const {
    Scratch scratch{};
    scratch.boxes = reinterpret_cast<Box*>(operands.workspace);
    scratch.scores = reinterpret_cast<float*>(scratch.boxes + p_.count);
    scratch.order = reinterpret_cast<std::int32_t*>(scratch.scores + p_.count);
    scratch.kept = scratch.order + p_.count;
    for (std::int64_t n = 0; n < p_.batch; ++n) {
      propose(operands, n, scratch);
      sort_by_score(scratch.order, scratch.order + p_.count, scratch.scores);
      write(operands, n, scratch, suppress(scratch));
    }
  }

 private:
  struct Scratch {
    Box* boxes;
    float* scores;
    std::int32_t *order, *kept;
  };

  /// Boxes and scores of every cell and anchor. What lies outside of the image, or is too small, gets the score -1.
  void propose(const Operands& operands, std::int64_t n, const Scratch& scratch) const {
    const auto anchors = static_cast<std::int64_t>(p_.anchors.size());
    const std::int64_t plane = p_.height * p_.width;
    const float* scores = operands.in<float>(0) + (2 * n + 1) * anchors * plane;
    const float* deltas = operands.in<float>(1) + n * 4 * anchors * plane;
    const float* info = operands.in<float>(2) + 3 * n;
    const std::int64_t rows = to_index(info[0] / static_cast<float>(p_.stride));
    const std::int64_t columns = to_index(info[1] / static_cast<float>(p_.stride));
    if (rows > p_.height || columns > p_.width) {
      p_.refuse_image(refuse_, n, info[0], info[1]);
    }
    const float min_size = p_.min_size * info[2];
    for (std::int64_t i = 0; i < p_.count; ++i) {
      const std::int64_t a = i % anchors, x = i / anchors % p_.width, y = i / anchors / p_.width;
      const std::int64_t cell = y * p_.width + x;
      const Box& base = p_.anchors[static_cast<std::size_t>(a)];
      const float dx = static_cast<float>(x * p_.stride), dy = static_cast<float>(y * p_.stride);
      float delta[4];
      for (int k = 0; k < 4; ++k) delta[k] = deltas[(4 * a + k) * plane + cell];
      Box box = clipped(decode({base.x1 + dx, base.y1 + dy, base.x2 + dx, base.y2 + dy}, delta, p_.iou_loss), info[0],
                        info[1]);
      float score = y < rows && x < columns ? scores[a * plane + cell] : -1;
      if (box.x2 - box.x1 + 1 < min_size || box.y2 - box.y1 + 1 < min_size) {
        const float half = min_size / 2;
        box = {box.x1 - half, box.y1 - half, box.x2 + half, box.y2 + half};
        score = -1;
      }
      scratch.boxes[i] = box;
      scratch.scores[i] = score;
      scratch.order[i] = static_cast<std::int32_t>(i);
    }
  }

  /// Greedy: a box is kept unless it overlaps a kept one. Gives the number of kept boxes.
  std::int64_t suppress(const Scratch& scratch) const {
    std::int64_t found = 0;
    for (std::int64_t i = 0; i < p_.considered && found < p_.kept; ++i) {
      const Box& box = scratch.boxes[scratch.order[i]];
      const bool hidden = std::any_of(scratch.kept, scratch.kept + found, [&](std::int32_t other) {
        return overlap(scratch.boxes[other], box) > p_.threshold;
      });
      if (!hidden) scratch.kept[found++] = scratch.order[i];
    }
    return found;
  }

  /// Too few boxes are repeated from the first on.
  void write(const Operands& operands, std::int64_t n, const Scratch& scratch, std::int64_t found) const {
    for (std::int64_t i = 0; i < p_.kept; ++i) {
      const std::int32_t from = scratch.kept[i % found];
      const Box& box = scratch.boxes[from];
      float* dst = operands.out<float>() + (n * p_.kept + i) * 5;
      for (const float value : {static_cast<float>(n), box.x1, box.y1, box.x2, box.y2}) *dst++ = value;
      if (operands.out<float>(1) != nullptr) operands.out<float>(1)[n * p_.kept + i] = scratch.scores[from];
    }
  }

  DataRefusal refuse_;
  ProposalParameters p_;
};

Op proposal(std::string name, bool single) {
  Op op;
  op.name = std::move(name);
  op.doc = "The best boxes (image, x1, y1, x2, y2) that a region proposal network predicts, after suppression.";
  op.inputs = always({"cls_prob", "bbox_pred", "im_info"});
  op.outputs = always({"output", "score"});
  op.visible_outputs = [](const Attributes& attributes) { return attributes.flag("output_score") ? 2 : 1; };
  op.attributes = {
      integer("rpn_pre_nms_top_n").or_else(6000),
      integer("rpn_post_nms_top_n").or_else(300).at_least(1).at_most(1 << 24),
      real("threshold").or_else(0.7),
      integer("rpn_min_size").or_else(16),
      reals("scales").or_else(std::vector<double>{4, 8, 16, 32}),
      reals("ratios").or_else(std::vector<double>{0.5, 1, 2}),
      integer("feature_stride").or_else(16).at_least(1),
      boolean("output_score").or_else(false),
      boolean("iou_loss").or_else(false),
  };
  op.infer_shape = [single](ShapeInference& shapes) { infer_proposal_shape(shapes, single); };
  op.reference = [](const OpCall& call) {
    if (call.dtype_in(0) != DType::float32) {
      call.refuse(ErrorCode::unsupported, "takes float32, but got {}", tenon::name(call.dtype_in(0)));
    }
    if (call.shape_in(0).elements() == 0) {
      call.refuse(ErrorCode::invalid_argument, "'cls_prob' has shape {}, which has no cells", call.shape_in(0).str());
    }
    const Proposal kernel(call);
    return Kernel{kernel, kernel.workspace_bytes()};
  };
  return op;
}

}  // namespace

ProposalParameters::ProposalParameters(const OpCall& call)
    : anchors(base_anchors(call.attributes())),
      batch(call.shape_in(0)[0]),
      height(call.shape_in(0)[2]),
      width(call.shape_in(0)[3]),
      stride(call.attributes().integer("feature_stride")),
      count(static_cast<std::int64_t>(anchors.size()) * height * width),
      considered(count),
      kept(call.attributes().integer("rpn_post_nms_top_n")),
      min_size(static_cast<float>(call.attributes().integer("rpn_min_size"))),
      threshold(static_cast<float>(call.attributes().real("threshold"))),
      iou_loss(call.attributes().flag("iou_loss")) {
  const std::int64_t best = call.attributes().integer("rpn_pre_nms_top_n");
  if (best > 0) considered = std::min(best, count);
}

void ProposalParameters::refuse_image(const DataRefusal& refuse, std::int64_t n, float image_height,
                                      float image_width) const {
  refuse("im_info gives image {} a size of {} x {}, but {} x {} cells of stride {} cover less", n, image_height,
         image_width, height, width, stride);
}

std::vector<Op> proposal_ops() {
  return {proposal("_contrib_Proposal", true), proposal("_contrib_MultiProposal", false)};
}

}  // namespace tenon
