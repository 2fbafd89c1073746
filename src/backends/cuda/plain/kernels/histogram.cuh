// How many elements fall into each bin: bin i holds edge[i] <= x < edge[i + 1], the last one also x equal to its upper
// edge. T is the type of the data and of the edges given out.

// The edges as given or, where there are none, of equal bins from low to high.
extern "C" __global__ void bin_edges(i64 bins, double low, double high, double* edges, T* dst, const T* given) {
  for (i64 i = first_item(); i <= bins; i += grid_items()) {
    edges[i] = given != nullptr ? static_cast<double>(load(given[i]))
                                : low + static_cast<double>(i) * (high - low) / static_cast<double>(bins);
    if (dst != nullptr) dst[i] = convert<T>(edges[i]);
  }
}

// `counts` begins with zeros.
extern "C" __global__ void histogram(i64 count, i64 bins, u64* counts, const T* src, const double* edges) {
  for (i64 i = first_item(); i < count; i += grid_items()) {
    const double x = load(src[i]);
    if (!(x >= edges[0] && x <= edges[bins])) continue;
    i64 first = 0, last = bins + 1;  // the first edge above x lies in [first, last]
    while (first < last) {
      const i64 middle = (first + last) / 2;
      if (edges[middle] > x) {
        last = middle;
      } else {
        first = middle + 1;
      }
    }
    atomicAdd(counts + (first < bins ? first : bins) - 1, 1ull);
  }
}
