#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <tenon/model.h>

#include "conformance/compare.h"

namespace tenon::conformance {

/// A network with everything it is fed, and what has to come out.
struct Problem {
  Model model;
  Parameters inputs;
  std::vector<Expectation> expected;
};

/// One entry of a pack.
struct Case {
  std::string family, name;
  std::string op;                       ///< the operator under test; "graph" or "network" where there are several
  bool refused = false;                 ///< Tenon has to refuse it, with a sentence about one of its nodes
  bool unknown_operator = false;        ///< … because it uses an operator that does not exist
  std::function<std::string()> symbol;  ///< its JSON
  std::function<Problem()> open;        ///< reads the arrays; throws Error
};

/// The cases of every pack in a folder: index.json (whole models), or one FAMILY.json for each family of operators.
std::vector<Case> read_packs(const std::filesystem::path& folder);

}  // namespace tenon::conformance
