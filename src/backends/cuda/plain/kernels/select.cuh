// Order along an axis, by counting what stands before each element, and what an index or a length decides. P is the type
// of positions and lengths, D that of the result.

__device__ inline i64 first_item() { return blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; }
__device__ inline i64 grid_items() { return static_cast<i64>(gridDim.x) * blockDim.x; }

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

// A fraction is cut off; what no index can mean becomes one that is far out.
__device__ inline i64 index_of(P x) {
  const auto value = load(x);
  if (value != value) return 0;
  return value > 4e18 ? 4000000000000000000ll : value < -4e18 ? -4000000000000000000ll : static_cast<i64>(value);
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
    dst[i] = step < index_of(lengths[n]) ? src[i] : convert<T>(value);
  }
}
