// MXNet's container of arrays: u64 magic, u64 0, u64 n, n array records, u64 m, m names; little-endian, unaligned.

#include "formats/mxnet/params.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <ostream>
#include <vector>

#include <tenon/npz.h>
#include "core/error.h"

namespace tenon {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

constexpr std::uint64_t kListMagic = 0x112;
constexpr std::uint32_t kV1 = 0xF993FAC8, kV2 = 0xF993FAC9, kV3 = 0xF993FACA;
constexpr std::uint32_t kZipMagic = 0x04034B50, kEmptyZipMagic = 0x06054B50, kNpyMagic = 0x4D554E93;
constexpr std::int32_t kMaxRank = 32;

/// By MXNet's type code; Tenon has no 16-bit integers and no unsigned ones beyond a byte.
struct TypeCode {
  std::string_view name;
  std::size_t size;
  std::optional<DType> dtype;
};
constexpr std::array<TypeCode, 13> kTypeCodes{{{"float32", 4, DType::float32},
                                               {"float64", 8, DType::float64},
                                               {"float16", 2, DType::float16},
                                               {"uint8", 1, DType::uint8},
                                               {"int32", 4, DType::int32},
                                               {"int8", 1, DType::int8},
                                               {"int64", 8, DType::int64},
                                               {"bool", 1, DType::boolean},
                                               {"int16", 2, {}},
                                               {"uint16", 2, {}},
                                               {"uint32", 4, {}},
                                               {"uint64", 8, {}},
                                               {"bfloat16", 2, DType::bfloat16}}};

class Reader {
 public:
  Reader(const FileView& file, const std::string& what) : file_(file), what_(what) {}

  Parameters read() {
    if (const auto magic = number<std::uint64_t>("the magic number"); magic != kListMagic) {
      refuse(0, "the magic number is 0x{:x}, expected is 0x{:x}; this is not a .params file", magic, kListMagic);
    }
    number<std::uint64_t>("the reserved field");
    const auto arrays = count("arrays", sizeof(std::uint32_t));
    std::vector<Array> records;
    for (std::uint64_t i = 0; i < arrays; ++i) records.push_back(array(i));
    const auto names = count("names", sizeof(std::uint64_t));
    if (names != 0 && names != arrays) refuse(offset_, "there are {} names for {} arrays", names, arrays);
    Parameters result;
    for (std::uint64_t i = 0; i < arrays; ++i) {
      std::string key = names == 0 ? std::to_string(i) : array_name(i);
      const Array& record = records[i];
      if (!record.refusal.empty()) {
        fail(ErrorCode::unsupported, "array '{}' of {}, at offset {}, {}", key, what_, record.offset, record.refusal);
      }
      if (!result.emplace(key, record.tensor).second) refuse(offset_, "two arrays are called '{}'", key);
    }
    return result;
  }

 private:
  /// An array, or, as its name comes much later, why there is none.
  struct Array {
    std::size_t offset;
    Tensor tensor;
    std::string refusal;
  };

  template <class... Args>
  [[noreturn]] void refuse(std::size_t offset, fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCode::corrupt, "{}, offset {}: {}", what_, offset, fmt::format(format, std::forward<Args>(args)...));
  }

  std::size_t remaining() const { return file_.bytes.size() - offset_; }

  const std::byte* take(std::uint64_t size, std::string_view of) {
    if (size > remaining()) {
      refuse(offset_, "{} takes {} bytes, but the file has only {} left; it is truncated or damaged", of, size,
             remaining());
    }
    const std::byte* data = file_.bytes.data() + offset_;
    offset_ += size;
    return data;
  }

  template <class T>
  T number(std::string_view of) {
    T value;
    std::memcpy(&value, take(sizeof(T), of), sizeof(T));
    return value;
  }

  /// How many `of` follow, each of which takes at least `least` bytes.
  std::uint64_t count(std::string_view of, std::size_t least) {
    const std::size_t offset = offset_;
    const auto value = number<std::uint64_t>(fmt::format("the number of {}", of));
    if (value > remaining() / least) refuse(offset, "{} {} cannot be in the {} bytes left", value, of, remaining());
    return value;
  }

  std::string array_name(std::uint64_t position) {
    const std::size_t offset = offset_;
    const auto length = number<std::uint64_t>("the length of a name");
    const std::byte* data = take(length, fmt::format("name {}", position));
    if (length == 0) refuse(offset, "name {} is empty", position);
    return {reinterpret_cast<const char*>(data), length};
  }

  /// The dimensions, each a Dim, after their number; rank -1 gives a shape of unknown rank.
  template <class Dim>
  Shape dims(std::int32_t rank) {
    if (rank == -1) return {};
    if (rank < 0 || rank > kMaxRank) {
      refuse(offset_ - sizeof(rank), "an array of {} dimensions is claimed, possible are up to {}", rank, kMaxRank);
    }
    std::vector<std::int64_t> values;
    for (std::int32_t axis = 0; axis < rank; ++axis) values.push_back(number<Dim>("a dimension"));
    return Shape(std::move(values));
  }

  Shape shape() { return dims<std::int64_t>(number<std::int32_t>("the number of dimensions")); }

  Array array(std::uint64_t position) {
    Array record{offset_, {}, {}};
    const auto version = number<std::uint32_t>(fmt::format("array {}", position));
    const bool has_storage = version == kV2 || version == kV3;
    const auto storage = has_storage ? number<std::int32_t>("the storage type") : 0;
    // -1 is that of an array without content.
    if (storage < -1 || storage > 2 || (version == kV3 && storage > 0)) {
      refuse(record.offset, "array {} has storage type {}; known are 0 (dense), 1 (row_sparse) and 2 (csr)", position,
             storage);
    }
    if (storage > 0) {
      sparse_array(record, storage);
      return record;
    }
    const bool unversioned = !has_storage && version != kV1;  // then the number is the rank itself
    const Shape shape = unversioned ? dims<std::uint32_t>(std::bit_cast<std::int32_t>(version)) : this->shape();
    // Without content nothing more follows. That was rank 0 before numpy semantics, an unknown shape with them.
    const bool none = !shape.has_rank() || (version == kV3 ? std::ranges::count(shape, -1) != 0 : shape.rank() == 0);
    if (none) return record;
    number<std::uint64_t>("the device");
    const TypeCode type = type_code();
    const std::byte* data = elements(shape, type);
    if (type.dtype) {
      record.tensor = tensor_at(data, shape, *type.dtype, file_.owner);
    } else {
      record.refusal = fmt::format("has elements of type {}, which Tenon does not have", type.name);
    }
    return record;
  }

  /// Reads past it, so that it can be refused by its name.
  void sparse_array(Array& record, std::int32_t storage) {
    const Shape stored = shape(), whole = shape();
    number<std::uint64_t>("the device");
    const TypeCode type = type_code();
    std::vector<std::pair<TypeCode, Shape>> indices;
    for (std::int32_t i = 0; i < storage; ++i) {
      const TypeCode index_type = type_code();
      indices.emplace_back(index_type, shape());
    }
    elements(stored, type);
    for (const auto& [index_type, index_shape] : indices) elements(index_shape, index_type);
    record.refusal = fmt::format("is a {} array of shape {}; Tenon reads dense ones: save it after tostype('default')",
                                 storage == 1 ? "row_sparse" : "csr", whole.str());
  }

  TypeCode type_code() {
    const std::size_t offset = offset_;
    const auto code = number<std::int32_t>("the element type");
    if (code < 0 || code >= std::ssize(kTypeCodes)) {
      refuse(offset, "{} is no element type; known are 0 to {}", code, kTypeCodes.size() - 1);
    }
    return kTypeCodes[static_cast<std::size_t>(code)];
  }

  const std::byte* elements(const Shape& shape, const TypeCode& type) {
    const std::string of = fmt::format("an array of shape {} and type {}", shape.str(), type.name);
    for (const auto dim : shape) {
      if (dim < 0) refuse(offset_, "{} has the negative dimension {}", of, dim);
    }
    if (std::ranges::count(shape, 0) != 0) return take(0, of);
    std::uint64_t size = type.size;
    for (const auto dim : shape) {
      if (size > remaining() / static_cast<std::uint64_t>(dim)) {
        refuse(offset_, "{} does not fit into the {} bytes left; the file is truncated or damaged", of, remaining());
      }
      size *= static_cast<std::uint64_t>(dim);
    }
    return take(size, of);
  }

  std::size_t offset_ = 0;
  const FileView& file_;
  const std::string& what_;
};

template <class T>
void put(std::ostream& stream, T value) {
  stream.write(reinterpret_cast<const char*>(&value), sizeof(T));
}

std::int32_t type_code_of(DType dtype) {
  const auto found = std::ranges::find(kTypeCodes, std::optional(dtype), &TypeCode::dtype);
  return static_cast<std::int32_t>(found - kTypeCodes.begin());
}

void put_header(std::ostream& stream, std::size_t arrays) {
  put(stream, kListMagic);
  put<std::uint64_t>(stream, 0);
  put<std::uint64_t>(stream, arrays);
}

void put_array(std::ostream& stream, const Tensor& tensor) {
  // Only with numpy semantics, which V3 stands for, is there an array of rank 0.
  put(stream, tensor.shape().rank() == 0 ? kV3 : kV2);
  put<std::int32_t>(stream, 0);  // dense
  put<std::int32_t>(stream, tensor.shape().rank());
  for (const std::int64_t dim : tensor.shape()) put(stream, dim);
  put<std::int32_t>(stream, 1);  // cpu
  put<std::int32_t>(stream, 0);
  put(stream, type_code_of(tensor.dtype()));
  stream.write(static_cast<const char*>(tensor.data()), static_cast<std::streamsize>(tensor.bytes()));
}

}  // namespace

Parameters parse_params(const FileView& file, const std::string& what) {
  return Reader(file, what).read();
}

Parameters read_params(const std::string& path) {
  const FileView file = map_file(path);
  std::uint32_t magic = 0;
  std::memcpy(&magic, file.bytes.data(), std::min(sizeof(magic), file.bytes.size()));
  if (magic == kZipMagic || magic == kEmptyZipMagic) return read_npz(path);
  if (magic == kNpyMagic) return {{"0", read_npy(path)}};
  return parse_params(file, "'" + path + "'");
}

void write_params(const std::string& path, const std::vector<Tensor>& arrays) {
  write_atomically(path, [&](std::ostream& stream) {
    put_header(stream, arrays.size());
    for (const Tensor& tensor : arrays) put_array(stream, tensor);
    put<std::uint64_t>(stream, 0);
  });
}

void write_params(const std::string& path, const Parameters& arrays) {
  write_atomically(path, [&](std::ostream& stream) {
    put_header(stream, arrays.size());
    for (const auto& [name, tensor] : arrays) put_array(stream, tensor);
    put<std::uint64_t>(stream, arrays.size());
    for (const auto& [name, tensor] : arrays) {
      put<std::uint64_t>(stream, name.size());
      stream << name;
    }
  });
}

}  // namespace tenon
