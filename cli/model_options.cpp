#include "model_options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>

#include "core/error.h"
#include "core/threads.h"
#include "tuning.h"

namespace tenon::cli {
namespace {

constexpr std::string_view kSymbolEnding = "-symbol.json";

bool in_zoo(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const auto names = Model::zoo_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// "1,3,224,224" or "1x3x224x224"; "?" stands for an unknown dimension.
Shape parse_shape(std::string_view text, const std::string& option) {
  std::vector<std::int64_t> dims;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(",x", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    std::int64_t dim = Shape::unknown;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), dim);
    const bool number = error == std::errc() && rest == word.data() + word.size() && dim >= 0;
    if (!number && word != "?") {
      fail(ErrorCode::invalid_argument, "--shape {}: '{}' is no dimension; write it like data=1,3,224,224", option,
           word);
    }
    dims.push_back(dim);
    at = end + 1;
  }
  return Shape(std::move(dims));
}

/// The --shape options by input.
std::map<std::string, Shape> parse_shapes(const std::vector<std::string>& options, const Model& model) {
  const std::vector<std::string> inputs = model.inputs();
  std::map<std::string, Shape> shapes;
  for (const std::string& option : options) {
    const std::size_t equals = option.find('=');
    std::string name = equals == std::string::npos ? "" : option.substr(0, equals);
    if (equals == std::string::npos) {
      if (inputs.empty()) fail(ErrorCode::invalid_argument, "--shape {}: the model has no input", option);
      name = inputs.front();
    }
    if (std::find(inputs.begin(), inputs.end(), name) == inputs.end()) {
      fail(ErrorCode::invalid_argument, "--shape {}: the model has no input '{}'; its inputs are {}", option, name,
           fmt::join(inputs, ", "));
    }
    shapes[name] = parse_shape(std::string_view(option).substr(equals + 1), option);
  }
  return shapes;
}

/// What is wrong with a --backend; empty where nothing is.
std::string known_backend(const std::string& name) {
  constexpr std::array<std::string_view, 4> known{"plain", "cpu", "cuda", "reference"};
  if (std::ranges::find(known, name) != known.end() || name.find('/') != std::string::npos) return "";
  return fmt::format("there is no backend '{}'; choose plain, cpu, cuda, reference or a path like ./guest.so", name);
}

/// `shape` with a batch of 1, where nothing else is missing.
std::optional<Shape> with_batch_of_one(Shape shape) {
  if (shape.rank() < 1 || shape[0] != Shape::unknown) return {};
  shape[0] = 1;
  if (!shape.is_known()) return {};
  return shape;
}

}  // namespace

void ModelOptions::refuse_for_plan(const CLI::App& app, std::size_t known) {
  const std::vector<const CLI::Option*> options = app.get_options();
  not_for_plans_.insert(not_for_plans_.end(), options.begin() + static_cast<std::ptrdiff_t>(known), options.end());
}

void ModelOptions::refuse_binding() const {
  for (const CLI::Option* option : not_for_plans_) {
    if (option->count() == 0) continue;
    fail(ErrorCode::invalid_argument, "{} is decided in the plan '{}'; leave it out, or name the model",
         option->get_name(), model);
  }
}

void ModelOptions::add_model(CLI::App& app) {
  app.add_option("MODEL", model,
                 "A network of the zoo (`tenon zoo` lists them), the prefix of a checkpoint:\n"
                 "path/to/mymodel for mymodel-symbol.json and mymodel-0000.params, or a .plan of `tenon build`");
  const std::size_t known = app.get_options().size();
  app.add_option("--epoch", epoch, "Which PREFIX-EPOCH.params to read; the newest unless given")
      ->check(CLI::Range(0, 9999));
  auto* symbol_option = app.add_option("--symbol", symbol, "The symbol file, instead of MODEL")->type_name("FILE");
  app.add_option("--params", params, "The parameter file that goes with --symbol")
      ->type_name("FILE")
      ->needs(symbol_option);
  app.add_flag("--pretrained", pretrained,
               "A network of the zoo with the trained weights that MXNet once downloaded to\n"
               "$MXNET_HOME/models or ~/.mxnet/models");
  refuse_for_plan(app, known);
  app.add_option("--seed", seed, "Seed of initial parameters of the zoo and of random input")->capture_default_str();
}

void ModelOptions::add_shapes(CLI::App& app) {
  app.add_option("--shape", shapes, "NAME=1,3,224,224: the shape of an input; the numbers alone mean the first input")
      ->type_name("SHAPE")
      ->allow_extra_args(false);
}

void ModelOptions::add_binding(CLI::App& app) {
  const std::size_t known = app.get_options().size();
  add_shapes(app);
  app.add_option("--device", device, "Where it runs: cpu, cuda:0, …; `tenon devices` lists them")
      ->capture_default_str();
  app.add_option("--precision", precision, "How subgraphs multiply: fp32, tf32, bf16 or fp16, with sums in float32");
  app.add_option("--optimize", optimize,
                 "What subgraphs compiled for the processor are made for: speed, or memory, by packed\n"
                 "weights that take no more of it than the original ones")
      ->check(CLI::IsMember({"speed", "memory"}))
      ->capture_default_str();
  app.add_option("--backend", backend,
                 "plain: the best library call per operator; cpu: subgraphs compiled for the\n"
                 "processor; reference: the naive loops; a path like ./guest.so: a backend of yours")
      ->type_name("NAME")
      ->check(known_backend)
      ->capture_default_str();
  app.add_option("--tune", tune,
                 "off: each step by the first implementation that takes it; fast, full: by the one that is\n"
                 "measured to be the fastest, kept for the next time in ~/.cache/tenon")
      ->check(CLI::IsMember({"off", "fast", "full"}))
      ->capture_default_str();
  app.add_option("--threads", threads, "Threads of a forward; 0: every core")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  add_compilation(app);
  refuse_for_plan(app, known);
}

void ModelOptions::add_compilation(CLI::App& app) {
  constexpr const char* group = "Options of backends that compile subgraphs";
  app.add_option("--selector", selector,
                 "What becomes subgraphs: tenon, or mxnet-tensorrt, exactly what MXNet's TensorRT\n"
                 "integration took")
      ->type_name("NAME")
      ->check(CLI::IsMember({"tenon", "mxnet-tensorrt"}))
      ->group(group);
  app.add_option("--min-subgraph", min_subgraph, "Subgraphs of fewer operators run plain")
      ->check(CLI::Range(1, 1 << 20))
      ->group(group);
  app.add_option("--disable-pass", disabled_passes, "A pass over subgraphs that is left out; more than once for more")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--dump-passes", dump_passes, "Write the graph after each pass to DIR/SUBGRAPH/NNN_pass.txt")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--keep-fp32", keep_fp32, "Nodes that multiply in float32 whatever the --precision, like fc0,conv3")
      ->type_name("NODES")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
}

Model ModelOptions::load() const {
  if (model.empty() && symbol.empty()) {
    fail(ErrorCode::invalid_argument,
         "no model: name a MODEL (a network of the zoo or the prefix of a checkpoint) or "
         "give --symbol FILE --params FILE");
  }
  if (!model.empty() && !symbol.empty()) {
    fail(ErrorCode::invalid_argument, "give either MODEL '{}' or --symbol '{}', not both", model, symbol);
  }
  if (is_plan()) fail(ErrorCode::unsupported, "'{}' is a plan, and this needs the model that it was built from", model);
  if (model.empty()) return Model::load_files(symbol, params);
  if (in_zoo(model)) return pretrained ? Model::zoo_pretrained(model) : Model::zoo(model, seed);
  if (pretrained) fail(ErrorCode::not_found, "--pretrained: there is no network '{}' in the zoo", model);
  const std::string prefix =
      model.ends_with(kSymbolEnding) ? model.substr(0, model.size() - kSymbolEnding.size()) : model;
  if (!std::filesystem::exists(prefix + std::string(kSymbolEnding))) {
    fail(ErrorCode::not_found,
         "there is no model '{}': no file {}{}, and no such network in the zoo (`tenon zoo` lists them)", model, prefix,
         kSymbolEnding);
  }
  return Model::load(prefix, epoch);
}

std::optional<Shape> ModelOptions::usual_input() const {
  if (!in_zoo(model)) return {};
  return Model::zoo_input(model);
}

InputPlan ModelOptions::plan(const Model& loaded, std::map<std::string, Shape> given) const {
  given.merge(parse_shapes(shapes, loaded));  // keeps what is given already
  auto types = loaded.infer(known_types(loaded, given));
  for (const std::string& input : loaded.inputs()) {
    if (given.contains(input) && given[input].is_known()) continue;
    if (types[input].shape.is_known()) continue;
    const auto shape = given.contains(input) ? std::nullopt : usual_input();
    const auto fallback = shape ? shape : with_batch_of_one(types[input].shape);
    if (!fallback) continue;
    given[input] = *fallback;
    types = loaded.infer(known_types(loaded, given));
  }

  InputPlan plan;
  for (const std::string& input : loaded.inputs()) {
    plan.shapes[input] = types[input].shape;
    if (given.contains(input)) plan.fed.push_back(input);
  }
  if (plan.fed.empty() && !plan.shapes.empty()) plan.fed.push_back(loaded.inputs().front());
  return plan;
}

BindOptions ModelOptions::binding(const InputPlan& plan) const {
  for (const auto& [input, shape] : plan.shapes) {
    if (!shape.is_known()) {
      fail(ErrorCode::invalid_argument,
           "the shape of input '{}' does not follow from the parameters, only {}; give it: "
           "--shape {}=1,3,224,224",
           input, shape.str(), input);
    }
  }
  BindOptions options;
  options.shapes = plan.shapes;
  options.device = Device::parse(device);
  options.backend = backend;
  options.precision = precision;
  options.optimize = optimize;
  options.threads = threads;
  options.tune = tune;
  options.selector = selector;
  options.min_subgraph = min_subgraph;
  options.dump_passes = dump_passes;
  options.disabled_passes = {disabled_passes.begin(), disabled_passes.end()};
  options.keep_fp32 = {keep_fp32.begin(), keep_fp32.end()};
  if (tune != "off") options.progress = tuning_progress;
  return options;
}

int ModelOptions::effective_threads() const {
  return threads > 0 ? threads : allowed_cores();
}

std::map<std::string, TensorType> known_types(const Model& model, const std::map<std::string, Shape>& shapes) {
  std::map<std::string, TensorType> types;
  for (const auto& [name, value] : model.parameters()) types[name] = {value.shape(), value.dtype()};
  for (const auto& [name, shape] : shapes) types[name].shape = shape;
  return types;
}

}  // namespace tenon::cli
