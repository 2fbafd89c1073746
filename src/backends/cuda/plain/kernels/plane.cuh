// Planes of (N, C, H, W) read between their pixels: what the samplers, deformable convolution and position-sensitive
// pooling begin with.

__device__ inline i64 clamped(i64 x, i64 low, i64 high) { return x < low ? low : x > high ? high : x; }
__device__ inline A clamped(A x, A low, A high) { return x < low ? low : x > high ? high : x; }

// A number of the data as an index: far out of every tensor where it fits none.
__device__ inline i64 to_index(A x) {
  const A limit = A(1099511627776.0);
  if (!((x < 0 ? -x : x) < limit)) return x > 0 ? 1099511627776ll : -1099511627776ll;
  return static_cast<i64>(x);
}

// Rounded before something is added to it, as the reference does: what is cut off or compared afterwards is the same.
__device__ inline float product(float a, float b) { return __fmul_rn(a, b); }
__device__ inline double product(double a, double b) { return __dmul_rn(a, b); }

struct Plane {
  const T* data;
  i64 height, width;
};

__device__ inline A at(const Plane& plane, i64 y, i64 x) { return load(plane.data[y * plane.width + x]); }
__device__ inline A or_zero(const Plane& plane, i64 y, i64 x) {
  return y >= 0 && y < plane.height && x >= 0 && x < plane.width ? at(plane, y, x) : A(0);
}

// The bilinear mean of the four pixels around (y, x), those outside counting as zero.
__device__ inline A bilinear_or_zero(const Plane& plane, A y, A x) {
  const i64 top = to_index(floor(y)), left = to_index(floor(x));
  const A below = y - static_cast<A>(top), right = x - static_cast<A>(left);
  return or_zero(plane, top, left) * (1 - below) * (1 - right) + or_zero(plane, top, left + 1) * (1 - below) * right +
         or_zero(plane, top + 1, left) * below * (1 - right) + or_zero(plane, top + 1, left + 1) * below * right;
}

// The same with coordinates and neighbours pulled to the nearest pixel inside. (y, x) is not NaN.
__device__ inline A bilinear_clamped(const Plane& plane, A y, A x) {
  y = clamped(y, A(0), static_cast<A>(plane.height - 1));
  x = clamped(x, A(0), static_cast<A>(plane.width - 1));
  const i64 top = static_cast<i64>(y), left = static_cast<i64>(x);
  const i64 bottom = top + 1 < plane.height ? top + 1 : top, right = left + 1 < plane.width ? left + 1 : left;
  const A dy = y - static_cast<A>(top), dx = x - static_cast<A>(left);
  return at(plane, top, left) * (1 - dy) * (1 - dx) + at(plane, top, right) * (1 - dy) * dx +
         at(plane, bottom, left) * dy * (1 - dx) + at(plane, bottom, right) * dy * dx;
}
