#include <sched.h>

#include <cstdlib>

#include <gtest/gtest.h>
#include <omp.h>

#include "core/env.h"
#include "core/log.h"
#include "core/threads.h"

namespace tenon {
namespace {

TEST(Env, TakesAnEmptyVariableForUnset) {
  ::setenv("MXNET_HOME", "", 1);
  EXPECT_FALSE(env::mxnet_home());
  ::setenv("MXNET_HOME", "/somewhere", 1);
  EXPECT_EQ(env::mxnet_home(), "/somewhere");
  ::unsetenv("MXNET_HOME");
  EXPECT_FALSE(env::mxnet_home());
}

TEST(Log, IsOffUnlessAsked) {
  if (env::log()) GTEST_SKIP() << "TENON_LOG is set";
  EXPECT_EQ(log_level(), LogLevel::off);
}

TEST(Log, WritesWhatTheLevelLetsThrough) {
  const LogLevel former = log_level();
  set_log_level(LogLevel::warning);
  testing::internal::CaptureStderr();
  log(LogLevel::warning, "{} of {}", 1, 2);
  log(LogLevel::info, "not this");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "tenon warning: 1 of 2\n");
  set_log_level(former);
}

TEST(Log, TakesAnUnknownLevelForOff) {
  EXPECT_EQ(parse_log_level("info"), LogLevel::info);
  EXPECT_EQ(parse_log_level("verbose"), LogLevel::off);
}

TEST(Threads, FollowTheAffinityMask) {
  cpu_set_t former;
  ASSERT_EQ(sched_getaffinity(0, sizeof(former), &former), 0);
  EXPECT_GE(allowed_cores(), 1);
  EXPECT_LE(allowed_cores(), CPU_COUNT(&former));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &former)) continue;
    CPU_SET(core, &one);
    break;
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(allowed_cores(), 1);
  sched_setaffinity(0, sizeof(former), &former);
}

TEST(Threads, AScopePutsTheNumberBack) {
  const int former = omp_get_max_threads();
  {
    const ThreadScope scope(former + 3);
    EXPECT_EQ(omp_get_max_threads(), former + 3);
  }
  EXPECT_EQ(omp_get_max_threads(), former);
}

}  // namespace
}  // namespace tenon
