#include "backends/cpu/kernels/isa.h"

#include <algorithm>

namespace tenon::cpu {
namespace {

Isa most_allowed = Isa::avx512;

}  // namespace

Isa machine_isa() {
  static const Isa isa = [] {
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx512 && avx2 ? Isa::avx512 : avx2 ? Isa::avx2 : Isa::none;
  }();
  return std::min(isa, most_allowed);
}

void limit_isa(Isa most) {
  most_allowed = most;
}

bool machine_has_bfloat16() {
  static const bool has = machine_isa() == Isa::avx512 && __builtin_cpu_supports("avx512bf16");
  return has;
}

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "AVX-512";
    case Isa::avx2:
      return "AVX2";
    case Isa::none:
      break;
  }
  return "none";
}

}  // namespace tenon::cpu
