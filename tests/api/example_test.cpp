#include <gmock/gmock.h>

#include <algorithm>

#include <tenon/tenon.h>

#include "support/subprocess.h"

namespace tenon {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Examples, CppIsShorterThanFortyLines) {
  const std::string source = read_file(SOURCES "/examples/classify.cpp");
  ASSERT_FALSE(source.empty());
  EXPECT_LT(std::count(source.begin(), source.end(), '\n'), 40);
}

TEST(Examples, BothFacesGiveTheSameClass) {
  const Outcome cpp = run_command(PROGRAMS "/classify squeezenet1.1");
  const Outcome c = run_command(PROGRAMS "/classify-c squeezenet1.1");
  EXPECT_EQ(cpp.code, 0) << cpp.err;
  EXPECT_EQ(c.code, 0) << c.err;
  EXPECT_THAT(cpp.out, StartsWith("class "));
  EXPECT_EQ(cpp.out, c.out);
}

TEST(Examples, EndWithTheCodeOfTheError) {
  for (const char* program : {"/classify ", "/classify-c "}) {
    const Outcome outcome = run_command(std::string(PROGRAMS) + program + "no_such_model");
    EXPECT_EQ(outcome.code, static_cast<int>(ErrorCode::not_found));
    EXPECT_THAT(outcome.err, HasSubstr("no_such_model"));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
  }
}

TEST(Version, IsTheProjectsOwn) {
  EXPECT_STREQ(version(), PROJECT_VERSION);
}

}  // namespace
}  // namespace tenon
