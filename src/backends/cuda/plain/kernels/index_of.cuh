// A number that came with the data as an index: a fraction is cut off; what no index can mean becomes one that is far
// out.
__device__ inline i64 whole(i64 x) { return x; }
__device__ inline i64 whole(double x) {
  const double limit = 4611686018427387904.0;
  return x != x ? 0 : static_cast<i64>(x > limit ? limit : x < -limit ? -limit : x);
}
template <class X> __device__ inline i64 index_of(X x) { return whole(load(x)); }
