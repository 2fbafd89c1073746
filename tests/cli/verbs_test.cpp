#include "cli/program.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <stb_image_write.h>

#include <tenon/npz.h>

namespace tenon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class Program : public testing::Test {
 protected:
  void SetUp() override { small_model(); }
};

TEST_F(Program, HelpTeachesWithExamples) {
  EXPECT_THAT(program("--help").out, HasSubstr("Exit codes:"));
  for (const char* verb : {"run", "build", "bench", "explain", "compare", "show", "zoo"}) {
    const Outcome help = program(std::string(verb) + " --help");
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr(std::string("Examples:\n  tenon ") + verb));
    EXPECT_THAT(help.out, HasSubstr("--json"));
  }
}

TEST_F(Program, VersionIsTheProjectsOwn) {
  EXPECT_THAT(program("version").out, StartsWith("tenon " PROJECT_VERSION "\n"));
  EXPECT_EQ(program_json("version --json")["tenon"], PROJECT_VERSION);
}

// ---- build

TEST_F(Program, BuildMakesAPlanThatTheOtherVerbsTake) {
  const auto built = program_json("build small --shape 2,3,8,8 --threads 1 --output small.plan --json");
  EXPECT_EQ(built["threads"], 1);
  EXPECT_GT(built["build_s"], 0);
  EXPECT_EQ(built["plan_bytes"], std::filesystem::file_size(scratch() / "small.plan"));

  const std::string model = "run small --shape 2,3,8,8 --backend cpu --threads 1 --json";
  auto expected = program_json(model), actual = program_json("run small.plan --json");
  EXPECT_EQ(actual["outputs"], expected["outputs"]);
  EXPECT_EQ(actual["inputs"], expected["inputs"]);
  EXPECT_EQ(actual["backend"], "cpu");
  EXPECT_EQ(actual["threads"], 1);

  EXPECT_EQ(program_json("explain small.plan --json")["refused"],
            program_json("explain small --shape 2,3,8,8 --json --threads 1")["refused"]);
  const auto bench = program_json("bench small.plan --iterations 3 --warmup 0 --json");
  EXPECT_EQ(bench["batch"], 2);
  EXPECT_TRUE(bench["engine"].is_null()) << "without the model there is no program to compare with";
  EXPECT_THAT(program("bench small.plan --iterations 3 --warmup 0").out, HasSubstr("plan: cpu"));

  Tensor data(Shape{2, 3, 8, 8}, DType::float32);
  std::fill_n(data.mutable_data<float>(), data.elements(), 0.25F);
  Executor executor = Executor::bind(small_model(), {.shapes = {{"data", data.shape()}}});
  executor.set_input("data", data);
  executor.forward();
  write_npz((scratch() / "golden.npz").string(), {{"in/data", data}, {"out/0", executor.output(0)}});
  EXPECT_EQ(program("compare small.plan --golden golden.npz").code, 0);
}

TEST_F(Program, BuildForARangeOfBatchSizes) {
  ASSERT_EQ(program("build small --shape 2,3,8,8 --threads 1 --batch-range 1..4 --output range.plan").code, 0);
  const Outcome bench = program("bench range.plan --batch 1,3,4 --iterations 3 --warmup 0 --json");
  ASSERT_EQ(bench.code, 0) << bench.err;
  EXPECT_THAT(bench.out,
              testing::AllOf(HasSubstr("\"batch\":1,"), HasSubstr("\"batch\":3,"), HasSubstr("\"batch\":4,")));
  Tensor data(Shape{3, 3, 8, 8}, DType::float32);
  std::fill_n(data.mutable_data<float>(), data.elements(), 0.5F);
  write_npy((scratch() / "three.npy").string(), data);
  const auto outputs = [](const std::string& model) {
    return program_json("run " + model + " --input data=three.npy --json")["outputs"];
  };
  EXPECT_EQ(outputs("range.plan"), outputs("small --backend cpu --threads 1"));
}

// ---- run

TEST_F(Program, RunPrintsTheSeedAndIsRepeatable) {
  EXPECT_THAT(program("run small --shape data=2,3,8,8").out, HasSubstr("data  float32 (2,3,8,8)  random, seed 0"));
  const auto values = [](const std::string& seed) {
    const auto json = program_json("run small --shape 2,3,8,8 --json --seed " + seed);
    EXPECT_EQ(json["seed"].dump(), seed);
    return json["outputs"][0]["values"];
  };
  EXPECT_EQ(values("7"), values("7"));
  EXPECT_NE(values("7"), values("8"));
}

TEST_F(Program, RunLeavesLabelsZero) {
  const auto inputs = program_json("run small --shape 2,3,8,8 --json")["inputs"];
  ASSERT_THAT(inputs, SizeIs(2));
  EXPECT_EQ(inputs[1]["name"], "softmax_label");
  EXPECT_EQ(inputs[1]["source"], "zeros");
}

TEST_F(Program, RunTakesArraysAndWritesThem) {
  Tensor data({3, 3, 8, 8}, DType::float32);
  for (std::int64_t i = 0; i < data.elements(); ++i) data.mutable_data<float>()[i] = static_cast<float>(i % 11) - 5;
  write_npy((scratch() / "x.npy").string(), data);
  write_npz((scratch() / "x.npz").string(), {{"data", data}});
  Executor executor = Executor::bind(small_model(), {.shapes = {{"data", data.shape()}}});
  executor.set_input("data", data);
  executor.forward();

  for (const char* input : {"x.npy", "data=x.npy", "x.npz"}) {
    const Outcome outcome = program(std::string("run small --output y.npz --input ") + input);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Parameters written = read_npz((scratch() / "y.npz").string());
    ASSERT_THAT(written, SizeIs(1));
    const Tensor& output = written.at("softmax_output");
    ASSERT_EQ(output.shape(), Shape({3, 5}));
    EXPECT_EQ(std::memcmp(output.data(), executor.output(0).data(), output.bytes()), 0) << input;
  }
}

TEST_F(Program, RunRanksWithLabels) {
  std::ofstream(scratch() / "labels") << "ant\nbee\ncat\ndog\neel\n";
  const auto json = program_json("run small --shape 2,3,8,8 --top 5 --labels labels --json")["outputs"][0];
  ASSERT_THAT(json["top"], SizeIs(2));
  const std::vector<std::string> labels = {"ant", "bee", "cat", "dog", "eel"};
  for (std::size_t row = 0; row < 2; ++row) {
    double previous = 1;
    ASSERT_THAT(json["top"][row], SizeIs(5));
    for (const auto& entry : json["top"][row]) {
      const std::size_t index = entry["index"];
      EXPECT_EQ(entry["label"], labels.at(index));
      EXPECT_EQ(entry["value"], json["values"][row * 5 + index]);
      EXPECT_LE(entry["value"], previous);
      previous = entry["value"];
    }
  }
}

TEST_F(Program, RunReadsSymbolAndParamsByPath) {
  const auto by_prefix = program_json("run small --epoch 2 --shape 1,3,8,8 --json");
  const auto by_path = program_json("run --symbol small-symbol.json --params small-0002.params --shape 1,3,8,8 --json");
  EXPECT_EQ(by_prefix["outputs"], by_path["outputs"]);
}

TEST_F(Program, RunTakesTheNewestEpoch) {
  Parameters zeros;
  for (const auto& [name, value] : small_model().parameters()) {
    zeros[name] = value.clone();
    std::memset(zeros[name].mutable_data(), 0, value.bytes());
  }
  small_model().with_parameters(zeros).save((scratch() / "aged").string(), 9);
  small_model().save((scratch() / "aged").string(), 1);
  const auto values = program_json("run aged --shape 1,3,8,8 --json")["outputs"][0]["values"];
  ASSERT_THAT(values, SizeIs(5));
  for (const double value : values) EXPECT_NEAR(value, 0.2, 1e-6);  // every weight of epoch 9 is zero
}

/// A model that gives its input back, so that what the pictures became can be seen.
void save_mirror() {
  static const Model mirror = Model::from_json(
      R"({"nodes": [{"op": "null", "name": "data", "inputs": []},
                    {"op": "_copy", "name": "mirror", "inputs": [[0, 0, 0]]}],
          "arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}})");
  mirror.save((scratch() / "mirror").string(), 0);
}

TEST_F(Program, RunPreparesPictures) {
  save_mirror();
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 8; ++x) {
      for (int c = 0; c < 3; ++c) pixels.push_back(static_cast<std::uint8_t>(40 * c + 5 * y + x));
    }
  }
  ASSERT_NE(stbi_write_png((scratch() / "p.png").c_str(), 8, 6, 3, pixels.data(), 0), 0);
  const auto run = [&](const std::string& options) {
    const Outcome outcome = program("run mirror --image p.png --resize 6 --crop 2,4 --output p.npz " + options);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return read_npz((scratch() / "p.npz").string()).at("mirror_output");
  };
  const auto pixel = [&](int c, int y, int x) { return pixels[static_cast<std::size_t>((y * 8 + x) * 3 + c)]; };

  // The middle 2 x 4 of 6 x 8 begins at row 2, column 2.
  const double mean[] = {0.485, 0.456, 0.406}, std[] = {0.229, 0.224, 0.225};
  const Tensor usual = run("");
  ASSERT_EQ(usual.shape(), Shape({1, 3, 2, 4}));
  for (int i = 0; i < 24; ++i) {
    const int c = i / 8, y = i / 4 % 2, x = i % 4;
    EXPECT_NEAR(usual.data<float>()[i], (pixel(c, y + 2, x + 2) / 255.0 - mean[c]) / std[c], 1e-6);
  }
  const Tensor blue_first = run("--scale 1 --mean 127.5 --std 128 --color bgr --layout NHWC --image p.png");
  ASSERT_EQ(blue_first.shape(), Shape({2, 2, 4, 3}));
  for (int i = 0; i < 48; ++i) {
    const int y = i / 12 % 2, x = i / 3 % 4, c = i % 3;
    EXPECT_NEAR(blue_first.data<float>()[i], (pixel(2 - c, y + 2, x + 2) - 127.5) / 128, 1e-6);
  }
}

TEST_F(Program, RunReadsJpeg) {
  save_mirror();
  const std::vector<std::uint8_t> grey(16 * 16 * 3, 100);
  ASSERT_NE(stbi_write_jpg((scratch() / "grey.jpg").c_str(), 16, 16, 3, grey.data(), 95), 0);
  const Outcome outcome = program("run mirror --image grey.jpg --crop 7 --scale 1 --mean 0 --std 1 --output grey.npz");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Tensor pixels = read_npz((scratch() / "grey.npz").string()).at("mirror_output");
  ASSERT_EQ(pixels.shape(), Shape({1, 3, 7, 7}));
  for (std::int64_t i = 0; i < pixels.elements(); ++i) EXPECT_NEAR(pixels.data<float>()[i], 100, 2);
}

// ---- bench

TEST_F(Program, BenchGivesOneObjectABatch) {
  const Outcome outcome =
      program("bench small --shape 1,3,8,8 --batch 1,4 --iterations 12 --warmup 0 --threads 1 --json");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");  // progress is for terminals
  std::istringstream lines(outcome.out);
  std::vector<int> batches;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    batches.push_back(json["batch"]);
    EXPECT_EQ(json["model"], "small");
    EXPECT_EQ(json["device"], "cpu");
    EXPECT_EQ(json["precision"], "fp32");
    EXPECT_EQ(json["threads"], 1);
    const auto& timing = json["baseline"];
    EXPECT_EQ(timing["iterations"], 12);
    EXPECT_GT(timing["min_ms"], 0);
    EXPECT_LE(timing["min_ms"], timing["median_ms"]);
    EXPECT_LE(timing["median_ms"], timing["p99_ms"]);
    EXPECT_GT(timing["cpu_ms"], 0);
    EXPECT_NEAR(timing["images_per_s"].get<double>() * timing["median_ms"].get<double>(),
                json["batch"].get<int>() * 1e3, 1e-6);
    EXPECT_EQ(json["parameter_bytes_before"], (4 * 27 + 4 + 16 + 5 * 144 + 5) * 4);
    EXPECT_GT(json["parameter_bytes_after"], 0);
    EXPECT_GT(json["peak_bytes"], json["parameter_bytes_after"]);
    EXPECT_GE(json["build_s"], 0);
    EXPECT_TRUE(json.contains("engine") && json.contains("ratio"));
  }
  EXPECT_THAT(batches, ElementsAre(1, 4));
}

TEST_F(Program, HoldsParametersOnce) {
  constexpr double rest = 30e6;  // the program, its libraries, their threads
  ASSERT_EQ(program("zoo resnet18_v2 --save resnet").code, 0);
  ASSERT_EQ(program("build resnet --shape 1,3,224,224 --threads 1 --output resnet.plan").code, 0);
  for (const char* model : {"resnet --shape 1,3,224,224", "resnet.plan"}) {
    const auto json = program_json(std::string("bench ") + model + " --iterations 2 --warmup 0 --json");
    const double held = json["parameter_bytes_after"].get<double>() + json["activation_bytes"].get<double>();
    EXPECT_GT(held, 40e6) << model;
    EXPECT_LT(json["resident_bytes"].get<double>(), held + rest) << model;
  }
}

TEST_F(Program, BenchPrintsARowABatch) {
  const Outcome outcome = program("bench small --shape 1,3,8,8 --batch 2,3 --iterations 3 --warmup 0");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("images/s"));
  EXPECT_THAT(outcome.out, HasSubstr("\n2 "));
  EXPECT_THAT(outcome.out, HasSubstr("\n3 "));
}

TEST_F(Program, BenchPrintsWhatItHasOnInterrupt) {
  // `timeout` sends SIGINT, as Ctrl-C does, long before the hour is over.
  const Outcome outcome = run_command("timeout --preserve-status -s INT 2 " TENON_PROGRAM
                                      " bench small --shape 1,3,8,8 --seconds 3600 --warmup 0 --batch 1,2");
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("interrupted after"));
  EXPECT_THAT(outcome.out, HasSubstr("\n1 "));
}

TEST_F(Program, BenchMeasuresBeforeAndAfter) {
  const auto json = program_json("bench small --shape 1,3,8,8 --iterations 8 --warmup 0 --json");
  EXPECT_EQ(json["engine"]["iterations"], 8);
  EXPECT_EQ(json["baseline"]["iterations"], 8);
  EXPECT_NEAR(json["ratio"].get<double>() * json["engine"]["median_ms"].get<double>(),
              json["baseline"]["median_ms"].get<double>(), 1e-9);
  EXPECT_EQ(json["ratio"].get<double>() < 1.05, !json["why_not_faster"].empty());
  const Outcome words = program("bench small --shape 1,3,8,8 --iterations 8 --warmup 0");
  EXPECT_THAT(words.out, HasSubstr("times as fast; 100 forwards take"));
  EXPECT_THAT(program_json("bench small --shape 1,3,8,8 --iterations 8 --backend plain --json")["engine"].dump(),
              "null");
}

/// The initial parameters of a zoo network leave the resident set as they are packed, as those of a checkpoint do.
TEST(Bench, APlainProgramHoldsItsWeightsOnce) {
#ifndef TENON_SANITIZED
  const auto json =
      program_json("bench resnet18_v2 --backend plain --batch 1 --iterations 1 --warmup 0 --threads 1 --json");
  EXPECT_EQ(json["parameter_bytes_before"], 46783184);
  EXPECT_LE(json["peak_bytes"].get<double>(), 46783184 + 60e6);
#endif
}

TEST_F(Program, BenchLowersThePrecisionOfTheAcceleratedSideAlone) {
  const Outcome outcome = program("bench small --shape 1,3,8,8 --iterations 2 --warmup 0 --precision bf16");
  if (outcome.code == 0) {
    EXPECT_THAT(outcome.out, HasSubstr("times as fast"));
  } else {
    EXPECT_THAT(outcome.err, HasSubstr("it needs AVX512-BF16; choose --precision fp32"));
  }
}

// ---- explain

TEST_F(Program, ExplainCoversEveryNode) {
  const auto json = program_json("explain small --shape 1,3,8,8 --json");
  std::vector<std::string> nodes;
  double ms = 0;
  for (const auto& step : json["steps"]) {
    for (const auto& node : step["covers"]) nodes.push_back(node);
    EXPECT_GE(step["ms"].get<double>(), 0);
    EXPECT_GT(step["of_peak"].get<double>(), 0);
    EXPECT_LE(step["done_operations"], step["operations"]);
    ms += step["ms"].get<double>();
  }
  EXPECT_THAT(nodes, testing::UnorderedElementsAre("conv", "bn", "relu", "fc", "softmax"));
  EXPECT_NEAR(json["total_ms"].get<double>(), ms, 1e-9);
  EXPECT_GT(json["peak_operations_per_s"], 1e9);
  EXPECT_GT(json["peak_bytes_per_s"], 1e8);
}

TEST_F(Program, ExplainNamesTheRefusedWithTheirReason) {
  const auto text = program("explain small --shape 1,3,8,8 --backend plain").out;
  EXPECT_THAT(text, HasSubstr("the engine took 0 of 5 nodes"));
  EXPECT_THAT(text, HasSubstr("onednn:convolution"));
}

TEST_F(Program, ExplainSaysWhatTheMachineDoesAtMost) {
  EXPECT_THAT(program("explain small --shape 1,3,8,8").out,
              testing::ContainsRegex("measured peak: [0-9.]+ Gop/s, [0-9.]+ GB/s from memory"));
}

TEST_F(Program, ExplainTakesWhatMxnetTook) {
  const auto json = program_json("explain small --shape 1,3,8,8 --selector mxnet-tensorrt --json");
  EXPECT_EQ(json["engines"].size(), 1);
  EXPECT_THAT(json["refused"], testing::IsEmpty());
  const auto none = program_json("explain small --shape 1,3,8,8 --selector mxnet-tensorrt --min-subgraph 6 --json");
  EXPECT_THAT(none["engines"], testing::IsEmpty());
  EXPECT_THAT(none["refused"], SizeIs(5));
  EXPECT_EQ(none["refused"][0]["rule"], "minimum-nodes");
  EXPECT_EQ(none["refused"][0]["reason"], "Convolution: its subgraph has 5 of the 6 nodes that are worth an engine");
}

TEST_F(Program, ExplainDumpsAndDisablesPasses) {
  EXPECT_EQ(program("explain small --shape 1,3,8,8 --dump-passes dumps --disable-pass fold_scales").code, 0);
  EXPECT_THAT(read_file(scratch() / "dumps/engine0/000_before.txt"), HasSubstr("%bn = BatchNorm("));
  EXPECT_THAT(read_file(scratch() / "dumps/engine0/004_lower.txt"), HasSubstr("%bn = pointwise("));
  EXPECT_FALSE(std::filesystem::exists(scratch() / "dumps/engine0/010_fold_scales.txt"));
  expect_failure("explain small --shape 1,3,8,8 --disable-pass fuse", ErrorCode::invalid_argument,
                 "there is no pass 'fuse'; the passes are remove_identities, fold_constants, ");
  expect_failure("run small --shape 1,3,8,8 --keep-fp32 conv,conv7", ErrorCode::not_found, "no node 'conv7'");
  expect_failure("bench small --shape 1,3,8,8 --selector all", ErrorCode::invalid_argument, "mxnet-tensorrt");
}

TEST_F(Program, ExplainWritesATraceThatPerfettoReads) {
  EXPECT_EQ(program("explain small --shape 1,3,8,8 --trace trace.json").code, 0);
  const auto trace = nlohmann::json::parse(read_file(scratch() / "trace.json"));
  double end = 0;
  for (const auto& event : trace["traceEvents"]) {
    // What the trace event format asks of complete ("X") and metadata ("M") events.
    EXPECT_TRUE(event["name"].is_string() && event["pid"].is_number_integer());
    if (event["ph"] == "M") {
      EXPECT_TRUE(event["args"]["name"].is_string());
      continue;
    }
    ASSERT_EQ(event["ph"], "X");
    EXPECT_TRUE(event["ts"].is_number() && event["tid"].is_number_integer() && event["args"].is_object());
    EXPECT_NE(event["cat"], "");
    EXPECT_NEAR(event["ts"].get<double>(), end, 1e-6);
    end = event["ts"].get<double>() + event["dur"].get<double>();
  }
  EXPECT_GT(end, 0);
}

// ---- compare

/// Inputs, outputs and inner results of the small model, as `compare` reads them.
Parameters golden() {
  Tensor data({2, 3, 8, 8}, DType::float32);
  for (std::int64_t i = 0; i < data.elements(); ++i) data.mutable_data<float>()[i] = static_cast<float>(i % 7) - 3;
  Executor executor = Executor::bind(small_model(), {.shapes = {{"data", data.shape()}}, .backend = "reference"});
  Parameters members = {{"in/data", data}};
  executor.set_monitor([&](const std::string& name, const Tensor& value) { members["out/" + name] = value.clone(); });
  executor.set_input("data", data);
  executor.forward();
  return members;
}

TEST_F(Program, CompareAgrees) {
  write_npz((scratch() / "golden.npz").string(), golden());
  const auto json = program_json("compare small --golden golden.npz --json");
  EXPECT_EQ(json["first_deviation"], nullptr);
  ASSERT_THAT(json["results"], SizeIs(5));  // conv, bn, relu, fc, softmax
  EXPECT_EQ(json["results"][4]["name"], "softmax_output");
  for (const auto& result : json["results"]) EXPECT_LT(result["max_rel_error"], 1e-5);
  EXPECT_THAT(program("compare small --golden golden.npz").out, HasSubstr("all 5 results agree within 0.0001"));
}

TEST_F(Program, CompareNamesTheFirstNodeThatDeviates) {
  Parameters members = golden();
  for (const char* name : {"out/relu_output", "out/softmax_output"}) members[name].mutable_data<float>()[1] += 0.5f;
  write_npz((scratch() / "wrong.npz").string(), members);
  const Outcome outcome = program("compare small --golden wrong.npz --json");
  EXPECT_EQ(outcome.code, 8) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["first_deviation"], "relu_output");
  EXPECT_NEAR(json["results"][2]["max_abs_error"], 0.5, 1e-3);
  EXPECT_THAT(program("compare small --golden wrong.npz").out,
              HasSubstr("first to deviate by more than 0.0001 is relu_output"));
  EXPECT_EQ(program("compare small --golden wrong.npz --tolerance 10").code, 0);
}

TEST_F(Program, CompareTakesNotANumberAsADeviation) {
  Parameters members = golden();
  members["out/softmax_output"].mutable_data<float>()[0] = NAN;
  write_npz((scratch() / "nan.npz").string(), members);
  EXPECT_EQ(program("compare small --golden nan.npz").code, 8);
}

TEST_F(Program, CompareTakesOtherShapesAsADeviation) {
  Parameters members = golden();
  members["out/softmax_output"] = members["out/softmax_output"].reshaped({5, 2});
  write_npz((scratch() / "shape.npz").string(), members);
  const Outcome outcome = program("compare small --golden shape.npz");
  EXPECT_EQ(outcome.code, 8);
  EXPECT_THAT(outcome.out, HasSubstr("shape (2,5), golden (5,2)"));
}

// ---- show

TEST_F(Program, ShowCountsParametersAndMultiplyAdds) {
  const auto json = program_json("show small --shape 1,3,8,8 --json");
  ASSERT_THAT(json["layers"], SizeIs(5));
  const auto& conv = json["layers"][0];
  EXPECT_EQ(conv["name"], "conv");
  EXPECT_EQ(conv["shape"], nlohmann::json({1, 4, 6, 6}));
  EXPECT_EQ(conv["parameters"], 4 * 27 + 4);
  EXPECT_EQ(conv["macs"], 4 * 36 * 27);
  EXPECT_EQ(conv["previous"], nlohmann::json({"data"}));
  EXPECT_EQ(json["layers"][3]["macs"], 5 * 144);
  EXPECT_EQ(json["parameters"], 4 * 27 + 4 + 8 + 5 * 144 + 5);
  EXPECT_EQ(json["auxiliary"], 8);
  EXPECT_EQ(json["macs"], 4 * 36 * 27 + 5 * 144);
  EXPECT_EQ(json["complete"], true);
  EXPECT_THAT(program("show small --shape 1,3,8,8").out, HasSubstr("3,888"));
}

TEST_F(Program, ShowWithoutShapesSaysWhatFollows) {
  const auto json = program_json("show small --json");
  EXPECT_EQ(json["complete"], false);
  EXPECT_EQ(json["parameters"], 4 * 27 + 4 + 8 + 5 * 144 + 5);
}

TEST_F(Program, ShowPrintsTextAndDot) {
  EXPECT_THAT(program("show small --shape 1,3,8,8 --text").out, HasSubstr("%conv = Convolution(%data, %conv_weight"));
  const std::string dot = program("show small --shape 1,3,8,8 --dot -").out;
  EXPECT_THAT(dot, StartsWith("digraph \"small\" {"));
  EXPECT_THAT(dot, HasSubstr("(1,4,6,6)"));
  EXPECT_THAT(dot, Not(HasSubstr("conv_weight")));
}

TEST_F(Program, ShowDrawsWithGraphviz) {
  const Outcome outcome = program("show small --shape 1,3,8,8 --svg small.svg");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string svg = read_file(scratch() / "small.svg");
  EXPECT_THAT(svg, HasSubstr("<svg "));
  EXPECT_THAT(svg, HasSubstr("Convolution"));
}

TEST_F(Program, ShowDrawsBeforeAndAfter) {
  const Outcome outcome = program("show small --shape 1,3,8,8 --before-after small.svg");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string svg = read_file(scratch() / "small.svg");
  EXPECT_THAT(svg, AllOf(HasSubstr(">before<"), HasSubstr(">after<"), HasSubstr("engine0")));
  ASSERT_EQ(program("show small --shape 1,3,8,8 --before-after small.html").code, 0);
  EXPECT_THAT(read_file(scratch() / "small.html"), AllOf(HasSubstr("<!DOCTYPE html>"), HasSubstr("\"unfolded\"")));
}

TEST_F(Program, ReportIsOnePageThatLoadsNothing) {
  const Outcome outcome = program("report small --shape 1,3,8,8 --threads 1 -o report.html");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string page = read_file(scratch() / "report.html");
  EXPECT_THAT(page, AllOf(HasSubstr("forward, median, ms"), HasSubstr("\"refusals\""), HasSubstr("oneDNN")));
  EXPECT_THAT(page, Not(AnyOf(HasSubstr("src=\"http"), HasSubstr("href=\"http"), HasSubstr("@import"))));
  EXPECT_LT(page.size(), std::size_t{2} << 20);
}

TEST_F(Program, ShowListsImplementations) {
  const auto json = program_json("show small --shape 1,3,8,8 --implementations --json");
  ASSERT_THAT(json["steps"], Not(SizeIs(0)));
  EXPECT_EQ(json["steps"][0]["node"], "conv");
  for (const auto& step : json["steps"]) EXPECT_NE(step["implementation"], "");
  EXPECT_THAT(program("show small --shape 1,3,8,8 --implementations --backend reference").out, HasSubstr("reference"));
}

// ---- zoo

TEST_F(Program, ZooListsAllNetworks) {
  const auto names = program_json("zoo --json");
  EXPECT_THAT(names, SizeIs(34));
  const std::string text = program("zoo").out;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 34);
  EXPECT_THAT(text, HasSubstr("resnet18_v2\n"));
}

TEST_F(Program, ZooDescribesAndSaves) {
  const auto json = program_json("zoo squeezenet1.1 --save squeeze --seed 3 --json");
  EXPECT_EQ(json["input"]["shape"], nlohmann::json({1, 3, 224, 224}));
  EXPECT_EQ(json["output"]["shape"], nlohmann::json({1, 1000}));
  EXPECT_EQ(json["parameters"], 1235496);
  EXPECT_GT(json["macs"], 300'000'000);
  const auto saved = program_json("run squeeze --shape 1,3,224,224 --seed 3 --json");
  const auto built = program_json("run squeezenet1.1 --seed 3 --json");
  EXPECT_EQ(saved["outputs"], built["outputs"]);
}

}  // namespace
}  // namespace tenon
