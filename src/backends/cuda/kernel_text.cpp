#include "backends/cuda/kernel_text.h"

#include <fmt/format.h>

#include "backends/cuda/codegen/kernel_spec.h"
#include "core/error.h"
#include "ops/arithmetic.h"

namespace tenon::cuda {
namespace {

// Halves are converted by instructions, not by the toolkit's headers. Floating to integer truncates, and what does not
// fit becomes the least number (of 32 bits for the narrower types): ops/arithmetic.h says why.
constexpr const char* kPrelude = R"cuda(
typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
struct f16 { u16 bits; };
struct bf16 { u16 bits; };

#define NAN_F __int_as_float(0x7fffffff)
#define INFINITY_F __int_as_float(0x7f800000)

// A grid walks items one a thread: from first_item() on by grid_items().
__device__ inline i64 first_item() { return blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; }
__device__ inline i64 grid_items() { return static_cast<i64>(gridDim.x) * blockDim.x; }

// What the threads of a block have, up to 256 of them, in a fixed order.
__device__ inline double sum_over_block(double x) {
  __shared__ double partial[256];
  partial[threadIdx.x] = x;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  const double sum = partial[0];
  __syncthreads();
  return sum;
}

__device__ inline float load(float x) { return x; }
__device__ inline double load(double x) { return x; }
__device__ inline float load(f16 x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
}
__device__ inline float load(bf16 x) { return __int_as_float(static_cast<int>(x.bits) << 16); }
__device__ inline i64 load(u8 x) { return x; }
__device__ inline i64 load(i8 x) { return x; }
__device__ inline i64 load(int x) { return x; }
__device__ inline i64 load(i64 x) { return x; }
__device__ inline i64 load(bool x) { return x; }

template <class To, class From> struct Convert {
  static __device__ To apply(From x) { return static_cast<To>(x); }
};
template <class From> struct Convert<f16, From> {
  static __device__ f16 apply(From x) {
    f16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(static_cast<float>(x)));
    return y;
  }
};
template <class From> struct Convert<bf16, From> {
  static __device__ bf16 apply(From x) {
    bf16 y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(static_cast<float>(x)));
    return y;
  }
};
template <class To, class From> __device__ inline To truncate32(From x) {
  const bool fits = x > From(-2147483649.0) && x < From(2147483648.0);
  return static_cast<To>(fits ? static_cast<int>(x) : static_cast<int>(0x80000000u));
}
template <class From> __device__ inline i64 truncate64(From x) {
  const bool fits = x > From(-9223372036854775809.0) && x < From(9223372036854775808.0);
  return fits ? static_cast<i64>(x) : static_cast<i64>(0x8000000000000000ull);
}
#define TRUNCATES(To, From, function) \
  template <> struct Convert<To, From> { static __device__ To apply(From x) { return function(x); } };
TRUNCATES(u8, float, (truncate32<u8, float>))
TRUNCATES(u8, double, (truncate32<u8, double>))
TRUNCATES(i8, float, (truncate32<i8, float>))
TRUNCATES(i8, double, (truncate32<i8, double>))
TRUNCATES(int, float, (truncate32<int, float>))
TRUNCATES(int, double, (truncate32<int, double>))
TRUNCATES(i64, float, truncate64<float>)
TRUNCATES(i64, double, truncate64<double>)
template <class From> struct Convert<bool, From> { static __device__ bool apply(From x) { return x != From(0); } };
template <class To, class From> __device__ inline To convert(From x) { return Convert<To, From>::apply(x); }

// A number for functions that are not of integers: those are computed in float, as MXNet does.
__device__ inline float real(float x) { return x; }
__device__ inline double real(double x) { return x; }
__device__ inline float real(i64 x) { return static_cast<float>(x); }

template <class A> __device__ inline A greater_of(A l, A r) { return l != l || l > r ? l : r; }
template <class A> __device__ inline A lesser_of(A l, A r) { return l != l || l < r ? l : r; }
__device__ inline float divided(float l, float r) { return l / r; }
__device__ inline double divided(double l, double r) { return l / r; }
__device__ inline i64 divided(i64 l, i64 r) { return r == 0 ? 0 : r == -1 ? static_cast<i64>(0 - static_cast<u64>(l)) : l / r; }
__device__ inline float rest_of(float l, float r) { return fmodf(l, r); }
__device__ inline double rest_of(double l, double r) { return fmod(l, r); }
__device__ inline i64 rest_of(i64 l, i64 r) { return r == -1 ? 0 : l % r; }
template <class A> __device__ inline A modulo(A l, A r) {
  if (r == 0) return 0;
  const A rest = rest_of(l, r);
  return rest != 0 && (rest < 0) != (r < 0) ? rest + r : rest;
}
template <class A> __device__ inline A round_ties_down(A x) {
  const A below = floor(x), above = ceil(x);
  return x - below <= above - x ? below : above;
}
)cuda";

// An index is taken apart from the last axis on; the outermost needs no division.
constexpr const char* kMap = R"cuda(
struct MapGeometry {
  i64 count;
  int rank;
  i64 extent[AXES], dst_stride[AXES], src_stride[SOURCES][AXES];
  i64 dst_offset, src_offset[SOURCES];
  double parameter[4];
};

extern "C" __global__ void map(const MapGeometry g, D* dst, POINTERS) {
  const double p0 = g.parameter[0], p1 = g.parameter[1], p2 = g.parameter[2], p3 = g.parameter[3];
  for (INDEX i = blockIdx.x * static_cast<INDEX>(blockDim.x) + threadIdx.x; i < static_cast<INDEX>(g.count);
       i += static_cast<INDEX>(gridDim.x) * blockDim.x) {
    INDEX rest = i;
    i64 to = g.dst_offset;
    i64 from[COUNT];
    for (int k = 0; k < COUNT; ++k) from[k] = g.src_offset[k];
    for (int axis = g.rank - 1; axis >= 0; --axis) {
      const INDEX extent = static_cast<INDEX>(g.extent[axis]);
      const INDEX outer = axis == 0 ? 0 : rest / extent;
      const i64 at = static_cast<i64>(rest - outer * extent);
      rest = outer;
      to += at * g.dst_stride[axis];
      for (int k = 0; k < COUNT; ++k) from[k] += at * g.src_stride[k][axis];
    }
    LOADS
    dst[to] = RESULT;
  }
}
)cuda";

constexpr const char* kReduce = R"cuda(
struct ReduceGeometry {
  i64 results, terms, parts;  // a line is cut into so many parts, a block each
  int kept_rank, reduced_rank;
  i64 kept_extent[AXES], kept_stride[AXES], reduced_extent[AXES], reduced_stride[AXES];
};

__device__ inline i64 offset_of(i64 index, int rank, const i64* extent, const i64* stride) {
  i64 offset = 0;
  for (int axis = rank - 1; axis >= 0; --axis) {
    const i64 outer = axis == 0 ? 0 : index / extent[axis];
    offset += (index - outer * extent[axis]) * stride[axis];
    index = outer;
  }
  return offset;
}

// The parts differ by a term at most.
__device__ inline i64 first_term(const ReduceGeometry& g, i64 part) {
  const i64 rest = g.terms % g.parts;
  return g.terms / g.parts * part + (part < rest ? part : rest);
}
)cuda";

constexpr const char* kReduceKernel = R"cuda(
// What the greatest and the least of nothing are.
template <class A> __device__ inline A least() { return -INFINITY_F; }
template <> __device__ inline i64 least<i64>() { return static_cast<i64>(0x8000000000000000ull); }
template <class A> __device__ inline A greatest() { return INFINITY_F; }
template <> __device__ inline i64 greatest<i64>() { return 0x7fffffffffffffffll; }

// What all threads of the block have, joined in a fixed order.
__device__ inline A over_block(A acc) {
  __shared__ A partial[256];
  partial[threadIdx.x] = acc;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) {
      const A other = partial[threadIdx.x + half];
      acc = partial[threadIdx.x];
      partial[threadIdx.x] = COMBINE;
    }
    __syncthreads();
  }
  acc = partial[0];
  __syncthreads();
  return acc;
}

__device__ inline D finished(A acc, i64 terms) { return convert<D>(FINISH); }

// The results or, where lines have several parts, what each part gives.
extern "C" __global__ void reduce(const ReduceGeometry g, D* dst, A* partials, const S* src) {
  for (i64 item = blockIdx.x; item < g.results * g.parts; item += gridDim.x) {
    const i64 result = item / g.parts, part = item - result * g.parts;
    const i64 base = offset_of(result, g.kept_rank, g.kept_extent, g.kept_stride);
    A acc = INITIAL;
    for (i64 t = first_term(g, part) + threadIdx.x; t < first_term(g, part + 1); t += blockDim.x) {
      const A x = static_cast<A>(load(src[base + offset_of(t, g.reduced_rank, g.reduced_extent, g.reduced_stride)]));
      acc = STEP;
    }
    acc = over_block(acc);
    if (threadIdx.x == 0 && g.parts > 1) partials[item] = acc;
    if (threadIdx.x == 0 && g.parts == 1) dst[result] = finished(acc, g.terms);
  }
}

extern "C" __global__ void reduce_parts(const ReduceGeometry g, D* dst, const A* partials) {
  for (i64 result = blockIdx.x; result < g.results; result += gridDim.x) {
    A acc = INITIAL;
    for (i64 part = threadIdx.x; part < g.parts; part += blockDim.x) {
      const A other = partials[result * g.parts + part];
      acc = COMBINE;
    }
    acc = over_block(acc);
    if (threadIdx.x == 0) dst[result] = finished(acc, g.terms);
  }
}
)cuda";

constexpr const char* kArgReduceKernel = R"cuda(
struct Best {
  A value;
  i64 at;  // -1: nothing yet
};

__device__ inline bool wins(const Best& l, const Best& r) {
  const A x = l.value, best = r.value;
  if (r.at < 0) return l.at >= 0;
  if (l.at < 0) return false;
  if (x != x || best != best) return x != x && (best == best || l.at < r.at);
  return BEATS || (x == best && l.at < r.at);
}

__device__ inline Best over_block(const Best& own) {
  __shared__ Best partial[256];
  partial[threadIdx.x] = own;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half && wins(partial[threadIdx.x + half], partial[threadIdx.x])) {
      partial[threadIdx.x] = partial[threadIdx.x + half];
    }
    __syncthreads();
  }
  const Best best = partial[0];
  __syncthreads();
  return best;
}

extern "C" __global__ void reduce(const ReduceGeometry g, D* dst, Best* partials, const S* src) {
  for (i64 item = blockIdx.x; item < g.results * g.parts; item += gridDim.x) {
    const i64 result = item / g.parts, part = item - result * g.parts;
    const i64 base = offset_of(result, g.kept_rank, g.kept_extent, g.kept_stride);
    Best best = {0, -1};
    for (i64 t = first_term(g, part) + threadIdx.x; t < first_term(g, part + 1); t += blockDim.x) {
      const Best term = {
          static_cast<A>(load(src[base + offset_of(t, g.reduced_rank, g.reduced_extent, g.reduced_stride)])), t};
      if (wins(term, best)) best = term;
    }
    best = over_block(best);
    if (threadIdx.x == 0 && g.parts > 1) partials[item] = best;
    if (threadIdx.x == 0 && g.parts == 1) dst[result] = convert<D>(best.at);
  }
}

extern "C" __global__ void reduce_parts(const ReduceGeometry g, D* dst, const Best* partials) {
  for (i64 result = blockIdx.x; result < g.results; result += gridDim.x) {
    Best best = {0, -1};
    for (i64 part = threadIdx.x; part < g.parts; part += blockDim.x) {
      if (wins(partials[result * g.parts + part], best)) best = partials[result * g.parts + part];
    }
    best = over_block(best);
    if (threadIdx.x == 0) dst[result] = convert<D>(best.at);
  }
}
)cuda";

// In double, as the reference.
constexpr const char* kMomentsKernel = R"cuda(
extern "C" __global__ void moments(const ReduceGeometry g, D* means, D* variances, const S* src) {
  for (i64 result = blockIdx.x; result < g.results; result += gridDim.x) {
    const i64 base = offset_of(result, g.kept_rank, g.kept_extent, g.kept_stride);
    const auto term = [&](i64 t) {
      return static_cast<double>(load(src[base + offset_of(t, g.reduced_rank, g.reduced_extent, g.reduced_stride)]));
    };
    double sum = 0, squares = 0;
    for (i64 t = threadIdx.x; t < g.terms; t += blockDim.x) sum += term(t);
    const double mean = sum_over_block(sum) / g.terms;
    for (i64 t = threadIdx.x; t < g.terms; t += blockDim.x) squares += (term(t) - mean) * (term(t) - mean);
    const double variance = sum_over_block(squares) / g.terms;
    if (threadIdx.x == 0) {
      means[result] = convert<D>(mean);
      variances[result] = convert<D>(variance);
    }
  }
}
)cuda";

constexpr const char* kSoftmax = R"cuda(
// Values as the data's type rounds them: MXNet computes in that type.
template <class T> __device__ inline A rounded(A x) { return static_cast<A>(load(convert<T>(x))); }

__device__ inline A over_block(A x, bool sums) {
  __shared__ A partial[256];
  partial[threadIdx.x] = x;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) {
      const A l = partial[threadIdx.x], r = partial[threadIdx.x + half];
      partial[threadIdx.x] = sums ? l + r : (l > r ? l : r);
    }
    __syncthreads();
  }
  const A result = partial[0];
  __syncthreads();
  return result;
}

// The elements of a line from `begin` on by `step` are one thread's; `reduce` makes one of what its threads have. Behind
// the line's `length` the result is zero.
template <class Reduce>
__device__ inline void softmax_line(D* dst, const S* src, i64 length, i64 size, i64 inner, A t, i64 begin, i64 step,
                                    Reduce reduce) {
  A greatest = -INFINITY_F;
  for (i64 i = begin; i < length; i += step) {
    const A x = SIGN static_cast<A>(load(src[i * inner]));
    greatest = x > greatest ? x : greatest;
  }
  greatest = reduce(greatest, false);
  A sum = 0;
  for (i64 i = begin; i < length; i += step) {
    const A x = SIGN static_cast<A>(load(src[i * inner]));
    sum += exp(rounded<S>((x - greatest) / t));
  }
  sum = rounded<S>(reduce(sum, true));
  for (i64 i = begin; i < size; i += step) {
    const A x = SIGN static_cast<A>(load(src[i * inner]));
    const A shifted = rounded<S>((x - greatest) / t);
    dst[i * inner] = convert<D>(i < length ? rounded<S>(RESULT) : A(0));
  }
}

// Of a line; without lengths all of it.
__device__ inline i64 length_of(const L* lengths, i64 line, i64 size) {
  if (lengths == nullptr) return size;
  return lengths[line] < 0 ? 0 : lengths[line] < size ? lengths[line] : size;
}

extern "C" __global__ void softmax(D* dst, const S* src, const L* lengths, i64 lines, i64 size, i64 inner,
                                   double temperature) {
  for (i64 line = blockIdx.x; line < lines; line += gridDim.x) {
    const i64 first = line / inner * size * inner + line % inner;
    softmax_line(dst + first, src + first, length_of(lengths, line, size), size, inner, static_cast<A>(temperature),
                 threadIdx.x, blockDim.x, [](A x, bool sums) { return over_block(x, sums); });
  }
}

extern "C" __global__ void softmax_of_many(D* dst, const S* src, const L* lengths, i64 lines, i64 size, i64 inner,
                                           double temperature) {
  const i64 step = static_cast<i64>(gridDim.x) * blockDim.x;
  for (i64 line = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; line < lines; line += step) {
    const i64 first = line / inner * size * inner + line % inner;
    softmax_line(dst + first, src + first, length_of(lengths, line, size), size, inner, static_cast<A>(temperature), 0,
                 1, [](A x, bool) { return x; });
  }
}
)cuda";

constexpr const char* kPool = R"cuda(
struct PoolGeometry {
  i64 planes, channels;
  int src[3], dst[3], kernel[3], stride[3], pad[3];
  int channels_last;
  double power;
};

extern "C" __global__ void pool(const PoolGeometry g, T* dst, const T* src) {
  const i64 positions = static_cast<i64>(g.dst[0]) * g.dst[1] * g.dst[2];
  const i64 elements = static_cast<i64>(g.src[0]) * g.src[1] * g.src[2];
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < g.planes * positions;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    i64 plane, position, step = 1, base;
    if (g.channels_last) {
      const i64 n = i / (positions * g.channels), rest = i - n * positions * g.channels;
      position = rest / g.channels;
      step = g.channels;
      base = n * elements * g.channels + rest % g.channels;
    } else {
      plane = i / positions;
      position = i - plane * positions;
      base = plane * elements;
    }
    int at[3], first[3], last[3];
    at[2] = static_cast<int>(position % g.dst[2]);
    at[1] = static_cast<int>(position / g.dst[2] % g.dst[1]);
    at[0] = static_cast<int>(position / g.dst[2] / g.dst[1]);
    i64 divisor = 1;
    bool meets_pad = false;
    for (int k = 0; k < 3; ++k) {
      const int start = at[k] * g.stride[k] - g.pad[k];
      const int end = min(start + g.kernel[k], g.src[k] + g.pad[k]);
      first[k] = max(start, 0);
      last[k] = min(end, g.src[k]);
      meets_pad = meets_pad || start < first[k] || end > last[k];
      divisor *= DIVISOR;
    }
    A acc = INITIAL;
    bool empty = true;
    for (int d = first[0]; d < last[0]; ++d) {
      for (int h = first[1]; h < last[1]; ++h) {
        for (int w = first[2]; w < last[2]; ++w) {
          const A x = load(src[base + ((static_cast<i64>(d) * g.src[1] + h) * g.src[2] + w) * step]);
          STEP;
          empty = false;
        }
      }
    }
    dst[i] = convert<T>(RESULT);
  }
}
)cuda";

constexpr const char* kTake = R"cuda(
extern "C" __global__ void take(T* dst, const T* data, const I* index, i64 count, i64 rows, i64 indices,
                                i64 inner) {
  for (i64 i = blockIdx.x * static_cast<i64>(blockDim.x) + threadIdx.x; i < count;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const i64 column = i % inner, which = i / inner % indices, outer = i / inner / indices;
    i64 row = index_of(index[which]);
    ADJUST
    dst[i] = data[(outer * rows + row) * inner + column];
  }
}
)cuda";

// Tiles of 16 x 16 through shared memory; the strides say what is transposed or repeated.
constexpr const char* kMultiply = R"cuda(
struct MatrixGeometry {
  i64 row, column, offset, batch[AXES];
};
struct MultiplyGeometry {
  i64 batches, rows, inner, columns;
  int batch_rank;
  i64 batch_extent[AXES];
  MatrixGeometry a, b, c;
  double alpha, beta;
};

extern "C" __global__ void multiply(const MultiplyGeometry g, T* c, const T* a, const T* b) {
  __shared__ A left[16][17], right[16][17];
  const i64 row_tiles = (g.rows + 15) / 16, column_tiles = (g.columns + 15) / 16;
  const int x = threadIdx.x % 16, y = threadIdx.x / 16;
  for (i64 tile = blockIdx.x; tile < g.batches * row_tiles * column_tiles; tile += gridDim.x) {
    i64 rest = tile / (row_tiles * column_tiles);
    i64 a_at = g.a.offset, b_at = g.b.offset, c_at = g.c.offset;
    for (int axis = g.batch_rank - 1; axis >= 0; --axis) {
      const i64 at = rest % g.batch_extent[axis];
      rest /= g.batch_extent[axis];
      a_at += at * g.a.batch[axis];
      b_at += at * g.b.batch[axis];
      c_at += at * g.c.batch[axis];
    }
    const i64 row = tile / column_tiles % row_tiles * 16 + y, column = tile % column_tiles * 16 + x;
    A sum = 0;
    for (i64 k = 0; k < g.inner; k += 16) {
      left[y][x] = row < g.rows && k + x < g.inner ? load(a[a_at + row * g.a.row + (k + x) * g.a.column]) : A(0);
      right[y][x] = column < g.columns && k + y < g.inner ? load(b[b_at + (k + y) * g.b.row + column * g.b.column]) : A(0);
      __syncthreads();
      for (int i = 0; i < 16; ++i) sum += left[y][i] * right[i][x];
      __syncthreads();
    }
    if (row < g.rows && column < g.columns) {
      T& dst = c[c_at + row * g.c.row + column * g.c.column];
      A value = static_cast<A>(g.alpha) * sum;
      if (g.beta != 0) value += static_cast<A>(g.beta) * load(dst);
      dst = convert<T>(value);
    }
  }
}
)cuda";

/// Text with every word KEY of the pairs replaced; what is longer comes first where one word begins another.
std::string filled(std::string text, const Words& words) {
  for (const auto& [word, value] : words) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size())) {
      text.replace(at, word.size(), value);
    }
  }
  return text;
}

std::string named(const std::string& name, const std::string& type) {
  return "typedef " + type + " " + name + ";\n";
}

std::string arithmetic_of_type(const std::string& type) {
  if (type == "double") return "double";
  return type == "float" || type == "f16" || type == "bf16" ? "float" : "i64";
}

}  // namespace

std::string type_name(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "float";
    case DType::float64:
      return "double";
    case DType::float16:
      return "f16";
    case DType::bfloat16:
      return "bf16";
    case DType::uint8:
      return "u8";
    case DType::int8:
      return "i8";
    case DType::int32:
      return "int";
    case DType::int64:
      return "i64";
    case DType::boolean:
      return "bool";
  }
  fail(ErrorCode::internal, "element type {} does not exist", static_cast<int>(dtype));
}

std::string bits_name(std::size_t bytes) {
  return bytes == 1 ? "u8" : bytes == 2 ? "u16" : bytes == 4 ? "u32" : "u64";
}

std::string arithmetic_name(DType dtype) {
  return arithmetic_of_type(type_name(dtype));
}

std::string typed_text(const Words& types, std::string_view file, const Words& words) {
  return typed_text(types, {file}, words);
}

std::string typed_text(const Words& types, std::initializer_list<std::string_view> files, const Words& words) {
  std::string text = kPrelude;
  for (const auto& [name, type] : types) text += named(name, type);
  text += named("A", arithmetic_of_type(types.front().second));
  for (const std::string_view file : files) text += filled(std::string(kernel_text(file)), words);
  return text;
}

std::string map_text(const MapText& map) {
  std::string pointers, loads;
  for (std::size_t k = 0; k < map.src.size(); ++k) {
    const char letter = static_cast<char>('a' + k);
    pointers += fmt::format("{}const {}* s{}", k > 0 ? ", " : "", map.src[k], k);
    const std::string element = fmt::format("s{}[from[{}]]", k, k);
    loads += map.arithmetic.empty() ? fmt::format("const {} {} = {};\n    ", map.src[k], letter, element)
                                    : fmt::format("const A {} = convert<A>(load({}));\n    ", letter, element);
  }
  const std::string result = map.arithmetic.empty() ? map.expression : "convert<D>(" + map.expression + ")";
  return kPrelude + named("D", map.dst) + (map.arithmetic.empty() ? "" : named("A", map.arithmetic)) +
         filled(kMap, {{"AXES", std::to_string(kMostAxes)},
                       {"SOURCES", std::to_string(kMostSources)},
                       {"COUNT", std::to_string(map.src.size())},
                       {"INDEX", map.wide ? "u64" : "u32"},
                       {"POINTERS", pointers},
                       {"LOADS", loads},
                       {"RESULT", result}});
}

std::string reduce_text(const ReduceText& reduce) {
  return kPrelude + named("D", reduce.dst) + named("S", reduce.src) + named("A", reduce.accumulator) +
         filled(kReduce, {{"AXES", std::to_string(kMostAxes)}}) +
         filled(kReduceKernel, {{"INITIAL", reduce.initial},
                                {"STEP", reduce.step},
                                {"COMBINE", reduce.combine},
                                {"FINISH", reduce.finish}});
}

std::string arg_reduce_text(const std::string& dst, const std::string& src, const std::string& accumulator,
                            const std::string& beats) {
  return kPrelude + named("D", dst) + named("S", src) + named("A", accumulator) +
         filled(kReduce, {{"AXES", std::to_string(kMostAxes)}}) + filled(kArgReduceKernel, {{"BEATS", beats}});
}

std::string moments_text(const std::string& dst, const std::string& src) {
  return kPrelude + named("D", dst) + named("S", src) + filled(kReduce, {{"AXES", std::to_string(kMostAxes)}}) +
         kMomentsKernel;
}

std::string softmax_text(const std::string& dst, const std::string& src, SoftmaxKind kind, const std::string& length) {
  return kPrelude + named("D", dst) + named("S", src) + named("L", length) + named("A", arithmetic_of_type(src)) +
         filled(kSoftmax, {{"SIGN", kind == SoftmaxKind::softmin ? "-" : ""},
                           {"RESULT", kind == SoftmaxKind::log_softmax ? "shifted - log(sum)" : "exp(shifted) / sum"}});
}

std::string pool_text(const std::string& type, PoolKind kind, PoolDivisor divisor, bool zeros_compete) {
  // What the reference begins a maximum with: the lowest number of the type, which a window without elements keeps.
  const std::string lowest = type == "f16"     ? "-65504.0f"
                             : type == "bf16"  ? "-3.38953139e38f"
                             : type == "float" ? "-3.402823466e38f"
                                               : "-1.7976931348623157e308";
  std::string initial = "0", step = "acc += x", result = "acc";
  if (kind == PoolKind::max) {
    initial = zeros_compete ? "meets_pad ? A(0) : A(" + lowest + ")" : lowest;
    step = "if (x > acc) acc = x";
  } else if (kind == PoolKind::average) {
    result = "empty ? A(0) : acc / static_cast<A>(divisor)";
  } else if (kind == PoolKind::lp) {
    step = "acc += g.power == 1 ? x : g.power == 2 ? x * x : x * x * x";
    result = "g.power == 1 ? acc : g.power == 2 ? sqrt(acc) : cbrt(acc)";
  }
  const bool integers = arithmetic_of_type(type) == "i64";
  if (integers) result = "rint(" + result + ")";
  const std::string part = divisor == PoolDivisor::real         ? "last[k] - first[k]"
                           : divisor == PoolDivisor::inside_pad ? "end - start"
                                                                : "g.kernel[k]";
  return kPrelude + named("T", type) + named("A", integers ? "double" : arithmetic_of_type(type)) +
         filled(kPool, {{"DIVISOR", part}, {"INITIAL", initial}, {"STEP", step}, {"RESULT", result}});
}

std::string take_text(const std::string& data, const std::string& index, const std::string& mode) {
  const std::string adjust =
      mode == "wrap" ? "row %= rows; if (row < 0) row += rows;" : "row = row < 0 ? 0 : row >= rows ? rows - 1 : row;";
  return typed_text({{"T", data}, {"I", index}}, "index_of") + filled(kTake, {{"ADJUST", adjust}});
}

std::string multiply_text(const std::string& type) {
  return kPrelude + named("T", type) + named("A", arithmetic_of_type(type)) +
         filled(kMultiply, {{"AXES", std::to_string(kMostAxes)}});
}

}  // namespace tenon::cuda
