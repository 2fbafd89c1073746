#pragma once

// Counts what this program allocates; for one file of a test program, since it replaces operator new.

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

namespace tenon {

inline std::atomic<long> allocations_by_tenon = 0;

/// Allocations since its construction, by Tenon and the program itself. oneDNN 2.6 builds a map of its arguments on
/// every call, which no caller can prevent; those are not counted.
class AllocationCount {
 public:
  long by_tenon() const { return allocations_by_tenon - before_; }

 private:
  long before_ = allocations_by_tenon;
};

/// Of the shared object that holds this return address.
inline bool is_foreign(const void* caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && info.dli_fname != nullptr && std::strstr(info.dli_fname, "libdnnl") != nullptr;
}

inline void* counted_allocation(std::size_t bytes, std::size_t alignment, const void* caller) {
  if (!is_foreign(caller)) ++allocations_by_tenon;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace tenon

void* operator new(std::size_t bytes) {
  return tenon::counted_allocation(bytes, alignof(std::max_align_t), __builtin_return_address(0));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return tenon::counted_allocation(bytes, static_cast<std::size_t>(alignment), __builtin_return_address(0));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
