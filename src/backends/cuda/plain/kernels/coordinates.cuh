// The arithmetic of places in a tensor: its flat positions, its coordinates, one element a line. T is moved without being
// looked at, I is the type of the indices and, where it is computed with, of the result.

struct LineGeometry {
  i64 outer, size, inner;
  int wraps;     // else what lies outside is clipped
  int converts;  // the index is converted as any number is, not read as an index
};

// dst[o][i] = src[o][index of (o, i)][i].
extern "C" __global__ void pick(const LineGeometry g, T* dst, const T* src, const I* indices) {
  for (i64 i = first_item(); i < g.outer * g.inner; i += grid_items()) {
    i64 index = g.converts ? convert<i64>(load(indices[i])) : index_of(indices[i]);
    if (g.wraps) {
      index %= g.size;
      if (index < 0) index += g.size;
    } else {
      index = index < 0 ? 0 : index >= g.size ? g.size - 1 : index;
    }
    dst[i] = src[(i / g.inner * g.size + index) * g.inner + i % g.inner];
  }
}

struct PlaceGeometry {
  i64 count;
  int depth;
  i64 size[MOST_AXES];
};

// Columns of coordinates to flat positions.
extern "C" __global__ void ravel(const PlaceGeometry g, I* dst, const I* src) {
  for (i64 n = first_item(); n < g.count; n += grid_items()) {
    i64 flat = 0;
    for (int axis = 0; axis < g.depth; ++axis) flat = flat * g.size[axis] + index_of(src[axis * g.count + n]);
    dst[n] = convert<I>(flat);
  }
}

// And back; the outermost size is not looked at.
extern "C" __global__ void unravel(const PlaceGeometry g, I* dst, const I* src) {
  for (i64 n = first_item(); n < g.count; n += grid_items()) {
    i64 flat = index_of(src[n]);
    for (int axis = g.depth - 1; axis >= 0; --axis) {
      dst[axis * g.count + n] = convert<I>(axis == 0 ? flat : flat % g.size[axis]);
      if (axis > 0) flat /= g.size[axis];
    }
  }
}
