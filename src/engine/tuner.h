#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/engine.h>

#include "engine/backend.h"
#include "engine/timing_cache.h"

namespace tenon {

/// How much is measured: nothing; what the implementations offer by themselves; that and what their rules of thumb
/// refuse, longer.
enum class Effort { off, fast, full };
/// Throws Error(invalid_argument) for any other word than "off", "fast" and "full".
Effort parse_effort(std::string_view word);

/// A way to run a step that has accepted.
struct Candidate {
  std::string implementation;
  StepPlan plan;
};

/// Times the ways to run a step against each other, on its real shapes, while a program is built; what it finds is kept
/// in a cache, by the number of threads at hand. With Effort::off it only tells how far the build is. One thread uses a
/// Tuner at a time.
class Tuner {
 public:
  struct Options {
    Effort effort = Effort::fast;
    /// What a forward reads between two runs of a step, as far as is known: the model's parameters. A step is timed
    /// with that much read in between, so that its weights come from where they will come from.
    std::size_t traffic_bytes = 0;
    double seconds = 10;  ///< for all steps together; the others take the first that accepts
    std::function<bool(const BuildProgress&)> progress;  ///< empty: nobody looks; what it throws ends the build
  };
  Tuner(Options options, TimingCache& cache);

  const Options& options() const { return options_; }
  /// That so many steps more will be decided.
  void expect(int steps) { total_ += steps; }

  /// What was found for this step before, the chosen one first; empty where it was not measured.
  std::vector<Timing> known(const StepRequest& request);
  /// Measures them; the chosen one first, then by time. The first candidate is chosen unless another is faster by more
  /// than the noise. Empty when the time is over or somebody has asked to stop: then nothing is known.
  std::vector<Timing> measure(const StepRequest& request, std::vector<Candidate>& candidates);
  /// Tells whoever looks that a step is decided.
  void report(const std::string& node);

 private:
  std::string problem_of(const StepRequest& request, Effort effort) const;
  void read_traffic();
  bool over() const;

  using Clock = std::chrono::steady_clock;
  Options options_;
  TimingCache& cache_;
  Clock::duration spent_{};
  std::vector<float> traffic_;
  int done_ = 0, total_ = 0;
  bool stopped_ = false;
};

}  // namespace tenon
