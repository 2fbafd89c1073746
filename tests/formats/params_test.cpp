#include "formats/mxnet/params.h"

#include <gmock/gmock.h>

#include <cstring>

#include <tenon/npz.h>
#include "support/evaluate.h"
#include "support/files.h"
#include "support/golden.h"

namespace tenon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Files that MXNet wrote, and bytes that stand for versions that no MXNet writes any more.
std::string sample(const std::string& name) {
  return data_path("formats/params/" + name);
}

/// The bytes of a file, field by field.
class Bytes {
 public:
  template <class T>
  Bytes& put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  Bytes& text(const std::string& text) {
    bytes_ += text;
    return *this;
  }
  Bytes& header(std::uint64_t arrays) { return put<std::uint64_t>(0x112).put<std::uint64_t>(0).put(arrays); }
  /// The start of a dense V2 record, up to the elements.
  Bytes& array(const std::vector<std::int64_t>& dims, std::int32_t type = 0) {
    put<std::uint32_t>(0xF993FAC9).put<std::int32_t>(0).put(static_cast<std::int32_t>(dims.size()));
    for (const auto dim : dims) put(dim);
    return put<std::int32_t>(1).put<std::int32_t>(0).put(type);
  }
  Bytes& name(const std::string& name) { return put<std::uint64_t>(name.size()).text(name); }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

std::string refusal_of(const Bytes& bytes) {
  return refusal([&] { parse_params({std::as_bytes(std::span(bytes.str())), {}}, "the file"); });
}

TEST(Params, V2HoldsEveryType) {
  const Parameters arrays = read_params(sample("v2.params"));
  ASSERT_EQ(arrays.size(), 9u);
  const auto expect = [&](const std::string& name, DType dtype, const Shape& shape, const std::vector<double>& values) {
    ASSERT_TRUE(arrays.contains(name)) << name;
    EXPECT_EQ(arrays.at(name).dtype(), dtype) << name;
    expect_tensor(arrays.at(name), shape, values, 0);
  };
  expect("arg:float32", DType::float32, {2, 3}, {0, 0.25, 0.5, 0.75, 1, 1.25});
  expect("arg:float64", DType::float64, {3}, {0.1, -2.5, 1e300});
  expect("arg:float16", DType::float16, {3}, {0.5, 65504, -0x1p-23});
  expect("arg:int8", DType::int8, {3}, {-128, 0, 127});
  expect("arg:after_odd_bytes", DType::float32, {2}, {1.5, -3});
  expect("arg:uint8", DType::uint8, {2, 1}, {0, 255});
  expect("arg:int32", DType::int32, {2}, {-2147483648.0, 2147483647});
  expect("aux:int64", DType::int64, {2}, {-0x1p62, 0x1p62});
  expect("aux:bool", DType::boolean, {3}, {1, 0, 1});
}

TEST(Params, Bfloat16) {
  const Tensor tensor = read_params(sample("bfloat16.params")).at("arg:w");
  EXPECT_EQ(tensor.dtype(), DType::bfloat16);
  expect_tensor(tensor, {3}, {1.5, -2, 0.25}, 0);
}

TEST(Params, V0AsMxnetUpToTenWrote) {
  const Parameters arrays = read_params(data_path("formats/params/legacy_ndarray.v0"));
  ASSERT_EQ(arrays.size(), 6u);
  for (const auto& [name, array] : arrays) EXPECT_EQ(array.shape(), Shape({128})) << name;
}

TEST(Params, V1AsMxnetElevenWrote) {
  expect_tensor(read_params(sample("v1.params")).at("fc_weight"), {1, 4}, {1, 2, 3, 4}, 0);
}

TEST(Params, V3HasScalarsAndEmptyArrays) {
  const Parameters arrays = read_params(sample("v3.params"));
  expect_tensor(arrays.at("scalar"), Shape::scalar(), {7.5}, 0);
  expect_tensor(arrays.at("empty"), {0, 4}, {}, 0);
  expect_tensor(arrays.at("features.0.weight"), {2, 2}, {0, 1, 2, 3}, 0);
}

TEST(Params, UnnamedListsAreNumbered) {
  const Parameters arrays = read_params(sample("unnamed.params"));
  ASSERT_EQ(arrays.size(), 3u);
  EXPECT_EQ(arrays.at("0").shape(), Shape({2, 3}));
}

TEST(Params, SparseArraysAreRefusedByName) {
  EXPECT_THAT(refusal([] { read_params(sample("row_sparse.params")); }),
              AllOf(HasSubstr("'arg:weight'"), HasSubstr("row_sparse"), HasSubstr("(5,2)"), HasSubstr("tostype")));
  EXPECT_THAT(refusal([] { read_params(sample("csr.params")); }),
              AllOf(HasSubstr("'arg:weight'"), HasSubstr("csr"), HasSubstr("(3,4)")));
}

TEST(Params, TypesThatTenonLacksAreRefusedByName) {
  EXPECT_THAT(refusal([] { read_params(sample("uint32.params")); }), AllOf(HasSubstr("'arg:w'"), HasSubstr("uint32")));
}

TEST(Params, ElementsStayInTheMappedFile) {
  const std::string path = temporary_path("a.params");
  write_params(path, {{"a", tensor({2}, {1, 2})}, {"b", tensor({3}, {1, 2, 3}, DType::int8)}});
  const Parameters arrays = read_params(path);
  // Mapped pages begin at multiples of 4096, so an array's place in its page is its place in the file.
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arrays.at("a").data()) % 4096, 24u + 32u);
  EXPECT_THROW(Tensor(arrays.at("a")).mutable_data(), Error);
}

TEST(Params, ElementsOutOfStepAreCopied) {
  const std::string path = temporary_path("a.params");
  write_params(path, {{"a", tensor({3}, {1, 2, 3}, DType::int8)}, {"b", tensor({2}, {1, 2})}});
  const Tensor b = read_params(path).at("b");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data()) % alignof(float), 0u);
  expect_tensor(b, {2}, {1, 2});
}

TEST(Params, WhatIsWrittenComesBack) {
  const std::string path = temporary_path("a.params");
  Parameters arrays = read_params(sample("v2.params"));
  arrays["arg:scalar"] = tensor(Shape::scalar(), {3});
  write_params(path, arrays);
  const Parameters back = read_params(path);
  ASSERT_EQ(back.size(), arrays.size());
  for (const auto& [name, array] : arrays) {
    ASSERT_TRUE(back.contains(name)) << name;
    EXPECT_EQ(back.at(name).dtype(), array.dtype()) << name;
    EXPECT_EQ(back.at(name).shape(), array.shape()) << name;
    EXPECT_EQ(std::memcmp(back.at(name).data(), array.data(), array.bytes()), 0) << name;
  }
}

TEST(Params, AnArchiveOfMxnetTwoIsRecognised) {
  const std::string path = temporary_path("a.params");
  write_npz(path, {{"arg:w", tensor({2}, {1, 2})}});
  expect_tensor(read_params(path).at("arg:w"), {2}, {1, 2});
}

TEST(Params, AnArrayWithoutContentEndsAfterItsShape) {
  Bytes bytes;
  bytes.header(2).put<std::uint32_t>(0xF993FAC9).put<std::int32_t>(-1).put<std::int32_t>(0);
  bytes.array({1}).put(2.5F).put<std::uint64_t>(2).name("none").name("w");
  const Parameters arrays = parse_params({std::as_bytes(std::span(bytes.str())), {}}, "the file");
  EXPECT_TRUE(arrays.at("none").empty());
  expect_tensor(arrays.at("w"), {1}, {2.5});
}

TEST(Params, EveryTruncationIsRefused) {
  const std::string whole = read_file(sample("v2.params"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string part = whole.substr(0, size);
    EXPECT_THROW(parse_params({std::as_bytes(std::span(part)), {}}, "the file"), Error) << size << " bytes";
  }
}

TEST(Params, NumbersAreCheckedAgainstTheFile) {
  EXPECT_THAT(refusal_of(Bytes().put<std::uint64_t>(7)), AllOf(HasSubstr("offset 0"), HasSubstr("0x7")));
  EXPECT_THAT(refusal_of(Bytes().header(std::uint64_t{1} << 60)),
              AllOf(HasSubstr("offset 16"), HasSubstr("1152921504606846976 arrays")));
  EXPECT_THAT(refusal_of(Bytes().header(1).array({std::int64_t{1} << 40})),
              AllOf(HasSubstr("(1099511627776,)"), HasSubstr("does not fit")));
  EXPECT_THAT(refusal_of(Bytes().header(1).array({std::int64_t{1} << 40, std::int64_t{1} << 40})),
              HasSubstr("does not fit"));
  EXPECT_THAT(refusal_of(Bytes().header(1).array({2, -3}).put(0.0)), HasSubstr("negative dimension -3"));
  EXPECT_THAT(refusal_of(Bytes().header(1).array({0, -3}).put(0.0)), HasSubstr("negative dimension -3"));
  EXPECT_THAT(refusal_of(Bytes().header(1).array({1}, 13).put(0.0)), HasSubstr("13 is no element type"));
  EXPECT_THAT(refusal_of(Bytes().header(1).put<std::uint32_t>(0xDEADBEEF).put(0.0)), HasSubstr("dimensions"));
  EXPECT_THAT(refusal_of(Bytes().header(1).put<std::uint32_t>(0xF993FAC9).put<std::int32_t>(3).put(0.0)),
              HasSubstr("storage type 3"));
  EXPECT_THAT(refusal_of(Bytes().header(1).put<std::uint32_t>(0xF993FACA).put<std::int32_t>(1).put(0.0)),
              HasSubstr("storage type 1"));
}

TEST(Params, NamesAreChecked) {
  const auto one = [] { return Bytes().header(1).array({1}).put(1.0F); };
  EXPECT_THAT(refusal_of(one().put<std::uint64_t>(2).name("a").name("b")), HasSubstr("2 names for 1 arrays"));
  EXPECT_THAT(refusal_of(one().put<std::uint64_t>(1).put<std::uint64_t>(1000)), HasSubstr("1000 bytes"));
  EXPECT_THAT(refusal_of(one().put<std::uint64_t>(1).name("")), HasSubstr("empty"));
  EXPECT_THAT(
      refusal_of(Bytes().header(2).array({1}).put(1.0F).array({1}).put(1.0F).put<std::uint64_t>(2).name("a").name("a")),
      HasSubstr("two arrays are called 'a'"));
}

}  // namespace
}  // namespace tenon
