// Softmax over the last axis of row-major rows in fp32: a block makes a row, in two passes over registers.
// Generated: kRowsOfAll, kColumns, kF32In, kF32Out, kLog. Grid: kRowsOfAll, 256 threads.

constexpr int kParts = div_up(kColumns, 256);

template <bool Maximum>
TENON_DEVICE float over_block(float value, float* scratch) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, value, distance);
    value = Maximum ? max_nan(value, other) : value + other;
  }
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
  __syncthreads();
  float result = scratch[0];
#pragma unroll
  for (int i = 1; i < 8; ++i) result = Maximum ? max_nan(result, scratch[i]) : result + scratch[i];
  __syncthreads();
  return result;
}

extern "C" __global__ void __launch_bounds__(256) tenon_kernel(const __grid_constant__ Pointers p) {
  __shared__ float scratch[8];
  wait_for_predecessor();
  launch_dependents();
  const int row = blockIdx.x * kColumns;
  float x[kParts], most = __uint_as_float(0xff800000u), sum = 0;
#pragma unroll
  for (int i = 0; i < kParts; ++i) {
    const int column = threadIdx.x + i * 256;
    x[i] = column >= kColumns ? __uint_as_float(0xff800000u)
           : kF32In           ? __ldcg(static_cast<const float*>(p.src) + row + column)
                              : load_one(p.src, row + column);
    most = max_nan(most, x[i]);
  }
  most = over_block<true>(most, scratch);
#pragma unroll
  for (int i = 0; i < kParts; ++i) {
    x[i] -= most;
    if (threadIdx.x + i * 256 < kColumns) sum += __expf(x[i]);
  }
  sum = over_block<false>(sum, scratch);
#pragma unroll
  for (int i = 0; i < kParts; ++i) {
    const int column = threadIdx.x + i * 256;
    if (column >= kColumns) continue;
    const float y = kLog ? x[i] - __logf(sum) : __expf(x[i]) / sum;
    if (kF32Out) {
      static_cast<float*>(p.dst[0])[row + column] = y;
    } else {
      store_one(p.dst[0], row + column, y);
    }
  }
}
