#include "formats/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/error.h"

namespace tenon {
namespace {

/// Closes a descriptor at the end of its scope.
struct Descriptor {
  int number;
  ~Descriptor() { ::close(number); }
};

/// Removes a temporary file unless it was renamed.
struct Temporary {
  std::string path;
  bool kept = false;
  ~Temporary() {
    if (!kept) std::remove(path.c_str());
  }
};

/// Waits until the content is on the disk: a name must not come to stand, after a crash, for a file without one.
void put_on_disk(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0 || ::fsync(file.number) != 0) {
    fail(ErrorCode::io, "'{}' could not be put on the disk: {}", path, std::strerror(errno));
  }
}

std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}.{}.{}.tmp", path, ::getpid(), counter++);
}

}  // namespace

FileView map_file(const std::string& path) {
  const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) {
    if (errno == ENOENT || errno == ENOTDIR) fail(ErrorCode::not_found, "there is no file '{}'", path);
    fail(ErrorCode::io, "'{}' cannot be opened: {}", path, std::strerror(errno));
  }
  const Descriptor descriptor{number};
  struct stat status {};
  if (::fstat(number, &status) != 0) fail(ErrorCode::io, "'{}' cannot be examined: {}", path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(ErrorCode::io, "'{}' is not a regular file", path);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return {};
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, number, 0);
  if (memory == MAP_FAILED) fail(ErrorCode::io, "'{}' cannot be mapped: {}", path, std::strerror(errno));
  std::shared_ptr<const void> owner(memory, [size](const void* p) { ::munmap(const_cast<void*>(p), size); });
  return {{static_cast<const std::byte*>(memory), size}, std::move(owner)};
}

void write_atomically(const std::string& path, const std::function<void(std::ostream&)>& write) {
  Temporary temporary{temporary_name(path)};
  std::ofstream stream(temporary.path, std::ios::binary | std::ios::trunc);
  if (!stream) fail(ErrorCode::io, "'{}' cannot be created: {}", temporary.path, std::strerror(errno));
  write(stream);
  stream.close();
  if (!stream) fail(ErrorCode::io, "'{}' could not be written in full: {}", temporary.path, std::strerror(errno));
  put_on_disk(temporary.path);
  if (std::rename(temporary.path.c_str(), path.c_str()) != 0) {
    fail(ErrorCode::io, "'{}' cannot be renamed to '{}': {}", temporary.path, path, std::strerror(errno));
  }
  temporary.kept = true;
}

Tensor tensor_at(const std::byte* data, Shape shape, DType dtype, const std::shared_ptr<const void>& owner) {
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) == 0) {
    return Tensor::borrow_const(data, std::move(shape), dtype, owner);
  }
  Tensor copy(std::move(shape), dtype);
  std::memcpy(copy.mutable_data(), data, copy.bytes());
  return copy;
}

}  // namespace tenon
