#include "tuning.h"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "measure.h"

namespace tenon::cli {

bool tuning_progress(const BuildProgress& progress) {
  if (isatty(STDERR_FILENO) == 1) {
    fmt::print(stderr, "\rtuning {} of {}: {}\x1b[K", progress.done, progress.total, progress.node);
    if (progress.done == progress.total) fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
  }
  return !interrupted();
}

}  // namespace tenon::cli
