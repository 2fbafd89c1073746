#include "scopes.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tenon::cli {
namespace {

/// "resnetv20", "stage1", "plus0" of "resnetv20_stage1__plus0".
std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words(1);
  for (const char letter : name) {
    if (letter != '_' && letter != '/' && letter != '.') {
      words.back() += letter;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty() && words.size() > 1) words.pop_back();
  return words;
}

struct Named {
  NodeId node;
  std::vector<std::string> words;
};

using Group = std::vector<Named>;

/// Divides operators whose first `depth` words are the same by the next one; the last word is an operator's own.
std::vector<Scope> divide(const Group& group, std::size_t depth, std::size_t most) {
  std::map<std::string, Group> parts;
  std::vector<std::string> order;
  bool all_go_on = true;
  for (const Named& named : group) {
    if (named.words.size() < depth + 2) {
      all_go_on = false;
      continue;
    }
    Group& part = parts[named.words[depth]];
    if (part.empty()) order.push_back(named.words[depth]);
    part.push_back(named);
  }
  if (order.size() == 1 && all_go_on) return divide(group, depth + 1, most);

  std::vector<Scope> scopes;
  for (const std::string& word : order) {
    const Group& part = parts.at(word);
    if (part.size() < 2) continue;
    std::vector<Scope> finer = part.size() > most ? divide(part, depth + 1, most) : std::vector<Scope>();
    if (finer.empty()) {
      const auto end = part[0].words.begin() + static_cast<std::ptrdiff_t>(depth) + 1;
      Scope scope{fmt::format("{}", fmt::join(part[0].words.begin(), end, "_")), {}};
      for (const Named& named : part) scope.nodes.push_back(named.node);
      finer.push_back(std::move(scope));
    }
    std::ranges::move(finer, std::back_inserter(scopes));
  }
  return scopes;
}

}  // namespace

std::vector<Scope> scopes_of(const Graph& graph) {
  Group all;
  for (const NodeId id : graph.topological_order()) {
    if (!graph.node(id).is_variable()) all.push_back({id, words_of(graph.node(id).name)});
  }
  return divide(all, 0, std::max<std::size_t>(12, all.size() / 3));
}

}  // namespace tenon::cli
