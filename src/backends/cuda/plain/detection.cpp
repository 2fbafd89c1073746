// Detection: anchors, decoding, suppression, pooling of regions.

#include <array>
#include <cmath>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/regions.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::size_t kMostPriors = 64;

GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(request.call.dtype_in(0))}}, "detection",
                                     {{"MOST_PRIORS", std::to_string(kMostPriors)}}),
                          name);
}

std::size_t arithmetic_bytes(const OpCall& call) {
  return call.dtype_in(0) == DType::float64 ? sizeof(double) : sizeof(float);
}

std::size_t padded(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

/// What "multibox_prior" takes by value.
struct PriorGeometry {
  std::int64_t height = 0, width = 0;
  int boxes = 0, clip = 0;
  float step_y = 0, step_x = 0, offset_y = 0, offset_x = 0;
  std::array<float, kMostPriors> half_width = {}, half_height = {};
};

/// The boxes of every cell: each size with the first ratio, then the first size with the other ratios.
PriorGeometry prior_geometry(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  PriorGeometry g;
  g.height = call.shape_in(0)[2];
  g.width = call.shape_in(0)[3];
  g.clip = attributes.flag("clip") ? 1 : 0;
  const auto &steps = attributes.reals("steps"), &offsets = attributes.reals("offsets");
  g.step_y = static_cast<float>(steps[0]);
  g.step_x = static_cast<float>(steps[1]);
  if (g.step_y <= 0 || g.step_x <= 0) {
    g.step_y = 1 / static_cast<float>(g.height);
    g.step_x = 1 / static_cast<float>(g.width);
  }
  g.offset_y = static_cast<float>(offsets[0]);
  g.offset_x = static_cast<float>(offsets[1]);
  const auto add = [&](double size, double ratio) {
    const float side = static_cast<float>(size), root = std::sqrt(static_cast<float>(ratio));
    const auto at = static_cast<std::size_t>(g.boxes++);
    g.half_width[at] = side * static_cast<float>(g.height) / static_cast<float>(g.width) * root / 2;
    g.half_height[at] = side / root / 2;
  };
  const auto &sizes = attributes.reals("sizes"), &ratios = attributes.reals("ratios");
  for (const double size : sizes) add(size, ratios[0]);
  for (std::size_t i = 1; i < ratios.size(); ++i) add(sizes[0], ratios[i]);
  return g;
}

Offer offer_prior(const StepRequest& request) {
  const Attributes& attributes = request.call.attributes();
  const std::size_t boxes = attributes.reals("sizes").size() + attributes.reals("ratios").size() - 1;
  Conditions conditions = floating_conditions(request.call);
  conditions.require(boxes <= kMostPriors, "a cell has {} boxes, more than {}", boxes, kMostPriors);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "multibox_prior"),
                     g = prior_geometry(request.call)](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.height * g.width * g.boxes, kThreads), kThreads, g, at.dst[0]);
  };
  return plan;
}

struct DetectionGeometry {
  std::int64_t batch = 0, classes = 0, anchors = 0, topk = 0;
  int clip = 0, force_suppress = 0, suppresses = 0;
  float threshold = 0, nms_threshold = 0, variance[4] = {};
};

Offer offer_detection(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  DetectionGeometry g;
  g.batch = call.shape_in(0)[0];
  g.classes = call.shape_in(0)[1];
  g.anchors = call.shape_in(0)[2];
  g.topk = attributes.integer("nms_topk");
  g.clip = attributes.flag("clip") ? 1 : 0;
  g.force_suppress = attributes.flag("force_suppress") ? 1 : 0;
  g.threshold = static_cast<float>(attributes.real("threshold"));
  g.nms_threshold = static_cast<float>(attributes.real("nms_threshold"));
  g.suppresses = g.nms_threshold > 0 && g.nms_threshold <= 1 ? 1 : 0;
  for (std::size_t i = 0; i < 4; ++i) g.variance[i] = static_cast<float>(attributes.reals("variances")[i]);

  const std::size_t rows = padded(static_cast<std::size_t>(g.batch * g.anchors) * 6 * arithmetic_bytes(call));
  StepPlan plan;
  plan.kernel.workspace_bytes = 2 * rows + static_cast<std::size_t>(g.batch) * sizeof(std::int64_t);
  plan.kernel.run = [g, rows, decode = kernel_of(request, "multibox_decode"),
                     sort = kernel_of(request, "multibox_sort"),
                     suppress = kernel_of(request, "multibox_suppress")](const Operands& at) {
    void *found = at.workspace, *sorted = at.workspace + rows, *counts = at.workspace + 2 * rows;
    const unsigned grid = grid_size(g.batch * g.anchors, kThreads);
    launch(decode, at.stream, grid, kThreads, g, found, sorted, at.src[0], at.src[1], at.src[2]);
    launch(sort, at.stream, grid, kThreads, g, sorted, counts, static_cast<const void*>(found));
    launch(suppress, at.stream, grid_size(g.batch, 1), kThreads, g, at.dst[0], sorted,
           static_cast<const void*>(counts));
  };
  return plan;
}

struct NmsGeometry {
  std::int64_t batch = 0, boxes = 0, width = 0, topk = 0;
  std::int64_t box = 0, score = 0, id = 0, background = 0;
  int force_suppress = 0, in_corner = 0, out_corner = 0;
  float overlap_threshold = 0, valid_threshold = 0;
};

NmsGeometry nms_geometry(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const Shape& data = call.shape_in(0);
  const std::int64_t boxes = data[data.rank() - 2], topk = attributes.integer("topk");
  return {.batch = data.elements(0, data.rank() - 2),
          .boxes = boxes,
          .width = data[data.rank() - 1],
          .topk = topk < 0 ? boxes : std::min(boxes, topk),
          .box = attributes.integer("coord_start"),
          .score = attributes.integer("score_index"),
          .id = attributes.integer("id_index"),
          .background = attributes.integer("background_id"),
          .force_suppress = attributes.flag("force_suppress") ? 1 : 0,
          .in_corner = attributes.text("in_format") == "corner" ? 1 : 0,
          .out_corner = attributes.text("out_format") == "corner" ? 1 : 0,
          .overlap_threshold = static_cast<float>(attributes.real("overlap_thresh")),
          .valid_threshold = static_cast<float>(attributes.real("valid_thresh"))};
}

Offer offer_nms(const StepRequest& request) {
  const NmsGeometry g = nms_geometry(request.call);
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  if (g.topk == 0) {
    StepPlan plan;
    plan.kernel.run = [g, copy = kernel_of(request, "nms_copy")](const Operands& at) {
      launch(copy, at.stream, grid_size(g.batch * g.boxes * g.width, kThreads), kThreads, g, at.dst[0], at.dst[1],
             at.src[0]);
    };
    return plan;
  }
  const std::size_t order_bytes = padded(static_cast<std::size_t>(g.batch * g.boxes) * sizeof(std::int32_t));
  StepPlan plan;
  plan.kernel.workspace_bytes = order_bytes + static_cast<std::size_t>(g.batch) * sizeof(std::int64_t);
  plan.kernel.run = [g, order_bytes, sort = kernel_of(request, "nms_sort"),
                     suppress = kernel_of(request, "nms_suppress")](const Operands& at) {
    void *order = at.workspace, *counts = at.workspace + order_bytes;
    launch(sort, at.stream, grid_size(g.batch * g.boxes, kThreads), kThreads, g, at.dst[0], at.dst[1], order, counts,
           at.src[0]);
    launch(suppress, at.stream, grid_size(g.batch, 1), kThreads, g, at.dst[0], at.dst[1], order,
           static_cast<const void*>(counts), at.src[0]);
  };
  return plan;
}

Offer offer_iou(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "box_iou"), rows = call.shape_in(0).elements() / 4,
                     columns = call.shape_in(1).elements() / 4,
                     corner = call.attributes().text("format") == "corner" ? 1 : 0](const Operands& at) {
    launch(kernel, at.stream, grid_size(rows * columns, kThreads), kThreads, rows, columns, corner, at.dst[0],
           at.src[0], at.src[1]);
  };
  return plan;
}

struct DecodeGeometry {
  std::int64_t count = 0, boxes = 0;
  int corner = 0;
  float deviation[4] = {}, clip = 0;
};

Offer offer_decode(const StepRequest& request) {
  const OpCall& call = request.call;
  const Conditions conditions = floating_conditions(call);
  if (conditions.refuse()) return conditions.reason();
  const Attributes& attributes = call.attributes();
  const auto number = [&](const char* name) { return static_cast<float>(attributes.real(name)); };
  const DecodeGeometry g{.count = call.shape_in(0)[0] * call.shape_in(0)[1],
                         .boxes = call.shape_in(0)[1],
                         .corner = attributes.text("format") == "corner" ? 1 : 0,
                         .deviation = {number("std0"), number("std1"), number("std2"), number("std3")},
                         .clip = number("clip")};
  StepPlan plan;
  plan.kernel.run = [g, kernel = kernel_of(request, "box_decode")](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.count, kThreads), kThreads, g, at.dst[0], at.src[0], at.src[1]);
  };
  return plan;
}

Offer offer_roi_pooling(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  StepPlan plan;
  plan.kernel.run = [kernel = kernel_of(request, "roi_pooling"), g = Regions(request.call)](const Operands& at) {
    launch(kernel, at.stream, grid_size(g.rois * g.channels * g.pooled_height * g.pooled_width, kThreads), kThreads, g,
           at.dst[0], at.dst[1], at.src[0], at.src[1]);
  };
  return plan;
}

}  // namespace

std::vector<Implementation> detection_implementations() {
  return {{"cuda:multibox_prior", {"_contrib_MultiBoxPrior"}, offer_prior},
          {"cuda:multibox_detection", {"_contrib_MultiBoxDetection"}, offer_detection},
          {"cuda:box_nms", {"_contrib_box_nms"}, offer_nms},
          {"cuda:box_iou", {"_contrib_box_iou"}, offer_iou},
          {"cuda:box_decode", {"_contrib_box_decode"}, offer_decode},
          {"cuda:roi_pooling", {"ROIPooling"}, offer_roi_pooling}};
}

}  // namespace tenon::cuda
