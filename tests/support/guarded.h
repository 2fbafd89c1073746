#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

namespace tenon {

/// Memory that ends where the next page may not be touched: reading or writing behind it ends the test.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    room_ = (bytes + page_ - 1) / page_ * page_;
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, room_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory_ + room_, page_, PROT_NONE);
    data_ = memory_ + room_ - bytes;
  }
  Guarded(std::size_t bytes, const void* from) : Guarded(bytes) { std::memcpy(data_, from, bytes); }
  ~Guarded() { munmap(memory_, room_ + page_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  std::byte* data() const { return data_; }

 private:
  std::size_t page_, room_;
  std::byte *memory_, *data_;
};

}  // namespace tenon
