// Data that kernels refuse: the host hears of it when it waits.

#include "fixture.h"
#include "support/gpu_refusal_cases.h"

namespace tenon {
namespace {

using testing::HasSubstr;

class EmulatedRefusal : public FakeCuda, public testing::WithParamInterface<gpu_cases::Refused> {};

TEST_P(EmulatedRefusal, IsTheReferencesOwn) {
  gpu_cases::expect_refusal(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Every, EmulatedRefusal, testing::ValuesIn(gpu_cases::refusals()),
                         [](const auto& test) { return test.param.name; });

constexpr const char* kTake = "%data = variable\n%at = variable\n%y = take(%data, %at) {mode=raise}\nreturn %y\n";

BindOptions two_of_three() {
  BindOptions options = on(0, {3});
  options.shapes["at"] = {2};
  return options;
}

Tensor places(double first, double second) {
  return tensor({2}, {first, second});
}

class RefusingSession : public FakeCuda {
 protected:
  const Engine engine = Engine::build(model_of(kTake), two_of_three());

  Session session(double first, double second) const {
    Session opened(engine);
    opened.set_input("data", tensor({3}, {10, 11, 12}));
    opened.set_input("at", places(first, second));
    return opened;
  }
};

TEST_F(RefusingSession, GoesOnWithBetterData) {
  Session session = this->session(1, 3);
  for (int turn = 0; turn < 3; ++turn) {
    session.set_input("at", places(1, 3));
    session.forward_async();
    EXPECT_THAT(refusal([&] { session.wait(); }), HasSubstr("index 3 is outside"));
    session.set_input("at", places(2, 0));
    session.forward();
    expect_tensor(session.output(0), {2}, {12, 10});
  }
}

TEST_F(RefusingSession, LeavesTheOthersOfItsEngineAlone) {
  Session good = session(0, 1), bad = session(-5, 0);
  for (int turn = 0; turn < 3; ++turn) {
    bad.forward_async();
    good.forward_async();
    good.wait();
    expect_tensor(good.output(0), {2}, {10, 11});
    EXPECT_THAT(refusal([&] { bad.wait(); }), HasSubstr("index -5 is outside"));
  }
}

TEST_F(RefusingSession, TellsOfOneOfTheForwardsThatAreQueued) {
  Session session = this->session(0, 1);
  for (int turn = 0; turn < 2; ++turn) session.forward();
  session.set_input("at", places(0, 8));
  session.forward_async();
  session.set_input("at", places(0, 2));
  session.forward_async();
  EXPECT_THAT(refusal([&] { session.wait(); }), HasSubstr("index 8 is outside"));
  session.wait();
}

TEST_F(RefusingSession, MayGoUntold) {
  {
    Session goes = session(0, 4);
    goes.forward_async();
  }
  Session stays = session(2, 1);
  stays.forward();
  expect_tensor(stays.output(0), {2}, {12, 11});
}

TEST_F(FakeCuda, TheFirstStepThatRefusesIsToldOf) {
  Executor executor = Executor::bind(model_of("%data = variable\n%at = variable\n"
                                              "%x = take(%data, %at) {mode=raise}\n"
                                              "%y = SequenceLast(%data, %at) {use_sequence_length=True}\n"
                                              "return %x, %y\n"),
                                     [] {
                                       BindOptions options = on(0, {1, 2});
                                       options.shapes["at"] = {2};
                                       return options;
                                     }());
  executor.set_input("data", tensor({1, 2}, {9, 9}));
  executor.set_input("at", places(0, 7));
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_THAT(refusal([&] {
                  executor.forward();
                  executor.wait();
                }),
                HasSubstr("node 'x' (take): index 7 is outside an axis of size 1"));
    executor.wait();
  }
}

}  // namespace
}  // namespace tenon
