// Tiles of a map into points and back, each transform a one-dimensional one over columns, then over rows. Points 0, 1,
// -1 (2, -2) and infinity; the matrix for weights is in winograd.cpp beside the kernels that use it.

#include "backends/cpu/kernels/winograd.h"

#include "backends/cpu/kernels/isa/epilogue_common.h"

namespace tenon::cpu::TENON_ISA {
namespace {

/// F(outputs, taps): outputs + taps - 1 points.
template <int outputs, int taps>
struct Line;

template <>
struct Line<2, 3> {
  TENON_ALWAYS_INLINE static void input(const Vec* x, Vec* y) {
    y[0] = sub(x[0], x[2]);
    y[1] = add(x[1], x[2]);
    y[2] = sub(x[2], x[1]);
    y[3] = sub(x[3], x[1]);
  }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) {
    y[0] = add(add(m[0], m[1]), m[2]);
    y[1] = add(sub(m[1], m[2]), m[3]);
  }
};

template <>
struct Line<3, 3> {
  TENON_ALWAYS_INLINE static void input(const Vec* x, Vec* y) {
    const Vec two = broadcast(2), odd = sub(x[3], x[1]), even = sub(x[3], x[2]);
    y[0] = fnma(two, sub(x[2], x[0]), odd);
    y[1] = fnma(two, x[1], even);
    y[2] = fma(two, sub(x[1], x[2]), even);
    y[3] = odd;
    y[4] = fma(two, sub(x[1], x[3]), sub(x[4], x[2]));
  }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) {
    const Vec sum = add(m[1], m[2]), difference = sub(m[1], m[2]);
    y[0] = add(add(m[0], sum), m[3]);
    y[1] = fma(broadcast(2), m[3], difference);
    y[2] = add(fma(broadcast(4), m[3], sum), m[4]);
  }
};

template <>
struct Line<4, 3> {
  TENON_ALWAYS_INLINE static void input(const Vec* x, Vec* y) {
    const Vec two = broadcast(2), four = broadcast(4), five = broadcast(5);
    const Vec a = fnma(four, x[2], x[4]), b = fnma(four, x[1], x[3]), c = sub(x[4], x[2]), d = sub(x[3], x[1]);
    y[0] = fma(four, x[0], fnma(five, x[2], x[4]));
    y[1] = add(a, b);
    y[2] = sub(a, b);
    y[3] = fma(two, d, c);
    y[4] = fnma(two, d, c);
    y[5] = fma(four, x[1], fnma(five, x[3], x[5]));
  }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) {
    const Vec sum = add(m[1], m[2]), difference = sub(m[1], m[2]);
    const Vec sum2 = add(m[3], m[4]), difference2 = sub(m[3], m[4]);
    y[0] = add(add(m[0], sum), sum2);
    y[1] = fma(broadcast(2), difference2, difference);
    y[2] = fma(broadcast(4), sum2, sum);
    y[3] = add(fma(broadcast(8), difference2, difference), m[5]);
  }
};

/// Points 0, 1, -1, 2, -2, 1/2, -1/2.
template <>
struct Line<4, 4> {
  TENON_ALWAYS_INLINE static void input(const Vec* x, Vec* y) {
    const Vec quarter = broadcast(0.25f), half = broadcast(0.5f), two = broadcast(2), four = broadcast(4);
    const Vec five = broadcast(5), c1 = broadcast(1.25f), c2 = broadcast(2.5f), c4 = broadcast(4.25f);
    y[0] = fma(broadcast(5.25f), sub(x[2], x[4]), sub(x[6], x[0]));
    const Vec a1 = fnma(c4, x[4], add(x[6], x[2])), b1 = fnma(c4, x[3], add(x[5], x[1]));
    y[1] = add(a1, b1);
    y[2] = sub(a1, b1);
    const Vec a2 = fma(quarter, x[2], fnma(c1, x[4], x[6])), b2 = fma(two, x[5], fnma(c2, x[3], mul(half, x[1])));
    y[3] = add(a2, b2);
    y[4] = sub(a2, b2);
    const Vec a3 = fma(four, x[2], fnma(five, x[4], x[6])), b3 = fma(half, x[5], fnma(c2, x[3], mul(two, x[1])));
    y[5] = add(a3, b3);
    y[6] = sub(a3, b3);
  }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) {
    const Vec sum = add(m[1], m[2]), difference = sub(m[1], m[2]);
    const Vec sum2 = add(m[3], m[4]), difference2 = sub(m[3], m[4]);
    const Vec sum3 = add(m[5], m[6]), difference3 = sub(m[5], m[6]);
    y[0] = add(add(m[0], sum), add(sum2, sum3));
    y[1] = fma(broadcast(0.5f), difference3, fma(broadcast(2), difference2, difference));
    y[2] = fma(broadcast(0.25f), sum3, fma(broadcast(4), sum2, sum));
    y[3] = fma(broadcast(0.125f), difference3, fma(broadcast(8), difference2, difference));
  }
};

/// Across a window that is a line.
template <>
struct Line<1, 1> {
  TENON_ALWAYS_INLINE static void input(const Vec* x, Vec* y) { y[0] = x[0]; }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) { y[0] = m[0]; }
};

/// The points of Line<4, 4> and infinity.
template <>
struct Line<2, 7> {
  TENON_ALWAYS_INLINE static void input(const Vec* x, Vec* y) {
    Line<4, 4>::input(x, y);
    y[7] = fma(broadcast(5.25f), sub(x[3], x[5]), sub(x[7], x[1]));
  }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) {
    y[0] = add(add(m[0], add(m[1], m[2])), add(add(m[3], m[4]), add(m[5], m[6])));
    y[1] = fma(broadcast(0.5f), sub(m[5], m[6]), fma(broadcast(2), sub(m[3], m[4]), add(sub(m[1], m[2]), m[7])));
  }
};

/// The same points.
template <>
struct Line<6, 3> {
  TENON_ALWAYS_INLINE static void input(const Vec* x, Vec* y) { Line<2, 7>::input(x, y); }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) {
    const Vec sum = add(m[1], m[2]), difference = sub(m[1], m[2]);
    const Vec sum2 = add(m[3], m[4]), difference2 = sub(m[3], m[4]);
    const Vec sum3 = add(m[5], m[6]), difference3 = sub(m[5], m[6]);
    y[0] = add(add(m[0], sum), add(sum2, sum3));
    y[1] = fma(broadcast(1 / 2.f), difference3, fma(broadcast(2), difference2, difference));
    y[2] = fma(broadcast(1 / 4.f), sum3, fma(broadcast(4), sum2, sum));
    y[3] = fma(broadcast(1 / 8.f), difference3, fma(broadcast(8), difference2, difference));
    y[4] = fma(broadcast(1 / 16.f), sum3, fma(broadcast(16), sum2, sum));
    y[5] = fma(broadcast(1 / 32.f), difference3, fma(broadcast(32), difference2, add(difference, m[7])));
  }
};

/// Stride 2: the even elements under taps 0 and 2, F(outputs, 2); the odd ones under tap 1 at the same points but the
/// last.
template <int outputs>
struct Phases;

template <>
struct Phases<2> {
  TENON_ALWAYS_INLINE static void odd(const Vec* x, Vec* y) {
    y[0] = sub(x[1], x[0]);
    y[1] = x[1];
  }
  TENON_ALWAYS_INLINE static void even(const Vec* x, Vec* y) {
    odd(x, y);
    y[2] = sub(x[2], x[1]);
  }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) {
    y[0] = add(m[0], m[1]);
    y[1] = add(m[1], m[2]);
  }
};

template <>
struct Phases<4> {
  TENON_ALWAYS_INLINE static void odd(const Vec* x, Vec* y) {
    const Vec two = broadcast(2), a = sub(x[3], x[1]), b = sub(x[3], x[2]);
    y[0] = fnma(two, sub(x[2], x[0]), a);
    y[1] = fnma(two, x[1], b);
    y[2] = fma(two, sub(x[1], x[2]), b);
    y[3] = a;
  }
  TENON_ALWAYS_INLINE static void even(const Vec* x, Vec* y) {
    odd(x, y);
    y[4] = fma(broadcast(2), sub(x[1], x[3]), sub(x[4], x[2]));
  }
  TENON_ALWAYS_INLINE static void output(const Vec* m, Vec* y) {
    const Vec sum = add(m[1], m[2]), difference = sub(m[1], m[2]);
    y[0] = add(add(m[0], sum), m[3]);
    y[1] = fma(broadcast(2), m[3], difference);
    y[2] = fma(broadcast(4), m[3], sum);
    y[3] = add(fma(broadcast(8), m[3], difference), m[4]);
  }
};

/// Where a tile lies.
struct TilePlace {
  std::int64_t image;
  int y, x;  // of its first output
};

/// Walks the tiles in order.
class Walk {
 public:
  TENON_ALWAYS_INLINE Walk(const WinogradMap& map, int rows, int columns, int first)
      : map_(map), rows_(rows), columns_(columns) {
    const int tiles = map.tiles_y * map.tiles_x;
    image_ = first / tiles;
    ty_ = first % tiles / map.tiles_x;
    tx_ = first % map.tiles_x;
  }
  TENON_ALWAYS_INLINE TilePlace place() const {
    return {image_, map_.first_y + ty_ * rows_, map_.first_x + tx_ * columns_};
  }
  TENON_ALWAYS_INLINE void step() {
    if (++tx_ < map_.tiles_x) return;
    tx_ = 0;
    if (++ty_ < map_.tiles_y) return;
    ty_ = 0;
    ++image_;
  }

 private:
  const WinogradMap& map_;
  int rows_, columns_, ty_, tx_;
  std::int64_t image_;
};

template <int rows, int columns, int taps_y, int taps_x>
struct Input {
  static constexpr int kHigh = rows + taps_y - 1, kWide = columns + taps_x - 1;

  /// `border`: some of the tile lies outside, where zeros are; `zeros` is a row of them.
  template <bool border>
  TENON_ALWAYS_INLINE static void transform(const WinogradMap& map, const Source* src, int y, int x,
                                            const Source* zeros, Source* dst, std::int64_t point) {
    const Source* row[kHigh];
#pragma GCC unroll 8
    for (int k = 0; k < kHigh; ++k) {
      const bool inside = !border || (y + k >= 0 && y + k < map.src_height);
      row[k] = inside ? src + (static_cast<std::int64_t>(y + k) * map.src_width + x) * kLanes : zeros;
    }
    Vec half[kHigh][kWide];
#pragma GCC unroll 8
    for (int b = 0; b < kWide; ++b) {
      if (border && (x + b < 0 || x + b >= map.src_width)) {
#pragma GCC unroll 8
        for (int k = 0; k < kHigh; ++k) half[k][b] = zero();
        continue;
      }
      Vec column[kHigh], points[kHigh];
#pragma GCC unroll 8
      for (int k = 0; k < kHigh; ++k) column[k] = load_source(row[k] + b * kLanes);
      Line<rows, taps_y>::input(column, points);
#pragma GCC unroll 8
      for (int k = 0; k < kHigh; ++k) half[k][b] = points[k];
    }
#pragma GCC unroll 8
    for (int a = 0; a < kHigh; ++a) {
      Vec points[kWide];
      Line<columns, taps_x>::input(half[a], points);
#pragma GCC unroll 8
      for (int k = 0; k < kWide; ++k) store_source(dst + (a * kWide + k) * point, points[k]);
    }
  }

  static void run(const WinogradMap& map, const void* src, int first, int count, void* dst, std::int64_t point) {
    alignas(64) static constexpr Source zeros[kWide * kLanes] = {};
    Walk walk(map, rows, columns, first);
    auto* to = static_cast<Source*>(dst);
    for (int t = 0; t < count; ++t, walk.step(), to += kLanes) {
      const TilePlace place = walk.place();
      const int y = place.y - map.pad_y, x = place.x - map.pad_x;
      const Source* image = static_cast<const Source*>(src) + place.image * map.src_image;
      if (y >= 0 && x >= 0 && y + kHigh <= map.src_height && x + kWide <= map.src_width) {
        transform<false>(map, image, y, x, zeros, to, point);
      } else {
        transform<true>(map, image, y, x, zeros, to, point);
      }
    }
  }
};

/// Tiles of a map under a 3x3 window with stride 2, by phases: rows and columns even or odd.
template <int outputs>
struct PhaseInput {
  static constexpr int kPoints = outputs + 1, kSide = 2 * outputs + 1;

  template <int odd_y, int odd_x, bool border>
  TENON_ALWAYS_INLINE static void phase(const Source* const* row, const WinogradMap& map, int x, Source* dst,
                                        std::int64_t point) {
    constexpr int high = kPoints - odd_y, wide = kPoints - odd_x;
    Vec half[kPoints][kPoints];
#pragma GCC unroll 8
    for (int b = 0; b < wide; ++b) {
      const int at = 2 * b + odd_x;
      if (border && (x + at < 0 || x + at >= map.src_width)) {
#pragma GCC unroll 8
        for (int k = 0; k < high; ++k) half[k][b] = zero();
        continue;
      }
      Vec column[kPoints], points[kPoints];
#pragma GCC unroll 8
      for (int k = 0; k < high; ++k) column[k] = load_source(row[2 * k + odd_y] + at * kLanes);
      if constexpr (odd_y == 1) {
        Phases<outputs>::odd(column, points);
      } else {
        Phases<outputs>::even(column, points);
      }
#pragma GCC unroll 8
      for (int k = 0; k < high; ++k) half[k][b] = points[k];
    }
#pragma GCC unroll 8
    for (int a = 0; a < high; ++a) {
      Vec points[kPoints];
      if constexpr (odd_x == 1) {
        Phases<outputs>::odd(half[a], points);
      } else {
        Phases<outputs>::even(half[a], points);
      }
#pragma GCC unroll 8
      for (int k = 0; k < wide; ++k) {
        store_source(dst + phase_slot(outputs, a * kPoints + k, odd_y, odd_x) * point, points[k]);
      }
    }
  }

  template <bool border>
  TENON_ALWAYS_INLINE static void transform(const WinogradMap& map, const Source* src, int y, int x,
                                            const Source* zeros, Source* dst, std::int64_t point) {
    const Source* row[kSide];
#pragma GCC unroll 16
    for (int k = 0; k < kSide; ++k) {
      const bool inside = !border || (y + k >= 0 && y + k < map.src_height);
      row[k] = inside ? src + (static_cast<std::int64_t>(y + k) * map.src_width + x) * kLanes : zeros;
    }
    phase<0, 0, border>(row, map, x, dst, point);
    phase<0, 1, border>(row, map, x, dst, point);
    phase<1, 0, border>(row, map, x, dst, point);
    phase<1, 1, border>(row, map, x, dst, point);
  }

  static void run(const WinogradMap& map, const void* src, int first, int count, void* dst, std::int64_t point) {
    alignas(64) static constexpr Source zeros[kSide * kLanes] = {};
    Walk walk(map, outputs, outputs, first);
    auto* to = static_cast<Source*>(dst);
    for (int t = 0; t < count; ++t, walk.step(), to += kLanes) {
      const TilePlace place = walk.place();
      const int y = 2 * place.y - map.pad_y, x = 2 * place.x - map.pad_x;
      const Source* image = static_cast<const Source*>(src) + place.image * map.src_image;
      if (y >= 0 && x >= 0 && y + kSide <= map.src_height && x + kSide <= map.src_width) {
        transform<false>(map, image, y, x, zeros, to, point);
      } else {
        transform<true>(map, image, y, x, zeros, to, point);
      }
    }
  }
};

/// From points to outputs along a line, by any of the above.
template <int rows, int columns, int high_points, int wide_points, class Down, class Across>
struct Output {
  static constexpr int kHigh = high_points, kWide = wide_points;

  /// Calls emit(row, column, outputs of that row) for every row inside the map.
  template <class Emit>
  TENON_ALWAYS_INLINE static void transform(const float* src, std::int64_t point, int high, const Emit& emit) {
    Vec half[rows][kWide];
#pragma GCC unroll 8
    for (int b = 0; b < kWide; ++b) {
      Vec points[kHigh], column[rows];
#pragma GCC unroll 8
      for (int k = 0; k < kHigh; ++k) points[k] = load(src + (k * kWide + b) * point);
      Down::output(points, column);
#pragma GCC unroll 8
      for (int k = 0; k < rows; ++k) half[k][b] = column[k];
    }
#pragma GCC unroll 8
    for (int a = 0; a < rows; ++a) {
      if (a >= high) break;
      Vec out[columns];
      Across::output(half[a], out);
      emit(a, out);
    }
  }

  template <class Each>
  TENON_ALWAYS_INLINE static void for_each_tile(const WinogradMap& map, const float* src, int first, int count,
                                                const Tile& out, const Each& each) {
    Walk walk(map, rows, columns, first);
    for (int t = 0; t < count; ++t, walk.step(), src += kLanes) {
      const TilePlace place = walk.place();
      const std::int64_t pixel = static_cast<std::int64_t>(place.y) * map.dst_width + place.x;
      each(src, lesser(rows, map.dst_height - place.y), lesser(columns, map.dst_width - place.x),
           out.offset + place.image * map.dst_image + pixel * kLanes);
    }
  }

  static void run(const WinogradMap& map, const float* src, std::int64_t point, int first, int count,
                  const BoundEpilogue& epilogue, const Tile& out) {
    const std::int64_t pitch = static_cast<std::int64_t>(map.dst_width) * kLanes;
    if (epilogue.common && is_narrow(epilogue) == kNarrow) {
      dispatch_common(
          epilogue, [&]<bool residual, bool second, bool narrow>() __attribute__((always_inline)) {
            if constexpr (narrow == kNarrow) {
              const CommonEpilogue<residual, second, narrow> common(epilogue, out.channel);
              for_each_tile(
                  map, src, first, count,
                  out, [&](const float* from, int high, int wide, std::int64_t offset) __attribute__((always_inline)) {
                    transform(
                        from, point, high, [&](int row, const Vec* y) __attribute__((always_inline)) {
#pragma GCC unroll 8
                          for (int k = 0; k < columns; ++k) {
                            if (k < wide) common.apply(y[k], offset + row * pitch + k * kLanes);
                          }
                        });
                  });
            }
          });
      return;
    }
    for_each_tile(map, src, first, count, out, [&](const float* from, int high, int wide, std::int64_t offset) {
      alignas(64) float line[columns * kLanes];
      Tile tile = out;
      tile.src = line;
      tile.rows = wide;
      transform(from, point, high, [&](int row, const Vec* y) {
        for (int k = 0; k < columns; ++k) store(line + k * kLanes, y[k]);
        tile.offset = offset + row * pitch;
        epilogue.apply(epilogue, tile);
      });
    });
  }
};

template <int rows, int columns, int taps_y = 3, int taps_x = taps_y>
WinogradTransforms transforms() {
  using Place = Input<rows, columns, taps_y, taps_x>;
  return {Place::run,
          Output<rows, columns, Place::kHigh, Place::kWide, Line<rows, taps_y>, Line<columns, taps_x>>::run};
}

}  // namespace

WinogradTransforms winograd_transforms(int rows, int columns) {
  switch (rows * 10 + columns) {
    case 22:
      return transforms<2, 2>();
    case 24:
      return transforms<2, 4>();
    case 33:
      return transforms<3, 3>();
    case 34:
      return transforms<3, 4>();
    case 42:
      return transforms<4, 2>();
    case 43:
      return transforms<4, 3>();
    case 44:
      return transforms<4, 4>();
    case 66:
      return transforms<6, 6>();
    default:
      return {};
  }
}

WinogradTransforms winograd_stem_transforms() {
  return transforms<4, 4, 4>();
}

WinogradTransforms winograd_line_transforms(int taps_y, int taps_x) {
  if (taps_y == 7) return transforms<2, 1, 7, 1>();
  if (taps_x == 7) return transforms<1, 2, 1, 7>();
  return taps_y == 3 ? transforms<4, 1, 3, 1>() : transforms<1, 4, 1, 3>();
}

WinogradTransforms winograd_phase_transforms(int outputs) {
  using Phases2 = Phases<2>;
  using Phases4 = Phases<4>;
  if (outputs == 2) return {PhaseInput<2>::run, Output<2, 2, 3, 3, Phases2, Phases2>::run};
  return {PhaseInput<4>::run, Output<4, 4, 5, 5, Phases4, Phases4>::run};
}

}  // namespace tenon::cpu::TENON_ISA
