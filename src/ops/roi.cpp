// Pooling over regions of interest.

#include <cmath>
#include <limits>
#include <numbers>

#include "core/dispatch.h"
#include "ops/regions.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// pooled_size as (height, width), each at least 1.
std::pair<std::int64_t, std::int64_t> pooled_size(const ShapeInference& shapes) {
  const auto size = shapes.attributes().ints("pooled_size");
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) {
    shapes.refuse("pooled_size is {}, but a height and a width of at least 1 are expected",
                  Shape(std::vector<std::int64_t>(size)).str());
  }
  return {size[0], size[1]};
}

// ROIPooling.

/// [first, last) of bin `i` along one axis, clipped to the map.
template <class A>
std::pair<std::int64_t, std::int64_t> bin(std::int64_t i, A size, std::int64_t start, std::int64_t limit) {
  const std::int64_t first = to_index(std::floor(static_cast<A>(i) * size)) + start;
  const std::int64_t last = to_index(std::ceil(static_cast<A>(i + 1) * size)) + start;
  return {std::clamp(first, std::int64_t{0}, limit), std::clamp(last, std::int64_t{0}, limit)};
}

template <class T>
Kernel make_roi_pooling(const OpCall& call) {
  using A = arithmetic_t<T>;
  return {[r = Regions(call)](const Operands& operands) {
    T* dst = operands.out<T>();
    std::int64_t* argmax = operands.out<std::int64_t>(1);
    for (std::int64_t roi = 0; roi < r.rois; ++roi) {
      const T* src = operands.in<T>(1) + roi * 5;
      const auto scaled = [&](int i) { return to_index(std::round(load(src[i]) * r.scale)); };
      const std::int64_t image = to_index(load(src[0])), left = scaled(1), top = scaled(2);
      const A bin_height =
          static_cast<A>(std::max<std::int64_t>(scaled(4) - top + 1, 1)) / static_cast<A>(r.pooled_height);
      const A bin_width =
          static_cast<A>(std::max<std::int64_t>(scaled(3) - left + 1, 1)) / static_cast<A>(r.pooled_width);
      for (std::int64_t i = 0; i < r.channels * r.pooled_height * r.pooled_width; ++i) {
        const std::int64_t x = i % r.pooled_width, y = i / r.pooled_width % r.pooled_height;
        const auto [first_row, last_row] = bin(y, bin_height, top, r.height);
        const auto [first_column, last_column] = bin(x, bin_width, left, r.width);
        std::int64_t best = -1;
        if (image >= 0 && image < r.batch && first_row < last_row && first_column < last_column) {
          const Plane<T> plane = r.plane<T>(operands, image, i / r.pooled_width / r.pooled_height);
          A largest = std::numeric_limits<float>::lowest();
          for (std::int64_t row = first_row; row < last_row; ++row) {
            for (std::int64_t column = first_column; column < last_column; ++column) {
              if (plane.at(row, column) <= largest) continue;
              largest = plane.at(row, column);
              best = &plane.data[row * r.width + column] - operands.in<T>(0);
            }
          }
          *dst++ = store<T>(largest);
        } else {
          *dst++ = store<T>(0);
        }
        if (argmax != nullptr) *argmax++ = best;
      }
    }
  }};
}

Op roi_pooling() {
  Op op;
  op.name = "ROIPooling";
  op.aliases = {"_npx_roi_pooling"};
  op.doc = "The maximum over each bin of regions (image, x1, y1, x2, y2), rounded to pixels.";
  op.inputs = always({"data", "rois"});
  op.outputs = always({"output", "maxidx"});
  op.visible_outputs = [](const Attributes&) { return 1; };
  op.attributes = {ints("pooled_size"), real("spatial_scale").at_least(0).at_most(1)};
  op.infer_shape = [](ShapeInference& shapes) {
    const auto [height, width] = pooled_size(shapes);
    if (!has_rois(shapes, 5)) return;
    for (const int output : {0, 1}) shapes.set_out(output, Shape{shapes.in(1)[0], shapes.in(0)[1], height, width});
  };
  op.infer_type = [](TypeInference& types) {
    for (const auto dtype : {types.in(0), types.in(1), types.out(0)}) {
      types.set_in(0, dtype);
      types.set_in(1, dtype);
      types.set_out(0, dtype);
    }
    types.set_out(1, DType::int64);
  };
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() { return make_roi_pooling<T>(call); });
  };
  return op;
}

// ROIAlign and its rotated form: the mean of bilinear samples.

/// A box on the map whose samples are turned by an angle about a centre.
template <class A>
struct Region {
  std::int64_t image;
  A top, left, height, width;    // of the box, before turning
  A centre_y = 0, centre_x = 0;  // added after turning
  A cosine = 1, sine = 0;
};

/// The value at (y, x), pulled inside; nothing farther than a pixel outside.
template <class T, class A = arithmetic_t<T>>
A sample(const Plane<T>& plane, A y, A x) {
  const bool near = y >= -1 && y <= static_cast<A>(plane.height) && x >= -1 && x <= static_cast<A>(plane.width);
  return near ? bilinear_clamped(plane, y, x) : A{0};
}

template <class T>
class RoiAlign {
 public:
  RoiAlign(const OpCall& call, bool rotated)
      : refuse_(call),
        regions_(call),
        rotated_(rotated),
        samples_(call.attributes().integer(rotated ? "sampling_ratio" : "sample_ratio")),
        aligned_(!rotated && call.attributes().flag("aligned")),
        position_sensitive_(!rotated && call.attributes().flag("position_sensitive")),
        channels_(call.shape_out()[1]) {}

  void operator()(const Operands& operands) const {
    const std::int64_t bins = regions_.pooled_height * regions_.pooled_width;
    for (std::int64_t roi = 0; roi < regions_.rois; ++roi) {
      const Region<A> region = rotated_ ? rotated_region(operands, roi) : upright_region(operands, roi);
      T* dst = operands.out<T>() + roi * channels_ * bins;
      if (region.image < 0) {
        std::fill_n(dst, channels_ * bins, store<T>(0));
        continue;
      }
      if (region.image >= regions_.batch) {
        refuse_image(refuse_, roi, region.image, regions_.batch);
      }
      const std::int64_t rows = samples(roi, region.height, regions_.pooled_height);
      const std::int64_t columns = samples(roi, region.width, regions_.pooled_width);
      for (std::int64_t i = 0; i < channels_ * bins; ++i) {
        const std::int64_t channel = position_sensitive_ ? i : i / bins;
        dst[i] = store<T>(mean(regions_.plane<T>(operands, region.image, channel), region, i % bins, rows, columns));
      }
    }
  }

 private:
  using A = arithmetic_t<T>;

  /// (image, x1, y1, x2, y2).
  Region<A> upright_region(const Operands& operands, std::int64_t roi) const {
    const T* src = operands.in<T>(1) + roi * 5;
    const A shift = aligned_ ? static_cast<A>(0.5) : A{0};
    const auto scaled = [&](int i) { return load(src[i]) * regions_.scale - shift; };
    Region<A> region{to_index(load(src[0])), scaled(2), scaled(1), scaled(4) - scaled(2), scaled(3) - scaled(1)};
    if (!aligned_) {
      region.height = std::max(region.height, A{1});
      region.width = std::max(region.width, A{1});
    } else if (region.image >= 0 && !(region.height > 0 && region.width > 0)) {
      refuse_size(refuse_, roi, region.width, region.height);
    }
    return region;
  }

  /// (image, centre x, centre y, width, height, degrees).
  Region<A> rotated_region(const Operands& operands, std::int64_t roi) const {
    const T* src = operands.in<T>(1) + roi * 6;
    const auto scaled = [&](int i) { return load(src[i]) * regions_.scale; };
    const A width = std::max(scaled(3), A{1}), height = std::max(scaled(4), A{1});
    const A angle = static_cast<A>(load(src[5]) * std::numbers::pi / 180);
    return {to_index(load(src[0])), -height / 2,    -width / 2, height, width, scaled(2), scaled(1),
            std::cos(angle),        std::sin(angle)};
  }

  /// Samples along one axis of a bin.
  std::int64_t samples(std::int64_t roi, A size, std::int64_t bins) const {
    if (samples_ > 0) return samples_;
    const std::int64_t count = to_index(std::ceil(size / static_cast<A>(bins)));
    if (count < 1 || count > kMostSamples) refuse_span(refuse_, roi, size, bins);
    return count;
  }

  A mean(const Plane<T>& plane, const Region<A>& region, std::int64_t bin, std::int64_t rows,
         std::int64_t columns) const {
    const A bin_height = region.height / static_cast<A>(regions_.pooled_height);
    const A bin_width = region.width / static_cast<A>(regions_.pooled_width);
    const std::int64_t row = bin / regions_.pooled_width, column = bin % regions_.pooled_width;
    const A top = region.top + static_cast<A>(row) * bin_height;
    const A left = region.left + static_cast<A>(column) * bin_width;
    A sum = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      const A y = top + (static_cast<A>(i) + static_cast<A>(0.5)) * bin_height / static_cast<A>(rows);
      for (std::int64_t j = 0; j < columns; ++j) {
        const A x = left + (static_cast<A>(j) + static_cast<A>(0.5)) * bin_width / static_cast<A>(columns);
        sum += sample(plane, y * region.cosine - x * region.sine + region.centre_y,
                      x * region.cosine + y * region.sine + region.centre_x);
      }
    }
    return sum / static_cast<A>(rows * columns);
  }

  DataRefusal refuse_;
  Regions regions_;
  bool rotated_;
  std::int64_t samples_;
  bool aligned_, position_sensitive_;
  std::int64_t channels_;
};

void infer_align_shape(ShapeInference& shapes, bool rotated) {
  const auto [height, width] = pooled_size(shapes);
  if (!has_rois(shapes, rotated ? 6 : 5)) return;
  std::int64_t channels = shapes.in(0)[1];
  if (!rotated && shapes.attributes().flag("position_sensitive") && channels != Shape::unknown) {
    if (channels % (height * width) != 0) {
      shapes.refuse("'data' has {} channels, which {} x {} bins do not divide", channels, height, width);
    }
    channels /= height * width;
  }
  shapes.set_out(0, Shape{shapes.in(1)[0], channels, height, width});
}

Op align(std::string name, bool rotated, std::string doc) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.inputs = always({"data", "rois"});
  op.attributes = {ints("pooled_size"), real("spatial_scale").at_least(0)};
  if (rotated) {
    op.attributes.push_back(integer("sampling_ratio").or_else(-1).at_most(1 << 15));
  } else {
    op.attributes.push_back(integer("sample_ratio").or_else(-1).at_most(1 << 15));
    op.attributes.push_back(boolean("position_sensitive").or_else(false));
    op.attributes.push_back(boolean("aligned").or_else(false));
  }
  op.infer_shape = [rotated](ShapeInference& shapes) { infer_align_shape(shapes, rotated); };
  op.reference = [rotated](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(),
                          [&]<class T>() { return Kernel{RoiAlign<T>(call, rotated)}; });
  };
  return op;
}

}  // namespace

std::vector<Op> roi_ops() {
  return {
      roi_pooling(),
      align("_contrib_ROIAlign", false,
            "The mean of bilinear samples over each bin of regions (image, x1, y1, x2, y2)."),
      align("_contrib_RROIAlign", true,
            "The same over regions (image, centre x, centre y, width, height, angle in degrees), turned about the "
            "centre."),
  };
}

}  // namespace tenon
