// Tiles of a map into points and back, each transform a one-dimensional one over columns, then over rows. Points 0, 1,
// -1 (2, -2) and infinity; the matrix for weights is in winograd.cpp beside the kernels that use it.

#include "backends/cpu/kernels/winograd.h"

#include "backends/cpu/kernels/isa/epilogue_common.h"

namespace tenon::cpu::TENON_ISA {
namespace {

/// F(outputs, 3): `outputs` + 2 points.
template <int outputs>
struct Line;

template <>
struct Line<2> {
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
struct Line<3> {
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
struct Line<4> {
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

template <int rows, int columns>
struct Input {
  static constexpr int kHigh = rows + 2, kWide = columns + 2;

  /// `border`: some of the tile lies outside, where zeros are; `zeros` is a row of them.
  template <bool border>
  TENON_ALWAYS_INLINE static void transform(const WinogradMap& map, const float* src, int y, int x, const float* zeros,
                                            float* dst, std::int64_t point) {
    const float* row[kHigh];
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
      for (int k = 0; k < kHigh; ++k) column[k] = load(row[k] + b * kLanes);
      Line<rows>::input(column, points);
#pragma GCC unroll 8
      for (int k = 0; k < kHigh; ++k) half[k][b] = points[k];
    }
#pragma GCC unroll 8
    for (int a = 0; a < kHigh; ++a) {
      Vec points[kWide];
      Line<columns>::input(half[a], points);
#pragma GCC unroll 8
      for (int k = 0; k < kWide; ++k) store(dst + (a * kWide + k) * point, points[k]);
    }
  }

  static void run(const WinogradMap& map, const float* src, int first, int count, float* dst, std::int64_t point) {
    alignas(64) static constexpr float zeros[kWide * kLanes] = {};
    Walk walk(map, rows, columns, first);
    for (int t = 0; t < count; ++t, walk.step(), dst += kLanes) {
      const TilePlace place = walk.place();
      const int y = place.y - map.pad_y, x = place.x - map.pad_x;
      const float* image = src + place.image * map.src_image;
      if (y >= 0 && x >= 0 && y + kHigh <= map.src_height && x + kWide <= map.src_width) {
        transform<false>(map, image, y, x, zeros, dst, point);
      } else {
        transform<true>(map, image, y, x, zeros, dst, point);
      }
    }
  }
};

template <int rows, int columns>
struct Output {
  static constexpr int kHigh = rows + 2, kWide = columns + 2;

  /// Calls emit(row, column, outputs of that row) for every row inside the map.
  template <class Emit>
  TENON_ALWAYS_INLINE static void transform(const float* src, std::int64_t point, int high, const Emit& emit) {
    Vec half[rows][kWide];
#pragma GCC unroll 8
    for (int b = 0; b < kWide; ++b) {
      Vec points[kHigh], column[rows];
#pragma GCC unroll 8
      for (int k = 0; k < kHigh; ++k) points[k] = load(src + (k * kWide + b) * point);
      Line<rows>::output(points, column);
#pragma GCC unroll 8
      for (int k = 0; k < rows; ++k) half[k][b] = column[k];
    }
#pragma GCC unroll 8
    for (int a = 0; a < rows; ++a) {
      if (a >= high) break;
      Vec out[columns];
      Line<columns>::output(half[a], out);
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
    if (epilogue.common && epilogue.narrow_outputs == 0 && !epilogue.narrow_residual) {
      dispatch_common(
          epilogue, [&]<bool residual, bool second, bool narrow>() __attribute__((always_inline)) {
            if constexpr (!narrow) {
              const CommonEpilogue<residual, second, false> common(epilogue, out.channel);
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

template <int rows, int columns>
WinogradTransforms transforms() {
  return {Input<rows, columns>::run, Output<rows, columns>::run};
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
    default:
      return {};
  }
}

}  // namespace tenon::cpu::TENON_ISA
