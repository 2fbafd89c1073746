// A backend that is built outside the tree, as its author would: against the public headers alone, into a shared
// library that knows no libtenon.

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tenon/tenon.h>

#include "support/evaluate.h"
#include "support/subprocess.h"

namespace tenon {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Compiles a source against the installed headers only; the path of the library.
std::string build_guest(const fs::path& source, const std::string& name) {
  const fs::path library = scratch() / (name + ".so");
  const Outcome built = run_command(std::string(COMPILER) + " -std=c++20 -O2 -shared -fPIC -I " SOURCES "/include " +
                                    source.string() + " -o " + library.string());
  EXPECT_EQ(built.code, 0) << built.err;
  return library.string();
}

std::string build_text(const std::string& text, const std::string& name) {
  const fs::path source = scratch() / (name + ".cpp");
  std::ofstream(source) << "#include <tenon/backend.h>\n" << text;
  return build_guest(source, name);
}

const std::string& naive_convolution() {
  static const std::string path = build_guest(SOURCES "/examples/backend/naive_convolution.cpp", "naive");
  return path;
}

/// Two convolutions in a row, a pooling, and a convolution with groups whose input is read outside as well.
constexpr const char* kNetwork = R"(%data = variable
%w1 = variable
%b1 = variable
%conv1 = Convolution(%data, %w1, %b1) {kernel=(3, 3), pad=(1, 1), num_filter=4}
%w2 = variable
%conv2 = Convolution(%conv1, %w2) {kernel=(1, 1), stride=(2, 2), num_filter=6, no_bias=True}
%pool = Pooling(%conv2) {kernel=(2, 2), pool_type=max}
%w3 = variable
%conv3 = Convolution(%pool, %w3) {kernel=(2, 2), dilate=(2, 2), num_filter=4, num_group=2, no_bias=True}
return %conv3, %conv1
)";

Tensor wave(const Shape& shape, double phase) {
  std::vector<double> elements;
  for (std::int64_t i = 0; i < shape.elements(); ++i)
    elements.push_back(std::sin(0.7 * static_cast<double>(i) + phase));
  return tensor(shape, elements);
}

Model network() {
  return Model(parse_graph(kNetwork, ops()), {{"w1", wave({4, 3, 3, 3}, 1)},
                                              {"b1", wave({4}, 2)},
                                              {"w2", wave({6, 4, 1, 1}, 3)},
                                              {"w3", wave({4, 3, 2, 2}, 4)}});
}

std::vector<Tensor> run(const std::string& backend) {
  BindOptions options;
  options.shapes = {{"data", {2, 3, 12, 12}}};
  options.backend = backend;
  Executor executor = Executor::bind(network(), options);
  executor.set_input("data", wave({2, 3, 12, 12}, 0));
  executor.forward();
  return {executor.output(0).clone(), executor.output(1).clone()};
}

TEST(Guest, RunsTheConvolutionsOfANetwork) {
  const auto ours = run("reference"), theirs = run(naive_convolution());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const Tensor wide = ours[i].astype(DType::float64);
    expect_tensor(theirs[i], ours[i].shape(), {wide.data<double>(), wide.data<double>() + wide.elements()}, 1e-5);
  }
}

TEST(Guest, IsAnEngineNodeAmongPlainSteps) {
  BindOptions options;
  options.shapes = {{"data", {2, 3, 12, 12}}};
  options.backend = naive_convolution();
  std::vector<std::string> implementations;
  for (const StepInfo& step : Executor::bind(network(), options).steps()) {
    if (step.implementation.starts_with("guest:")) implementations.push_back(step.node);
  }
  EXPECT_THAT(implementations, testing::ElementsAre("engine0", "engine1"));
}

TEST(Guest, WorksFromTheCommandLine) {
  const Outcome outcome =
      run_command(PROGRAMS "/tenon run mobilenet0.25 --shape 1,3,32,32 --backend " + naive_convolution());
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("mobilenet"));
}

TEST(Guest, ThatFailsToCompileSaysWhyForItsNode) {
  const std::string path = build_text(R"(
    struct Grumpy : tenon::guest::Guest {
      const char* name() const override { return "grumpy"; }
      std::optional<std::string> refusal(const TenonNode&) const override { return {}; }
      std::unique_ptr<tenon::guest::Compiled> compile(const TenonSubgraph& s, int) const override {
        throw std::runtime_error("it is Monday, and there are " + std::to_string(s.node_count) + " nodes");
      }
    };
    extern "C" const TenonGuest* tenon_guest() { return tenon::guest::exported<Grumpy>(); })",
                                      "grumpy");
  const std::string sentence = refusal([&] { run(path); });
  EXPECT_THAT(sentence, HasSubstr("engine0"));
  EXPECT_THAT(sentence, HasSubstr("it is Monday, and there are 4 nodes"));
}

TEST(Guest, OfAnotherVersionIsRefused) {
  const std::string path = build_text(
      R"(extern "C" const TenonGuest* tenon_guest() { static TenonGuest old{}; old.api_version = 99; return &old; })",
      "old");
  EXPECT_THAT(refusal([&] { run(path); }), HasSubstr("speaks version 99 of the interface"));
}

TEST(Guest, ThatIsNoneIsRefused) {
  EXPECT_THAT(refusal([] { run("./nothing.so"); }), HasSubstr("'./nothing.so' cannot be opened"));
  const std::string path = build_text("int nothing;", "empty");
  EXPECT_THAT(refusal([&] { run(path); }), HasSubstr("exports no function tenon_guest"));
}

}  // namespace
}  // namespace tenon
