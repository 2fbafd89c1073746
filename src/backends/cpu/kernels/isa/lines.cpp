// Reductions along an axis and what divides or shifts by them. A line that lies together is folded into a few vectors
// and then into one number; of lines that lie side by side, 16 are worked on at a time, a lane each.

#include "backends/cpu/kernels/lines.h"

#include "backends/cpu/kernels/isa/math.h"

namespace tenon::cpu::TENON_ISA {
namespace {

using Kind = LineFunction::Kind;

constexpr int kFolds = 4;  // sums that are added to in turn: none waits for itself, and errors grow slower

TENON_ALWAYS_INLINE Vec greater_or_nan(Vec a, Vec b) {
  return select(is_nan(a), a, at_least(a, b));
}
TENON_ALWAYS_INLINE Vec lesser_or_nan(Vec a, Vec b) {
  return select(is_nan(a), a, at_most(a, b));
}

/// 16 lines side by side, or the one that lies together: element i is at src + i * step. Where fewer than 16 lanes
/// exist, `mask` says so.
struct Line {
  const float* src;
  float* dst;
  std::int64_t size, step;
  bool together;
  Mask mask;
};

/// Combines all elements, each through `map` first. `neutral` changes nothing.
template <class Map, class Combine>
TENON_ALWAYS_INLINE Vec fold(const Line& line, Vec neutral, Map map, Combine combine) {
  Vec folds[kFolds];
  for (Vec& f : folds) f = neutral;
  const std::int64_t each = line.together ? kLanes : 1, vectors = line.size / each;
  const auto at = [&](std::int64_t v) __attribute__((always_inline)) {
    return line.together ? load(line.src + v * kLanes) : load(line.src + v * line.step, line.mask);
  };
  std::int64_t v = 0;
  for (; v + kFolds <= vectors; v += kFolds) {
#pragma GCC unroll 4
    for (int f = 0; f < kFolds; ++f) folds[f] = combine(folds[f], map(at(v + f)));
  }
  for (; v < vectors; ++v) folds[0] = combine(folds[0], map(at(v)));
  if (line.together && line.size % kLanes != 0) {
    const Mask rest = first_lanes(static_cast<int>(line.size % kLanes));
    folds[1] = combine(folds[1], select(rest, map(load(line.src + v * kLanes, rest)), neutral));
  }
  return combine(combine(folds[0], folds[1]), combine(folds[2], folds[3]));
}

/// The lanes of a line that lies together become one value in all lanes.
template <class Combine>
TENON_ALWAYS_INLINE Vec across(const Line& line, Vec v, Combine combine) {
  if (!line.together) return v;
  alignas(64) float lanes[2 * kLanes];
  for (int distance = kLanes / 2; distance > 0; distance /= 2) {
    store(lanes, v);
    store(lanes + kLanes, v);
    v = combine(v, load(lanes + distance));
  }
  return v;
}

TENON_ALWAYS_INLINE Vec sum_of(const Line& line) {
  const auto plus = [](Vec a, Vec b) { return add(a, b); };
  return across(line,
                fold(
                    line, zero(), [](Vec x) { return x; }, plus),
                plus);
}

/// dst = map(x, i) of every vector; i counts the vectors of a line that lies together, else the elements.
template <class Map>
TENON_ALWAYS_INLINE void map_elements(const Line& line, const float* src, Map map) {
  if (!line.together) {
    for (std::int64_t i = 0; i < line.size; ++i) {
      store(line.dst + i * line.step, map(load(src + i * line.step, line.mask), i, line.mask), line.mask);
    }
    return;
  }
  const Mask all = first_lanes(kLanes);
  const std::int64_t whole = line.size / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) store(line.dst + i, map(load(src + i), i, all));
  if (whole < line.size) {
    const Mask rest = first_lanes(static_cast<int>(line.size - whole));
    store(line.dst + whole, map(load(src + whole, rest), whole, rest), rest);
  }
}

void standardize(const Line& line, const LineFunction& function, std::int64_t number) {
  const Vec count = broadcast(static_cast<float>(line.size));
  const auto plus = [](Vec a, Vec b) { return add(a, b); };
  const Vec mean = div(sum_of(line), count);
  const auto square = [=](Vec x) {
    const Vec d = sub(x, mean);
    return mul(d, d);
  };
  const Vec variance = div(across(line, fold(line, zero(), square, plus), plus), count);
  const Vec scale = div(broadcast(1), sqrt(add(variance, broadcast(function.epsilon))));
  if (function.per_element) {
    map_elements(
        line, line.src, [&](Vec x, std::int64_t i, Mask mask) __attribute__((always_inline)) {
          const Vec gamma = line.together ? load(function.gamma + i, mask) : broadcast(function.gamma[i]);
          const Vec beta = line.together ? load(function.beta + i, mask) : broadcast(function.beta[i]);
          return fma(mul(sub(x, mean), scale), gamma, beta);
        });
  } else {
    const Vec gamma = broadcast(function.gamma[number % function.parameters]);
    const Vec beta = broadcast(function.beta[number % function.parameters]);
    map_elements(line, line.src, [&](Vec x, std::int64_t, Mask) { return fma(mul(sub(x, mean), scale), gamma, beta); });
  }
}

void divide_norm(const Line& line, float epsilon) {
  const auto plus = [](Vec a, Vec b) { return add(a, b); };
  const Vec squares = across(line,
                             fold(
                                 line, zero(), [](Vec x) { return mul(x, x); }, plus),
                             plus);
  const Vec scale = div(broadcast(1), sqrt(add(squares, broadcast(epsilon))));
  map_elements(line, line.src, [=](Vec x, std::int64_t, Mask) { return mul(x, scale); });
}

void softmax(const Line& line, bool logarithm) {
  const auto plus = [](Vec a, Vec b) { return add(a, b); };
  const auto greater_of = [](Vec a, Vec b) { return at_least(a, b); };
  const Vec lowest = broadcast(-__builtin_inff());
  const Vec greatest = across(line,
                              fold(
                                  line, lowest, [](Vec x) { return x; }, greater_of),
                              greater_of);
  if (logarithm) {
    const auto power = [=](Vec x) { return exp(sub(x, greatest)); };
    const Vec logarithm_of_sum = log(across(line, fold(line, zero(), power, plus), plus));
    map_elements(line, line.src, [=](Vec x, std::int64_t, Mask) { return sub(sub(x, greatest), logarithm_of_sum); });
    return;
  }
  map_elements(line, line.src, [=](Vec x, std::int64_t, Mask) { return exp(sub(x, greatest)); });
  Line powers = line;
  powers.src = line.dst;
  const Vec scale = div(broadcast(1), sum_of(powers));
  map_elements(line, line.dst, [=](Vec x, std::int64_t, Mask) { return mul(x, scale); });
}

Vec reduce(const Line& line, LineReduction reduction) {
  const auto as_is = [](Vec x) { return x; };
  switch (reduction) {
    case LineReduction::sum:
      return sum_of(line);
    case LineReduction::mean:
      return div(sum_of(line), broadcast(static_cast<float>(line.size)));
    case LineReduction::max:
      return across(line, fold(line, broadcast(-__builtin_inff()), as_is, greater_or_nan), greater_or_nan);
    case LineReduction::min:
      return across(line, fold(line, broadcast(__builtin_inff()), as_is, lesser_or_nan), lesser_or_nan);
  }
  return zero();
}

/// Part `number` of the tensor, and the number of its first line.
struct Part {
  Line line;
  std::int64_t number;
};

Part part_at(const Lines& lines, std::int64_t number, const float* src, float* dst) {
  if (lines.inner == 1) {
    const std::int64_t first = number * lines.size;
    return {{src + first, dst + first, lines.size, 1, true, first_lanes(kLanes)}, number};
  }
  const std::int64_t groups = (lines.inner + kLanes - 1) / kLanes, column = number % groups * kLanes;
  const std::int64_t first = number / groups * lines.size * lines.inner + column;
  const int lanes = static_cast<int>(lesser<std::int64_t>(kLanes, lines.inner - column));
  return {{src + first, dst + first, lines.size, lines.inner, false, first_lanes(lanes)},
          number / groups * lines.inner + column};
}

}  // namespace

void map_lines(const Lines& lines, const LineFunction& function, const float* src, float* dst, std::int64_t first,
               std::int64_t last) {
  for (std::int64_t at = first; at < last; ++at) {
    const Part part = part_at(lines, at, src, dst);
    switch (function.kind) {
      case Kind::standardize:
        standardize(part.line, function, part.number);
        break;
      case Kind::divide_norm:
        divide_norm(part.line, function.epsilon);
        break;
      case Kind::softmax:
        softmax(part.line, false);
        break;
      case Kind::log_softmax:
        softmax(part.line, true);
        break;
    }
  }
}

void reduce_lines(const Lines& lines, LineReduction reduction, const float* src, float* dst, std::int64_t first,
                  std::int64_t last) {
  for (std::int64_t at = first; at < last; ++at) {
    const Part part = part_at(lines, at, src, dst);
    const Vec result = reduce(part.line, reduction);
    store(dst + part.number, result, part.line.together ? first_lanes(1) : part.line.mask);
  }
}

}  // namespace tenon::cpu::TENON_ISA
