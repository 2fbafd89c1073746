// tenon run: one forward, its outputs in words, JSON or a file.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <numeric>

#include <fmt/format.h>

#include <tenon/npz.h>
#include "core/error.h"
#include "image.h"
#include "inputs.h"
#include "model_options.h"
#include "report.h"
#include "subject.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr std::int64_t kMaxListed = 1000;  // elements of an output that --json lists

constexpr const char* kExamples = R"(Examples:
  tenon run resnet18_v2
      random input of the usual shape, from --seed
  tenon run mymodel --image cat.jpg --top 5 --labels synset.txt
      a picture, prepared as Gluon prepares ImageNet
  tenon run det1 --image face.png --crop 48,64 --scale 1 --mean 127.5 --std 128
      (pixel - 127.5) / 128, the middle 48 x 64 pixels
  tenon run mymodel --input data=x.npy --output y.npz
      arrays in, arrays out: y.npz has a member for each output
  tenon run mymodel.plan --input data=x.npy
      a plan of `tenon build`: no compiling
  tenon run --symbol net.json --params net.params --shape data=1,3,112,112 --json
)";

struct RunOptions {
  ModelOptions model;
  ImageOptions image;
  std::vector<std::string> inputs;
  int top = 0;
  std::string labels, output;
  bool json = false;
};

struct Ranked {
  std::int64_t index;
  double value;
  std::string label;
};

struct Summary {
  double min = 0, max = 0, mean = 0;
  std::int64_t not_finite = 0;
};

std::vector<std::string> read_labels(const std::string& file) {
  std::vector<std::string> labels;
  if (file.empty()) return labels;
  std::ifstream stream(file);
  if (!stream) fail(ErrorCode::not_found, "--labels {}: the file cannot be read", file);
  for (std::string line; std::getline(stream, line);) labels.push_back(line);
  return labels;
}

/// The arrays and pictures that were given.
Parameters gather(const RunOptions& options, const Subject& subject) {
  const std::vector<std::string> inputs = subject.inputs();
  Parameters given = read_inputs(options.inputs, inputs);
  if (options.image.files.empty()) return given;
  if (inputs.empty()) fail(ErrorCode::invalid_argument, "--image: the model has no input");
  const std::string& input = inputs.front();
  const Shape shape = subject.plan(shapes_of(given)).shapes[input];
  const int first = options.image.layout == "NCHW" ? 2 : 1;
  const auto side = [&](int axis) {
    return shape.rank() == 4 && shape[axis] != Shape::unknown ? shape[axis] : std::int64_t{224};
  };
  given[input] = options.image.read(side(first), side(first + 1));
  return given;
}

/// The largest `count` elements of each row, a row being the last axis.
std::vector<std::vector<Ranked>> rank(const Tensor& output, int count, const std::vector<std::string>& labels) {
  const Tensor wide = output.astype(DType::float64);
  const double* values = wide.data<double>();
  const std::int64_t classes = output.shape().rank() == 0 ? 1 : output.shape()[output.shape().rank() - 1];
  std::vector<std::vector<Ranked>> rows;
  for (std::int64_t start = 0; start < wide.elements(); start += classes) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(classes));
    std::iota(order.begin(), order.end(), 0);
    const auto kept = order.begin() + std::min<std::int64_t>(count, classes);
    const auto larger = [row = values + start](std::int64_t a, std::int64_t b) {
      // NaN counts as the smallest: a strict order over all doubles
      const bool a_counts = !std::isnan(row[a]), b_counts = !std::isnan(row[b]);
      if (a_counts != b_counts) return a_counts;
      return a_counts && row[a] != row[b] ? row[a] > row[b] : a < b;
    };
    std::partial_sort(order.begin(), kept, order.end(), larger);
    auto& row = rows.emplace_back();
    for (auto it = order.begin(); it != kept; ++it) {
      const auto known = static_cast<std::size_t>(*it) < labels.size();
      row.push_back({*it, values[start + *it], known ? labels[static_cast<std::size_t>(*it)] : ""});
    }
  }
  return rows;
}

Summary summarise(const Tensor& output) {
  const Tensor wide = output.astype(DType::float64);
  Summary summary{INFINITY, -INFINITY, 0, 0};
  double sum = 0;
  for (std::int64_t i = 0; i < wide.elements(); ++i) {
    const double value = wide.data<double>()[i];
    if (!std::isfinite(value)) {
      ++summary.not_finite;
      continue;
    }
    summary.min = std::min(summary.min, value);
    summary.max = std::max(summary.max, value);
    sum += value;
  }
  summary.mean = sum / static_cast<double>(wide.elements() - summary.not_finite);
  return summary;
}

std::string output_text(const std::string& name, const Tensor& output, const std::vector<std::vector<Ranked>>& rows) {
  const Summary summary = summarise(output);
  std::string text = fmt::format("{}  {}  min {:.6g}  max {:.6g}  mean {:.6g}{}\n", name,
                                 describe({output.shape(), output.dtype()}), summary.min, summary.max, summary.mean,
                                 summary.not_finite > 0 ? fmt::format("  not finite: {}", summary.not_finite) : "");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.size() > 1) text += fmt::format("  row {}\n", i);
    for (const Ranked& entry : rows[i])
      text += fmt::format("  {:>6}  {:<12.6g} {}\n", entry.index, entry.value, entry.label);
  }
  return text;
}

Json output_json(const std::string& name, const Tensor& output, const std::vector<std::vector<Ranked>>& rows) {
  const Summary summary = summarise(output);
  Json json = {{"name", name},
               {"dtype", tenon::name(output.dtype())},
               {"shape", dims_json(output.shape())},
               {"min", summary.min},
               {"max", summary.max},
               {"mean", summary.mean},
               {"not_finite", summary.not_finite}};
  for (const auto& row : rows) {
    Json entries = Json::array();
    for (const Ranked& entry : row) {
      entries.push_back({{"index", entry.index}, {"value", entry.value}, {"label", entry.label}});
    }
    json["top"].push_back(std::move(entries));
  }
  if (output.elements() <= kMaxListed) {
    const Tensor wide = output.astype(DType::float64);
    json["values"] = std::vector<double>(wide.data<double>(), wide.data<double>() + wide.elements());
  }
  return json;
}

int run(RunOptions& options) {
  const std::vector<std::string> labels = read_labels(options.labels);
  const Subject subject(options.model);
  const Parameters given = gather(options, subject);
  const InputPlan plan = subject.plan(shapes_of(given));
  Session executor = subject.bind(plan);

  Json inputs = Json::array();
  std::string text;
  for (const std::string& input : executor.inputs()) {
    const bool random = !given.contains(input) && std::count(plan.fed.begin(), plan.fed.end(), input) > 0;
    const TensorType& type = executor.type(input);
    const auto source = given.contains(input) ? "given"
                        : random              ? fmt::format("random, seed {}", options.model.seed)
                                              : "zeros";
    if (given.contains(input)) executor.set_input(input, given.at(input));
    if (random) executor.set_input(input, random_tensor(type.shape, options.model.seed, input));
    inputs.push_back(
        {{"name", input}, {"dtype", name(*type.dtype)}, {"shape", dims_json(type.shape)}, {"source", source}});
    text += fmt::format("{}  {}  {}\n", input, describe(type), source);
  }

  const auto start = std::chrono::steady_clock::now();
  executor.forward();
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  text += fmt::format("first forward {:.2f} ms on {}\n", elapsed.count(), options.model.device);

  // Whoever gives a picture or labels wants to know what is on it.
  const bool classify = !options.image.files.empty() || !labels.empty();
  const int top = options.top > 0 || !classify ? options.top : 5;
  Parameters results;
  Json outputs = Json::array();
  for (int i = 0; const std::string& name : executor.outputs()) {
    const Tensor& output = executor.output(i++);
    const auto rows = top > 0 ? rank(output, top, labels) : std::vector<std::vector<Ranked>>();
    outputs.push_back(output_json(name, output, rows));
    text += output_text(name, output, rows);
    results[name] = output;
  }
  if (!options.output.empty()) write_npz(options.output, results);

  if (!options.json) {
    print(text);
  } else {
    print_json({{"model", options.model.title()},
                {"device", options.model.device},
                {"backend", options.model.backend},
                {"threads", options.model.effective_threads()},
                {"seed", options.model.seed},
                {"inputs", inputs},
                {"forward_ms", elapsed.count()},
                {"outputs", outputs}});
  }
  return 0;
}

}  // namespace

Verb run_verb(CLI::App& parent) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App& app = *parent.add_subcommand("run", "Run a model once and print what it gives");
  app.footer(kExamples);
  options->model.add_model(app);
  options->model.add_binding(app);
  app.add_option("--input", options->inputs,
                 "NAME=FILE.npy, FILE.npy for the first input, or FILE.npz with a member for each;\n"
                 "what is not given and does not follow is random")
      ->type_name("FILE")
      ->allow_extra_args(false);
  options->image.add_to(app);
  app.add_option("--top", options->top, "Print the K largest of each row; 5 with --image or --labels")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--labels", options->labels, "A file with a label a line")->type_name("FILE");
  app.add_option("--output", options->output, "Write the outputs to this .npz")->type_name("FILE");
  app.add_flag("--json", options->json, "One JSON object; lists the values of outputs of up to 1000 elements");
  return {&app, [options] { return run(*options); }};
}

}  // namespace tenon::cli
