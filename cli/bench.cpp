// tenon bench: the classic measurement, one line a batch size.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "core/error.h"
#include "core/threads.h"
#include "diagnosis.h"
#include "forward_parts.h"
#include "inputs.h"
#include "measure.h"
#include "model_options.h"
#include "profile.h"
#include "report.h"
#include "subject.h"
#include "table.h"
#include "verbs.h"

namespace tenon::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tenon bench resnet18_v2
      before (operator by operator) and after (accelerated), and the ratio
  tenon bench resnet50_v1 --batch 1,8,32 --threads 2
  tenon bench mymodel --backend plain
      the plain program alone
  tenon bench mymodel.plan
      a plan of `tenon build` alone; build is the time to load it
  tenon bench mymodel --shape data=1,3,112,112 --iterations 100 --json

For each batch size: bind both, warm up, then time single forwards of the one and the other in turns, --seconds of
each (or --iterations). cpu ms is the process's CPU time of a forward over all its threads; peak memory is the largest
resident size of the process with that program alone, held what is resident after its first forward; build is the
first time and again, with what is kept from the first. On a GPU it also says what a forward is made of, with the
input on the device and copied from the host before each: the copy, the launch (after which the host is free), the
wait, and the device's own time. --json prints one object a batch size as soon as it is measured. Ctrl-C prints what
there is.
)";

constexpr double kWorthwhile = 1.05;  // below, bench says why

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

/// One pipeline at one batch size.
struct Side {
  std::string backend;
  Timing timing;
  std::size_t parameter_bytes, activation_bytes, peak_bytes, resident_bytes;
  double build_s, rebuild_s;
  std::optional<ForwardParts> parts;  ///< on a GPU
};

struct Row {
  std::int64_t batch;
  std::string precision;       ///< what the engine multiplies in; of the plain program alone, the type of its outputs
  std::size_t file_bytes = 0;  ///< of parameters
  Side before;
  std::optional<Side> after;  ///< none where the plain program alone is asked for
  std::vector<std::string> why_not_faster;
  bool interrupted;

  double ratio() const { return before.timing.median_ms / after->timing.median_ms; }
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
  const Side& last = row.after ? *row.after : row.before;
  return {{"model", model.title()},
          {"device", model.device},
          {"precision", row.precision},
          {"batch", row.batch},
          {"threads", model.effective_threads()},
          {"baseline", timing_json(row.before.timing)},
          {"engine", row.after ? timing_json(row.after->timing) : Json()},
          {"baseline_parts", row.before.parts ? parts_json(*row.before.parts) : Json()},
          {"engine_parts", row.after && row.after->parts ? parts_json(*row.after->parts) : Json()},
          {"ratio", row.after ? Json(row.ratio()) : Json()},
          {"parameter_bytes_before", row.file_bytes},
          {"parameter_bytes_after", last.parameter_bytes},
          {"activation_bytes", last.activation_bytes},
          {"peak_bytes", last.peak_bytes},
          {"resident_bytes", last.resident_bytes},
          {"build_s", last.build_s},
          {"rebuild_s", last.rebuild_s},
          {"why_not_faster", row.why_not_faster},
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

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// One pipeline, bound and fed.
class Contender {
 public:
  Contender(const BenchOptions& options, Subject& subject, const InputPlan& plan, std::string backend)
      : options_(options), subject_(subject), plan_(plan), backend_(std::move(backend)) {
    reset_peak_memory();
    side_.build_s = bind();
    forward();
    side_.peak_bytes = peak_memory();
    side_.resident_bytes = resident_memory();
    side_.backend = backend_;
    side_.parameter_bytes = executor().parameter_bytes();
    side_.activation_bytes = executor().activation_bytes();
  }

  /// Binds and feeds; the seconds that binding took.
  double bind() {
    const auto start = std::chrono::steady_clock::now();
    subject_.reopen();
    executor_.emplace(subject_.bind(plan_, backend_));
    const double seconds = seconds_since(start);
    for (const std::string& input : plan_.fed) {
      executor_->set_input(input, random_tensor(executor_->type(input).shape, options_.model.seed, input));
    }
    return seconds;
  }
  void bind_again() {
    executor_.reset();
    side_.rebuild_s = bind();
  }
  void release() { executor_.reset(); }

  Session& executor() { return *executor_; }
  void forward() { executor_->forward(); }

  void measure_turn(const Schedule& schedule, Progress& progress) {
    const Samples turn = measure([&] { forward(); }, schedule, [&](int done) { progress(done); });
    samples_.wall.insert(samples_.wall.end(), turn.wall.begin(), turn.wall.end());
    samples_.cpu.insert(samples_.cpu.end(), turn.cpu.begin(), turn.cpu.end());
  }
  /// On a GPU, what a forward is made of: the input may lie on the other side.
  void measure_parts(double seconds) {
    if (Device::parse(options_.model.device).kind == Device::Kind::cpu) return;
    std::map<std::string, Tensor> inputs;
    for (const std::string& input : plan_.fed) {
      const TensorType& type = executor_->type(input);
      inputs[input] = random_tensor(type.shape, options_.model.seed, input).astype(*type.dtype);
    }
    side_.parts = cli::measure_parts(*executor_, inputs, seconds);
  }
  bool has_samples() const { return !samples_.wall.empty(); }

  Side side(std::int64_t batch) const {
    Side side = side_;
    side.timing = summarise(samples_, batch);
    return side;
  }

 private:
  const BenchOptions& options_;
  Subject& subject_;
  const InputPlan& plan_;
  std::string backend_;
  std::optional<Session> executor_;
  Samples samples_;
  Side side_{};
};

/// Short ones, so that a busy machine disturbs both sides alike.
int turns_for(const Schedule& schedule) {
  constexpr int fewest = 4;
  constexpr double seconds = 0.5;
  if (schedule.iterations > 0) return std::min(fewest, schedule.iterations);
  return std::max(fewest, static_cast<int>(std::ceil(schedule.seconds / seconds)));
}

/// A share of the whole schedule for each turn.
Schedule turn_of(const Schedule& schedule, int turns, int turn) {
  Schedule part = schedule;
  part.seconds /= turns;
  part.fewest = (schedule.fewest + turns - 1) / turns;
  part.iterations = schedule.iterations * (turn + 1) / turns - schedule.iterations * turn / turns;
  if (turn > 0) part.warmup_seconds = 0;
  return part;
}

std::vector<std::string> reasons(Contender& after, const ModelOptions& model) {
  const Roofline roofline = roofline_of(Device::parse(model.device), model.precision, model.effective_threads());
  const std::vector<TimedStep> steps = profile(after.executor(), roofline);
  const std::vector<RefusedNode> refused = after.executor().refused();
  return diagnosis({steps, refused, roofline, model.effective_threads(), allowed_cores()});
}

/// Empty when interrupted before the first timed forward.
std::optional<Row> bench(const BenchOptions& options, Subject& subject, const InputPlan& usual, std::int64_t batch) {
  const InputPlan plan = subject.plan(with_batch(usual, batch));
  const bool both = options.model.backend != "plain" && !subject.is_plan();
  Contender before(options, subject, plan, subject.is_plan() ? options.model.backend : "plain");
  std::optional<Contender> after;
  if (both) {
    before.release();
    after.emplace(options, subject, plan, options.model.backend);
    after->bind_again();
  }
  before.bind_again();
  const int turns = both ? turns_for(options.schedule) : 1;
  {
    Progress progress(batch);
    for (int turn = 0; turn < turns && !interrupted(); ++turn) {
      before.measure_turn(turn_of(options.schedule, turns, turn), progress);
      if (after) after->measure_turn(turn_of(options.schedule, turns, turn), progress);
    }
  }
  if (!before.has_samples()) return {};
  if (!interrupted()) {
    before.measure_parts(options.schedule.seconds / 4);
    if (after) after->measure_parts(options.schedule.seconds / 4);
  }
  if (after && !after->has_samples()) after.reset();
  const Shape first = plan.fed.empty() ? Shape{1} : plan.shapes.at(plan.fed.front());
  Row row{.batch = first.rank() > 0 ? first[0] : 1, .interrupted = interrupted()};
  row.before = before.side(row.batch);
  const bool has_engine = both || subject.is_plan();
  row.precision = has_engine ? options.model.precision : name(before.executor().output(0).dtype());
  row.file_bytes = subject.file_bytes();
  if (after) {
    row.after = after->side(row.batch);
    if (row.ratio() < kWorthwhile && !interrupted()) row.why_not_faster = reasons(*after, options.model);
  }
  return row;
}

std::string warnings(const Row& row) {
  std::string text;
  for (const Side* side : {&row.before, row.after ? &*row.after : &row.before}) {
    const Timing& timing = side->timing;
    // Sub-second numbers need to know when they mean little.
    if (timing.p99_ms > 1.5 * timing.median_ms) {
      text += fmt::format("batch {}: {} is unsteady, p99 is {:.1f} times the median; is the machine busy?\n", row.batch,
                          side->backend, timing.p99_ms / timing.median_ms);
    }
    if (!row.after) break;
  }
  if (row.interrupted)
    text += fmt::format("batch {}: interrupted after {} forwards\n", row.batch, row.before.timing.iterations);
  return text;
}

/// "1.82 times as fast; 100 forwards: 2.54 s before, 1.40 s after (CPU 2.54 s, 1.40 s)".
std::string comparison(const Row& row) {
  if (!row.after) return "";
  const Timing &before = row.before.timing, &after = row.after->timing;
  std::string text = fmt::format(
      "batch {}: {:.2f} times as fast; 100 forwards take {:.3f} s before, {:.3f} s after (CPU {:.3f} s, {:.3f} s)\n",
      row.batch, row.ratio(), before.median_ms / 10, after.median_ms / 10, before.cpu_ms / 10, after.cpu_ms / 10);
  if (row.ratio() < kWorthwhile) {
    text += fmt::format("  why not {} times:\n", kWorthwhile);
    for (const std::string& sentence : row.why_not_faster) text += fmt::format("  - {}\n", sentence);
  }
  return text;
}

/// The tutorial's 10,000 forwards, and where their time goes.
std::string parts_report(const Row& row) {
  if (!row.before.parts) return "";
  constexpr double forwards = 10'000 / 1e3;  // of milliseconds
  std::string resident, copied, words;
  for (const Side* side : {&row.before, row.after ? &*row.after : nullptr}) {
    if (side == nullptr || !side->parts) continue;
    const char* when = side == &row.before ? "before" : "after";
    const char* comma = resident.empty() ? "" : ", ";
    resident += fmt::format("{}{:.2f} s {}", comma, side->parts->resident.total_ms * forwards, when);
    copied += fmt::format("{}{:.2f} s {}", comma, side->parts->copied.total_ms * forwards, when);
    words += fmt::format("  {}: {}\n", when, in_words(*side->parts));
  }
  return fmt::format("batch {}: 10,000 forwards take {} with the input on the device; {} with it on the host\n{}",
                     row.batch, resident, copied, words);
}

std::string label(const Row& row, const Side& side, bool is_plan) {
  if (is_plan) return "plan: " + side.backend;
  return (&side == &row.before ? "before: " : "after: ") + side.backend;
}

std::string report(const BenchOptions& options, const std::vector<Row>& rows) {
  Table table({"batch", "program", "median ms", "p99 ms", "min ms", "cpu ms", "images/s", "forwards", "parameters",
               "activations", "peak memory", "held", "build s", "again s"});
  std::string text;
  for (const Row& row : rows) {
    for (const Side* side : {&row.before, row.after ? &*row.after : nullptr}) {
      if (side == nullptr) continue;
      const Timing& timing = side->timing;
      table.add({std::to_string(row.batch), label(row, *side, options.model.is_plan()),
                 fmt::format("{:.3f}", timing.median_ms), fmt::format("{:.3f}", timing.p99_ms),
                 fmt::format("{:.3f}", timing.min_ms), fmt::format("{:.3f}", timing.cpu_ms),
                 fmt::format("{:.1f}", timing.images_per_s), std::to_string(timing.iterations),
                 megabytes(side->parameter_bytes), megabytes(side->activation_bytes), megabytes(side->peak_bytes),
                 megabytes(side->resident_bytes), fmt::format("{:.3f}", side->build_s),
                 fmt::format("{:.3f}", side->rebuild_s)});
    }
    text += comparison(row) + parts_report(row) + warnings(row);
  }
  return fmt::format("{} on {}, {}, {} threads, parameters {} in the file\n\n{}\n{}", options.model.title(),
                     options.model.device, rows.front().precision, options.model.effective_threads(),
                     megabytes(rows.front().file_bytes), table.str(), text);
}

int run(BenchOptions& options) {
  catch_interrupt();
  Subject subject(options.model);
  const InputPlan usual = subject.plan();
  std::vector<Row> rows;
  const auto batches = options.batches.empty() ? std::vector<std::int64_t>{0} : options.batches;
  for (const std::int64_t batch : batches) {
    const std::optional<Row> row = interrupted() ? std::nullopt : bench(options, subject, usual, batch);
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
  options->model.backend = "cpu";
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
  return {&app, [options] {
            options->model.prefer_engine();
            return run(*options);
          }};
}

}  // namespace tenon::cli
