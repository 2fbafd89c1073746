// A convolution, or its transpose, by its formula: a thread makes an element. For what cuDNN is not there to do, or does
// not take.

struct ConvolveGeometry {
  i64 batch, src_channels, dst_channels;    // of all groups
  i64 group_src_channels, group_dst_channels;
  i64 src[3], dst[3], kernel[3], stride[3], dilate[3], pad[3];
};

// The source position that meets `at` under a tap; negative where none does.
__device__ inline i64 source_of(const ConvolveGeometry& g, int axis, i64 at, i64 tap) {
  if (!TRANSPOSED) return at * g.stride[axis] - g.pad[axis] + tap * g.dilate[axis];
  const i64 distance = at + g.pad[axis] - tap * g.dilate[axis];
  return distance % g.stride[axis] == 0 ? distance / g.stride[axis] : -1;
}

// What the channels of f's group give under a tap. The weight is (f, c, taps), of the transpose (c, f, taps).
__device__ inline A under_tap(const ConvolveGeometry& g, const T* src, const T* weight, i64 f, i64 plane, i64 taps) {
  const i64 first = f / g.group_dst_channels * g.group_src_channels;
  A sum = 0;
  for (i64 c = 0; c < g.group_src_channels; ++c) {
    const i64 row = TRANSPOSED ? (first + c) * g.group_dst_channels + f % g.group_dst_channels
                               : f * g.group_src_channels + c;
    sum += load(src[(first + c) * plane]) * load(weight[row * taps]);
  }
  return sum;
}

extern "C" __global__ void convolve(const ConvolveGeometry g, T* dst, const T* src, const T* weight, const T* bias) {
  const i64 src_plane = g.src[0] * g.src[1] * g.src[2], dst_plane = g.dst[0] * g.dst[1] * g.dst[2];
  const i64 taps = g.kernel[0] * g.kernel[1] * g.kernel[2];
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < g.batch * g.dst_channels * dst_plane;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const i64 position = i % dst_plane, f = i / dst_plane % g.dst_channels;
    const T* image = src + i / dst_plane / g.dst_channels * g.src_channels * src_plane;
    A sum = bias == nullptr ? A(0) : load(bias[f]);
    for (i64 tap = 0; tap < taps; ++tap) {
      const i64 z = source_of(g, 0, position / g.dst[2] / g.dst[1], tap / g.kernel[2] / g.kernel[1]);
      const i64 y = source_of(g, 1, position / g.dst[2] % g.dst[1], tap / g.kernel[2] % g.kernel[1]);
      const i64 x = source_of(g, 2, position % g.dst[2], tap % g.kernel[2]);
      if (z < 0 || z >= g.src[0] || y < 0 || y >= g.src[1] || x < 0 || x >= g.src[2]) continue;
      sum += under_tap(g, image + (z * g.src[1] + y) * g.src[2] + x, weight + tap, f, src_plane, taps);
    }
    dst[i] = convert<T>(sum);
  }
}
