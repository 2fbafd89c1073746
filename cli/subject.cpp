#include "subject.h"

#include "core/error.h"

namespace tenon::cli {

Subject::Subject(ModelOptions& options) : options_(options) {
  if (!options.is_plan()) {
    model_ = options.load();
    return;
  }
  options.refuse_binding();
  engine_ = Engine::load(options.model);
  const BindOptions& built = engine_->options();
  options.device = built.device.str();
  options.backend = built.backend;
  options.precision = built.precision;
  options.threads = built.threads;
}

std::vector<std::string> Subject::inputs() const {
  return is_plan() ? engine_->inputs() : model_->inputs();
}

std::vector<std::string> Subject::outputs() const {
  return is_plan() ? engine_->outputs() : model_->outputs();
}

InputPlan Subject::plan(const std::map<std::string, Shape>& given) const {
  if (!is_plan()) return options_.plan(*model_, given);
  InputPlan plan;
  for (const std::string& input : engine_->inputs()) {
    const auto found = given.find(input);
    plan.shapes[input] = found == given.end() ? engine_->type(input).shape : found->second;
    if (found != given.end()) plan.fed.push_back(input);
  }
  if (plan.fed.empty() && !plan.shapes.empty()) plan.fed.push_back(engine_->inputs().front());
  return plan;
}

Session Subject::bind(const InputPlan& plan, const std::string& backend) const {
  if (is_plan()) {
    std::map<std::string, Shape> fed;
    for (const std::string& input : plan.fed) fed[input] = plan.shapes.at(input);
    return Session(*engine_).reshape(fed);
  }
  BindOptions binding = options_.binding(plan);
  if (!backend.empty()) binding.backend = backend;
  if (backend == "plain") {  // what is asked is asked of the other one
    binding.precision = "fp32";
    binding.optimize = "speed";
  }
  return Session(Engine::build(*model_, binding));
}

void Subject::reopen() {
  if (!is_plan()) return;
  engine_.reset();
  engine_ = Engine::load(options_.model);
}

std::size_t Subject::file_bytes() const {
  if (is_plan()) return engine_->parameter_bytes();
  std::size_t bytes = 0;
  for (const auto& [name, value] : model_->parameters()) bytes += value.bytes();
  return bytes;
}

}  // namespace tenon::cli
