#include <tenon/dtype.h>

#include <array>

namespace tenon {
namespace {

struct Row {
  std::string_view name;
  std::size_t size;
};

constexpr std::array<Row, 9> kRows{{{"float32", 4},
                                    {"float64", 8},
                                    {"float16", 2},
                                    {"bfloat16", 2},
                                    {"uint8", 1},
                                    {"int8", 1},
                                    {"int32", 4},
                                    {"int64", 8},
                                    {"bool", 1}}};
static_assert(kRows.size() == static_cast<std::size_t>(DType::boolean) + 1);

}  // namespace

std::size_t size_of(DType dtype) noexcept {
  return kRows[static_cast<std::size_t>(dtype)].size;
}

std::string_view name(DType dtype) noexcept {
  return kRows[static_cast<std::size_t>(dtype)].name;
}

std::optional<DType> parse_dtype(std::string_view word) noexcept {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == word) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace tenon
