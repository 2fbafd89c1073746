// Pooling: a few windows at a time in registers, a row of results at a time to the epilogue.

#include "backends/cpu/kernels/pooling.h"

#include <math.h>

#include "backends/cpu/kernels/isa/epilogue_common.h"

namespace tenon::cpu::TENON_ISA {
namespace {

using Type = PoolingProblem::Type;

constexpr int kPixels = 32;     // of a row that go to the epilogue at a time
constexpr int kNeighbours = 4;  // windows that are computed together, so that none waits for its last sum

/// The part of a window along one axis that lies in the data, and the elements an average counts.
struct Span {
  std::int64_t first, last, counted;
};

Span span_at(const PoolingProblem& problem, int axis, std::int64_t at) {
  const std::int64_t start = at * problem.stride[axis] - problem.pad[axis], end = start + problem.kernel[axis];
  const std::int64_t first = greater<std::int64_t>(start, 0), last = lesser(end, problem.src[axis]);
  return {first, last, problem.count_pad ? lesser(end, problem.src[axis] + problem.pad[axis]) - start : last - first};
}

Vec cube_root(Vec v) {
  alignas(64) float lanes[kLanes];
  store(lanes, v);
  for (float& lane : lanes) lane = ::cbrtf(lane);
  return load(lanes);
}

template <Type type>
TENON_ALWAYS_INLINE Vec combine(int power, Vec so_far, Vec value) {
  if constexpr (type == Type::max) return at_least(value, so_far);  // NaN is not greater than anything
  if constexpr (type == Type::lp) {
    if (power == 2) return fma(value, value, so_far);
    if (power == 3) return fma(mul(value, value), value, so_far);
  }
  return add(so_far, value);
}

/// What is left to do when a window's elements are combined.
template <Type type>
TENON_ALWAYS_INLINE Vec finish(const PoolingProblem& problem, Vec result, Span d, Span h, Span w) {
  const bool empty = d.first >= d.last || h.first >= h.last || w.first >= w.last;
  if constexpr (type == Type::average) {
    return empty ? zero() : mul(result, broadcast(1 / static_cast<float>(d.counted * h.counted * w.counted)));
  }
  if constexpr (type == Type::lp) {
    if (problem.power == 2) return sqrt(result);
    if (problem.power == 3) return cube_root(result);
  }
  return result;
}

/// The window that covers these spans. Sums are of rows first, so that errors don't grow with the whole window.
template <Type type, bool narrow>
TENON_ALWAYS_INLINE Vec window(const PoolingProblem& problem, const void* plane, Span d, Span h, Span w) {
  const Vec neutral = broadcast(type == Type::max ? -3.40282347e38f : 0);
  Vec result = neutral;
  for (std::int64_t z = d.first; z < d.last; ++z) {
    for (std::int64_t y = h.first; y < h.last; ++y) {
      const std::int64_t row = (z * problem.src[1] + y) * problem.src[2];
      Vec partial = neutral;
      for (std::int64_t x = w.first; x < w.last; ++x) {
        partial = combine<type>(problem.power, partial, load_as(plane, (row + x) * kLanes, narrow));
      }
      result = type == Type::max ? at_least(partial, result) : add(result, partial);
    }
  }
  return finish<type>(problem, result, d, h, w);
}

/// kNeighbours windows, `stride` pixels apart, each `width` wide and inside of the data.
template <Type type, bool narrow, int width>
TENON_ALWAYS_INLINE void inner_windows(const PoolingProblem& problem, const void* plane, Span d, Span h, Span w,
                                       float* to) {
  const Vec neutral = broadcast(type == Type::max ? -3.40282347e38f : 0);
  Vec results[kNeighbours];
  for (Vec& result : results) result = neutral;
  for (std::int64_t z = d.first; z < d.last; ++z) {
    for (std::int64_t y = h.first; y < h.last; ++y) {
      const std::int64_t row = (z * problem.src[1] + y) * problem.src[2] + w.first;
#pragma GCC unroll 4
      for (int i = 0; i < kNeighbours; ++i) {
        Vec partial = neutral;
#pragma GCC unroll 3
        for (int x = 0; x < width; ++x) {
          const std::int64_t at = row + i * problem.stride[2] + x;
          partial = combine<type>(problem.power, partial, load_as(plane, at * kLanes, narrow));
        }
        results[i] = type == Type::max ? at_least(partial, results[i]) : add(results[i], partial);
      }
    }
  }
  for (int i = 0; i < kNeighbours; ++i) store(to + i * kLanes, finish<type>(problem, results[i], d, h, w));
}

/// Windows from pixel x of a row of results on, as many as `to` has room for: how many it did.
template <Type type, bool narrow>
TENON_ALWAYS_INLINE int some_windows(const PoolingProblem& problem, const void* plane, Span d, Span h, std::int64_t x,
                                     int room, float* to) {
  const Span w = span_at(problem, 2, x);
  const std::int64_t width = problem.kernel[2], last = w.first + (kNeighbours - 1) * problem.stride[2] + width;
  const bool inside = w.last - w.first == width && last <= problem.src[2];
  if (inside && room >= kNeighbours && (width == 2 || width == 3)) {
    if (width == 2) {
      inner_windows<type, narrow, 2>(problem, plane, d, h, w, to);
    } else {
      inner_windows<type, narrow, 3>(problem, plane, d, h, w, to);
    }
    return kNeighbours;
  }
  store(to, window<type, narrow>(problem, plane, d, h, w));
  return 1;
}

template <Type type, bool narrow>
void pool_rows(const PoolingProblem& problem, const void* src, const BoundEpilogue& epilogue, std::int64_t first,
               std::int64_t last) {
  const std::int64_t blocks = (problem.channels + kLanes - 1) / kLanes;
  const std::int64_t src_plane = problem.src[0] * problem.src[1] * problem.src[2] * kLanes;
  alignas(64) float row[kPixels * kLanes];
  for (std::int64_t at = first; at < last; ++at) {
    const std::int64_t y = at % problem.dst[1], z = at / problem.dst[1] % problem.dst[0];
    const std::int64_t plane = at / (problem.dst[1] * problem.dst[0]), block = plane % blocks;
    const Span d = span_at(problem, 0, z), h = span_at(problem, 1, y);
    const std::int64_t bytes = plane * src_plane * (narrow ? 2 : 4);

    Tile tile;
    tile.src = row;
    tile.channel = static_cast<int>(block * kLanes);
    tile.lanes = static_cast<int>(lesser<std::int64_t>(kLanes, problem.channels - tile.channel));
    tile.padded = !problem.row_major_dst;
    for (std::int64_t x = 0; x < problem.dst[2]; x += kPixels) {
      tile.rows = static_cast<int>(lesser<std::int64_t>(kPixels, problem.dst[2] - x));
      for (int i = 0; i < tile.rows;) {
        i += some_windows<type, narrow>(problem, static_cast<const char*>(src) + bytes, d, h, x + i, tile.rows - i,
                                        row + i * kLanes);
      }
      tile.offset =
          problem.row_major_dst ? plane / blocks * problem.channels + tile.channel : (at * problem.dst[2] + x) * kLanes;
      epilogue.apply(epilogue, tile);
    }
  }
}

template <bool narrow>
void pool_typed(const PoolingProblem& problem, const void* src, const BoundEpilogue& epilogue, std::int64_t first,
                std::int64_t last) {
  switch (problem.type) {
    case Type::max:
      return pool_rows<Type::max, narrow>(problem, src, epilogue, first, last);
    case Type::average:
      return pool_rows<Type::average, narrow>(problem, src, epilogue, first, last);
    case Type::sum:
      return pool_rows<Type::sum, narrow>(problem, src, epilogue, first, last);
    case Type::lp:
      return pool_rows<Type::lp, narrow>(problem, src, epilogue, first, last);
  }
}

}  // namespace

void pool(const PoolingProblem& problem, const void* src, const BoundEpilogue& epilogue, std::int64_t first,
          std::int64_t last) {
  (problem.narrow_src ? pool_typed<true> : pool_typed<false>)(problem, src, epilogue, first, last);
}

}  // namespace tenon::cpu::TENON_ISA
