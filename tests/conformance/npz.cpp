#include "conformance/npz.h"

#include <cstring>
#include <map>
#include <vector>

#include <zip.h>

#include "core/error.h"

namespace tenon::conformance {
namespace {

std::string after(const std::string& text, std::string_view key, const std::string& where) {
  const auto found = text.find(key);
  if (found == std::string::npos) fail(ErrorCode::corrupt, "{}: the .npy header has no {}", where, key);
  return text.substr(found + key.size());
}

Tensor parse_npy(const std::vector<char>& bytes, const std::string& where) {
  static const std::map<std::string, DType> types = {
      {"<f4", DType::float32}, {"<f8", DType::float64}, {"<f2", DType::float16}, {"|u1", DType::uint8},
      {"|i1", DType::int8},    {"<i4", DType::int32},   {"<i8", DType::int64},   {"|b1", DType::boolean}};
  if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY\x01\x00", 8) != 0) {
    fail(ErrorCode::corrupt, "{} is not an array in .npy format 1.0", where);
  }
  const std::size_t length = static_cast<std::uint8_t>(bytes[8]) + 256u * static_cast<std::uint8_t>(bytes[9]);
  if (bytes.size() < 10 + length) fail(ErrorCode::corrupt, "{} ends inside of its header", where);
  const std::string header(bytes.data() + 10, length);
  if (!after(header, "'fortran_order': ", where).starts_with("False")) {
    fail(ErrorCode::unsupported, "{} is in Fortran order", where);
  }
  const auto type = types.find(after(header, "'descr': '", where).substr(0, 3));
  if (type == types.end()) fail(ErrorCode::unsupported, "{} has an element type that is not supported", where);
  std::vector<std::int64_t> dims;
  const std::string tuple = after(header, "'shape': (", where);
  for (const char* at = tuple.c_str(); *at != ')' && *at != 0;) {
    char* end = nullptr;
    dims.push_back(std::strtoll(at, &end, 10));
    for (at = end; *at == ',' || *at == ' ';) ++at;
  }
  Tensor tensor(Shape(dims), type->second);
  if (tensor.bytes() != bytes.size() - 10 - length) {
    fail(ErrorCode::corrupt, "{} has {} bytes of data, but shape {} needs {}", where, bytes.size() - 10 - length,
         tensor.shape().str(), tensor.bytes());
  }
  if (tensor.bytes() > 0) std::memcpy(tensor.mutable_data(), bytes.data() + 10 + length, tensor.bytes());
  return tensor;
}

}  // namespace

Npz::Npz(const std::filesystem::path& path) : path_(path.string()) {
  int code = 0;
  zip_t* archive = zip_open(path_.c_str(), ZIP_RDONLY, &code);
  if (archive == nullptr) fail(ErrorCode::not_found, "{} cannot be opened as a ZIP archive (error {})", path_, code);
  archive_ = std::shared_ptr<void>(archive, [](void* handle) { zip_discard(static_cast<zip_t*>(handle)); });
}

Tensor Npz::read(const std::string& key) const {
  auto* archive = static_cast<zip_t*>(archive_.get());
  const std::string member = key + ".npy";
  const std::string where = path_ + ":" + member;
  zip_stat_t stat;
  if (zip_stat(archive, member.c_str(), 0, &stat) != 0) fail(ErrorCode::not_found, "{} does not exist", where);
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen(archive, member.c_str(), 0), zip_fclose);
  std::vector<char> bytes(stat.size);
  if (!file || zip_fread(file.get(), bytes.data(), stat.size) != static_cast<zip_int64_t>(stat.size)) {
    fail(ErrorCode::corrupt, "{} cannot be read", where);
  }
  return parse_npy(bytes, where);
}

}  // namespace tenon::conformance
