// Zeros above the k-th diagonal of the last two axes; a source of `period` elements is repeated.

extern "C" __global__ void tril(i64 count, i64 rows, i64 columns, i64 period, i64 k, T* dst, const T* src) {
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < count;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    dst[i] = i % columns <= i / columns % rows + k ? src[i % period] : T(0);
  }
}
