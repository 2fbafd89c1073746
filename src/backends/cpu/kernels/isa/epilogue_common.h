#pragma once

// The common epilogue on vectors that are still in registers.

#include "backends/cpu/kernels/epilogue_tile.h"
#include "backends/cpu/kernels/simd.h"

namespace tenon::cpu::TENON_ISA {

TENON_ALWAYS_INLINE Vec load_as(const void* from, std::int64_t offset, bool narrow) {
  if (narrow) return load_bfloat16(static_cast<const std::uint16_t*>(from) + offset);
  return load(static_cast<const float*>(from) + offset);
}
TENON_ALWAYS_INLINE void store_as(void* to, std::int64_t offset, Vec v, bool narrow) {
  if (narrow) {
    store_bfloat16(static_cast<std::uint16_t*>(to) + offset, v);
  } else {
    store(static_cast<float*>(to) + offset, v);
  }
}

/// Whether something lies as bfloat16 that the common form reads or writes.
TENON_ALWAYS_INLINE bool is_narrow(const BoundEpilogue& epilogue) {
  return epilogue.narrow_outputs != 0 || epilogue.narrow_residual;
}

/// The epilogue for one block of channels. `narrow`: something lies as bfloat16.
template <bool residual, bool second, bool narrow>
class CommonEpilogue {
 public:
  TENON_ALWAYS_INLINE CommonEpilogue(const BoundEpilogue& epilogue, int channel)
      : epilogue_(epilogue),
        scale_(load(epilogue.scale[0] + channel)),
        shift_(load(epilogue.shift[0] + channel)),
        low_(broadcast(epilogue.low[0])),
        high_(broadcast(epilogue.high[0])),
        leaky_(epilogue.slope != nullptr),
        residual_last_(epilogue.residual_last),
        slope_(leaky_ ? load(epilogue.slope + channel) : zero()) {
    if constexpr (second) {
      second_scale_ = load(epilogue.scale[1] + channel);
      second_shift_ = load(epilogue.shift[1] + channel);
      second_low_ = broadcast(epilogue.low[1]);
      second_high_ = broadcast(epilogue.high[1]);
    }
  }

  /// One vector of whole memory at this place.
  TENON_ALWAYS_INLINE void apply(Vec x, std::int64_t offset) const {
    Vec y = fma(x, scale_, shift_);
    Vec other = zero();
    if constexpr (residual) other = load_as(epilogue_.residual, offset, narrow && epilogue_.narrow_residual);
    y = sloped(y, other);
    y = at_most(high_, at_least(low_, y));
    if (!second || epilogue_.dst[0] != nullptr) {
      store_as(epilogue_.dst[0], offset, y, narrow && (epilogue_.narrow_outputs & 1) != 0);
    }
    if constexpr (second) {
      y = at_most(second_high_, at_least(second_low_, fma(y, second_scale_, second_shift_)));
      store_as(epilogue_.dst[1], offset, y, narrow && (epilogue_.narrow_outputs & 2) != 0);
    }
  }

  /// The same where only some lanes exist; nothing lies as bfloat16.
  TENON_ALWAYS_INLINE void apply(Vec x, std::int64_t offset, Mask lanes) const {
    Vec y = fma(x, scale_, shift_);
    Vec other = zero();
    if constexpr (residual) other = load(static_cast<const float*>(epilogue_.residual) + offset, lanes);
    y = sloped(y, other);
    y = at_most(high_, at_least(low_, y));
    if (!second || epilogue_.dst[0] != nullptr) store(static_cast<float*>(epilogue_.dst[0]) + offset, y, lanes);
    if constexpr (second) {
      y = at_most(second_high_, at_least(second_low_, fma(y, second_scale_, second_shift_)));
      store(static_cast<float*>(epilogue_.dst[1]) + offset, y, lanes);
    }
  }

 private:
  /// With the residual, before or behind the slope.
  TENON_ALWAYS_INLINE Vec sloped(Vec y, Vec other) const {
    if constexpr (residual) {
      if (!residual_last_) y = add(y, other);
    }
    if (leaky_) y = select(less(zero(), y), y, mul(slope_, y));
    if constexpr (residual) {
      if (residual_last_) y = add(y, other);
    }
    return y;
  }

  const BoundEpilogue& epilogue_;
  Vec scale_, shift_, low_, high_;
  bool leaky_, residual_last_;
  Vec slope_;
  Vec second_scale_, second_shift_, second_low_, second_high_;
};

/// Calls work.operator()<residual, second, narrow>() as the epilogue is.
template <class Work>
TENON_ALWAYS_INLINE void dispatch_common(const BoundEpilogue& epilogue, const Work& work) {
  const bool second = epilogue.second && epilogue.dst[1] != nullptr;
  if (is_narrow(epilogue)) {
    if (epilogue.residual != nullptr) {
      return second ? work.template operator()<true, true, true>() : work.template operator()<true, false, true>();
    }
    return second ? work.template operator()<false, true, true>() : work.template operator()<false, false, true>();
  }
  if (epilogue.residual != nullptr) {
    return second ? work.template operator()<true, true, false>() : work.template operator()<true, false, false>();
  }
  return second ? work.template operator()<false, true, false>() : work.template operator()<false, false, false>();
}

}  // namespace tenon::cpu::TENON_ISA
