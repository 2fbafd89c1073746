#include "core/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

namespace tenon {
namespace {

/// Whether one mapping of a file that may only be read covers [first, last). Its pages cannot have been written.
bool is_read_only_file(std::uintptr_t first, std::uintptr_t last) {
  const std::unique_ptr<FILE, int (*)(FILE*)> maps(std::fopen("/proc/self/maps", "r"), std::fclose);
  if (!maps) return false;
  char line[512];
  while (std::fgets(line, sizeof(line), maps.get()) != nullptr) {
    std::uintptr_t begin = 0, end = 0;
    unsigned long inode = 0;
    char permissions[5] = {};
    if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &begin, &end, permissions, &inode) != 4)
      continue;
    if (begin <= first && last <= end) return std::strncmp(permissions, "r--", 3) == 0 && inode != 0;
  }
  return false;
}

}  // namespace

void ask_for_huge_pages(void* memory, std::size_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (address + kHugePage - 1) / kHugePage * kHugePage;
  const std::uintptr_t last = (address + bytes) / kHugePage * kHugePage;
  // A system without huge pages refuses: then nothing changes.
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

void release_file_pages(const void* memory, std::size_t bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (address + page - 1) / page * page, last = (address + bytes) / page * page;
  // A small tensor is not worth the look at the list of mappings.
  if (last < first + 16 * page || !is_read_only_file(first, last)) return;
  ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace tenon
