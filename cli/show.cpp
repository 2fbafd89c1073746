// tenon show: what a model is made of.

#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "before_after.h"
#include "draw.h"
#include "model_options.h"
#include "report.h"
#include "summary.h"
#include "table.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon show resnet18_v2
      a row for each operator: shape, parameters, multiply-adds
  tenon show mymodel --shape data=1,3,112,112 --implementations
      what runs each operator here
  tenon show mymodel --text
      the graph in Tenon's text form
  tenon show mymodel --svg mymodel.svg
      a picture (--dot - prints its DOT text)
  tenon show resnet18_v2 --before-after resnet18.html
      what compiling did: engine nodes unfold to what they fused

Without shapes of the inputs the table shows what follows from the parameters alone.
)";

struct ShowOptions {
  ModelOptions model;
  bool text = false, implementations = false, json = false;
  std::string dot, svg, before_after;
};

std::string count(const std::optional<std::int64_t>& number) {
  return number ? with_commas(*number) : "?";
}

std::string table(const Summary& summary, const std::string& title) {
  Table rows({"layer", "operator", "output", "parameters", "MACs", "previous"});
  for (const Layer& layer : summary.layers) {
    rows.add({layer.name, layer.op, layer.output.shape.str(), count(layer.parameters), count(layer.macs),
              fmt::format("{}", fmt::join(layer.previous, ", "))});
  }
  return fmt::format("{}\n\n{}\n{} operators, {} parameters and {} auxiliary numbers, {}{} MACs\n", title, rows.str(),
                     summary.layers.size(), with_commas(summary.arguments), with_commas(summary.auxiliary),
                     summary.complete ? "" : "at least ", with_commas(summary.macs));
}

Json layer_json(const Layer& layer) {
  return {{"name", layer.name},
          {"op", layer.op},
          {"shape", dims_json(layer.output.shape)},
          {"dtype", layer.output.dtype ? Json(name(*layer.output.dtype)) : Json()},
          {"parameters", layer.parameters ? Json(*layer.parameters) : Json()},
          {"macs", layer.macs ? Json(*layer.macs) : Json()},
          {"previous", layer.previous}};
}

Json summary_json(const Summary& summary, const std::string& title) {
  Json layers = Json::array();
  for (const Layer& layer : summary.layers) layers.push_back(layer_json(layer));
  return {{"model", title},
          {"layers", layers},
          {"parameters", summary.arguments},
          {"auxiliary", summary.auxiliary},
          {"macs", summary.macs},
          {"complete", summary.complete}};
}

void show_implementations(const ShowOptions& options, const Model& model) {
  const InputPlan plan = options.model.plan(model);
  const Executor executor = Executor::bind(model, options.model.binding(plan));
  if (options.json) {
    Json steps = Json::array();
    for (const StepInfo& step : executor.steps()) {
      steps.push_back(
          {{"node", step.node}, {"op", step.op}, {"implementation", step.implementation}, {"refusals", step.refusals}});
    }
    return print_json({{"model", options.model.title()}, {"device", options.model.device}, {"steps", steps}});
  }
  Table rows({"node", "operator", "implementation", "who declined"});
  for (const StepInfo& step : executor.steps()) {
    rows.add({step.node, step.op, step.implementation, fmt::format("{}", fmt::join(step.refusals, "; "))});
  }
  print(rows.str());
}

int run(const ShowOptions& options) {
  const Model model = options.model.load();
  if (options.implementations) {
    show_implementations(options, model);
    return 0;
  }
  if (!options.before_after.empty()) {
    write_before_after(options.before_after, options.model, model);
    return 0;
  }
  Graph graph = model.graph();
  infer(graph, known_types(model, options.model.plan(model).shapes));
  const std::string& title = options.model.title();
  if (!options.dot.empty()) write_text(options.dot, to_dot(graph, model.inputs(), title));
  if (!options.svg.empty()) write_text(options.svg, to_svg(to_dot(graph, model.inputs(), title)));
  if (!options.dot.empty() || !options.svg.empty()) return 0;
  if (options.text) {
    options.json ? print_json({{"model", title}, {"text", to_text(graph)}}) : print(to_text(graph));
    return 0;
  }
  const Summary summary = summarise(graph, model.inputs());
  options.json ? print_json(summary_json(summary, title)) : print(table(summary, title));
  return 0;
}

}  // namespace

Verb show_verb(CLI::App& parent) {
  const auto options = std::make_shared<ShowOptions>();
  CLI::App& app = *parent.add_subcommand("show", "Show the layers, the graph or a picture of a model");
  app.footer(kExamples);
  options->model.add_model(app);
  options->model.add_binding(app);
  auto* text = app.add_flag("--text", options->text, "The graph in text form");
  app.add_flag("--implementations", options->implementations, "What runs each operator on --device with --backend")
      ->excludes(text);
  app.add_option("--dot", options->dot, "Write the graph in the DOT language; - prints it")->type_name("FILE");
  app.add_option("--svg", options->svg, "Draw the graph with Graphviz; - prints the SVG")->type_name("FILE");
  app.add_option("--before-after", options->before_after,
                 "Draw the graph before and after compilation: a page to explore, or FILE.svg")
      ->type_name("FILE");
  app.add_flag("--json", options->json, "One JSON object");
  return {&app, [options] { return run(*options); }};
}

}  // namespace tenon::cli
