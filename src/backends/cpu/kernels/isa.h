#pragma once

#include <string_view>

namespace tenon::cpu {

/// The instruction sets that the files of kernels/isa/ are compiled for, once each, into a namespace of that name.
/// Those files include nothing but C headers and plain structs: an inline function that the linker merges over all
/// files must not come out of them with instructions this machine lacks.
enum class Isa { none, avx2, avx512 };

/// The best of them that this machine has.
Isa machine_isa();
/// For tests: machine_isa() says no more than this from now on. Not thread-safe.
void limit_isa(Isa most);
/// Whether it can multiply pairs of bfloat16 (AVX512-BF16).
bool machine_has_bfloat16();
std::string_view name(Isa isa);

}  // namespace tenon::cpu
