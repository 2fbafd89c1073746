#pragma once

#include <cstdint>
#include <vector>

#include "graph/op.h"
#include "ops/data_refusal.h"

namespace tenon {

/// Corners in pixels, both inside.
struct ProposalBox {
  float x1, y1, x2, y2;
};

/// What a node of region proposals fixes: its attributes and the size of its map.
struct ProposalParameters {
  explicit ProposalParameters(const OpCall& call);

  /// What any backend says of an image, its size in pixels, that the map does not cover.
  [[noreturn]] void refuse_image(const DataRefusal& refuse, std::int64_t n, float image_height,
                                 float image_width) const;

  std::vector<ProposalBox> anchors;  ///< of the first cell: ratios outside, scales inside
  std::int64_t batch, height, width, stride;
  std::int64_t count, considered, kept;  ///< boxes of an image; the best of them; those of the result
  float min_size, threshold;
  bool iou_loss;
};

}  // namespace tenon
