#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace tenon::cli {

/// When to stop: after so many forwards, or (0) when `seconds` have passed and a few were timed.
struct Schedule {
  int iterations = 0;
  double seconds = 3;
  double warmup_seconds = 0.5;
  int fewest = 10;  ///< timed forwards by seconds, however long one takes
};

/// Times of single forwards in milliseconds, as they came.
struct Samples {
  std::vector<double> wall, cpu;
  bool interrupted = false;
};

/// Warms up, then times `forward` again and again; `progress(done)` hears of each. Stops early when interrupted().
Samples measure(const std::function<void()>& forward, const Schedule& schedule,
                const std::function<void(int done)>& progress);

/// The value below which a share of the samples lies; 0.5 is the median. Not of an empty vector.
double quantile(std::vector<double> samples, double share);

/// From here on Ctrl-C only asks to stop; the second one kills.
void catch_interrupt();
bool interrupted();

/// The largest resident memory of this process since reset_peak_memory(), where the kernel allows resetting; else since
/// its start.
void reset_peak_memory();
std::size_t peak_memory();
/// The resident memory of this process now.
std::size_t resident_memory();

}  // namespace tenon::cli
