#include "formats/npy/npy.h"

#include <charconv>
#include <cstring>
#include <optional>
#include <vector>

#include "core/error.h"
#include "formats/file.h"

namespace tenon {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct Row {
  std::string_view descr;
  DType dtype;
};

/// NumPy's type strings; '<b2' is MXNet 2.0's own.
constexpr Row kTypes[] = {
    {"<f4", DType::float32}, {"<f8", DType::float64}, {"<f2", DType::float16}, {"|u1", DType::uint8},
    {"|i1", DType::int8},    {"<i4", DType::int32},   {"<i8", DType::int64},   {"|b1", DType::boolean},
    {"<u1", DType::uint8},   {"<i1", DType::int8},    {"<b1", DType::boolean}, {"<b2", DType::bfloat16},
};

std::string_view descr_of(DType dtype) {
  for (const Row& row : kTypes) {
    if (row.dtype == dtype) return row.descr;
  }
  fail(ErrorCode::internal, "{} has no NumPy type", name(dtype));
}

struct Header {
  DType dtype = DType::float32;
  bool fortran_order = false;
  Shape shape;
};

/// Reads the header's Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& what) : text_(text), what_(what) {}

  Header parse() {
    std::optional<DType> dtype;
    std::optional<bool> fortran_order;
    Shape shape;
    expect("{");
    while (!take("}")) {
      const std::string_view key = quoted();
      expect(":");
      if (key == "descr") {
        dtype = descr();
      } else if (key == "fortran_order") {
        fortran_order = take("True");
        if (!*fortran_order) expect("False");
      } else if (key == "shape") {
        shape = dims();
      } else {
        refuse("has the unknown key '" + std::string(key) + "'");
      }
      take(",");
    }
    if (!dtype || !fortran_order || !shape.has_rank()) refuse("lacks one of descr, fortran_order and shape");
    return {*dtype, *fortran_order, std::move(shape)};
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    fail(ErrorCode::corrupt, "the .npy header of {} {}", what_, why);
  }

  bool take(std::string_view token) {
    while (text_.starts_with(' ')) text_.remove_prefix(1);
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }

  void expect(std::string_view token) {
    if (!take(token)) refuse(fmt::format("lacks '{}' before '{}'", token, text_.substr(0, 20)));
  }

  std::string_view quoted() {
    const std::string_view quote = take("\"") ? "\"" : "'";
    if (quote == "'") expect(quote);
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) refuse("has an open quote");
    const std::string_view word = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return word;
  }

  DType descr() {
    if (text_.starts_with(" [") || text_.starts_with('[')) refuse("describes records, which are not tensors");
    const std::string_view word = quoted();
    for (const Row& row : kTypes) {
      if (row.descr == word) return row.dtype;
    }
    fail(ErrorCode::unsupported,
         "{} has elements of NumPy type '{}'; Tenon reads little-endian f2, f4, f8, u1, i1, i4, i8 and b1", what_,
         word);
  }

  Shape dims() {
    constexpr std::size_t max_rank = 32;
    std::vector<std::int64_t> dims;
    expect("(");
    while (!take(")")) {
      while (text_.starts_with(' ')) text_.remove_prefix(1);
      std::int64_t dim = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), dim);
      if (error != std::errc{} || dim < 0) {
        refuse(fmt::format("has no valid dimension at '{}'", text_.substr(0, 20)));
      }
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      take("L");  // Python 2 wrote longs so
      dims.push_back(dim);
      if (dims.size() > max_rank) refuse("has more than 32 dimensions");
      if (!take(",")) {
        expect(")");
        break;
      }
    }
    return Shape(std::move(dims));
  }

  std::string_view text_;
  const std::string& what_;
};

std::size_t little_endian(std::span<const std::byte> bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<std::size_t>(bytes[i]);
  return value;
}

/// The same elements with the last dimension varying fastest.
Tensor from_fortran_order(const Tensor& tensor) {
  Tensor result(tensor.shape(), tensor.dtype());
  const std::size_t size = size_of(tensor.dtype());
  const auto* src = static_cast<const std::byte*>(tensor.data());
  auto* dst = static_cast<std::byte*>(result.mutable_data());
  std::vector<std::int64_t> index(static_cast<std::size_t>(tensor.shape().rank()), 0);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    std::int64_t offset = 0;
    for (int axis = tensor.shape().rank(); axis-- > 0;) {
      offset = offset * tensor.shape()[axis] + index[static_cast<std::size_t>(axis)];
    }
    std::memcpy(dst + static_cast<std::size_t>(i) * size, src + static_cast<std::size_t>(offset) * size, size);
    for (int axis = tensor.shape().rank(); axis-- > 0;) {
      if (++index[static_cast<std::size_t>(axis)] < tensor.shape()[axis]) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
  return result;
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner, const std::string& what) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || bytes.size() < 10) fail(ErrorCode::corrupt, "{} is not in .npy format", what);
  const auto major = std::to_integer<int>(bytes[6]);
  if (major < 1 || major > 3) fail(ErrorCode::unsupported, "{} has .npy version {}, known are 1 to 3", what, major);
  // Version 1 has a header length of two bytes, later ones of four.
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t start = 8 + length_bytes;
  if (bytes.size() < start) fail(ErrorCode::corrupt, "{} ends inside its .npy header", what);
  const std::size_t header_bytes = little_endian(bytes.subspan(8, length_bytes));
  if (header_bytes > bytes.size() - start) {
    fail(ErrorCode::corrupt, "{} has {} bytes, but its .npy header alone claims {}", what, bytes.size(), header_bytes);
  }
  Header header = HeaderParser(text.substr(start, header_bytes), what).parse();
  const std::size_t available = bytes.size() - start - header_bytes;
  const auto elements = static_cast<std::size_t>(header.shape.elements());
  if (elements > available / size_of(header.dtype)) {
    fail(ErrorCode::corrupt, "{} claims {} elements of {} in shape {}, but holds {} bytes of them", what, elements,
         name(header.dtype), header.shape.str(), available);
  }
  const Tensor tensor = tensor_at(bytes.data() + start + header_bytes, std::move(header.shape), header.dtype, owner);
  return header.fortran_order && tensor.shape().rank() > 1 ? from_fortran_order(tensor) : tensor;
}

std::string npy_header(const Tensor& tensor) {
  std::string shape;
  for (const auto dim : tensor.shape()) shape += std::to_string(dim) + ", ";
  if (tensor.shape().rank() == 1) shape.pop_back();
  if (tensor.shape().rank() > 1) shape.resize(shape.size() - 2);
  std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr_of(tensor.dtype()), shape);
  // The elements begin at a multiple of 64.
  const std::size_t prefix = kMagic.size() + 4;
  dict.append((64 - (prefix + dict.size() + 1) % 64) % 64, ' ');
  dict += '\n';
  std::string header(kMagic);
  header += {'\1', '\0', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return header + dict;
}

Tensor npy_elements(const Tensor& tensor) {
  return tensor.dtype() == DType::bfloat16 ? tensor.astype(DType::float32) : tensor;
}

}  // namespace tenon
