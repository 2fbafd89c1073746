#include <tenon/tensor.h>

#include <gmock/gmock.h>

#include <tenon/device.h>
#include <tenon/error.h>

namespace tenon {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Shape, PrintsUnknownsAndCountsElements) {
  EXPECT_EQ(Shape({1, 3, 224}).str(), "(1,3,224)");
  EXPECT_EQ(Shape({7}).str(), "(7,)");
  EXPECT_EQ(Shape({2, Shape::unknown}).str(), "(2,?)");
  EXPECT_EQ(Shape().str(), "(...)");
  EXPECT_EQ(Shape::scalar().str(), "()");
  EXPECT_EQ(Shape::scalar().elements(), 1);
  EXPECT_EQ(Shape({2, 0, 3}).elements(), 0);
  EXPECT_FALSE(Shape({2, Shape::unknown}).is_known());
}

TEST(Shape, RefusesMoreElementsThanCanBeCounted) {
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_THAT([&] { (void)Shape({huge, huge}).elements(); }, ThrowsMessage<Error>(HasSubstr("2^62")));
}

TEST(DType, NamesAreReadBack) {
  for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
    EXPECT_EQ(parse_dtype(name(static_cast<DType>(i))), static_cast<DType>(i));
  }
  EXPECT_EQ(parse_dtype("complex64"), std::nullopt);
}

TEST(Device, ParsesWhatItPrints) {
  EXPECT_EQ(Device::parse("cpu").str(), "cpu");
  EXPECT_EQ(Device::parse("cuda"), (Device{Device::Kind::cuda, 0}));
  EXPECT_EQ(Device::parse("cuda:3").str(), "cuda:3");
  for (const char* wrong : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0"}) {
    EXPECT_THAT([&] { (void)Device::parse(wrong); }, ThrowsMessage<Error>(HasSubstr(wrong)));
  }
}

TEST(Tensor, CopiesShareMemoryAndClonesDoNot) {
  Tensor tensor({2, 2}, DType::float32);
  float* data = tensor.mutable_data<float>();
  for (int i = 0; i < 4; ++i) data[i] = static_cast<float>(i);
  const Tensor shared = tensor;
  const Tensor copy = tensor.clone();
  data[0] = 9;
  EXPECT_EQ(shared.data<float>()[0], 9);
  EXPECT_EQ(copy.data<float>()[0], 0);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copy.data()) % 64, 0u);
}

TEST(Tensor, ConvertsElements) {
  const float values[] = {-1.5f, 0.0f, 2.75f};
  const Tensor tensor = Tensor::borrow_const(values, {3}, DType::float32);
  const Tensor integers = tensor.astype(DType::int32);
  EXPECT_THAT(std::vector<int>(integers.data<int>(), integers.data<int>() + 3), testing::ElementsAre(-1, 0, 2));
  const Tensor booleans = tensor.astype(DType::boolean);
  EXPECT_THAT(std::vector<int>(booleans.data<bool>(), booleans.data<bool>() + 3), testing::ElementsAre(1, 0, 1));
  EXPECT_EQ(tensor.astype(DType::float16).astype(DType::float32).data<float>()[2], 2.75f);
}

TEST(Tensor, RefusesWrongAccess) {
  const float value = 1;
  Tensor tensor = Tensor::borrow_const(&value, {1}, DType::float32);
  EXPECT_THAT([&] { (void)tensor.data<double>(); }, ThrowsMessage<Error>(HasSubstr("float32")));
  EXPECT_THAT([&] { (void)tensor.mutable_data(); }, ThrowsMessage<Error>(HasSubstr("read-only")));
  EXPECT_THAT([&] { (void)tensor.reshaped({2}); }, ThrowsMessage<Error>(HasSubstr("1 elements against 2")));
}

TEST(Tensor, SaysHowManyBytesCouldNotBeHad) {
  EXPECT_THAT([] { Tensor({std::int64_t{1} << 50}, DType::float32); },
              ThrowsMessage<Error>(HasSubstr("4503599627370496 bytes")));
}

}  // namespace
}  // namespace tenon
