#include "diagnosis.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace tenon::cli {
namespace {

// Shares of the time from which on a sentence is worth its line.
constexpr double kManyCopies = 0.1, kOneStep = 0.3, kMostlyMemory = 0.5, kRefusal = 0.01;
constexpr std::size_t kMostRefusals = 3;

class Diagnosis {
 public:
  explicit Diagnosis(const Findings& findings) : findings_(findings), all_(std::max(total_ms(findings.steps), 1e-9)) {}

  std::vector<std::string> sentences() {
    say_what_was_taken();
    say_what_refusals_cost();
    say_which_step_is_long();
    say_what_copies_cost();
    say_what_binds();
    say_what_threads_are_left();
    return std::move(sentences_);
  }

 private:
  double percent(double ms) const { return 100 * ms / all_; }

  double sum_if(const auto& condition) const {
    double sum = 0;
    for (const TimedStep& step : findings_.steps) sum += condition(step) ? step.ms : 0;
    return sum;
  }

  void say_what_was_taken() {
    std::size_t nodes = 0, taken = 0;
    for (const TimedStep& step : findings_.steps) {
      nodes += step.info.covers.size();
      taken += step.info.engine.empty() ? 0 : step.info.covers.size();
    }
    const double ms = sum_if([](const TimedStep& step) { return !step.info.engine.empty(); });
    sentences_.push_back(
        fmt::format("the engine took {} of {} nodes, with {:.0f} % of the time", taken, nodes, percent(ms)));
  }

  /// Nodes of one operator that one rule refused.
  struct Refusals {
    const RefusedNode* costliest = nullptr;
    double ms = 0, costliest_ms = -1;
    int count = 0;
  };

  std::vector<Refusals> costliest_refusals() const {
    std::map<std::string, double> cost_of;
    for (const TimedStep& step : findings_.steps) {
      for (const std::string& node : step.info.covers) {
        cost_of[node] += step.ms / static_cast<double>(step.info.covers.size());
      }
    }
    std::map<std::pair<std::string, std::string>, Refusals> groups;
    for (const RefusedNode& node : findings_.refused) {
      Refusals& group = groups[{node.op, node.rule}];
      const double ms = cost_of[node.node];
      group.ms += ms;
      ++group.count;
      if (ms > group.costliest_ms) std::tie(group.costliest, group.costliest_ms) = std::pair(&node, ms);
    }
    std::vector<Refusals> sorted;
    sorted.reserve(groups.size());
    for (const auto& [key, group] : groups) sorted.push_back(group);
    std::ranges::stable_sort(sorted, std::greater(), &Refusals::ms);
    return sorted;
  }

  void say_what_refusals_cost() {
    const std::vector<Refusals> refusals = costliest_refusals();
    for (std::size_t i = 0; i < std::min(refusals.size(), kMostRefusals); ++i) {
      const Refusals& group = refusals[i];
      if (i > 0 && group.ms < kRefusal * all_) break;
      const RefusedNode& node = *group.costliest;
      const std::string which = group.count == 1 ? fmt::format("'{}' ({}) was refused and has", node.node, node.op)
                                                 : fmt::format("{} nodes like '{}' ({}) were refused and have",
                                                               group.count, node.node, node.op);
      sentences_.push_back(fmt::format("{} {:.0f} % of the time: {}", which, percent(group.ms), node.reason));
    }
  }

  void say_which_step_is_long() {
    const auto longest = std::ranges::max_element(findings_.steps, {}, &TimedStep::ms);
    if (longest == findings_.steps.end() || longest->ms <= kOneStep * all_) return;
    std::string text = fmt::format("one step has {:.0f} % of the time: {} by {}", percent(longest->ms),
                                   covered(longest->info), longest->info.implementation);
    if (longest->of_peak > 0) text += fmt::format(", at {:.0f} % of this machine's peak", 100 * longest->of_peak);
    sentences_.push_back(std::move(text));
  }

  void say_what_copies_cost() {
    const double ms = sum_if([](const TimedStep& step) { return step.info.covers.empty(); });
    if (ms > kManyCopies * all_) {
      sentences_.push_back(fmt::format("copies between layouts have {:.0f} % of the time", percent(ms)));
    }
  }

  void say_what_binds() {
    const Roofline& roofline = findings_.roofline;
    if (roofline.bytes_per_ms <= 0 || roofline.operations_per_ms <= 0) return;
    const double memory =
        sum_if([&](const TimedStep& step) { return roofline.memory_ms(step) > roofline.arithmetic_ms(step); });
    if (memory > kMostlyMemory * all_) {
      sentences_.push_back(
          fmt::format("{:.0f} % of the time is in steps that wait for memory, not for arithmetic", percent(memory)));
    }
    double least = 0;
    for (const TimedStep& step : findings_.steps) least += roofline.least_ms(step);
    sentences_.push_back(
        fmt::format("all steps together would take {:.3f} ms at this machine's peak, {:.0f} % of the {:.3f} they take",
                    least, 100 * least / all_, all_));
  }

  void say_what_threads_are_left() {
    if (findings_.threads >= findings_.cores) return;
    sentences_.push_back(fmt::format("it runs on {} of the {} cores it may use", findings_.threads, findings_.cores));
  }

  const Findings& findings_;
  double all_;
  std::vector<std::string> sentences_;
};

}  // namespace

std::vector<std::string> diagnosis(const Findings& findings) {
  return Diagnosis(findings).sentences();
}

}  // namespace tenon::cli
