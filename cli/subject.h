#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tenon/tenon.h>

#include "model_options.h"

namespace tenon::cli {

/// What a verb runs: a model, which it binds, or a plan (MODEL ends in ".plan"), which is bound already.
class Subject {
 public:
  /// Reads it. What a plan was built for becomes what the options say; throws Error(invalid_argument) where they were
  /// given, too.
  explicit Subject(ModelOptions& options);

  bool is_plan() const { return engine_.has_value(); }
  std::vector<std::string> inputs() const;
  std::vector<std::string> outputs() const;
  /// As ModelOptions::plan(). What is not given has the shape that the plan was built with first; what is fed is
  /// `given`, else the first input.
  InputPlan plan(const std::map<std::string, Shape>& given = {}) const;
  /// Compiles the model, for `backend` where it is given; a plan is compiled already. Throws Error(unsupported) where
  /// the plan has no program for what is fed.
  Session bind(const InputPlan& plan, const std::string& backend = {}) const;
  /// Opens the plan anew, for those who time it, and closes it before: two would count twice. A model stays as it is.
  void reopen();
  /// Bytes of the parameters in the model's files; of a plan, those that it holds.
  std::size_t file_bytes() const;

 private:
  const ModelOptions& options_;
  std::optional<Model> model_;
  std::optional<Engine> engine_;
};

}  // namespace tenon::cli
