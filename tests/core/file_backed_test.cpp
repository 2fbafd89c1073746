#include "core/file_backed.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "support/evaluate.h"

namespace tenon {
namespace {

Tensor indices(std::int64_t elements) {
  return file_backed(Shape{elements}, [](std::span<float> piece, std::int64_t at) {
    for (float& element : piece) element = static_cast<float>(at++);
  });
}

void expect_indices(const Tensor& tensor, std::int64_t elements) {
  ASSERT_EQ(tensor.shape(), Shape{elements});
  for (std::int64_t i = 0; i < elements; ++i) ASSERT_EQ(tensor.data<float>()[i], static_cast<float>(i));
}

/// The line of the mapping in which the address lies.
std::string mapping_of(const void* address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end;
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    if (begin <= at && at < end) return line;
  }
  return {};
}

/// Sets a variable of the environment for its life.
class Setting {
 public:
  Setting(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value, 1);
  }
  ~Setting() { before_.empty() ? ::unsetenv(name_) : ::setenv(name_, before_.c_str(), 1); }

 private:
  const char* name_;
  std::string before_;
};

TEST(FileBacked, ALargeTensorLiesInAFileWithoutAName) {
  constexpr std::int64_t kElements = (std::int64_t{1} << 19) + 17;  // two whole pieces and the rest of one
  const Tensor tensor = indices(kElements);
  EXPECT_THAT(mapping_of(tensor.data()), testing::AllOf(testing::HasSubstr(" r--p "), testing::HasSubstr("(deleted)")));
  expect_indices(tensor, kElements);
}

TEST(FileBacked, ASmallOneLiesInMemory) {
  const Tensor tensor = indices(100);
  EXPECT_THAT(mapping_of(tensor.data()), testing::Not(testing::HasSubstr("(deleted)")));
  expect_indices(tensor, 100);
}

TEST(FileBacked, LiesInMemoryWhereNoFileCanBeMade) {
  const Setting nowhere("TMPDIR", "/nonexistent");
  expect_indices(indices(1 << 20), 1 << 20);
}

TEST(FileBacked, MayOnlyBeRead) {
  for (const std::int64_t elements : {100, 1 << 20}) {
    Tensor tensor = indices(elements);
    EXPECT_THAT(refusal([&] { tensor.mutable_data(); }), testing::HasSubstr("read-only"));
  }
}

}  // namespace
}  // namespace tenon
