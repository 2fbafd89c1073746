// The pictures before and after, and tenon report: the page that tells everything of one compiled model.

#include "before_after.h"

#include <memory>

#include <fmt/format.h>

#include "backends/registry.h"
#include "core/error.h"
#include "core/threads.h"
#include "draw.h"
#include "measure.h"
#include "page.h"
#include "picture.h"
#include "profile.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon report resnet18_v2 -o report.html
      before (one library call an operator) and after (compiled): pictures, times, what declined and why
  tenon report mymodel --shape data=8,3,112,112 --threads 1 -o report.html

  tenon report resnet18_v2 --device cuda:0 --precision fp16 -o report.html

The page is one file and loads nothing. Times are of this machine's device, on zeros, the median of several forwards.
)";

/// One model compiled for one backend.
struct Side {
  Side(const Model& model, BindOptions options, const std::string& backend_name) : store(model) {
    options.backend = backend_name;
    compiled = compile(store, options, find_backend(backend_name, options.device, options.precision));
  }
  ParameterStore store;
  Compiled compiled;
};

/// The accelerated backend of the device, unless another one than the default was asked for.
std::string accelerated(const ModelOptions& options) {
  if (options.backend != "plain") return options.backend;
  return options.device.starts_with("cuda") ? "cuda" : "cpu";
}

Json drawn(const Picture& picture, const std::string& title) {
  return {{"svg", to_svg(alone_dot(picture, title))}, {"boxes", picture.boxes}};
}

/// A page holds a picture for every scope that opens; with more scopes than this they open all together.
constexpr std::size_t kMostScopes = 40;

/// All operators; then, where their names divide them, every scope closed, and one picture for each that is open.
Json pictures_before(const Compiled& compiled, const Model& model, const std::string& title) {
  const std::vector<std::string> inputs = model.inputs();
  Json pictures = Json::array({drawn(picture_before(compiled, inputs), title)});
  const std::vector<Scope> scopes = scopes_of(compiled.graph);
  if (scopes.empty()) return pictures;
  pictures.push_back(drawn(picture_before(compiled, inputs, scopes), title));
  for (std::size_t i = 0; i < scopes.size() && scopes.size() <= kMostScopes; ++i) {
    pictures.push_back(drawn(picture_before(compiled, inputs, scopes, i), title));
  }
  return pictures;
}

Json pictures(const Compiled& compiled, const Model& model, const std::string& title) {
  return {{"before", pictures_before(compiled, model, title)},
          {"folded", drawn(picture_after(compiled.program, false), title)},
          {"unfolded", drawn(picture_after(compiled.program, true), title)}};
}

/// A row for every step, those inside engine nodes in the place of the node.
Json step_rows(Executor& executor, const std::string& side) {
  Json rows = Json::array();
  for (const TimedStep& step : profile(executor, {})) {
    Json row = {{"side", side},
                {"name", step.info.node},
                {"op", step.info.op},
                {"implementation", step.info.implementation},
                {"ms", step.ms},
                {"operations", step.info.operations},
                {"bytes", step.info.bytes}};
    if (!step.info.outputs.empty()) row["output"] = describe(step.info.outputs[0]);
    rows.push_back(std::move(row));
  }
  return rows;
}

double total(const Json& rows) {
  double sum = 0;
  for (const Json& row : rows) sum += row.at("ms").get<double>();
  return sum;
}

/// Of a forward whose inputs lie where they are read. On a device without the way there and back.
double forward_ms(Executor& executor, const Device& device) {
  if (device.kind == Device::Kind::cpu) {
    const Samples samples = measure([&] { executor.forward(); }, {.iterations = 0, .seconds = 1}, [](int) {});
    return quantile(samples.wall, 0.5);
  }
  constexpr int kForwards = 100;
  const auto queued = [&] {
    for (int i = 0; i < kForwards; ++i) executor.forward_async();
  };
  executor.time_on_device(queued);  // warms up
  return executor.time_on_device(queued) / kForwards;
}

Json compared(const char* what, double before, double after) {
  return {{"what", what}, {"before", before}, {"after", after}, {"ratio", after > 0 ? before / after : 0}};
}

Executor bound(const Model& model, BindOptions options, const std::string& backend) {
  options.backend = backend;
  if (backend == "plain") options.precision = "fp32";  // what the model is before anybody asks for less
  return Executor::bind(model, options);
}

void add_numbers(Json& data, const Model& model, const BindOptions& options, const Side& side,
                 const std::string& backend) {
  Executor before = bound(model, options, "plain"), after = bound(model, options, backend);
  const Json first = step_rows(before, "before"), second = step_rows(after, "after");
  const auto megabytes = [](std::size_t bytes) { return static_cast<double>(bytes) / 1e6; };
  data["summary"] = Json::array(
      {compared("forward, median, ms", forward_ms(before, options.device), forward_ms(after, options.device)),
       compared("steps one by one, ms", total(first), total(second)),
       compared("steps", static_cast<double>(first.size()), static_cast<double>(second.size())),
       compared("activations and workspaces, MB", megabytes(before.activation_bytes()),
                megabytes(after.activation_bytes())),
       compared("parameters, MB", megabytes(before.parameter_bytes()), megabytes(after.parameter_bytes()))});
  data["timeline"] = Json::array({{{"name", "before"}, {"steps", first}}, {{"name", "after"}, {"steps", second}}});
  data["steps"] = first;
  for (const Json& row : second) data["steps"].push_back(row);
  data["refusals"] = Json::array();
  for (const Refusal& refusal : side.compiled.partition.refusals) {
    const Node& node = side.compiled.graph.node(refusal.node);
    data["refusals"].push_back({{"name", node.name}, {"op", node.op_name()}, {"reason", refusal.reason}});
  }
}

Json environment(const ModelOptions& options, const std::string& backend) {
  Json rows = Json::array({{{"what", "model"}, {"value", options.title()}},
                           {{"what", "device"}, {"value", options.device}},
                           {{"what", "before"}, {"value", "plain"}},
                           {{"what", "after"}, {"value", backend}},
                           {{"what", "precision"}, {"value", options.precision}},
                           {{"what", "threads"}, {"value", std::to_string(options.effective_threads())}}});
  for (const auto& [name, value] : components()) rows.push_back({{"what", name}, {"value", value}});
  return rows;
}

struct ReportOptions {
  ModelOptions model;
  std::string output;
};

int run(const ReportOptions& options) {
  const Model model = options.model.load();
  const BindOptions binding = options.model.binding(options.model.plan(model));
  const ThreadScope scope(options.model.effective_threads());
  const std::string backend = accelerated(options.model), &title = options.model.title();
  const Side side(model, binding, backend);
  Json data = pictures(side.compiled, model, title);
  add_numbers(data, model, binding, side, backend);
  data["environment"] = environment(options.model, backend);
  write_text(options.output, page("tenon report: " + title, data));
  return 0;
}

}  // namespace

void write_before_after(const std::string& file, const ModelOptions& options, const Model& model) {
  const BindOptions binding = options.binding(options.plan(model));
  const ThreadScope scope(options.effective_threads());
  const Side side(model, binding, accelerated(options));
  const std::string& title = options.title();
  if (file.ends_with(".svg")) {
    const Picture before = picture_before(side.compiled, model.inputs());
    write_text(file, to_svg(both_dot(before, picture_after(side.compiled.program, true), title)));
  } else {
    write_text(file, page(title + ": before and after", pictures(side.compiled, model, title)));
  }
}

Verb report_verb(CLI::App& parent) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App& app = *parent.add_subcommand("report", "Write a page that tells everything of a compiled model");
  app.footer(kExamples);
  options->model.add_model(app);
  options->model.add_binding(app);
  app.add_option("-o,--output", options->output, "The HTML file; - prints it")->required()->type_name("FILE");
  return {&app, [options] { return run(*options); }};
}

}  // namespace tenon::cli
