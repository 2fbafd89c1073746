// Region proposals of Faster R-CNN: boxes of every cell and anchor, in the order of their scores, without those that
// overlap a better one. The order is made by merging: tiles first, then runs twice as long each time.

__device__ inline float smaller(float a, float b) { return b < a ? b : a; }
__device__ inline float larger(float a, float b) { return a < b ? b : a; }
// Rounded before something is added to it, as the reference does: what is compared afterwards is the same.
__device__ inline float product(float a, float b) { return __fmul_rn(a, b); }

struct Box {
  float x1, y1, x2, y2;
};

struct ProposalGeometry {
  i64 batch, height, width, stride;
  i64 count, considered, kept;  // boxes of an image; the best of them; those of the result
  float min_size, threshold;
  int iou_loss, anchors;
  Box anchor[MOST_ANCHORS];  // of the first cell
};

// The anchor moved by the prediction: centre and logarithm of the size or, trained with an IoU loss, each corner.
__device__ inline Box decoded(const Box& anchor, const float* delta, int iou_loss) {
  if (iou_loss) return {anchor.x1 + delta[0], anchor.y1 + delta[1], anchor.x2 + delta[2], anchor.y2 + delta[3]};
  const float width = anchor.x2 - anchor.x1 + 1, height = anchor.y2 - anchor.y1 + 1;
  const float x = product(delta[0], width) + anchor.x1 + 0.5f * (width - 1);
  const float y = product(delta[1], height) + anchor.y1 + 0.5f * (height - 1);
  const float half_width = 0.5f * (product(exp(delta[2]), width) - 1);
  const float half_height = 0.5f * (product(exp(delta[3]), height) - 1);
  return {x - half_width, y - half_height, x + half_width, y + half_height};
}

__device__ inline Box clipped(const Box& box, float height, float width) {
  const auto clip = [](float value, float size) { return larger(smaller(value, size - 1), 0.0f); };
  return {clip(box.x1, width), clip(box.y1, height), clip(box.x2, width), clip(box.y2, height)};
}

// How many cells of the map an image covers.
__device__ inline float cells_of(float size, i64 stride) { return truncf(size / static_cast<float>(stride)); }

// What lies outside of the image, or is too small, gets the score -1.
extern "C" __global__ void proposal_decode(const ProposalGeometry g, Box* boxes, float* scores, const float* prob,
                                           const float* deltas, const float* infos, Refusal* refusal) {
  const i64 plane = g.height * g.width;
  for (i64 i = first_item(); i < g.batch * g.count; i += grid_items()) {
    const i64 n = i / g.count, a = i % g.anchors, cell = i % g.count / g.anchors;
    const float* info = infos + 3 * n;
    const float rows = cells_of(info[0], g.stride), columns = cells_of(info[1], g.stride);
    if (rows > static_cast<float>(g.height) || columns > static_cast<float>(g.width)) {
      refuse(refusal, n, 0, 0, 0, info[0], info[1]);
    }
    const float x = static_cast<float>(cell % g.width), y = static_cast<float>(cell / g.width);
    const float dx = static_cast<float>(cell % g.width * g.stride), dy = static_cast<float>(cell / g.width * g.stride);
    const Box& first = g.anchor[a];
    float delta[4];
    for (int k = 0; k < 4; ++k) delta[k] = deltas[((n * g.anchors + a) * 4 + k) * plane + cell];
    const Box anchor = {first.x1 + dx, first.y1 + dy, first.x2 + dx, first.y2 + dy};
    Box box = clipped(decoded(anchor, delta, g.iou_loss), info[0], info[1]);
    float score = y < rows && x < columns ? prob[((2 * n + 1) * g.anchors + a) * plane + cell] : -1.0f;
    const float min_size = g.min_size * info[2];
    if (box.x2 - box.x1 + 1 < min_size || box.y2 - box.y1 + 1 < min_size) {
      const float half = min_size / 2;
      box = {box.x1 - half, box.y1 - half, box.x2 + half, box.y2 + half};
      score = -1;
    }
    boxes[i] = box;
    scores[i] = score;
  }
}

// By falling score; NaN stands behind all numbers, equal scores keep their order.
__device__ inline bool stands_before(const float* scores, int a, int b) {
  const float x = scores[a], y = scores[b];
  if (x != x || y != y) return (x != x) == (y != y) ? a < b : y != y;
  return x == y ? a < b : x > y;
}

// The order within tiles, by counting what stands before each box.
extern "C" __global__ void proposal_sort_tiles(const ProposalGeometry g, i64 tile, int* order, const float* scores) {
  for (i64 i = first_item(); i < g.batch * g.count; i += grid_items()) {
    const i64 image = i / g.count * g.count, box = i - image, begin = box / tile * tile;
    const i64 end = begin + tile < g.count ? begin + tile : g.count;
    i64 before = 0;
    for (i64 k = begin; k < end; ++k) {
      before += stands_before(scores + image, static_cast<int>(k), static_cast<int>(box));
    }
    order[image + begin + before] = static_cast<int>(box);
  }
}

// Each box goes behind those of its own run and of the neighbouring one that stand before it.
extern "C" __global__ void proposal_merge(const ProposalGeometry g, i64 run, int* dst, const int* src,
                                          const float* scores) {
  for (i64 i = first_item(); i < g.batch * g.count; i += grid_items()) {
    const i64 image = i / g.count * g.count, place = i - image, own = place / run * run;
    const i64 other = (place / run ^ 1) * run, pair = own < other ? own : other;
    i64 low = other, high = other + run < g.count ? other + run : g.count;
    while (low < high) {
      const i64 middle = (low + high) / 2;
      if (stands_before(scores + image, src[image + middle], src[i])) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    dst[image + pair + (place - own) + (low - other)] = src[i];
  }
}

__device__ inline float area_of(const Box& box) { return product(box.x2 - box.x1 + 1, box.y2 - box.y1 + 1); }

__device__ inline float overlap_of(const Box& a, const Box& b) {
  const float width = larger(0.0f, smaller(a.x2, b.x2) - larger(a.x1, b.x1) + 1);
  const float height = larger(0.0f, smaller(a.y2, b.y2) - larger(a.y1, b.y1) + 1);
  const float shared = product(width, height);
  return shared / (area_of(a) + area_of(b) - shared);
}

// A block an image: the best boxes are kept one after another, and each strikes out what it overlaps. Too few are
// repeated from the first on.
extern "C" __global__ void proposal_suppress(const ProposalGeometry g, float* dst, float* dst_scores, int* order,
                                             int* kept, const Box* boxes, const float* scores) {
  for (i64 n = blockIdx.x; n < g.batch; n += gridDim.x) {
    const i64 image = n * g.count;
    i64 found = 0;
    for (i64 i = 0; i < g.considered && found < g.kept; ++i) {
      const int best = order[image + i];
      if (best < 0) continue;
      for (i64 j = i + 1 + threadIdx.x; j < g.considered; j += blockDim.x) {
        const int other = order[image + j];
        if (other >= 0 && overlap_of(boxes[image + best], boxes[image + other]) > g.threshold) order[image + j] = -1;
      }
      if (threadIdx.x == 0) kept[image + found] = best;
      ++found;
      __syncthreads();
    }
    __syncthreads();
    for (i64 i = threadIdx.x; i < g.kept; i += blockDim.x) {
      const int from = kept[image + i % found];
      const Box& box = boxes[image + from];
      const float values[5] = {static_cast<float>(n), box.x1, box.y1, box.x2, box.y2};
      for (int k = 0; k < 5; ++k) dst[(n * g.kept + i) * 5 + k] = values[k];
      if (dst_scores != nullptr) dst_scores[n * g.kept + i] = scores[image + from];
    }
  }
}
