// Every mistake gives one sentence and the exit code of its kind.
#include "cli/program.h"

#include <fstream>

#include <tenon/npz.h>

namespace tenon {
namespace {

class Refusal : public testing::Test {
 protected:
  void SetUp() override { small_model(); }
  static void write(const char* name, const std::string& content) {
    std::ofstream(scratch() / name, std::ios::binary) << content;
  }
};

TEST_F(Refusal, CommandLine) {
  expect_failure("", ErrorCode::invalid_argument, "tenon --help");
  expect_failure("fly", ErrorCode::invalid_argument, "no verb 'fly'");
  expect_failure("run small --wrong", ErrorCode::invalid_argument, "--wrong");
  expect_failure("run small --threads many", ErrorCode::invalid_argument, "--threads");
  expect_failure("run small --threads -3", ErrorCode::invalid_argument, "--threads");
  expect_failure("run", ErrorCode::invalid_argument, "MODEL");
  expect_failure("run small --symbol small-symbol.json", ErrorCode::invalid_argument, "not both");
  expect_failure("run small --params small-0002.params", ErrorCode::invalid_argument, "--symbol");
  expect_failure("run small --backend magic", ErrorCode::invalid_argument, "magic");
  expect_failure("bench small --batch 0", ErrorCode::invalid_argument, "--batch");
  expect_failure("bench small --batch 1,two", ErrorCode::invalid_argument, "--batch");
  expect_failure("compare small", ErrorCode::invalid_argument, "--golden");
  expect_failure("show small --text --implementations", ErrorCode::invalid_argument, "--text");
}

TEST_F(Refusal, WrongModelName) {
  for (const char* verb : {"run", "bench", "show"}) {
    expect_failure(std::string(verb) + " resnet19", ErrorCode::not_found, "'resnet19'");
  }
  expect_failure("zoo resnet19", ErrorCode::not_found, "resnet19");
  expect_failure("run small --pretrained", ErrorCode::not_found, "'small'");
}

TEST_F(Refusal, MissingFile) {
  expect_failure("run small --epoch 5 --shape 1,3,8,8", ErrorCode::not_found, "small-0005.params");
  expect_failure("run --symbol nowhere.json", ErrorCode::not_found, "nowhere.json");
  expect_failure("run --symbol small-symbol.json --params nowhere.params", ErrorCode::not_found, "nowhere.params");
  expect_failure("run small --input nowhere.npy", ErrorCode::not_found, "nowhere.npy");
  expect_failure("run small --input nowhere.npz", ErrorCode::not_found, "nowhere.npz");
  expect_failure("run small --image nowhere.png", ErrorCode::not_found, "nowhere.png");
  expect_failure("run small --shape 1,3,8,8 --labels nowhere.txt", ErrorCode::not_found, "nowhere.txt");
  expect_failure("compare small --golden nowhere.npz", ErrorCode::not_found, "nowhere.npz");
}

TEST_F(Refusal, WrongShape) {
  expect_failure("run small", ErrorCode::invalid_argument, "--shape data=");
  expect_failure("run small --shape 1,3,eight,8", ErrorCode::invalid_argument, "'eight'");
  expect_failure("run small --shape picture=1,3,8,8", ErrorCode::invalid_argument, "'picture'");
  expect_failure("run small --shape 1,7,8,8", ErrorCode::invalid_argument, "conv");
  expect_failure("run small --shape 1,3,2,2", ErrorCode::invalid_argument, "conv");
  expect_failure("run small --shape 1,3,9,9", ErrorCode::invalid_argument, "fc");
  expect_failure("run small --shape 99999999999999,3,99999999,8", ErrorCode::invalid_argument, "");
  write_npy((scratch() / "flat.npy").string(), Tensor({4, 3}, DType::float32));
  expect_failure("run small --input flat.npy", ErrorCode::invalid_argument, "conv");
  expect_failure("run small --input picture=flat.npy", ErrorCode::invalid_argument, "'picture'");
}

TEST_F(Refusal, DamagedFile) {
  const std::string params = read_file(scratch() / "small-0002.params");
  write("cut-symbol.json", read_file(scratch() / "small-symbol.json"));
  write("cut-0000.params", params.substr(0, params.size() / 2));
  expect_failure("run cut --shape 1,3,8,8", ErrorCode::corrupt, "cut-0000.params");
  write("broken-symbol.json", R"({"nodes": [{"op": "nul)");
  expect_failure("run --symbol broken-symbol.json --shape 1,3,8,8", ErrorCode::corrupt, "broken-symbol.json");
  write("broken.npy", std::string("\x93NUMPY\x01\x00\x40\x00", 10) + "{'descr': '<f4', and then nothing");
  expect_failure("run small --input broken.npy", ErrorCode::corrupt, "broken.npy");
  write("broken.npz", "PK and then nothing of the kind");
  expect_failure("run small --input broken.npz", ErrorCode::corrupt, "broken.npz");
  write("broken.png", "\x89PNG\r\n\x1a\n and then nothing of the kind");
  expect_failure("run small --image broken.png", ErrorCode::corrupt, "broken.png");
}

TEST_F(Refusal, PlanThatDoesNotFit) {
  ASSERT_EQ(program("build small --shape 2,3,8,8 --output small.plan").code, 0);
  expect_failure("run small.plan --threads 2", ErrorCode::invalid_argument,
                 "--threads is decided in the plan 'small.plan'");
  expect_failure("bench small.plan --batch 4", ErrorCode::unsupported,
                 "the shape data=(4,3,8,8), outside data=(2,3,8,8) softmax_label=(2,) needs the model");
  expect_failure("build small --shape 2,3,8,8 --output a.plan --batch-range 4", ErrorCode::invalid_argument,
                 "--batch-range 4: write it like 1..16");
  expect_failure("build small --shape 2,3,8,8 --output a.plan --batch-range 4..8", ErrorCode::invalid_argument,
                 "the batch sizes 4 to 8 do not hold that of the input 'data', (2,3,8,8)");
  expect_failure("show small.plan", ErrorCode::unsupported, "needs the model that it was built from");
  expect_failure("run none.plan", ErrorCode::not_found, "there is no file 'none.plan'");
  expect_failure("build small --shape 2,3,8,8 --output small", ErrorCode::invalid_argument, "ends in .plan");
  expect_failure("build small --shape 2,3,8,8 --output no/folder.plan", ErrorCode::io, "no/folder.plan");
}

TEST_F(Refusal, UnwritableOutput) {
  expect_failure("run small --shape 1,3,8,8 --output /proc/nowhere/y.npz", ErrorCode::io, "/proc/nowhere");
  expect_failure("show small --dot /proc/nowhere/small.dot", ErrorCode::io, "/proc/nowhere");
  expect_failure("zoo squeezenet1.1 --save /proc/nowhere/s", ErrorCode::io, "/proc/nowhere");
  const Outcome full = run_command(TENON_PROGRAM " zoo >/dev/full");
  EXPECT_EQ(full.code, static_cast<int>(ErrorCode::io));
  EXPECT_THAT(full.err, testing::HasSubstr("standard output"));
}

TEST_F(Refusal, GoldenThatDoesNotFit) {
  const Tensor data({1, 3, 8, 8}, DType::float32), scores({1, 5}, DType::float32);
  write_npz((scratch() / "bare.npz").string(), {{"out/softmax_output", scores}});
  expect_failure("compare small --shape 1,3,8,8 --golden bare.npz", ErrorCode::not_found, "'in/data'");
  write_npz((scratch() / "empty.npz").string(), {{"in/data", data}});
  expect_failure("compare small --golden empty.npz", ErrorCode::invalid_argument, "out/NAME");
  write_npz((scratch() / "other.npz").string(), {{"in/data", data}, {"out/unheard_of", scores}});
  expect_failure("compare small --golden other.npz", ErrorCode::not_found, "'unheard_of'");
  write_npz((scratch() / "loose.npz").string(), {{"data", data}});
  expect_failure("compare small --golden loose.npz", ErrorCode::invalid_argument, "'data'");
}

}  // namespace
}  // namespace tenon
