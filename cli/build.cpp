// tenon build: a model compiled once, into a file that loads in milliseconds.

#include <charconv>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"
#include "measure.h"
#include "model_options.h"
#include "report.h"
#include "table.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon build resnet18_v2 --output resnet18.plan
  tenon build mymodel --shape data=8,3,112,112 --threads 2 --tune fast --output mymodel.plan
  tenon run mymodel.plan --input data=x.npy
      run, bench, compare and explain take a plan where they take a model
  tenon build resnet18_v2 --batch-range 1..16 --output resnet18.plan && tenon bench resnet18.plan --batch 1,4,16
      one plan for sixteen batch sizes, which share the packed parameters where they can

  tenon build resnet18_v2 --device cuda:0 --precision fp16 --output gpu.plan
      the compiled kernels are in the plan, too

A plan holds the packed parameters and every choice. It is for the processor or the kind of GPU, the number of threads
and the version of Tenon that it was built with: another one refuses it. A plan of a GPU holds machine code: run those
that you trust.
)";

struct BuildOptions {
  ModelOptions model;
  std::string output, batch_range;
  bool json = false;
};

/// "1..16"; nothing where nothing was given.
std::optional<BatchRange> parse_range(const std::string& text) {
  if (text.empty()) return {};
  BatchRange range;
  const std::size_t dots = text.find("..");
  const auto number = [&](std::string_view word, std::int64_t& value) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    return error == std::errc() && end == word.data() + word.size();
  };
  if (dots == std::string::npos || !number(std::string_view(text).substr(0, dots), range.first) ||
      !number(std::string_view(text).substr(dots + 2), range.last)) {
    fail(ErrorCode::invalid_argument, "--batch-range {}: write it like 1..16", text);
  }
  return range;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int run(const BuildOptions& options) {
  catch_interrupt();
  const Model model = options.model.load();
  BindOptions binding = options.model.binding(options.model.plan(model));
  binding.batches = parse_range(options.batch_range);
  const auto start = std::chrono::steady_clock::now();
  const Engine engine = Engine::build(model, binding);
  const double build_s = seconds_since(start);
  if (interrupted()) return kInterrupted;
  engine.save(options.output);
  const auto plan_bytes = std::filesystem::file_size(options.output);
  if (options.json) {
    print_json({{"model", options.model.title()},
                {"plan", options.output},
                {"device", options.model.device},
                {"backend", options.model.backend},
                {"precision", options.model.precision},
                {"threads", engine.options().threads},
                {"build_s", build_s},
                {"parameter_bytes", engine.parameter_bytes()},
                {"activation_bytes", engine.activation_bytes()},
                {"plan_bytes", plan_bytes}});
  } else {
    print(fmt::format("{}: {} for {} threads, built in {:.3f} s\n", options.output, megabytes(plan_bytes),
                      engine.options().threads, build_s));
  }
  return 0;
}

}  // namespace

Verb build_verb(CLI::App& parent) {
  const auto options = std::make_shared<BuildOptions>();
  CLI::App& app = *parent.add_subcommand("build", "Compile a model into a plan file");
  app.footer(kExamples);
  options->model.backend = "cpu";
  options->model.add_model(app);
  options->model.add_binding(app);
  app.add_option("--output", options->output, "The plan file; the other verbs know one by its ending .plan")
      ->type_name("FILE.plan")
      ->required();
  app.add_option("--batch-range", options->batch_range,
                 "Every batch size that the plan is for; that of the shapes unless given")
      ->type_name("FIRST..LAST");
  app.add_flag("--json", options->json, "One JSON object");
  return {&app, [options] {
            if (!options->output.ends_with(kPlanEnding)) {
              fail(ErrorCode::invalid_argument, "--output {}: a plan's name ends in {}", options->output, kPlanEnding);
            }
            options->model.prefer_engine();
            return run(*options);
          }};
}

}  // namespace tenon::cli
