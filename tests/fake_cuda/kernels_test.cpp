// The plain executor's kernels, run on the host thread by thread, against the reference.

#include "fixture.h"
#include "support/gpu_kernel_cases.h"
#include "support/gpu_quantized_cases.h"

namespace tenon {
namespace {

class EmulatedKernel : public FakeCuda, public testing::WithParamInterface<gpu_cases::Case> {};

TEST_P(EmulatedKernel, ComputesWhatTheReferenceDoes) {
  gpu_cases::expect_reference(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, EmulatedKernel, testing::ValuesIn(gpu_cases::all()),
                         [](const auto& test) { return test.param.name; });

class EmulatedQuantized : public FakeCuda, public testing::WithParamInterface<gpu_cases::Quantized> {};

TEST_P(EmulatedQuantized, GivesTheReferencesBits) {
  gpu_cases::expect_same_bits(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, EmulatedQuantized, testing::ValuesIn(gpu_cases::quantizations()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace tenon
