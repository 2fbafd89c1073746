#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tenon/dtype.h>

namespace tenon::cuda {

// The texts of the plain executor's own kernels: a few templates, specialised by types and by an expression in CUDA
// C++. They need no header, so that NVRTC compiles them on a machine that has nothing but the library.

/// Words of a text and what stands for them: {"T", "float"}.
using Words = std::vector<std::pair<std::string, std::string>>;
/// The text plain/kernels/FILE.cuh with these types, and "A", what elements of the first are computed in; `words` of it
/// are replaced.
std::string typed_text(const Words& types, std::string_view file, const Words& words = {});
/// The same of several files, one behind the other.
std::string typed_text(const Words& types, std::initializer_list<std::string_view> files, const Words& words = {});

/// The name of an element type in the texts: "float", "f16", "i64".
std::string type_name(DType dtype);
/// An unsigned type of this many bytes, for moving elements without looking at them.
std::string bits_name(std::size_t bytes);
/// The type a function of such elements is computed in: "float", "double" or "i64".
std::string arithmetic_name(DType dtype);

/// The most axes a kernel's operands may have once neighbours are merged.
inline constexpr int kMostAxes = 12;
/// The most inputs of a map.
inline constexpr int kMostSources = 6;

/// dst[…] = expression, over boxes of elements with strides of their own.
struct MapText {
  std::string dst;  ///< types by name
  std::vector<std::string> src;
  std::string arithmetic;  ///< of a, b, c, …, the inputs' elements; empty: as they are
  std::string expression;  ///< of a, b, c, …, p0 to p3 and the functions of the prelude
  bool wide = false;       ///< counts beyond 32 bits
};
/// The kernel "map".
std::string map_text(const MapText& map);

/// One result per line of terms: `initial`, then `step` of (acc, x), `combine` of (acc, other), `finish` of (acc,
/// terms).
struct ReduceText {
  std::string dst, src;
  std::string accumulator;
  std::string initial, step, combine, finish;
};
/// The kernels "reduce" and, for lines of several parts, "reduce_parts".
std::string reduce_text(const ReduceText& reduce);

/// The same two: the position of the term that beats all others by `beats` of (x, best); NaN beats numbers.
std::string arg_reduce_text(const std::string& dst, const std::string& src, const std::string& accumulator,
                            const std::string& beats);

/// The kernel "moments": the mean and the variance of each line.
std::string moments_text(const std::string& dst, const std::string& src);

enum class SoftmaxKind { softmax, log_softmax, softmin };
/// The kernels "softmax", a block a line, and "softmax_of_many", a thread a line. `length` is the type of the lines'
/// lengths, where they have some.
std::string softmax_text(const std::string& dst, const std::string& src, SoftmaxKind kind,
                         const std::string& length = "int");

enum class PoolKind { max, average, sum, lp };
enum class PoolDivisor { inside_pad, real, kernel };
/// The kernel "pool", over three spatial axes. Results of an integer type are rounded, halves to even.
std::string pool_text(const std::string& type, PoolKind kind, PoolDivisor divisor, bool zeros_compete);

/// The kernel "take": rows of `data` by index. `mode` is clip or wrap.
std::string take_text(const std::string& data, const std::string& index, const std::string& mode);

/// The kernel "multiply": C = alpha A B + beta C over strided matrices.
std::string multiply_text(const std::string& type);

}  // namespace tenon::cuda
