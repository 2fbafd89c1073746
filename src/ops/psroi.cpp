// Position-sensitive pooling over regions: every bin reads a channel of its own.

#include <cmath>

#include "core/dispatch.h"
#include "ops/psroi.h"
#include "ops/regions.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// A region on the map, its corners rounded to pixels before scaling.
template <class T, class A = arithmetic_t<T>>
struct Region {
  Region(const T* roi, float scale, A shift)
      : image(to_index(load(roi[0]))),
        top(std::round(load(roi[2])) * scale - shift),
        left(std::round(load(roi[1])) * scale - shift),
        height(std::max((std::round(load(roi[4])) + 1) * scale - shift - top, static_cast<A>(0.1))),
        width(std::max((std::round(load(roi[3])) + 1) * scale - shift - left, static_cast<A>(0.1))) {}
  std::int64_t image;
  A top, left, height, width;
};

void infer_pooled_shape(ShapeInference& shapes) {
  const Attributes& attributes = shapes.attributes();
  const std::int64_t pooled = attributes.integer("pooled_size"), outputs = attributes.integer("output_dim");
  const std::int64_t groups = psroi_groups(attributes);
  if (!has_rois(shapes, 5)) return;
  const std::int64_t channels = shapes.in(0)[1], needed = Shape{outputs, groups, groups}.elements();
  if (channels != Shape::unknown && channels < needed) {
    shapes.refuse("'data' has {} channels, but {} outputs of {} x {} groups read {}", channels, outputs, groups, groups,
                  needed);
  }
  for (int i = 0; i < shapes.outputs(); ++i) shapes.set_out(i, Shape{shapes.in(1)[0], outputs, pooled, pooled});
}

/// One output element: its region, its bin, and the plane it reads.
template <class T>
struct Bin {
  const Region<T>& region;
  std::int64_t roi, channel, y, x;
  Plane<T> plane;
};

/// Fills the output with pool(bin) for every region, channel and bin.
template <class T, class Pool>
void for_each_bin(const Operands& operands, const Regions& r, std::int64_t groups, std::int64_t channels, float shift,
                  const DataRefusal& refuse, Pool pool) {
  T* dst = operands.out<T>();
  const auto group = [groups](std::int64_t i, std::int64_t bins) { return std::min(i * groups / bins, groups - 1); };
  for (std::int64_t roi = 0; roi < r.rois; ++roi) {
    const Region<T> region(operands.in<T>(1) + roi * 5, r.scale, shift);
    if (region.image < 0 || region.image >= r.batch) {
      refuse_image(refuse, roi, region.image, r.batch);
    }
    for (std::int64_t i = 0; i < channels * r.pooled_height * r.pooled_width; ++i) {
      const std::int64_t x = i % r.pooled_width, y = i / r.pooled_width % r.pooled_height;
      const std::int64_t channel = i / r.pooled_width / r.pooled_height;
      const std::int64_t source = (channel * groups + group(y, r.pooled_height)) * groups + group(x, r.pooled_width);
      *dst++ = store<T>(pool(Bin<T>{region, roi, channel, y, x, r.plane<T>(operands, region.image, source)}));
    }
  }
}

template <class T>
Kernel make_psroi_pooling(const OpCall& call) {
  using A = arithmetic_t<T>;
  return {[r = Regions(call), refuse = DataRefusal(call), groups = psroi_groups(call.attributes()),
           channels = call.shape_out()[1]](const Operands& operands) {
    for_each_bin<T>(operands, r, groups, channels, 0, refuse, [&r](const Bin<T>& bin) {
      const A height = bin.region.height / static_cast<A>(r.pooled_height);
      const A width = bin.region.width / static_cast<A>(r.pooled_width);
      const auto edge = [](A value, std::int64_t limit) { return std::clamp(to_index(value), std::int64_t{0}, limit); };
      const std::int64_t top = edge(std::floor(static_cast<A>(bin.y) * height + bin.region.top), r.height);
      const std::int64_t bottom = edge(std::ceil(static_cast<A>(bin.y + 1) * height + bin.region.top), r.height);
      const std::int64_t left = edge(std::floor(static_cast<A>(bin.x) * width + bin.region.left), r.width);
      const std::int64_t right = edge(std::ceil(static_cast<A>(bin.x + 1) * width + bin.region.left), r.width);
      if (top >= bottom || left >= right) return A{0};
      A sum = 0;
      for (std::int64_t y = top; y < bottom; ++y) {
        for (std::int64_t x = left; x < right; ++x) sum += bin.plane.at(y, x);
      }
      return sum / static_cast<A>((bottom - top) * (right - left));
    });
  }};
}

/// Shifts of the bins, learnt: (R, 2 · classes, parts, parts), x before y.
template <class T>
struct Shifts {
  const T* data;  // null: no shift
  std::int64_t classes, parts, channels_per_class;
  float deviation;

  arithmetic_t<T> at(const Bin<T>& bin, int axis, const Regions& r) const {
    if (data == nullptr) return 0;
    const std::int64_t row = bin.y * parts / r.pooled_height, column = bin.x * parts / r.pooled_width;
    const std::int64_t plane = (bin.roi * classes + bin.channel / channels_per_class) * 2 + axis;
    return load(data[(plane * parts + row) * parts + column]) * deviation;
  }
};

/// The mean of the samples that fall on the map.
template <class T, class A = arithmetic_t<T>>
A sampled_mean(const Bin<T>& bin, const Regions& r, const Shifts<T>& shifts, std::int64_t samples) {
  const A height = bin.region.height / static_cast<A>(r.pooled_height);
  const A width = bin.region.width / static_cast<A>(r.pooled_width);
  const A left = static_cast<A>(bin.x) * width + bin.region.left + shifts.at(bin, 0, r) * bin.region.width;
  const A top = static_cast<A>(bin.y) * height + bin.region.top + shifts.at(bin, 1, r) * bin.region.height;
  const A half = static_cast<A>(0.5), bottom_edge = static_cast<A>(r.height) - half;
  const A right_edge = static_cast<A>(r.width) - half;
  A sum = 0;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < samples; ++i) {
    for (std::int64_t j = 0; j < samples; ++j) {
      const A y = top + static_cast<A>(i) * (height / static_cast<A>(samples));
      const A x = left + static_cast<A>(j) * (width / static_cast<A>(samples));
      if (!(x >= -half && x <= right_edge && y >= -half && y <= bottom_edge)) continue;
      sum += bilinear_clamped(bin.plane, y, x);
      ++count;
    }
  }
  return count == 0 ? A{0} : sum / static_cast<A>(count);
}

void infer_deformable_shape(ShapeInference& shapes) {
  infer_pooled_shape(shapes);
  const Attributes& attributes = shapes.attributes();
  if (attributes.flag("no_trans")) return;
  if (!has_rank(shapes, 2, 4, "(rois, 2 · classes, parts, parts)") || !shapes.in(1).has_rank()) return;
  shapes.set_in(2, Shape{shapes.in(1)[0], Shape::unknown, psroi_parts(attributes), psroi_parts(attributes)});
  const std::int64_t planes = shapes.in(2)[1], outputs = attributes.integer("output_dim");
  if (planes != Shape::unknown && (planes < 2 || planes % 2 != 0 || outputs % (planes / 2) != 0)) {
    shapes.refuse("'trans' has {} channels, but an even number is expected whose half divides output_dim {}", planes,
                  outputs);
  }
}

template <class T>
Kernel make_deformable(const OpCall& call) {
  const Attributes& attributes = call.attributes();
  const bool shifted = !attributes.flag("no_trans");
  const std::int64_t channels = call.shape_out()[1], classes = shifted ? call.shape_in(2)[1] / 2 : 1;
  const Shifts<T> shifts{nullptr, classes, psroi_parts(attributes), channels / classes,
                         static_cast<float>(attributes.real("trans_std"))};
  return {[=, r = Regions(call), refuse = DataRefusal(call), groups = psroi_groups(attributes),
           samples = attributes.integer("sample_per_part")](const Operands& operands) {
    Shifts<T> bound = shifts;
    if (shifted) bound.data = operands.in<T>(2);
    for_each_bin<T>(operands, r, groups, channels, 0.5f, refuse,
                    [&](const Bin<T>& bin) { return sampled_mean(bin, r, bound, samples); });
  }};
}

/// Bounds keep the number of channels read within 64 bits.
std::vector<AttributeSpec> pooled_attributes(AttributeSpec group_size) {
  return {real("spatial_scale").at_least(0).at_most(1), integer("output_dim").at_least(1).at_most(1 << 24),
          integer("pooled_size").at_least(1).at_most(1 << 15), std::move(group_size).at_least(0).at_most(1 << 15)};
}

Op psroi_pooling() {
  Op op;
  op.name = "_contrib_PSROIPooling";
  op.doc = "The mean over each bin of regions (image, x1, y1, x2, y2), each bin from a group of channels of its own.";
  op.inputs = always({"data", "rois"});
  op.attributes = pooled_attributes(integer("group_size").or_else(0));
  op.infer_shape = infer_pooled_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(),
                          [&]<class T>() { return make_psroi_pooling<T>(call); });
  };
  return op;
}

Op deformable_psroi_pooling() {
  Op op;
  op.name = "_contrib_DeformablePSROIPooling";
  op.doc = "The same with bins that are moved by 'trans' and sampled bilinearly.";
  op.inputs = unless_last("no_trans", {"data", "rois", "trans"});
  op.outputs = always({"output", "top_count"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = pooled_attributes(integer("group_size"));
  op.attributes.push_back(integer("part_size").or_else(0).at_least(0).at_most(1 << 15));
  op.attributes.push_back(integer("sample_per_part").or_else(1).at_least(1).at_most(1 << 15));
  op.attributes.push_back(real("trans_std").or_else(0.0).at_least(0).at_most(1));
  op.attributes.push_back(boolean("no_trans").or_else(false));
  op.infer_shape = infer_deformable_shape;
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() { return make_deformable<T>(call); });
  };
  return op;
}

}  // namespace

std::vector<Op> psroi_ops() {
  return {psroi_pooling(), deformable_psroi_pooling()};
}

}  // namespace tenon
