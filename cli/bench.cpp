// tenon bench: the classic measurement, one line a batch size.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "core/error.h"
#include "inputs.h"
#include "measure.h"
#include "model_options.h"
#include "report.h"
#include "table.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon bench resnet18_v2
  tenon bench resnet50_v1 --batch 1,8,32 --threads 2
  tenon bench mymodel --shape data=1,3,112,112 --iterations 100 --json

A row is one batch size: bind, warm up, then time single forwards for --seconds (or --iterations of them).
cpu ms is the process's CPU time of a forward over all its threads; peak memory is the largest resident size of
the process. --json prints one object a batch size as soon as it is measured. Ctrl-C prints what there is.
)";

struct BenchOptions {
  ModelOptions model;
  std::vector<std::int64_t> batches;
  Schedule schedule;
  bool json = false;
};

/// What was measured of one pipeline at one batch size.
struct Timing {
  double median_ms, p99_ms, min_ms, cpu_ms, images_per_s;
  int iterations;
};

struct Row {
  std::int64_t batch;
  Timing baseline;
  std::string precision;
  std::size_t parameter_bytes_before, parameter_bytes_after, activation_bytes, peak_bytes;
  double build_s;
  bool interrupted;
};

Timing summarise(const Samples& samples, std::int64_t batch) {
  const double median = quantile(samples.wall, 0.5);
  return {.median_ms = median,
          .p99_ms = quantile(samples.wall, 0.99),
          .min_ms = quantile(samples.wall, 0),
          .cpu_ms = quantile(samples.cpu, 0.5),
          .images_per_s = static_cast<double>(batch) * 1e3 / median,
          .iterations = static_cast<int>(samples.wall.size())};
}

Json timing_json(const Timing& timing) {
  return {{"median_ms", timing.median_ms},
          {"p99_ms", timing.p99_ms},
          {"min_ms", timing.min_ms},
          {"cpu_ms", timing.cpu_ms},
          {"images_per_s", timing.images_per_s},
          {"iterations", timing.iterations}};
}

Json row_json(const Row& row, const ModelOptions& model) {
  return {{"model", model.title()},
          {"device", model.device},
          {"precision", row.precision},
          {"batch", row.batch},
          {"threads", model.effective_threads()},
          {"baseline", timing_json(row.baseline)},
          {"engine", nullptr},
          {"ratio", nullptr},
          {"parameter_bytes_before", row.parameter_bytes_before},
          {"parameter_bytes_after", row.parameter_bytes_after},
          {"activation_bytes", row.activation_bytes},
          {"peak_bytes", row.peak_bytes},
          {"build_s", row.build_s},
          {"interrupted", row.interrupted}};
}

/// On a terminal, one line that overwrites itself; nothing in a pipe.
class Progress {
 public:
  explicit Progress(std::int64_t batch) : batch_(batch) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (terminal_) fmt::print(stderr, "\r\x1b[K");
  }
  void operator()(int done) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now < next_) return;
    fmt::print(stderr, "\rbatch {}: {} forwards\x1b[K", batch_, done);
    next_ = now + std::chrono::milliseconds(100);
  }

 private:
  std::chrono::steady_clock::time_point next_{};
  std::int64_t batch_;
  bool terminal_ = isatty(STDERR_FILENO) == 1;
};

/// The shapes of the fed inputs with another batch in front; no batch leaves them as they are.
std::map<std::string, Shape> with_batch(const InputPlan& plan, std::int64_t batch) {
  std::map<std::string, Shape> shapes;
  for (const std::string& input : plan.fed) {
    Shape shape = plan.shapes.at(input);
    if (batch > 0 && shape.rank() > 0) shape[0] = batch;
    shapes[input] = shape;
  }
  return shapes;
}

/// Empty when interrupted before the first timed forward.
std::optional<Row> bench(const BenchOptions& options, const Model& model, const InputPlan& usual, std::int64_t batch) {
  const InputPlan plan = options.model.plan(model, with_batch(usual, batch));
  reset_peak_memory();
  const auto start = std::chrono::steady_clock::now();
  Executor executor = Executor::bind(model, options.model.binding(plan));
  const std::chrono::duration<double> build = std::chrono::steady_clock::now() - start;
  for (const std::string& input : plan.fed) {
    executor.set_input(input, random_tensor(executor.type(input).shape, options.model.seed, input));
  }

  Samples samples;
  {
    Progress progress(batch);
    samples = measure([&] { executor.forward(); }, options.schedule, [&](int done) { progress(done); });
  }
  if (samples.wall.empty()) return {};
  const Shape first = plan.fed.empty() ? Shape{1} : plan.shapes.at(plan.fed.front());
  Row row{.batch = first.rank() > 0 ? first[0] : 1, .interrupted = samples.interrupted};
  row.baseline = summarise(samples, row.batch);
  row.precision = name(executor.output(0).dtype());
  for (const auto& [parameter, value] : model.parameters()) row.parameter_bytes_before += value.bytes();
  row.parameter_bytes_after = executor.parameter_bytes();
  row.activation_bytes = executor.activation_bytes();
  row.peak_bytes = peak_memory();
  row.build_s = build.count();
  return row;
}

/// Sub-second numbers need to know when they mean little.
std::string warnings(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    const Timing& timing = row.baseline;
    if (timing.p99_ms > 1.5 * timing.median_ms) {
      text += fmt::format("batch {}: unsteady, p99 is {:.1f} times the median; is the machine busy?\n", row.batch,
                          timing.p99_ms / timing.median_ms);
    }
    if (row.interrupted) text += fmt::format("batch {}: interrupted after {} forwards\n", row.batch, timing.iterations);
  }
  return text;
}

std::string report(const BenchOptions& options, const std::vector<Row>& rows) {
  Table table({"batch", "median ms", "p99 ms", "min ms", "cpu ms", "images/s", "forwards", "activations", "peak memory",
               "build s"});
  for (const Row& row : rows) {
    const Timing& timing = row.baseline;
    table.add({std::to_string(row.batch), fmt::format("{:.3f}", timing.median_ms), fmt::format("{:.3f}", timing.p99_ms),
               fmt::format("{:.3f}", timing.min_ms), fmt::format("{:.3f}", timing.cpu_ms),
               fmt::format("{:.1f}", timing.images_per_s), std::to_string(timing.iterations),
               megabytes(row.activation_bytes), megabytes(row.peak_bytes), fmt::format("{:.3f}", row.build_s)});
  }
  return fmt::format("{} on {}, {}, {} threads, parameters {} in the file, {} bound\n\n{}\n{}", options.model.title(),
                     options.model.device, rows.front().precision, options.model.effective_threads(),
                     megabytes(rows.front().parameter_bytes_before), megabytes(rows.front().parameter_bytes_after),
                     table.str(), warnings(rows));
}

int run(const BenchOptions& options) {
  catch_interrupt();
  const Model model = options.model.load();
  const InputPlan usual = options.model.plan(model);
  std::vector<Row> rows;
  const auto batches = options.batches.empty() ? std::vector<std::int64_t>{0} : options.batches;
  for (const std::int64_t batch : batches) {
    const std::optional<Row> row = interrupted() ? std::nullopt : bench(options, model, usual, batch);
    if (!row) break;
    rows.push_back(*row);
    if (options.json) print_json(row_json(*row, options.model));
  }
  if (!options.json && !rows.empty()) print(report(options, rows));
  return interrupted() ? kInterrupted : 0;
}

}  // namespace

Verb bench_verb(CLI::App& parent) {
  const auto options = std::make_shared<BenchOptions>();
  CLI::App& app = *parent.add_subcommand("bench", "Measure how fast a model runs");
  app.footer(kExamples);
  options->model.add_model(app);
  options->model.add_binding(app);
  app.add_option("--batch", options->batches, "Batch sizes, like 1,8,32; that of the shapes unless given")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--iterations", options->schedule.iterations, "Timed forwards; by --seconds unless given")
      ->check(CLI::Range(1, 1 << 30));
  app.add_option("--seconds", options->schedule.seconds,
                 "Time of the timed forwards of a batch size, at least 10 of them")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--warmup", options->schedule.warmup_seconds, "Seconds of forwards before, at least 2 of them")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_flag("--json", options->json, "One JSON object a batch size, a line each");
  return {&app, [options] { return run(*options); }};
}

}  // namespace tenon::cli
