#pragma once

#include <vector>

#include <tenon/tenon.h>

#include "report.h"

namespace tenon::cli {

/// A step and what it costs in a forward.
struct TimedStep {
  StepInfo info;
  double ms;
  /// The least time that this machine's arithmetic and memory allow, whichever binds, as a share of the time taken; 0
  /// where unknown. More than 1 where what it reads lies in a cache.
  double of_peak;

  // Of a whole forward: all portions.
  double operations() const { return info.operations * info.portions; }
  double done_operations() const { return info.done_operations * info.portions; }
  double bytes() const { return info.bytes * info.portions; }
};

/// What the device does at most; zeros where unknown. The processor's is measured, a GPU's follows from its clocks.
struct Roofline {
  double operations_per_ms = 0, bytes_per_ms = 0;

  // The least times that arithmetic, memory, and both allow a step.
  double arithmetic_ms(const TimedStep& step) const;
  double memory_ms(const TimedStep& step) const;
  double least_ms(const TimedStep& step) const;
};
Roofline roofline_of(const Device& device, const std::string& precision, int threads);

/// The steps with the least time of a few forwards, which other programs disturb least.
std::vector<TimedStep> profile(Session& executor, const Roofline& roofline);
double total_ms(const std::vector<TimedStep>& steps);

/// "conv0 + bn0 + relu0"; of many, the first and the last.
std::string covered(const StepInfo& info);

/// Events that chrome://tracing and Perfetto draw: a bar a step, engine nodes as rows of their own.
Json chrome_trace(const std::vector<TimedStep>& steps, const std::string& title);

}  // namespace tenon::cli
