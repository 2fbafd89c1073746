// tenon explain: who was asked, who refused and why, what was fused, and what each step costs.

#include <algorithm>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/threads.h"
#include "diagnosis.h"
#include "inputs.h"
#include "model_options.h"
#include "profile.h"
#include "report.h"
#include "subject.h"
#include "table.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon explain resnet18_v2
      what the engine took and fused, what it left and why, and what each step costs
  tenon explain mymodel --backend plain --threads 1
      the same of the plain program
  tenon explain mymodel --declined
      with the implementations that were asked before, and their reasons
  tenon explain mymodel --trace trace.json
      a picture of a forward for Perfetto (ui.perfetto.dev) or chrome://tracing

Mop: operations of the formula, in millions; done: those that the implementation's products have, fewer by Winograd.
Gop/s counts what was done. of peak: the least time that the arithmetic and the memory of this machine allow for that
(both measured first; of a GPU, at its highest clocks), as a share of the time taken; more than 100 % where what it
reads lies in a cache. A GPU's steps are timed by its events. Of a batch that is taken in portions, output is that of
one: 4 x (4,64,56,56).
)";

struct ExplainOptions {
  ModelOptions model;
  std::string trace;
  bool declined = false, json = false;
};

std::string in_millions(double number) {
  return fmt::format("{:.2f}", number / 1e6);
}

/// So much in the step's time, a second.
double a_second(double amount, const TimedStep& step) {
  return step.ms > 0 ? amount / step.ms * 1e3 : 0;
}

std::string in_billions(double number) {
  return fmt::format("{:.1f}", number / 1e9);
}

/// "(1,64,56,56)", of a portion "4 x (4,64,56,56)".
std::string output_of(const StepInfo& info) {
  if (info.outputs.empty()) return "";
  const std::string shape = info.outputs[0].shape.str();
  return info.portions == 1 ? shape : fmt::format("{} x {}", info.portions, shape);
}

std::string peak_share(const TimedStep& step) {
  return step.of_peak > 0 ? fmt::format("{:.0f} %", 100 * step.of_peak) : "";
}

Json step_json(const TimedStep& step) {
  Json inputs = Json::array(), outputs = Json::array();
  for (const TensorType& type : step.info.inputs) inputs.push_back(dims_json(type.shape));
  for (const TensorType& type : step.info.outputs) outputs.push_back(dims_json(type.shape));
  return {{"node", step.info.node},
          {"op", step.info.op},
          {"engine", step.info.engine.empty() ? Json() : Json(step.info.engine)},
          {"covers", step.info.covers},
          {"implementation", step.info.implementation},
          {"inputs", inputs},
          {"outputs", outputs},
          {"portions", step.info.portions},
          {"operations", step.operations()},
          {"done_operations", step.done_operations()},
          {"bytes", step.bytes()},
          {"ms", step.ms},
          {"operations_per_s", a_second(step.done_operations(), step)},
          {"bytes_per_s", a_second(step.bytes(), step)},
          {"of_peak", step.of_peak},
          {"declined", step.info.refusals}};
}

Json refused_json(const RefusedNode& node) {
  return {{"node", node.node}, {"op", node.op}, {"rule", node.rule}, {"reason", node.reason}};
}

std::string steps_table(const std::vector<TimedStep>& steps) {
  Table rows({"step", "operator", "engine", "implementation", "output", "Mop", "done", "MB moved", "ms", "Gop/s",
              "GB/s", "of peak"});
  for (const TimedStep& step : steps) {
    rows.add({covered(step.info), step.info.op.empty() ? "layout" : step.info.op, step.info.engine,
              step.info.implementation, output_of(step.info), in_millions(step.operations()),
              in_millions(step.done_operations()), in_millions(step.bytes()), fmt::format("{:.3f}", step.ms),
              in_billions(a_second(step.done_operations(), step)), in_billions(a_second(step.bytes(), step)),
              peak_share(step)});
  }
  return rows.str();
}

std::string refused_table(const std::vector<RefusedNode>& refused) {
  if (refused.empty()) return "";
  Table rows({"left to plain steps", "operator", "rule", "reason"});
  for (const RefusedNode& node : refused) rows.add({node.node, node.op, node.rule, node.reason});
  return "\n" + rows.str();
}

/// Steps that only copy a value to where, or as, the next ones want it.
std::int64_t layout_changes(const std::vector<TimedStep>& steps) {
  return std::ranges::count_if(steps, [](const TimedStep& step) { return step.info.covers.empty(); });
}

std::string peak_words(const Roofline& roofline) {
  if (roofline.operations_per_ms <= 0) return "";
  return fmt::format("; measured peak: {:.1f} Gop/s, {:.1f} GB/s from memory", roofline.operations_per_ms / 1e6,
                     roofline.bytes_per_ms / 1e6);
}

std::string declined_list(const std::vector<TimedStep>& steps) {
  std::string text = "\nasked before, and why they declined\n";
  for (const TimedStep& step : steps) {
    for (const std::string& reason : step.info.refusals) text += fmt::format("  {}: {}\n", step.info.node, reason);
  }
  return text;
}

int run(ExplainOptions& options) {
  const Subject subject(options.model);
  const InputPlan plan = subject.plan();
  Session executor = subject.bind(plan);
  for (const std::string& input : plan.fed) {
    executor.set_input(input, random_tensor(executor.type(input).shape, options.model.seed, input));
  }
  const int threads = options.model.effective_threads();
  const Roofline roofline = roofline_of(Device::parse(options.model.device), options.model.precision, threads);
  const std::vector<TimedStep> steps = profile(executor, roofline);
  const std::vector<RefusedNode> refused = executor.refused();
  const std::string& title = options.model.title();
  if (!options.trace.empty()) write_text(options.trace, chrome_trace(steps, title).dump());

  std::set<std::string> engines;
  for (const TimedStep& step : steps) engines.insert(step.info.engine);
  engines.erase("");
  if (options.json) {
    Json lines = Json::array(), left = Json::array();
    for (const TimedStep& step : steps) lines.push_back(step_json(step));
    for (const RefusedNode& node : refused) left.push_back(refused_json(node));
    print_json({{"model", title},
                {"device", options.model.device},
                {"backend", options.model.backend},
                {"threads", threads},
                {"peak_operations_per_s", roofline.operations_per_ms * 1e3},
                {"peak_bytes_per_s", roofline.bytes_per_ms * 1e3},
                {"engines", engines},
                {"steps", lines},
                {"refused", left},
                {"layout_changes", layout_changes(steps)},
                {"total_ms", total_ms(steps)},
                {"activation_bytes", executor.activation_bytes()},
                {"parameter_bytes", executor.parameter_bytes()}});
    return 0;
  }
  std::string text = fmt::format("{} on {}, backend {}, {} threads{}\n\n{}", title, options.model.device,
                                 options.model.backend, threads, peak_words(roofline), steps_table(steps));
  text += refused_table(refused);
  if (options.declined) text += declined_list(steps);
  text += fmt::format(
      "\n{} steps, {} of them changes of layout, {} engine nodes, {:.3f} ms; {} of activations, {} of parameters\n",
      steps.size(), layout_changes(steps), engines.size(), total_ms(steps), megabytes(executor.activation_bytes()),
      megabytes(executor.parameter_bytes()));
  for (const std::string& sentence : diagnosis({steps, refused, roofline, threads, allowed_cores()})) {
    text += fmt::format("  {}\n", sentence);
  }
  print(text);
  return 0;
}

}  // namespace

Verb explain_verb(CLI::App& parent) {
  const auto options = std::make_shared<ExplainOptions>();
  CLI::App& app = *parent.add_subcommand("explain", "Say what was taken, fused and refused, and what each step costs");
  app.footer(kExamples);
  options->model.backend = "cpu";  // on a GPU: "cuda"
  options->model.add_model(app);
  options->model.add_binding(app);
  app.add_flag("--declined", options->declined, "List the implementations that declined a step, with their reasons");
  app.add_option("--trace", options->trace, "Write the steps of a forward as chrome://tracing events")
      ->type_name("FILE");
  app.add_flag("--json", options->json, "One JSON object");
  return {&app, [options] {
            options->model.prefer_engine();
            return run(*options);
          }};
}

}  // namespace tenon::cli
