// Inputs and outputs in the memory of the device, and streams of somebody else, over the fake driver.

#include <cmath>
#include <cstring>

#include <cuda.h>

#include <tenon/c_api.h>

#include "fixture.h"

namespace tenon {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Memory of a device and a stream, as another library would have them.
class Foreign {
 public:
  explicit Foreign(int ordinal, std::size_t floats) {
    cuDevicePrimaryCtxRetain(&context_, ordinal);
    cuCtxSetCurrent(context_);
    cuMemAlloc(&address_, floats * sizeof(float));
    cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING);
  }
  ~Foreign() {
    cuCtxSetCurrent(context_);
    cuStreamDestroy(stream_);
    cuMemFree(address_);
  }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;

  CUstream stream() const { return stream_; }
  const float* data() const { return reinterpret_cast<const float*>(address_); }
  /// Queued: `values` must stay.
  void write(const std::vector<float>& values) {
    cuMemcpyHtoDAsync(address_, values.data(), values.size() * sizeof(float), stream_);
  }
  void read(float* dst, const void* src) {
    cuMemcpyDtoHAsync(dst, reinterpret_cast<CUdeviceptr>(src), sizeof(float), stream_);
  }

 private:
  CUcontext context_ = nullptr;
  CUdeviceptr address_ = 0;
  CUstream stream_ = nullptr;
};

// Such outputs have no memory of their own.
TEST_F(FakeCuda, OutputsMayBeInputsOrParametersOrReturnedTwice) {
  const Model model = model_of("%data = variable\n%w = variable\n%y = exp(%data)\nreturn %y, %data, %w, %y\n",
                               {{"w", tensor({3}, {4, 5, 6})}});
  for (const char* backend : {"plain", "cuda"}) {
    Executor executor = Executor::bind(model, on(0, {1, 2}, backend));
    executor.set_input("data", tensor({1, 2}, {0.5, 0.25}));
    for (int turn = 0; turn < 3; ++turn) executor.forward();  // the last one replayed
    EXPECT_EQ(executor.output(1).data<float>()[1], 0.25f);
    EXPECT_EQ(executor.output(2).data<float>()[2], 6.0f);
    EXPECT_EQ(executor.output(3).data<float>()[0], executor.output(0).data<float>()[0]);
  }
}

TEST_F(FakeCuda, AnInputIsReadWhereItLiesAndAnOutputTakenFromThere) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {1, 2}));
  Foreign foreign(0, 2);
  executor.share_input("data", foreign.data());
  for (int turn = 0; turn < 5; ++turn) {  // the first is not recorded
    const std::vector<float> values = {turn / 10.0f, 0.5f};
    foreign.write(values);
    executor.wait_for(foreign.stream());
    executor.forward_async();
    executor.precede(foreign.stream());
    float result = 0;
    foreign.read(&result, executor.device_output(0));
    EXPECT_EQ(result, 0) << "somebody waited";
    cuStreamSynchronize(foreign.stream());
    EXPECT_NEAR(result, std::exp(0.5 + turn / 10.0), 1e-5);
  }
  executor.wait();
}

TEST_F(FakeCuda, AnotherAddressIsReadFromTheNextForwardOn) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {1, 1}));
  Foreign a(0, 1), b(0, 1);
  const std::vector<float> one = {1}, two = {2};
  a.write(one);
  b.write(two);
  cuStreamSynchronize(a.stream());
  cuStreamSynchronize(b.stream());
  for (int turn = 0; turn < 12; ++turn) {
    const bool is_a = turn / 3 % 2 == 0;  // three times each: as it comes, recorded, replayed
    executor.share_input("data", is_a ? a.data() : b.data());
    executor.forward();
    EXPECT_NEAR(first(executor), std::exp(is_a ? 1.0 : 2.0), 1e-5) << turn;
  }
  executor.set_input("data", tensor({1, 1}, {3}));
  executor.forward();
  EXPECT_NEAR(first(executor), std::exp(3.0), 1e-4);
}

TEST_F(FakeCuda, SharedMemoryIsKeptWhileQueuedForwardsReadIt) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {1, 1}));
  Foreign foreign(0, 1);
  const std::vector<float> one = {1};
  foreign.write(one);
  cuStreamSynchronize(foreign.stream());
  bool released = false;
  std::shared_ptr<const void> owner(foreign.data(), [&](const void*) {
    released = true;
    EXPECT_EQ(fake_cuda_pending(), 0u) << "queued work still reads it";
  });
  executor.share_input("data", foreign.data(), std::move(owner));
  EXPECT_FALSE(released);
  executor.forward_async();
  executor.share_input("data", foreign.data());  // the same memory: nothing is given back
  EXPECT_FALSE(released);
  executor.set_input("data", tensor({1, 1}, {2}));
  EXPECT_TRUE(released);
}

TEST_F(FakeCuda, MemoryThatCannotBeReadIsRefusedWithTheReason) {
  Executor executor = Executor::bind(model_of(kSum), on(0, {4, 4}));
  const Foreign foreign(0, 16), elsewhere(1, 16), small(0, 15);
  const auto refused = [&](const void* data) { return refusal([&] { executor.share_input("data", data); }); };
  alignas(64) float host[16] = {};
  EXPECT_THAT(refused(host), AllOf(HasSubstr("memory of the host"), HasSubstr("cuda:0")));
  EXPECT_THAT(refused(elsewhere.data()), AllOf(HasSubstr("memory of cuda:1"), HasSubstr("not of cuda:0")));
  EXPECT_THAT(refused(foreign.data() + 1), AllOf(HasSubstr("'data'"), HasSubstr("no multiple of 64")));
  EXPECT_THAT(refused(small.data()), AllOf(HasSubstr("64 bytes are wanted"), HasSubstr("ends after 60")));
  EXPECT_THAT(refused(nullptr), AllOf(HasSubstr("'data'"), HasSubstr("null")));
  EXPECT_THAT(refusal([&] { executor.share_input("date", foreign.data()); }), HasSubstr("there is no input 'date'"));
  EXPECT_THAT(refusal([&] { (void)executor.device_output(1); }), HasSubstr("there is no output 1"));
  EXPECT_THAT(refusal([&] { executor.wait_for(elsewhere.stream()); }), HasSubstr("the stream is none of cuda:0"));
}

TEST_F(FakeCuda, TheCApiSharesMemoryAndReleasesItOnce) {
  const std::string json = model_of(kSum).json();
  TenonModel* model = nullptr;
  ASSERT_EQ(tenon_model_from_json(json.data(), json.size(), &model), TENON_OK) << tenon_last_error();
  const int64_t dims[] = {1, 1};
  const TenonType data = {"data", TENON_FLOAT32, 2, dims};
  const TenonBindOptions options = {&data, 1, "cuda:0", nullptr, 0, nullptr};
  TenonExecutor* executor = nullptr;
  ASSERT_EQ(tenon_executor_bind(model, &options, &executor), TENON_OK) << tenon_last_error();
  Foreign foreign(0, 1);
  const std::vector<float> one = {1};
  foreign.write(one);

  int released = 0;
  const auto release = [](void* context) { ++*static_cast<int*>(context); };
  EXPECT_EQ(tenon_executor_share_input(executor, "data", foreign.data() + 1, release, &released),
            TENON_INVALID_ARGUMENT);
  EXPECT_EQ(released, 0);
  ASSERT_EQ(tenon_executor_share_input(executor, "data", foreign.data(), release, &released), TENON_OK);
  TenonStream stream = nullptr;
  ASSERT_EQ(tenon_executor_stream(executor, &stream), TENON_OK);
  EXPECT_NE(stream, nullptr);
  ASSERT_EQ(tenon_executor_wait_for(executor, foreign.stream()), TENON_OK);
  ASSERT_EQ(tenon_executor_forward_async(executor), TENON_OK);
  ASSERT_EQ(tenon_executor_precede(executor, foreign.stream()), TENON_OK);
  const void* output = nullptr;
  ASSERT_EQ(tenon_executor_device_output(executor, 0, &output), TENON_OK);
  EXPECT_EQ(tenon_executor_device_output(executor, 1, &output), TENON_INVALID_ARGUMENT);
  float result = 0;
  foreign.read(&result, output);
  cuStreamSynchronize(foreign.stream());
  EXPECT_NEAR(result, std::exp(1.0), 1e-5);

  EXPECT_EQ(released, 0);
  tenon_executor_free(executor);
  EXPECT_EQ(released, 1);
  tenon_model_free(model);
}

}  // namespace
}  // namespace tenon
