#pragma once

#include <cstdint>

namespace tenon::cpu {

/// dst[column * dst_stride + row] = src[row * src_stride + column], elements of 4 bytes.
struct Turn {
  std::int64_t rows = 1, columns = 1, src_stride = 1, dst_stride = 1;
};

namespace avx512 {
void turn(const Turn& turn, const float* src, float* dst);
}
namespace avx2 {
void turn(const Turn& turn, const float* src, float* dst);
}

}  // namespace tenon::cpu
