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
#include "step_times.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon report resnet18_v2 -o report.html
      before (one library call an operator) and after (compiled): pictures, times, what declined and why
  tenon report mymodel --shape data=8,3,112,112 --threads 1 -o report.html

The page is one file and loads nothing. Times are of this machine, on zeros, each step the least of several runs.
)";

/// One model compiled for one backend.
struct Side {
  Side(const Model& model, BindOptions options, const std::string& backend_name) : store(model) {
    options.backend = backend_name;
    compiled = compile(store, options, find_backend(backend_name, options.device));
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

Json pictures(const Compiled& compiled, const Model& model, const std::string& title) {
  return {{"before", drawn(picture_before(compiled, model.inputs()), title)},
          {"folded", drawn(picture_after(compiled.program, false), title)},
          {"unfolded", drawn(picture_after(compiled.program, true), title)}};
}

/// Multiply-adds where the second operand is a weight whose first axis is the output's channels.
std::int64_t macs(const Graph& graph, const Node& node) {
  const std::string_view op = node.op_name();
  const bool product = op == "Convolution" || op == "FullyConnected" || op == "convolution" || op == "matmul";
  if (!product || node.inputs.size() < 2) return 0;
  const Shape& weight = graph.type(node.inputs[1]).shape;
  return node.outputs[0].shape.elements() * weight.elements(1, weight.rank());
}

/// A row for every step; those of engine nodes stand for the node.
void add_steps(Json& rows, const Program& program, const std::string& side) {
  const std::vector<double> times = step_times(program, 5);
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    if (step.body != nullptr) {
      add_steps(rows, *step.body, side);
      continue;
    }
    Json row = {{"side", side},
                {"name", step.info.node},
                {"op", step.info.op},
                {"implementation", step.info.implementation},
                {"ms", times[i]}};
    if (step.node >= 0) {
      const Node& node = program.graph.node(step.node);
      std::size_t bytes = padded_bytes(node.outputs[0], {});
      for (const Value input : node.inputs) bytes += padded_bytes(program.graph.type(input), {});
      row["output"] = describe(node.outputs[0]);
      row["macs"] = macs(program.graph, node);
      row["bytes"] = bytes;
    }
    rows.push_back(std::move(row));
  }
}

double total(const Json& rows) {
  double sum = 0;
  for (const Json& row : rows) sum += row.at("ms").get<double>();
  return sum;
}

double forward_ms(const Model& model, BindOptions options, const std::string& backend) {
  options.backend = backend;
  Executor executor = Executor::bind(model, options);
  const Samples samples = measure([&] { executor.forward(); }, {.iterations = 0, .seconds = 1}, [](int) {});
  return quantile(samples.wall, 0.5);
}

Json compared(const char* what, double before, double after) {
  return {{"what", what}, {"before", before}, {"after", after}, {"ratio", after > 0 ? before / after : 0}};
}

void add_numbers(Json& data, const Model& model, const BindOptions& options, Side& before, Side& after,
                 const std::string& backend) {
  Json first = Json::array(), second = Json::array();
  add_steps(first, before.compiled.program, "before");
  add_steps(second, after.compiled.program, "after");
  const auto megabytes = [](std::size_t bytes) { return static_cast<double>(bytes) / 1e6; };
  const Program &plain = before.compiled.program, &program = after.compiled.program;
  data["summary"] = Json::array(
      {compared("forward, median, ms", forward_ms(model, options, "plain"), forward_ms(model, options, backend)),
       compared("steps one by one, ms", total(first), total(second)),
       compared("steps", static_cast<double>(first.size()), static_cast<double>(second.size())),
       compared("activations and workspaces, MB", megabytes(plain.arena_bytes), megabytes(program.arena_bytes)),
       compared("parameters, MB", megabytes(plain.parameter_bytes), megabytes(program.parameter_bytes))});
  data["timeline"] = Json::array({{{"name", "before"}, {"steps", first}}, {{"name", "after"}, {"steps", second}}});
  data["steps"] = first;
  for (const Json& row : second) data["steps"].push_back(row);
  data["refusals"] = Json::array();
  for (const Refusal& refusal : after.compiled.partition.refusals) {
    const Node& node = after.compiled.graph.node(refusal.node);
    data["refusals"].push_back({{"name", node.name}, {"op", node.op_name()}, {"reason", refusal.reason}});
  }
}

Json environment(const ModelOptions& options, const std::string& backend) {
  Json rows = Json::array({{{"what", "model"}, {"value", options.title()}},
                           {{"what", "device"}, {"value", options.device}},
                           {{"what", "before"}, {"value", "plain"}},
                           {{"what", "after"}, {"value", backend}},
                           {{"what", "threads"}, {"value", std::to_string(options.effective_threads())}}});
  for (const auto& [name, value] : components()) rows.push_back({{"what", name}, {"value", value}});
  return rows;
}

struct ReportOptions {
  ModelOptions model;
  std::string output;
};

int run(const ReportOptions& options) {
  if (options.model.device != "cpu") {
    fail(ErrorCode::unsupported, "the report times steps on the processor, not on {}; show --before-after draws both",
         options.model.device);
  }
  const Model model = options.model.load();
  const BindOptions binding = options.model.binding(options.model.plan(model));
  const ThreadScope scope(options.model.effective_threads());
  const std::string backend = accelerated(options.model), &title = options.model.title();
  Side before(model, binding, "plain"), after(model, binding, backend);
  Json data = pictures(after.compiled, model, title);
  add_numbers(data, model, binding, before, after, backend);
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
