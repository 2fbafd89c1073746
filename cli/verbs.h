#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace tenon::cli {

/// Exit codes: 0, the numbers of tenon::ErrorCode (1 for a command line that cannot be read, too), and these.
inline constexpr int kDeviates = 8;       ///< `compare` found a difference
inline constexpr int kInterrupted = 130;  ///< Ctrl-C

/// A subcommand: what the parser knows of it, and what it does once its options are read. The result is the exit code.
struct Verb {
  CLI::App* app;
  std::function<int()> run;
};

// A file each.
Verb run_verb(CLI::App& parent);
Verb bench_verb(CLI::App& parent);
Verb build_verb(CLI::App& parent);
Verb compare_verb(CLI::App& parent);
Verb explain_verb(CLI::App& parent);
Verb show_verb(CLI::App& parent);
Verb report_verb(CLI::App& parent);
Verb zoo_verb(CLI::App& parent);
Verb devices_verb(CLI::App& parent);
Verb version_verb(CLI::App& parent);

}  // namespace tenon::cli
