// Runs packs of golden results (what MXNet computes) and compares.

#include <array>
#include <iostream>
#include <map>

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "conformance/run.h"
#include "core/error.h"

namespace tenon::conformance {
namespace {

constexpr const char* kWords[] = {"passed", "failed", "skipped"};

struct Tally {
  std::map<std::string, std::map<std::string, int>> failed_by_op;  // by family, then operator
  std::map<std::string, int> skipped_by_op;
  std::array<int, 3> counts{};

  void add(const Case& entry, const Outcome& outcome) {
    ++counts[static_cast<std::size_t>(outcome.verdict)];
    if (outcome.verdict == Verdict::failed) ++failed_by_op[entry.family][entry.op];
    if (outcome.verdict == Verdict::skipped) {
      for (const std::string& op : outcome.reasons) ++skipped_by_op[op];
    }
  }

  void print() const {
    for (const auto& [family, ops] : failed_by_op) {
      for (const auto& [op, count] : ops) fmt::print("{:5} failed: {} ({})\n", count, op, family);
    }
    for (const auto& [op, count] : skipped_by_op) {
      fmt::print("{:5} skipped: Tenon has no operator {}\n", count, op);
    }
    fmt::print("{} passed, {} failed, {} skipped\n", counts[0], counts[1], counts[2]);
  }
};

int main_with(int argc, char** argv) {
  std::string folder, family, filter, device = "cpu";
  std::vector<std::string> on_host;
  RunOptions options;
  bool as_json = false;
  CLI::App app{"Runs golden packs and compares with what MXNet computed."};
  app.add_option("folder", folder, "Holds index.json or FAMILY.json")->required();
  app.add_option("--family", family, "Only this family (nn, elemwise, …, errors; models, zoo, extra)");
  app.add_option("--filter", filter, "Only cases whose name contains this");
  app.add_option("--backend", options.backend, "plain, reference, cpu or the path of a guest")->capture_default_str();
  app.add_option("--device", device, "cpu, cuda, cuda:1, …")->capture_default_str();
  app.add_option("--precision", options.precision, "fp32 or, where the backend can, tf32, bf16, fp16")
      ->capture_default_str();
  app.add_option("--tolerance", options.tolerance,
                 "What an element may be off, times the largest of its golden output; default: as the pack says")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--constants", options.constants, "Bind every input but the first as a parameter");
  app.add_option("--through-plan", options.plan, "Save each engine to this file, load it, and compare the bits, too");
  app.add_option("--on-host", on_host,
                 "A case fails where an operator that is not in this list, such as none, goes to the host's reference")
      ->delimiter(',');
  app.add_flag("--json", as_json, "One JSON object a case instead of sentences");
  CLI11_PARSE(app, argc, argv);
  options.device = Device::parse(device);
  if (!on_host.empty()) options.on_host = std::move(on_host);

  Tally tally;
  for (const Case& entry : read_packs(folder)) {
    if (!family.empty() && entry.family != family) continue;
    if (entry.name.find(filter) == std::string::npos) continue;
    // What MXNet refuses on the CPU alone.
    if (options.device.kind != Device::Kind::cpu && entry.name.ends_with("_cpu")) continue;
    const Outcome outcome = run(entry, options);
    tally.add(entry, outcome);
    const char* word = kWords[static_cast<std::size_t>(outcome.verdict)];
    if (as_json) {
      const nlohmann::json line = {{"family", entry.family},
                                   {"name", entry.name},
                                   {"op", entry.op},
                                   {"verdict", word},
                                   {"reasons", outcome.reasons}};
      fmt::print("{}\n", line.dump());
    } else if (outcome.verdict == Verdict::failed) {
      fmt::print("FAILED {}/{} ({}): {}\n", entry.family, entry.name, entry.op, fmt::join(outcome.reasons, "\n    "));
    }
  }
  if (tally.counts == std::array<int, 3>{}) fail(ErrorCode::not_found, "no case of {} is asked for", folder);
  tally.print();
  return tally.counts[1] > 0 ? 1 : 0;
}

}  // namespace
}  // namespace tenon::conformance

int main(int argc, char** argv) {
  try {
    return tenon::conformance::main_with(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "tenon-conformance: " << error.what() << '\n';
    return 2;
  }
}
