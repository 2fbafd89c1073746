// Order along an axis, by counting what stands before each element, and what an index or a length decides. P is the type
// of positions and lengths, D that of the result.

struct SortGeometry {
  i64 outer, size, inner, kept;
  int ascending;
};

// NaN goes behind all numbers; equal ones keep their order.
__device__ inline bool stands_before(A a, i64 at_a, A b, i64 at_b, int ascending) {
  const bool a_nan = a != a, b_nan = b != b;
  if (a_nan || b_nan) return a_nan == b_nan ? at_a < at_b : b_nan;
  return a == b ? at_a < at_b : (a < b) == (ascending != 0);
}

// Each output may be missing. `mask` has the shape of the source.
extern "C" __global__ void sort(const SortGeometry g, T* values, P* positions, P* mask, const T* src) {
  for (i64 i = first_item(); i < g.outer * g.size * g.inner; i += grid_items()) {
    const i64 at = i / g.inner % g.size, line = i - at * g.inner;
    const A key = load(src[i]);
    i64 before = 0;
    for (i64 k = 0; k < g.size; ++k) before += stands_before(load(src[line + k * g.inner]), k, key, at, g.ascending);
    if (mask != nullptr) mask[i] = convert<P>(i64(before < g.kept));
    if (before >= g.kept) continue;
    const i64 to = (i / g.inner / g.size * g.kept + before) * g.inner + i % g.inner;
    if (values != nullptr) values[to] = src[i];
    if (positions != nullptr) positions[to] = convert<P>(at);
  }
}

// Longer lines: runs of kRun elements are ordered by counting, then runs are merged in pairs until one is left. What is
// moved are positions; those of line l begin at l * size.
constexpr i64 kRun = 256;

__device__ inline const T* line_of(const SortGeometry& g, const T* src, i64 line) {
  return src + line / g.inner * g.size * g.inner + line % g.inner;
}

extern "C" __global__ void sort_runs(const SortGeometry g, i64* order, const T* src) {
  for (i64 i = first_item(); i < g.outer * g.inner * g.size; i += grid_items()) {
    const i64 line = i / g.size, at = i % g.size, first = at / kRun * kRun;
    const i64 last = first + kRun < g.size ? first + kRun : g.size;
    const T* keys = line_of(g, src, line);
    const A key = load(keys[at * g.inner]);
    i64 before = 0;
    for (i64 k = first; k < last; ++k) before += stands_before(load(keys[k * g.inner]), k, key, at, g.ascending);
    order[line * g.size + first + before] = at;
  }
}

// An element's place among two runs of `width` is its place in its own and how many of the other stand before it.
extern "C" __global__ void sort_merge(const SortGeometry g, i64 width, i64* merged, const i64* order, const T* src) {
  for (i64 i = first_item(); i < g.outer * g.inner * g.size; i += grid_items()) {
    const i64 line = i / g.size, at = i % g.size;
    const T* keys = line_of(g, src, line);
    const i64* runs = order + line * g.size;
    const i64 first = at / (2 * width) * (2 * width);
    const i64 middle = first + width < g.size ? first + width : g.size;
    const i64 last = middle + width < g.size ? middle + width : g.size;
    const i64 position = runs[at];
    const A key = load(keys[position * g.inner]);
    i64 low = at < middle ? middle : first, high = at < middle ? last : middle;
    while (low < high) {
      const i64 between = low + (high - low) / 2, other = runs[between];
      if (stands_before(load(keys[other * g.inner]), other, key, position, g.ascending)) {
        low = between + 1;
      } else {
        high = between;
      }
    }
    merged[line * g.size + at + low - middle] = position;
  }
}

extern "C" __global__ void sort_place(const SortGeometry g, T* values, P* positions, P* mask, const i64* order,
                                      const T* src) {
  for (i64 i = first_item(); i < g.outer * g.inner * g.size; i += grid_items()) {
    const i64 line = i / g.size, place = i % g.size, position = order[i];
    const i64 from = (line / g.inner * g.size + position) * g.inner + line % g.inner;
    if (mask != nullptr) mask[from] = convert<P>(i64(place < g.kept));
    if (place >= g.kept) continue;
    const i64 to = (line / g.inner * g.kept + place) * g.inner + line % g.inner;
    if (values != nullptr) values[to] = src[from];
    if (positions != nullptr) positions[to] = convert<P>(position);
  }
}

extern "C" __global__ void one_hot(i64 count, i64 depth, double on, double off, D* dst, const P* indices) {
  for (i64 i = first_item(); i < count * depth; i += grid_items()) {
    dst[i] = convert<D>(index_of(indices[i / depth]) == i % depth ? on : off);
  }
}

struct SequenceGeometry {
  i64 count, row;
  i64 step_extent, step_stride, batch_extent, batch_stride;  // in rows
};

extern "C" __global__ void sequence_mask(const SequenceGeometry g, double value, T* dst, const T* src, const P* lengths) {
  for (i64 i = first_item(); i < g.count; i += grid_items()) {
    const i64 step = i / g.row / g.step_stride % g.step_extent, n = i / g.row / g.batch_stride % g.batch_extent;
    dst[i] = lengths == nullptr || step < index_of(lengths[n]) ? src[i] : convert<T>(value);
  }
}
