#include "ops/arithmetic.h"

namespace tenon {

template <class A>
Reader<A> reader(DType dtype) {
  return dispatch(dtype, []<class T>() -> Reader<A> {
    return [](const void* src, std::int64_t first, std::int64_t stride, std::int64_t count, A* dst) {
      const T* from = static_cast<const T*>(src) + first;
      for (std::int64_t i = 0; i < count; ++i) dst[i] = convert<A>(load(from[i * stride]));
    };
  });
}

template <class A>
Writer<A> writer(DType dtype) {
  return dispatch(dtype, []<class T>() -> Writer<A> {
    return [](void* dst, std::int64_t first, std::int64_t count, const A* src) {
      T* to = static_cast<T*>(dst) + first;
      for (std::int64_t i = 0; i < count; ++i) to[i] = convert<T>(src[i]);
    };
  });
}

template Reader<float> reader<float>(DType);
template Reader<double> reader<double>(DType);
template Reader<std::int64_t> reader<std::int64_t>(DType);
template Writer<float> writer<float>(DType);
template Writer<double> writer<double>(DType);
template Writer<std::int64_t> writer<std::int64_t>(DType);

}  // namespace tenon
