// Anchors, overlaps and suppression of boxes, pooling of regions. A place in the order of scores is found by counting
// the boxes that come before: exact, the same every time, and fast enough for the thousands of boxes of a detector.

template <class N> __device__ inline N smaller(N a, N b) { return b < a ? b : a; }
template <class N> __device__ inline N larger(N a, N b) { return a < b ? b : a; }
// A number of the data as an index: far out of every tensor where it fits none.
__device__ inline i64 to_index(A x) {
  const A limit = A(1099511627776.0);
  if (!((x < 0 ? -x : x) < limit)) return x > 0 ? 1099511627776ll : -1099511627776ll;
  return static_cast<i64>(x);
}

struct PriorGeometry {
  i64 height, width;
  int boxes, clip;
  float step_y, step_x, offset_y, offset_x;
  float half_width[MOST_PRIORS], half_height[MOST_PRIORS];
};

extern "C" __global__ void multibox_prior(const PriorGeometry g, T* dst) {
  for (i64 i = first_item(); i < g.height * g.width * g.boxes; i += grid_items()) {
    const int box = static_cast<int>(i % g.boxes);
    const i64 cell = i / g.boxes;
    const float y = (static_cast<float>(cell / g.width) + g.offset_y) * g.step_y;
    const float x = (static_cast<float>(cell % g.width) + g.offset_x) * g.step_x;
    const float values[4] = {x - g.half_width[box], y - g.half_height[box], x + g.half_width[box],
                             y + g.half_height[box]};
    for (int k = 0; k < 4; ++k) {
      dst[i * 4 + k] = convert<T>(g.clip ? smaller(larger(values[k], 0.0f), 1.0f) : values[k]);
    }
  }
}

struct DetectionGeometry {
  i64 batch, classes, anchors, topk;
  int clip, force_suppress, suppresses;
  float threshold, nms_threshold, variance[4];
};

// [class, score, xmin, ymin, xmax, ymax]; class -1 is none.
struct Row {
  A id, score, box[4];
};

__device__ inline Row no_row() { return {-1, -1, {-1, -1, -1, -1}}; }

// What each anchor detects; `sorted` is cleared.
extern "C" __global__ void multibox_decode(const DetectionGeometry g, Row* found, Row* sorted, const T* scores,
                                           const T* locations, const T* anchors) {
  for (i64 i = first_item(); i < g.batch * g.anchors; i += grid_items()) {
    const i64 n = i / g.anchors, anchor = i % g.anchors;
    sorted[i] = no_row();
    Row row = no_row();
    i64 id = 0;
    for (i64 j = 1; j < g.classes; ++j) {
      const A score = load(scores[(n * g.classes + j) * g.anchors + anchor]);
      if (score > row.score) {
        row.score = score;
        id = j;
      }
    }
    if (id != 0 && !(row.score < g.threshold)) {
      row.id = static_cast<A>(id - 1);
      for (int axis = 0; axis < 2; ++axis) {
        const A low = load(anchors[anchor * 4 + axis]), high = load(anchors[anchor * 4 + axis + 2]), size = high - low;
        const T* location = locations + i * 4 + axis;
        const A centre = load(location[0]) * g.variance[axis] * size + (low + high) / 2;
        const A half = exp(load(location[2]) * g.variance[axis + 2]) * size / 2;
        row.box[axis] = centre - half;
        row.box[axis + 2] = centre + half;
      }
      for (int k = 0; g.clip && k < 4; ++k) row.box[k] = larger(A(0), smaller(A(1), row.box[k]));
    }
    found[i] = row;
  }
}

// Puts the rows that were found in the order of their scores, as many as topk says; those behind keep the order of the
// anchors and lose their class, as in MXNet. Without suppression all keep that order and their class.
extern "C" __global__ void multibox_sort(const DetectionGeometry g, Row* sorted, i64* counts, const Row* found) {
  for (i64 i = first_item(); i < g.batch * g.anchors; i += grid_items()) {
    const i64 n = i / g.anchors, anchor = i % g.anchors;
    const Row* rows = found + n * g.anchors;
    Row row = rows[anchor];
    i64 count = 0, before = 0, better = 0;
    for (i64 j = 0; j < g.anchors; ++j) {
      if (rows[j].id < 0) continue;
      ++count;
      if (j < anchor) ++before;
      if (rows[j].score > row.score || (rows[j].score == row.score && j < anchor)) ++better;
    }
    const i64 kept = !g.suppresses ? 0 : g.topk > 0 ? smaller(g.topk, count) : count;
    if (anchor == 0) counts[n] = kept;
    if (row.id < 0) continue;
    if (better < kept) sorted[n * g.anchors + better] = row;
    if (g.suppresses) row.id = -1;
    if (before >= kept) sorted[n * g.anchors + before] = row;
  }
}

__device__ inline A overlap_of(const A* a, const A* b) {
  const A width = larger(A(0), smaller(a[2], b[2]) - larger(a[0], b[0]));
  const A height = larger(A(0), smaller(a[3], b[3]) - larger(a[1], b[1]));
  const A shared = width * height;
  const A both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return both <= 0 ? A(0) : shared / both;
}

// A block an image: rows that overlap a better one of their class lose it.
extern "C" __global__ void multibox_suppress(const DetectionGeometry g, T* dst, Row* sorted, const i64* counts) {
  for (i64 n = blockIdx.x; n < g.batch; n += gridDim.x) {
    Row* rows = sorted + n * g.anchors;
    const i64 kept = counts[n];
    for (i64 i = 0; i < kept; ++i) {
      if (rows[i].id >= 0) {
        for (i64 j = i + 1 + threadIdx.x; j < kept; j += blockDim.x) {
          const bool rivals = rows[j].id >= 0 && (g.force_suppress || rows[i].id == rows[j].id);
          if (rivals && overlap_of(rows[i].box, rows[j].box) >= g.nms_threshold) rows[j].id = -1;
        }
      }
      __syncthreads();
    }
    for (i64 i = threadIdx.x; i < g.anchors; i += blockDim.x) {
      const Row row = rows[i];
      const A values[6] = {row.id, row.score, row.box[0], row.box[1], row.box[2], row.box[3]};
      for (int k = 0; k < 6; ++k) dst[(n * g.anchors + i) * 6 + k] = convert<T>(values[k]);
    }
    __syncthreads();
  }
}

// Boxes of box_nms, box_iou and box_decode: corners (xmin, ymin, xmax, ymax), or centre, width and height.

__device__ inline A shared_length(const T* a, const T* b, int corner) {
  const A low_a = corner ? load(a[0]) : load(a[0]) - load(a[2]) / 2, high_a = corner ? load(a[2]) : load(a[0]) + load(a[2]) / 2;
  const A low_b = corner ? load(b[0]) : load(b[0]) - load(b[2]) / 2, high_b = corner ? load(b[2]) : load(b[0]) + load(b[2]) / 2;
  const A length = smaller(high_a, high_b) - larger(low_a, low_b);
  return length > 0 ? length : A(0);
}

__device__ inline A area_of(const T* box, int corner) {
  const A width = corner ? load(box[2]) - load(box[0]) : load(box[2]);
  const A height = corner ? load(box[3]) - load(box[1]) : load(box[3]);
  return width < 0 || height < 0 ? A(0) : width * height;
}

__device__ inline A iou_of(const T* a, const T* b, int corner) {
  const A shared = shared_length(a, b, corner) * shared_length(a + 1, b + 1, corner);
  return shared / (area_of(a, corner) + area_of(b, corner) - shared);
}

struct NmsGeometry {
  i64 batch, boxes, width, topk;
  i64 box, score, id, background;
  int force_suppress, in_corner, out_corner;
  float overlap_threshold, valid_threshold;
};

__device__ inline bool is_valid(const NmsGeometry& g, const T* row) {
  return load(row[g.score]) > g.valid_threshold && (g.id < 0 || load(row[g.id]) != static_cast<A>(g.background));
}

// Without a topk all boxes stay where they are.
extern "C" __global__ void nms_copy(const NmsGeometry g, T* dst, T* record, const T* src) {
  for (i64 i = first_item(); i < g.batch * g.boxes * g.width; i += grid_items()) {
    dst[i] = src[i];
    if (record != nullptr && i < g.batch * g.boxes) record[i] = convert<T>(i);
  }
}

// The valid boxes by falling score, the first topk of them; the outputs are filled with -1.
extern "C" __global__ void nms_sort(const NmsGeometry g, T* dst, T* record, int* order, i64* counts, const T* src) {
  for (i64 i = first_item(); i < g.batch * g.boxes; i += grid_items()) {
    const i64 n = i / g.boxes, at = i % g.boxes;
    for (i64 k = 0; k < g.width; ++k) dst[i * g.width + k] = convert<T>(A(-1));
    if (record != nullptr) record[i] = convert<T>(A(-1));
    const T* rows = src + n * g.boxes * g.width;
    const A score = load(rows[at * g.width + g.score]);
    i64 count = 0, better = 0;
    for (i64 j = 0; j < g.boxes; ++j) {
      if (!is_valid(g, rows + j * g.width)) continue;
      ++count;
      const A other = load(rows[j * g.width + g.score]);
      if (other > score || (other == score && j < at)) ++better;
    }
    if (at == 0) counts[n] = smaller(count, g.topk);
    if (is_valid(g, rows + at * g.width) && better < g.topk) order[n * g.boxes + better] = static_cast<int>(at);
  }
}

// A block an image. A suppressed box's place in the order becomes -1.
extern "C" __global__ void nms_suppress(const NmsGeometry g, T* dst, T* record, int* order, const i64* counts,
                                        const T* src) {
  for (i64 n = blockIdx.x; n < g.batch; n += gridDim.x) {
    const T* rows = src + n * g.boxes * g.width;
    int* ordered = order + n * g.boxes;
    const i64 count = counts[n];
    i64 written = 0;
    for (i64 i = 0; i < count; ++i) {
      if (ordered[i] >= 0) {
        const T* row = rows + ordered[i] * g.width;
        for (i64 j = i + 1 + threadIdx.x; j < count; j += blockDim.x) {
          if (ordered[j] < 0) continue;
          const T* other = rows + ordered[j] * g.width;
          const bool rivals = g.force_suppress || g.id < 0 || to_index(load(row[g.id])) == to_index(load(other[g.id]));
          if (rivals && iou_of(row + g.box, other + g.box, g.in_corner) > g.overlap_threshold) ordered[j] = -1;
        }
        T* to = dst + (n * g.boxes + written) * g.width;
        for (i64 k = threadIdx.x; k < g.width; k += blockDim.x) to[k] = row[k];
        if (threadIdx.x == 0 && record != nullptr) record[n * g.boxes + written] = convert<T>(A(n * g.boxes + ordered[i]));
        ++written;
      }
      __syncthreads();
    }
    if (g.in_corner != g.out_corner) {
      for (i64 i = threadIdx.x; i < written; i += blockDim.x) {
        T* box = dst + (n * g.boxes + i) * g.width + g.box;
        if (load(box[0]) < 0) continue;  // as MXNet leaves them
        for (int axis = 0; axis < 2; ++axis) {
          const A first = load(box[axis]), second = load(box[axis + 2]);
          box[axis] = convert<T>(g.out_corner ? first - second / 2 : (first + second) / 2);
          box[axis + 2] = convert<T>(g.out_corner ? first + second / 2 : second - first);
        }
      }
    }
    __syncthreads();
  }
}

extern "C" __global__ void box_iou(i64 rows, i64 columns, int corner, T* dst, const T* lhs, const T* rhs) {
  for (i64 i = first_item(); i < rows * columns; i += grid_items()) {
    const A ratio = iou_of(lhs + i / columns * 4, rhs + i % columns * 4, corner);
    dst[i] = convert<T>(ratio > 0 ? ratio : A(0));
  }
}

struct DecodeGeometry {
  i64 count, boxes;
  int corner;
  float deviation[4], clip;
};

// Anchors moved and scaled by predictions; the result is in corners.
extern "C" __global__ void box_decode(const DecodeGeometry g, T* dst, const T* src, const T* anchors) {
  for (i64 i = first_item(); i < g.count; i += grid_items()) {
    for (int axis = 0; axis < 2; ++axis) {
      const T *anchor = anchors + i % g.boxes * 4 + axis, *change = src + i * 4 + axis;
      A centre = load(anchor[0]), size = load(anchor[2]);
      if (g.corner) {
        size -= centre;
        centre += size / 2;
      }
      const A middle = load(change[0]) * g.deviation[axis] * size + centre;
      A growth = load(change[2]) * g.deviation[axis + 2];
      if (g.clip > 0) growth = smaller(growth, A(g.clip));
      const A half = exp(growth) * size / 2;
      dst[i * 4 + axis] = convert<T>(middle - half);
      dst[i * 4 + axis + 2] = convert<T>(middle + half);
    }
  }
}

struct RegionGeometry {
  i64 batch, channels, height, width, rois, pooled_height, pooled_width;
  float scale;
};

__device__ inline i64 clamped(i64 x, i64 limit) { return x < 0 ? 0 : x > limit ? limit : x; }

extern "C" __global__ void roi_pooling(const RegionGeometry g, T* dst, i64* argmax, const T* data, const T* rois) {
  const i64 bins = g.pooled_height * g.pooled_width;
  for (i64 i = first_item(); i < g.rois * g.channels * bins; i += grid_items()) {
    const T* roi = rois + i / (g.channels * bins) * 5;
    const i64 channel = i / bins % g.channels, y = i / g.pooled_width % g.pooled_height, x = i % g.pooled_width;
    const i64 image = to_index(load(roi[0]));
    const i64 left = to_index(round(load(roi[1]) * g.scale)), top = to_index(round(load(roi[2]) * g.scale));
    const i64 right = to_index(round(load(roi[3]) * g.scale)), bottom = to_index(round(load(roi[4]) * g.scale));
    const A bin_height = static_cast<A>(larger(bottom - top + 1, i64(1))) / static_cast<A>(g.pooled_height);
    const A bin_width = static_cast<A>(larger(right - left + 1, i64(1))) / static_cast<A>(g.pooled_width);
    const i64 first_row = clamped(to_index(floor(static_cast<A>(y) * bin_height)) + top, g.height);
    const i64 last_row = clamped(to_index(ceil(static_cast<A>(y + 1) * bin_height)) + top, g.height);
    const i64 first_column = clamped(to_index(floor(static_cast<A>(x) * bin_width)) + left, g.width);
    const i64 last_column = clamped(to_index(ceil(static_cast<A>(x + 1) * bin_width)) + left, g.width);
    const bool filled = image >= 0 && image < g.batch && first_row < last_row && first_column < last_column;
    A greatest = filled ? A(-3.402823466e38f) : A(0);
    i64 best = -1;
    for (i64 row = first_row; filled && row < last_row; ++row) {
      for (i64 column = first_column; column < last_column; ++column) {
        const i64 at = ((image * g.channels + channel) * g.height + row) * g.width + column;
        if (load(data[at]) <= greatest) continue;
        greatest = load(data[at]);
        best = at;
      }
    }
    dst[i] = convert<T>(greatest);
    if (argmax != nullptr) argmax[i] = best;
  }
}
