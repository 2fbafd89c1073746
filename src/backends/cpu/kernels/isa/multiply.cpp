// Register tiles of up to 28 pixels by 16 filters (AVX2: 6). With one vector of weights against 28 broadcasts the
// multipliers are the limit, so nothing is left for assembly: 112 to 118 of 118 GFLOP/s on a core of Zen 4. For
// bfloat16 a word is a pair of channels, and a multiplication two.

#include "backends/cpu/kernels/multiply.h"

#include "backends/cpu/kernels/isa/epilogue_common.h"
#include "backends/cpu/kernels/simd.h"

namespace tenon::cpu::TENON_ISA {
namespace {

/// Weights come from memory once a forward, faster than the hardware prefetches them.
constexpr int kPrefetchFloats = 1024;

template <bool residual, int pixels>
TENON_ALWAYS_INLINE void apply(const Finish& finish, int panel, const Vec* sum) {
  const CommonEpilogue<residual, false, false> epilogue(*finish.epilogue, finish.channel + panel * kLanes);
  const std::int64_t offset = finish.offset + panel * finish.offset_panel;
#pragma GCC unroll 28
  for (int pixel = 0; pixel < pixels; ++pixel) epilogue.apply(sum[pixel], offset + pixel * kLanes);
}

/// A panel's sums to memory, through the epilogue where there is one.
template <int pixels>
TENON_ALWAYS_INLINE void finish(const Finish& finish, int panel, const Vec* sum, float* dst) {
  if (finish.epilogue == nullptr) {
#pragma GCC unroll 28
    for (int pixel = 0; pixel < pixels; ++pixel) store(dst + pixel * kLanes, sum[pixel]);
  } else if (finish.epilogue->residual != nullptr) {
    apply<true, pixels>(finish, panel, sum);
  } else {
    apply<false, pixels>(finish, panel, sum);
  }
}

template <int rows, int columns, int panels>
void multiply(const Multiply& call) {
  constexpr int pixels = rows * columns;
  Vec sum[panels][pixels];
#pragma GCC unroll 2
  for (int panel = 0; panel < panels; ++panel) {
#pragma GCC unroll 28
    for (int pixel = 0; pixel < pixels; ++pixel) sum[panel][pixel] = zero();
  }
  const float* block = call.src;
  const float* weight = call.weight;
  for (int b = 0; b < call.blocks; ++b, block += call.src_block) {
    const int depth = b == call.blocks - 1 ? call.last_depth : kWords;
    for (int tap = 0; tap < call.tap_count; ++tap, weight += kWords * kLanes) {
      const float* src = block + call.taps[tap];
      for (int k = 0; k < depth; k += 4) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          Vec filters[panels];
#pragma GCC unroll 2
          for (int panel = 0; panel < panels; ++panel) {
            const float* from = weight + panel * call.weight_panel + (k + j) * kLanes;
            filters[panel] = load(from);
            _mm_prefetch(reinterpret_cast<const char*>(from + kPrefetchFloats), _MM_HINT_T0);
          }
#pragma GCC unroll 4
          for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 28
            for (int column = 0; column < columns; ++column) {
              const Vec x = broadcast_word(src + row * call.src_row + column * kWords + k + j);
#pragma GCC unroll 2
              for (int panel = 0; panel < panels; ++panel) {
                Vec& to = sum[panel][row * columns + column];
                to = multiply_words(filters[panel], x, to);
              }
            }
          }
        }
      }
    }
  }
#pragma GCC unroll 2
  for (int panel = 0; panel < panels; ++panel) {
    finish<pixels>(call.finish, panel, sum[panel], call.dst + panel * call.dst_panel);
  }
}

template <int rows, int panels, int columns>
MultiplyKernel find(int wanted) {
  if constexpr (columns * rows * panels > kMaxPixels) {
    return nullptr;
  } else {
    return wanted == columns ? &multiply<rows, columns, panels> : find<rows, panels, columns + 1>(wanted);
  }
}

#ifndef __AVX512BF16__  // whose source, the image, is in floats

template <int stride, int columns>
void multiply_planar(const MultiplyPlanar& call) {
  Vec sum[columns];
#pragma GCC unroll 28
  for (int column = 0; column < columns; ++column) sum[column] = zero();
  const float* weight = call.weight;
  for (int tap = 0; tap < call.tap_count; ++tap, weight += kLanes) {
    const float* src = call.src + call.taps[tap];
    const Vec filters = load(weight);
#pragma GCC unroll 28
    for (int column = 0; column < columns; ++column) {
      sum[column] = fma(broadcast(src[column * stride]), filters, sum[column]);
    }
  }
  finish<columns>(call.finish, 0, sum, call.dst);
}

template <int stride>
MultiplyPlanarKernel find_planar(int columns) {
#ifdef __AVX512F__
  switch (columns) {
    case 28:
      return multiply_planar<stride, 28>;
    case 25:
      return multiply_planar<stride, 25>;
    case 20:
      return multiply_planar<stride, 20>;
    case 16:
      return multiply_planar<stride, 16>;
    case 8:
      return multiply_planar<stride, 8>;
    default:
      return nullptr;
  }
#else
  return columns == 6 ? multiply_planar<stride, 6> : columns == 4 ? multiply_planar<stride, 4> : nullptr;
#endif
}

#endif

}  // namespace

MultiplyKernel multiply_kernel(int rows, int columns, int panels) {
  if (panels == 2) return rows == 1 ? find<1, 2, 1>(columns) : nullptr;
  switch (rows) {
    case 1:
      return find<1, 1, 1>(columns);
    case 2:
      return find<2, 1, 2>(columns);
    case 3:
      return find<3, 1, 2>(columns);
    case 4:
      return find<4, 1, 2>(columns);
    default:
      return nullptr;
  }
}

#ifndef __AVX512BF16__
MultiplyPlanarKernel multiply_planar_kernel(int stride, int columns) {
  switch (stride) {
    case 1:
      return find_planar<1>(columns);
    case 2:
      return find_planar<2>(columns);
    case 4:
      return find_planar<4>(columns);
    default:
      return nullptr;
  }
}
#endif

}  // namespace tenon::cpu::TENON_ISA
