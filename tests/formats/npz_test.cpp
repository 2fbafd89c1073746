#include <tenon/npz.h>

#include <gmock/gmock.h>

#include "support/evaluate.h"
#include "support/files.h"

namespace tenon {
namespace {

using ::testing::HasSubstr;

/// A .npy file of version 1 with this dict.
std::string npy(const std::string& dict, const std::string& elements) {
  std::string file("\x93NUMPY\1\0", 8);
  file += {static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return file + dict + elements;
}

std::string refusal_of(const std::string& content) {
  const std::string path = temporary_path("a.npy");
  write_file(path, content);
  return refusal([&] { read_npy(path); });
}

TEST(Npy, EveryTypeComesBack) {
  for (const DType dtype : {DType::float32, DType::float64, DType::float16, DType::uint8, DType::int8, DType::int32,
                            DType::int64, DType::boolean}) {
    const std::string path = temporary_path("a.npy");
    write_npy(path, tensor({2, 3}, {0, 1, 1, 0, 1, 0}, dtype));
    const Tensor back = read_npy(path);
    EXPECT_EQ(back.dtype(), dtype);
    expect_tensor(back, {2, 3}, {0, 1, 1, 0, 1, 0});
  }
}

TEST(Npy, Bfloat16IsWrittenAsFloat32) {
  const std::string path = temporary_path("a.npy");
  write_npy(path, tensor({2}, {1.5, -2}, DType::bfloat16));
  EXPECT_EQ(read_npy(path).dtype(), DType::float32);
  expect_tensor(read_npy(path), {2}, {1.5, -2});
}

TEST(Npy, WritesTheHeaderOfNumPy) {
  const std::string path = temporary_path("a.npy");
  write_npy(path, tensor({4}, {1, 2, 3, 4}));
  const std::string file = read_file(path);
  EXPECT_EQ(file.substr(10, 57), "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }");
  EXPECT_EQ(file.size(), 128 + 16);
  EXPECT_EQ(file[127], '\n');
}

TEST(Npy, ScalarsHaveRankZero) {
  const std::string path = temporary_path("a.npy");
  write_npy(path, tensor(Shape::scalar(), {7}));
  expect_tensor(read_npy(path), Shape::scalar(), {7});
}

TEST(Npy, FortranOrderIsTransposed) {
  const std::string path = temporary_path("a.npy");
  write_file(path, npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", "\1\4\2\5\3\6"));
  expect_tensor(read_npy(path), {2, 3}, {1, 2, 3, 4, 5, 6});
}

TEST(Npy, HostileHeadersAreRefused) {
  EXPECT_THAT(refusal_of("hello"), HasSubstr("not in .npy format"));
  EXPECT_THAT(refusal_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }", "abcd")),
              HasSubstr("claims 1099511627776 elements"));
  EXPECT_THAT(refusal_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "abcd")),
              HasSubstr("2^62"));
  EXPECT_THAT(refusal_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "abcd")),
              HasSubstr("no valid dimension at '-1"));
  EXPECT_THAT(refusal_of(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "abcd")), HasSubstr("'>f4'"));
  EXPECT_THAT(refusal_of(npy("{'descr': '<f4', 'fortran_order': False}", "abcd")), HasSubstr("lacks one of"));
  EXPECT_THAT(refusal_of(std::string("\x93NUMPY\1\0\xff\0{", 11)), HasSubstr("header alone claims 255"));
}

TEST(Npy, MissingFilesAreNamed) {
  EXPECT_THAT(refusal([] { read_npy("/nowhere/a.npy"); }), HasSubstr("no file '/nowhere/a.npy'"));
  EXPECT_THAT(refusal([] { read_npz("/nowhere/a.npz"); }), HasSubstr("/nowhere/a.npz"));
}

TEST(Npz, MembersComeBackByName) {
  const std::string path = temporary_path("a.npz");
  write_npz(path, {{"in/data", tensor({2}, {1, 2})}, {"out/x", tensor({1, 1}, {5}, DType::int64)}});
  const Parameters back = read_npz(path);
  ASSERT_EQ(back.size(), 2u);
  expect_tensor(back.at("in/data"), {2}, {1, 2});
  expect_tensor(back.at("out/x"), {1, 1}, {5});
}

TEST(Npz, TheSameContentGivesTheSameBytes) {
  const std::string a = temporary_path("a.npz"), b = temporary_path("b.npz");
  for (const auto& path : {a, b}) write_npz(path, {{"x", tensor({2}, {1, 2})}});
  EXPECT_EQ(read_file(a), read_file(b));
}

TEST(Npz, TruncationIsRefused) {
  const std::string path = temporary_path("a.npz");
  write_npz(path, {{"x", tensor({100}, std::vector<double>(100, 1))}});
  const std::string whole = read_file(path);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    write_file(path, whole.substr(0, size));
    EXPECT_THROW(read_npz(path), Error) << size << " bytes";
  }
}

}  // namespace
}  // namespace tenon
