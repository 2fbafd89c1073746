#pragma once

#include "graph/graph.h"
#include "ops/sampling.h"

namespace tenon {

/// The most samples that ROIAlign takes along one axis of a bin.
inline constexpr std::int64_t kMostSamples = 1 << 15;

/// Pooling over regions of interest: data (N, C, H, W) and rois (R, columns) known as far as their ranks.
inline bool has_rois(ShapeInference& shapes, std::int64_t columns) {
  const bool ranked = has_rank(shapes, 0, 4, "(batch, channel, y, x)");
  if (!has_rank(shapes, 1, 2, "(rois, columns)")) return false;
  shapes.set_in(1, Shape{Shape::unknown, columns});
  return ranked;
}

// What cannot be pooled, by any backend.

[[noreturn]] inline void refuse_image(const DataRefusal& refuse, std::int64_t roi, std::int64_t image,
                                      std::int64_t images) {
  refuse("region {} belongs to image {}, but 'data' has {}", roi, image, images);
}
template <class A>
[[noreturn]] void refuse_size(const DataRefusal& refuse, std::int64_t roi, A width, A height) {
  refuse("region {} is {} wide and {} high, but with aligned both need to be positive", roi, width, height);
}
template <class A>
[[noreturn]] void refuse_span(const DataRefusal& refuse, std::int64_t roi, A size, std::int64_t bins) {
  refuse("region {} spans {} pixels, but 1 to {} can be sampled in {} bins", roi, size, kMostSamples * bins, bins);
}

/// What every pooling of regions reads.
struct Regions {
  explicit Regions(const OpCall& call)
      : batch(call.shape_in(0)[0]),
        channels(call.shape_in(0)[1]),
        height(call.shape_in(0)[2]),
        width(call.shape_in(0)[3]),
        rois(call.shape_in(1)[0]),
        pooled_height(call.shape_out()[2]),
        pooled_width(call.shape_out()[3]),
        scale(static_cast<float>(call.attributes().real("spatial_scale"))) {}

  template <class T>
  Plane<T> plane(const Operands& operands, std::int64_t n, std::int64_t channel) const {
    return {operands.in<T>(0) + (n * channels + channel) * height * width, height, width};
  }

  std::int64_t batch, channels, height, width, rois, pooled_height, pooled_width;
  float scale;
};

}  // namespace tenon
