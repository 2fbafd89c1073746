#pragma once

#include <set>
#include <string>
#include <vector>

#include "passes/body.h"
#include "passes/primitives.h"

namespace tenon {

struct PassOptions {
  Precision precision = Precision::fp32;
  /// Names of MXNet's nodes whose arithmetic stays in float32 whatever the precision.
  std::set<std::string> keep_fp32;
  /// Passes left out, by name.
  std::set<std::string> disabled;
  /// Where the graph is written after each pass, as NNN_pass.txt; empty: nowhere.
  std::string dump_folder;
};

/// What one pass did.
struct PassRecord {
  std::string name;
  double seconds = 0;  ///< without the check behind it
  int nodes = 0;       ///< operators afterwards
};

/// The passes' names, in the order in which they run.
std::vector<std::string> pass_names();

/// Throws Error(invalid_argument), listing the passes, where a name is none of theirs.
void check_passes(const std::set<std::string>& names);

/// Runs the passes over the body and checks it after each. `records`, where given, gets one a pass. Throws Error:
/// invalid_argument for a disabled pass that does not exist, io where a dump cannot be written, internal, naming the
/// pass, where it broke the graph.
void run_passes(Body& body, const PassOptions& options = {}, std::vector<PassRecord>* records = nullptr);

}  // namespace tenon
