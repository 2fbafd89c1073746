// tenon zoo: the networks that are built in.

#include <memory>

#include <fmt/format.h>

#include "graph/graph.h"
#include "model_options.h"
#include "report.h"
#include "summary.h"
#include "table.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon zoo
      the names
  tenon zoo resnet18_v2
      its input, output, parameters and multiply-adds
  tenon zoo resnet18_v2 --save /tmp/resnet18 --seed 1
      writes /tmp/resnet18-symbol.json and /tmp/resnet18-0000.params as MXNet does
)";

struct ZooOptions {
  std::string network, save;
  std::uint64_t seed = 0;
  bool json = false;
};

int list(const ZooOptions& options) {
  if (options.json) {
    print_json(Model::zoo_names());
    return 0;
  }
  std::string text;
  for (const std::string& name : Model::zoo_names()) text += name + "\n";
  print(text);
  return 0;
}

int describe_network(const ZooOptions& options) {
  const Model model = Model::zoo(options.network, options.seed);
  if (!options.save.empty()) model.save(options.save, 0);

  const Shape input = Model::zoo_input(options.network);
  Graph graph = model.graph();
  infer(graph, known_types(model, {{model.inputs().front(), input}}));
  const Summary summary = summarise(graph, model.inputs());
  const Layer& last = summary.layers.back();
  const std::int64_t parameters = summary.arguments + summary.auxiliary;
  if (options.json) {
    print_json({{"name", options.network},
                {"input", {{"name", model.inputs().front()}, {"shape", dims_json(input)}}},
                {"output", {{"name", model.outputs().front()}, {"shape", dims_json(last.output.shape)}}},
                {"operators", summary.layers.size()},
                {"parameters", summary.arguments},
                {"auxiliary", summary.auxiliary},
                {"macs", summary.macs},
                {"saved", options.save.empty() ? Json() : Json(options.save)}});
    return 0;
  }
  print(fmt::format(
      "{}\n  input       {} {}\n  output      {} {}\n  operators   {}\n  parameters  {} ({})\n  MACs        {}\n",
      options.network, model.inputs().front(), input.str(), model.outputs().front(), last.output.shape.str(),
      summary.layers.size(), with_commas(parameters), megabytes(static_cast<std::size_t>(parameters) * 4),
      with_commas(summary.macs)));
  return 0;
}

}  // namespace

Verb zoo_verb(CLI::App& parent) {
  const auto options = std::make_shared<ZooOptions>();
  CLI::App& app = *parent.add_subcommand("zoo", "List, describe and write the networks that are built in");
  app.footer(kExamples);
  app.add_option("NETWORK", options->network, "One of the names; all of them are listed unless given");
  app.add_option("--save", options->save, "Write PREFIX-symbol.json and PREFIX-0000.params")->type_name("PREFIX");
  app.add_option("--seed", options->seed, "Seed of the initial parameters")->capture_default_str();
  app.add_flag("--json", options->json, "One JSON array of names, or one object");
  return {&app, [options] { return options->network.empty() ? list(*options) : describe_network(*options); }};
}

}  // namespace tenon::cli
