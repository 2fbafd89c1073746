#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report.h"
#include "runtime/compile.h"
#include "scopes.h"

namespace tenon::cli {

/// A graph in the DOT language, and what there is to say about each box, by its id.
struct Picture {
  std::string dot;
  Json boxes;
};

/// The operators as the model has them; those that stay outside every engine node are marked, with the reason. Each of
/// the scopes is one box "s<index>"; the one that is open is a frame "f<index>" around its operators.
Picture picture_before(const Compiled& compiled, const std::vector<std::string>& inputs,
                       const std::vector<Scope>& scopes = {}, std::optional<std::size_t> open = {});

/// The program: engine nodes are single boxes, or, `unfolded`, frames around the steps they run.
Picture picture_after(const Program& program, bool unfolded);

/// Both beside each other, for a file that cannot unfold.
std::string both_dot(const Picture& before, const Picture& after, const std::string& title);

/// A picture alone, as a graph.
std::string alone_dot(const Picture& picture, const std::string& title);

}  // namespace tenon::cli
