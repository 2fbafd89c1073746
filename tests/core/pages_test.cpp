#include "core/pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tenon/tensor.h>

namespace tenon {
namespace {

std::size_t resident_pages(void* memory, std::size_t bytes) {
  // A page of a private mapping that is in the cache but not in this process still counts for mincore; ask smaps' way.
  std::vector<std::uint64_t> entries(bytes / 4096);
  const int file = ::open("/proc/self/pagemap", O_RDONLY);
  const auto offset = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(memory) / 4096 * 8);
  const bool read = file >= 0 && ::pread(file, entries.data(), entries.size() * 8, offset) > 0;
  if (file >= 0) ::close(file);
  if (!read) return 0;
  std::size_t present = 0;
  for (const std::uint64_t entry : entries) present += entry >> 63;
  return present;
}

TEST(Pages, OfAMappedFileLeaveTheResidentSetAndKeepTheirContent) {
  char name[] = "/tmp/tenon-pages-XXXXXX";
  const int file = ::mkstemp(name);
  ASSERT_GE(file, 0);
  ::unlink(name);
  const std::vector<char> content(64 * 4096, 'x');
  ASSERT_EQ(::write(file, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  void* memory = ::mmap(nullptr, content.size(), PROT_READ, MAP_PRIVATE, file, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const auto* bytes = static_cast<const volatile char*>(memory);
  long sum = 0;
  for (std::size_t i = 0; i < content.size(); i += 4096) sum += bytes[i];
  EXPECT_EQ(sum, 64 * 'x');
  if (resident_pages(memory, content.size()) != 64) GTEST_SKIP() << "/proc/self/pagemap cannot be read";
  release_file_pages(memory, content.size());
  EXPECT_EQ(resident_pages(memory, content.size()), 0u);
  EXPECT_EQ(bytes[4096], 'x');
  ::munmap(memory, content.size());
  ::close(file);
}

/// Whether the system was asked for huge pages where this byte lies.
bool wants_huge_pages(const char* byte) {
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (words >> std::hex >> begin >> dash >> end && dash == '-') {
      const auto address = reinterpret_cast<std::uintptr_t>(byte);
      here = begin <= address && address < end;
    }
    if (here && line.starts_with("VmFlags:")) return (line + ' ').find(" hg ") != std::string::npos;
  }
  return false;
}

TEST(Pages, OfALargeTensorAreHugeAsFarAsItFillsThem) {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage/enabled")) GTEST_SKIP() << "no huge pages here";
  constexpr std::size_t size = 2 * kHugePage + kHugePage / 2;
  Tensor large(Shape{static_cast<std::int64_t>(size)}, DType::uint8);
  const auto* first = static_cast<const char*>(large.data());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % kHugePage, 0u);
  EXPECT_TRUE(wants_huge_pages(first));
  EXPECT_TRUE(wants_huge_pages(first + 2 * kHugePage - 1));
  EXPECT_FALSE(wants_huge_pages(first + 2 * kHugePage));
  const Tensor small(Shape{static_cast<std::int64_t>(kHugePage) - 1}, DType::uint8);
  EXPECT_FALSE(wants_huge_pages(static_cast<const char*>(small.data())));
}

TEST(Pages, OfOtherMemoryAreLeftAlone) {
  const std::vector<char> content(64 * 4096, 'x');
  release_file_pages(content.data(), content.size());
  EXPECT_EQ(content, std::vector<char>(64 * 4096, 'x'));
}

}  // namespace
}  // namespace tenon
