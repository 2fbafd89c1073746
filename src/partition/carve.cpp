// Carving in three steps.
//
//   1. Ask the selector about every node; each one taken starts as a group of its own.
//   2. In topological order, join each node's group with the groups of its taken producers, nearest last, unless the
//      join would make a cycle: some path leaves the one group, passes through an outside node or another group, and
//      comes back to the other.
//
//             a (group 1)                 Joining c to a would give a cycle through b, which is outside:
//            / \                          the contracted node would wait for b, and b for it.
//     b (outside) \                       c starts a second group.
//            \     |
//             c (taken)
//
//   3. Drop the groups that are too small.
//
// A join is refused only for a cycle that exists, and a cycle never disappears by joining others, so one pass is
// maximal except for joins that were refused while a path led through a group that was later joined itself; the pass
// repeats until nothing changes.

#include "partition/carve.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace tenon {
namespace {

class Carver {
 public:
  Carver(const Graph& graph, const Selector& selector, const CarveOptions& options)
      : graph_(graph), selector_(selector), options_(options), order_(graph.topological_order()) {
    rank_.assign(static_cast<std::size_t>(graph.size()), -1);
    for (std::size_t i = 0; i < order_.size(); ++i) rank_[index(order_[i])] = static_cast<int>(i);
    group_.resize(static_cast<std::size_t>(graph.size()));
    std::iota(group_.begin(), group_.end(), 0);
    taken_.assign(group_.size(), false);
    members_.resize(group_.size());
    for (const NodeId id : order_) members_[index(id)] = {id};
    for (const auto& uses : graph.uses()) {
      auto& users = users_.emplace_back();
      for (const Graph::Use& use : uses) users.push_back(use.user);
      std::sort(users.begin(), users.end());
      users.erase(std::unique(users.begin(), users.end()), users.end());
    }
  }

  Partition carve(const Parameters& parameters) {
    Partition partition;
    for (const NodeId id : order_) {
      if (graph_.node(id).is_variable()) continue;
      Verdict verdict = selector_.select(graph_, graph_.node(id), parameters);
      taken_[index(id)] = verdict.taken;
      if (!verdict.taken) partition.refusals.push_back({id, std::move(verdict.rule), std::move(verdict.reason)});
    }
    while (join_all()) {
    }
    collect(partition);
    return partition;
  }

 private:
  static std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

  bool join_all() {
    bool joined = false;
    for (const NodeId id : order_) {
      if (!taken_[index(id)]) continue;
      for (const Value input : graph_.node(id).inputs) {
        const int from = group_[index(input.node)], to = group_[index(id)];
        if (!taken_[index(input.node)] || from == to || makes_cycle(from, to)) continue;
        join(from, to);
        joined = true;
      }
    }
    return joined;
  }

  void join(int into, int gone) {
    auto& kept = members_[static_cast<std::size_t>(into)];
    auto& moved = members_[static_cast<std::size_t>(gone)];
    for (const NodeId member : moved) group_[index(member)] = into;
    kept.insert(kept.end(), moved.begin(), moved.end());
    moved.clear();
  }

  /// True when a path of the contracted graph leads from group `from` to group `to` through something else. (There is
  /// no path back: the contracted graph is acyclic and `from` feeds `to`.) Nodes that come after all of `to` cannot
  /// lead there.
  bool makes_cycle(int from, int to) {
    const int last = last_rank(to);
    std::vector<int> stack;
    std::vector<bool> seen(group_.size(), false);
    const auto enter_users = [&](int group, bool direct) {
      for (const NodeId member : members_[static_cast<std::size_t>(group)]) {
        for (const NodeId user : users_[index(member)]) {
          const int next = group_[index(user)];
          if (next == group || (direct && next == to)) continue;
          if (next == to) return true;
          if (seen[static_cast<std::size_t>(next)] || first_rank(next) > last) continue;
          seen[static_cast<std::size_t>(next)] = true;
          stack.push_back(next);
        }
      }
      return false;
    };
    enter_users(from, true);
    while (!stack.empty()) {
      const int group = stack.back();
      stack.pop_back();
      if (enter_users(group, false)) return true;
    }
    return false;
  }

  int first_rank(int group) const {
    return extreme_rank(group, [](int a, int b) { return a < b; });
  }
  int last_rank(int group) const {
    return extreme_rank(group, [](int a, int b) { return a > b; });
  }

  template <class Before>
  int extreme_rank(int group, Before before) const {
    const auto& members = members_[static_cast<std::size_t>(group)];
    int extreme = rank_[index(members.front())];
    for (const NodeId member : members) {
      if (before(rank_[index(member)], extreme)) extreme = rank_[index(member)];
    }
    return extreme;
  }

  void collect(Partition& partition) const {
    for (const NodeId id : order_) {
      auto members = members_[index(id)];
      if (!taken_[index(id)] || members.empty()) continue;
      std::sort(members.begin(), members.end(), [&](NodeId a, NodeId b) { return rank_[index(a)] < rank_[index(b)]; });
      if (static_cast<int>(members.size()) >= options_.minimum_nodes) {
        partition.subgraphs.push_back(std::move(members));
        continue;
      }
      for (const NodeId member : members) {
        partition.refusals.push_back(
            {member, "minimum-nodes",
             fmt::format("{}: its subgraph has {} of the {} nodes that are worth an engine",
                         graph_.node(member).op_name(), members.size(), options_.minimum_nodes)});
      }
    }
    std::sort(partition.subgraphs.begin(), partition.subgraphs.end(),
              [&](const auto& a, const auto& b) { return rank_[index(a.front())] < rank_[index(b.front())]; });
    std::sort(partition.refusals.begin(), partition.refusals.end(),
              [&](const Refusal& a, const Refusal& b) { return rank_[index(a.node)] < rank_[index(b.node)]; });
  }

  const Graph& graph_;
  const Selector& selector_;
  const CarveOptions& options_;
  std::vector<NodeId> order_;
  std::vector<int> rank_;                     // position in order_, by node
  std::vector<int> group_;                    // by node; a group goes by the id of one of its nodes
  std::vector<std::vector<NodeId>> members_;  // by group
  std::vector<bool> taken_;                   // by node
  std::vector<std::vector<NodeId>> users_;    // by node
};

}  // namespace

bool Selector::absorbs(const Graph&, const Node&, int) const {
  return true;
}

Partition carve(const Graph& graph, const Selector& selector, const CarveOptions& options,
                const Parameters& parameters) {
  return Carver(graph, selector, options).carve(parameters);
}

}  // namespace tenon
