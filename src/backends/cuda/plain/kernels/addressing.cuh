// Rows that the data's indices address: column n of an index matrix (depth, count) is a place in the leading axes of a
// tensor. T is moved without being looked at, I is the type of the indices.

struct AddressGeometry {
  i64 outer, rows, count, inner;
  int depth, from_the_end;  // whether negative indices count from the end
  i64 extent[MOST_AXES];
};

// The row that column n addresses, -1 where there is none.
__device__ inline i64 row_of(const AddressGeometry& g, const I* indices, i64 n, Refusal* refusal) {
  i64 row = 0;
  for (int axis = 0; axis < g.depth; ++axis) {
    const i64 index = index_of(indices[axis * g.count + n]), size = g.extent[axis];
    if (index >= size || index < (g.from_the_end ? -size : 0)) {
      refuse(refusal, n, index, axis, size);
      return -1;
    }
    row = row * size + (index < 0 ? index + size : index);
  }
  return row;
}

// dst[o][n] = src[o][row of n].
extern "C" __global__ void gather(const AddressGeometry g, T* dst, const T* src, const I* indices, Refusal* refusal) {
  for (i64 i = first_item(); i < g.outer * g.count * g.inner; i += grid_items()) {
    const i64 n = i / g.inner % g.count, outer = i / g.inner / g.count;
    const i64 row = row_of(g, indices, n, refusal);
    if (row >= 0) dst[i] = src[(outer * g.rows + row) * g.inner + i % g.inner];
  }
}

// Of several columns that address a row the last one is its owner. `owner` begins with -1 everywhere.
extern "C" __global__ void claim(const AddressGeometry g, i64* owner, const I* indices, Refusal* refusal) {
  for (i64 n = first_item(); n < g.count; n += grid_items()) {
    const i64 row = row_of(g, indices, n, refusal);
    if (row >= 0) atomicMax(owner + row, n);
  }
}

// dst[row of n] = src[n] by the owners of rows.
extern "C" __global__ void scatter(const AddressGeometry g, T* dst, const T* src, const i64* owner, const I* indices,
                                   Refusal* refusal) {
  for (i64 i = first_item(); i < g.count * g.inner; i += grid_items()) {
    const i64 n = i / g.inner, row = row_of(g, indices, n, refusal);
    if (row >= 0 && owner[row] == n) dst[row * g.inner + i % g.inner] = src[i];
  }
}
