#include "passes/pipeline.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

#include <fmt/ranges.h>

#include "core/error.h"
#include "passes/passes.h"

namespace tenon {
namespace {

struct Pass {
  std::string name;
  std::function<void(Body&, const PassOptions&)> run;
};

/// A pass without options.
Pass plain(std::string name, void (*run)(Body&)) {
  return {std::move(name), [run](Body& body, const PassOptions&) { run(body); }};
}

/// The pipeline.
const std::vector<Pass>& pipeline() {
  static const std::vector<Pass> passes = {
      // On MXNet's operators.
      plain("remove_identities", remove_identities),
      plain("fold_constants", fold_constants),
      plain("merge_duplicates", merge_duplicates),
      // On primitives, from here on.
      plain("lower", lower),
      plain("fold_padding", fold_padding),
      plain("fuse_pointwise", fuse_pointwise),
      // Tidies what was joined; both that follow read its form.
      plain("merge_affine", merge_affine),
      // Before fold_scales, so that the bias it makes is not scaled once more.
      plain("fold_forward", fold_forward),
      plain("merge_affine_again", merge_affine),
      plain("fold_scales", fold_scales),
      {"assign_precision", [](Body& body, const PassOptions& o) { assign_precision(body, o.precision, o.keep_fp32); }},
  };
  return passes;
}

void dump(const Body& body, const std::string& folder, int number, const std::string& pass) {
  const auto path = std::filesystem::path(folder) / fmt::format("{:03}_{}.txt", number, pass);
  std::error_code ignored;  // the file below cannot be written then
  std::filesystem::create_directories(folder, ignored);
  std::ofstream file(path);
  file << to_text(body.graph);
  file.close();
  if (!file) fail(ErrorCode::io, "cannot write '{}'", path.string());
}

int operators(const Graph& graph) {
  int count = 0;
  for (NodeId id = 0; id < graph.size(); ++id) count += graph.node(id).is_variable() ? 0 : 1;
  return count;
}

double run_one(const Pass& pass, Body& body, const PassOptions& options) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  try {
    pass.run(body, options);
    const auto end = Clock::now();
    verify(body);
    return std::chrono::duration<double>(end - start).count();
  } catch (const Error& error) {
    fail(ErrorCode::internal, "the pass {}: {}; disable it with --disable-pass {}", pass.name, error.what(), pass.name);
  }
}

}  // namespace

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const Pass& pass : pipeline()) names.push_back(pass.name);
  return names;
}

void check_passes(const std::set<std::string>& names) {
  const auto known = pass_names();
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) == known.end()) {
      fail(ErrorCode::invalid_argument, "there is no pass '{}'; the passes are {}", name, fmt::join(known, ", "));
    }
  }
}

void run_passes(Body& body, const PassOptions& options, std::vector<PassRecord>* records) {
  check_passes(options.disabled);
  if (!options.dump_folder.empty()) dump(body, options.dump_folder, 0, "before");
  int number = 0;
  for (const Pass& pass : pipeline()) {
    ++number;
    if (options.disabled.contains(pass.name)) continue;
    const double seconds = run_one(pass, body, options);
    if (records != nullptr) records->push_back({pass.name, seconds, operators(body.graph)});
    if (!options.dump_folder.empty()) dump(body, options.dump_folder, number, pass.name);
  }
}

}  // namespace tenon
