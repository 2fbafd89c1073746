// The product of all inputs, summed over axes that the output does not have: a thread makes an element. The last of the
// summed loops is walked step by step, the ones around it are taken from a count.

struct ContractGeometry {
  i64 count, rounds, steps;  // elements; turns of the summed loops around the last; its turns
  int kept, around;          // how many loops are kept, and summed around the last
  i64 kept_extent[AXES], kept_stride[SOURCES][AXES];
  i64 around_extent[AXES], around_stride[SOURCES][AXES];
  i64 step[SOURCES];
};
struct Inputs {
  const T* src[SOURCES];
};

__device__ inline void walk(i64* at, i64 index, int loops, const i64* extent, const i64 (*stride)[AXES]) {
  for (int loop = loops - 1; loop >= 0; --loop) {
    const i64 outer = index / extent[loop], turn = index - outer * extent[loop];
    for (int k = 0; k < COUNT; ++k) at[k] += turn * stride[k][loop];
    index = outer;
  }
}

extern "C" __global__ void contract(const ContractGeometry g, T* dst, const Inputs inputs) {
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < g.count;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    i64 begin[COUNT] = {};
    walk(begin, i, g.kept, g.kept_extent, g.kept_stride);
    A sum = 0;
    for (i64 round = 0; round < g.rounds; ++round) {
      i64 at[COUNT];
      for (int k = 0; k < COUNT; ++k) at[k] = begin[k];
      walk(at, round, g.around, g.around_extent, g.around_stride);
      for (i64 step = 0; step < g.steps; ++step) {
        A product = 1;
        for (int k = 0; k < COUNT; ++k) product *= load(inputs.src[k][at[k] + step * g.step[k]]);
        sum += product;
      }
    }
    dst[i] = convert<T>(sum);
  }
}
