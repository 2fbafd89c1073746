#include "core/file_backed.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "core/log.h"

namespace tenon {
namespace {

using Fill = std::function<void(std::span<float>, std::int64_t)>;

constexpr std::int64_t kPiece = std::int64_t{1} << 18;  // elements; 1 MB
/// Below this a mapping and a look at the list of mappings cost more than the memory is worth.
constexpr std::int64_t kSmall = std::int64_t{1} << 14;

/// A file without a name, which goes when the last that holds it does.
class UnnamedFile {
 public:
  UnnamedFile() {
    std::error_code none;
    std::string path = (std::filesystem::temp_directory_path(none) / "tenon-XXXXXX").string();
    if (!none) number_ = ::mkostemp(path.data(), 0);
    if (number_ >= 0) ::unlink(path.c_str());
  }
  ~UnnamedFile() {
    if (number_ >= 0) ::close(number_);
  }
  UnnamedFile(const UnnamedFile&) = delete;
  UnnamedFile& operator=(const UnnamedFile&) = delete;

  bool write(std::span<const float> piece) const {
    auto rest = std::as_bytes(piece);
    while (!rest.empty()) {
      const auto written = ::write(number_, rest.data(), rest.size());
      if (written <= 0) return false;
      rest = rest.subspan(static_cast<std::size_t>(written));
    }
    return true;
  }

  std::shared_ptr<const void> map(std::size_t bytes) const {
    void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, number_, 0);
    if (memory == MAP_FAILED) return nullptr;
    return {memory, [bytes](const void* p) { ::munmap(const_cast<void*>(p), bytes); }};
  }

 private:
  int number_ = -1;
};

std::shared_ptr<const void> in_file(std::int64_t elements, const Fill& fill) {
  const UnnamedFile file;
  std::vector<float> buffer(static_cast<std::size_t>(std::min(elements, kPiece)));
  for (std::int64_t at = 0; at < elements; at += kPiece) {
    const std::span<float> piece(buffer.data(), static_cast<std::size_t>(std::min(kPiece, elements - at)));
    fill(piece, at);
    if (!file.write(piece)) return nullptr;
  }
  return file.map(static_cast<std::size_t>(elements) * sizeof(float));
}

}  // namespace

Tensor file_backed(const Shape& shape, const Fill& fill) {
  const std::int64_t elements = shape.elements();
  if (elements >= kSmall) {
    if (auto mapped = in_file(elements, fill)) {
      return Tensor::borrow_const(mapped.get(), shape, DType::float32, mapped);
    }
    log(LogLevel::info, "no temporary file of {} bytes could be written: the parameters stay in memory",
        static_cast<std::size_t>(elements) * sizeof(float));
  }
  Tensor tensor(shape, DType::float32);
  fill({tensor.mutable_data<float>(), static_cast<std::size_t>(elements)}, 0);
  return Tensor::borrow_const(tensor.data(), shape, DType::float32, std::make_shared<const Tensor>(tensor));
}

}  // namespace tenon
