// Whether something holds for every element: a result that begins as 1 becomes 0 where it does not. T is the type of the
// data, D that of the result.

extern "C" __global__ void hold_begin(D* dst) { *dst = convert<D>(i64(1)); }

extern "C" __global__ void hold_finite(i64 count, D* dst, const T* src) {
  for (i64 i = first_item(); i < count; i += grid_items()) {
    if (!isfinite(static_cast<double>(load(src[i])))) *dst = convert<D>(i64(0));
  }
}

extern "C" __global__ void hold_close(i64 count, double rtol, double atol, int equal_nan, D* dst, const T* left,
                                 const T* right) {
  for (i64 i = first_item(); i < count; i += grid_items()) {
    const double a = load(left[i]), b = load(right[i]);
    const bool same = a == b || (equal_nan && a != a && b != b);
    if (!same && !(fabs(a - b) <= __dadd_rn(atol, __dmul_rn(rtol, fabs(b))))) *dst = convert<D>(i64(0));
  }
}
