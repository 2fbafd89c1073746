// The plain executor's kernels, run on the host thread by thread, against the reference.

#include "fixture.h"
#include "support/gpu_kernel_cases.h"

namespace tenon {
namespace {

class EmulatedKernel : public FakeCuda, public testing::WithParamInterface<gpu_cases::Case> {};

TEST_P(EmulatedKernel, ComputesWhatTheReferenceDoes) {
  gpu_cases::expect_reference(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, EmulatedKernel, testing::ValuesIn(gpu_cases::all()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace tenon
