// Rows of a depthwise convolution. Neighbouring outputs share what they load; taps beyond the border are left out.

#include "backends/cpu/kernels/depthwise.h"

#include "backends/cpu/kernels/isa/epilogue_common.h"

namespace tenon::cpu::TENON_ISA {
namespace {

#ifdef __AVX512F__
constexpr int kColumns = 8;
#else
constexpr int kColumns = 3;
#endif

/// Which taps of a row lie inside: [first, last).
struct Taps {
  int first, last;
};
TENON_ALWAYS_INLINE Taps taps_inside(int begin, int dilate, int taps, int size) {
  const int first = begin >= 0 ? 0 : (-begin + dilate - 1) / dilate;
  const int last = begin >= size ? 0 : lesser(taps, (size - begin + dilate - 1) / dilate);
  return {first, last};
}

/// `taps` and `stride` along a row; 0: as the map says, without dilation otherwise.
template <int taps, int stride>
struct Row {
  /// One output anywhere.
  TENON_ALWAYS_INLINE static Vec single(const DepthwiseMap& map, const Source* src, const float* weight, int top,
                                        Taps rows, int x) {
    const int left = x * map.stride_x - map.pad_x;
    const Taps columns = taps_inside(left, map.dilate_x, map.kernel_x, map.src_width);
    Vec sum = zero();
    for (int a = rows.first; a < rows.last; ++a) {
      const Source* row = src + (static_cast<std::int64_t>(top + a * map.dilate_y) * map.src_width + left) * kLanes;
      for (int b = columns.first; b < columns.last; ++b) {
        sum = fma(load_source(row + b * map.dilate_x * kLanes), load(weight + (a * map.kernel_x + b) * kLanes), sum);
      }
    }
    return sum;
  }

  /// `count` neighbouring outputs whose columns lie inside.
  template <int count>
  TENON_ALWAYS_INLINE static void inner(const DepthwiseMap& map, const Source* src, const float* weight, int top,
                                        Taps rows, int x, Vec* sum) {
    const int step = stride == 0 ? map.stride_x : stride, dilate = taps == 0 ? map.dilate_x : 1;
    const int across = taps == 0 ? map.kernel_x : taps;
    const Source* first =
        src + (static_cast<std::int64_t>(top) * map.src_width + x * map.stride_x - map.pad_x) * kLanes;
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) sum[i] = zero();
    for (int a = rows.first; a < rows.last; ++a) {
      const Source* row = first + static_cast<std::int64_t>(a) * map.dilate_y * map.src_width * kLanes;
#pragma GCC unroll 5
      for (int b = 0; b < across; ++b) {
        const Vec w = load(weight + (a * across + b) * kLanes);
#pragma GCC unroll 8
        for (int i = 0; i < count; ++i) sum[i] = fma(load_source(row + (i * step + b * dilate) * kLanes), w, sum[i]);
      }
    }
  }

  /// Whether of a row's taps at most the first of the first output and the last of the last lie outside.
  TENON_ALWAYS_INLINE static bool is_snug(const DepthwiseMap& map) {
    return map.pad_x <= 1 && (map.dst_width - 1) * stride + taps - 1 - map.pad_x <= map.src_width;
  }

  /// `count` neighbouring outputs of a snug row. Every column is loaded once, for all taps that meet it; the first and
  /// the last one count as far as the masks say.
  template <int count>
  TENON_ALWAYS_INLINE static void snug(const Source* first, std::int64_t row_step, const float* weight, Taps rows,
                                       Mask left, Mask right, Vec* sum) {
    constexpr int columns = (count - 1) * stride + taps;
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) sum[i] = zero();
    for (int a = rows.first; a < rows.last; ++a) {
      const Source* row = first + a * row_step;
      Vec w[taps];
#pragma GCC unroll 3
      for (int b = 0; b < taps; ++b) w[b] = load(weight + (a * taps + b) * kLanes);
#pragma GCC unroll 17
      for (int j = 0; j < columns; ++j) {
        const Source* from = row + j * kLanes;
        const Vec x = j == 0             ? load_source(from, left)
                      : j == columns - 1 ? load_source(from, right)
                                         : load_source(from);
#pragma GCC unroll 3
        for (int b = 0; b < taps; ++b) {
          const int i = (j - b) / stride;
          if (j >= b && (j - b) % stride == 0 && i < count) sum[i] = fma(x, w[b], sum[i]);
        }
      }
    }
  }

  /// Calls work.operator()<count>().
  template <int count = kColumns, class Work>
  TENON_ALWAYS_INLINE static void with_count(int wanted, const Work& work) {
    if constexpr (count > 1) {
      if (wanted < count) return with_count<count - 1>(wanted, work);
    }
    work.template operator()<count>();
  }

  /// A snug row in parts as equal as can be, so that narrow maps leave no single outputs over.
  template <class Emit>
  TENON_ALWAYS_INLINE static void snug_outputs(const DepthwiseMap& map, const Source* src, const float* weight, int top,
                                               Taps rows, const Emit& emit) {
    const bool over = (map.dst_width - 1) * stride + taps - 1 - map.pad_x == map.src_width;
    const std::int64_t row_step = static_cast<std::int64_t>(map.dilate_y) * map.src_width * kLanes;
    const int parts = (map.dst_width + kColumns - 1) / kColumns;
    for (int part = 0; part < parts; ++part) {
      const int x = map.dst_width * part / parts, end = map.dst_width * (part + 1) / parts;
      const Mask left = first_lanes(part == 0 && map.pad_x == 1 ? 0 : kLanes);
      const Mask right = first_lanes(part == parts - 1 && over ? 0 : kLanes);
      const Source* first = src + (static_cast<std::int64_t>(top) * map.src_width + x * stride - map.pad_x) * kLanes;
      with_count(
          end - x, [&]<int count>() __attribute__((always_inline)) {
            Vec sum[count];
            snug<count>(first, row_step, weight, rows, left, right, sum);
#pragma GCC unroll 8
            for (int i = 0; i < count; ++i) emit(x + i, sum[i]);
          });
    }
  }

  template <class Emit>
  TENON_ALWAYS_INLINE static void outputs(const DepthwiseMap& map, const Source* src, const float* weight, int y,
                                          const Emit& emit) {
    const int top = y * map.stride_y - map.pad_y;
    const Taps rows = taps_inside(top, map.dilate_y, map.kernel_y, map.src_height);
    if constexpr (taps == 3) {
      if (is_snug(map)) return snug_outputs(map, src, weight, top, rows, emit);
    }
    // Outputs [begin, end) have every column inside.
    const int reach = (map.kernel_x - 1) * map.dilate_x + 1, room = map.src_width + map.pad_x - reach;
    const int end = room < 0 ? 0 : lesser(map.dst_width, room / map.stride_x + 1);
    const int begin = lesser((map.pad_x + map.stride_x - 1) / map.stride_x, end);
    int x = 0;
    for (; x < begin; ++x) emit(x, single(map, src, weight, top, rows, x));
    for (; x + kColumns <= end; x += kColumns) {
      Vec sum[kColumns];
      inner<kColumns>(map, src, weight, top, rows, x, sum);
#pragma GCC unroll 8
      for (int i = 0; i < kColumns; ++i) emit(x + i, sum[i]);
    }
    for (; x < end; ++x) {
      Vec sum;
      inner<1>(map, src, weight, top, rows, x, &sum);
      emit(x, sum);
    }
    for (; x < map.dst_width; ++x) emit(x, single(map, src, weight, top, rows, x));
  }

  static void run(const DepthwiseMap& map, const void* data, const float* weight, int y, const BoundEpilogue& epilogue,
                  const Tile& out) {
    const auto* src = static_cast<const Source*>(data);
    if (epilogue.common && is_narrow(epilogue) == kNarrow) {
      dispatch_common(
          epilogue, [&]<bool residual, bool second, bool narrow>() __attribute__((always_inline)) {
            if constexpr (narrow == kNarrow) {
              const CommonEpilogue<residual, second, narrow> common(epilogue, out.channel);
              outputs(
                  map, src, weight, y, [&](int x, Vec sum) __attribute__((always_inline)) {
                    common.apply(sum, out.offset + static_cast<std::int64_t>(x) * kLanes);
                  });
            }
          });
      return;
    }
    constexpr int width = 32;
    alignas(64) float line[width * kLanes];
    Tile tile = out;
    tile.src = line;
    outputs(map, src, weight, y, [&](int x, Vec sum) {
      store(line + x % width * kLanes, sum);
      if (x % width + 1 < width && x + 1 < map.dst_width) return;
      tile.rows = x % width + 1;
      tile.offset = out.offset + static_cast<std::int64_t>(x - x % width) * kLanes;
      epilogue.apply(epilogue, tile);
    });
  }
};

}  // namespace

DepthwiseRow depthwise_row(const DepthwiseMap& map) {
  if (map.dilate_x == 1 && map.kernel_x == 3) {
    if (map.stride_x == 1) return Row<3, 1>::run;
    if (map.stride_x == 2) return Row<3, 2>::run;
  }
  if (map.dilate_x == 1 && map.kernel_x == 5) {
    if (map.stride_x == 1) return Row<5, 1>::run;
    if (map.stride_x == 2) return Row<5, 2>::run;
  }
  return Row<0, 0>::run;
}

}  // namespace tenon::cpu::TENON_ISA
