#include <tenon/engine.h>

#include <malloc.h>

#include <mutex>

#include <fmt/ranges.h>

#include "backends/registry.h"
#include "core/error.h"
#include "core/log.h"
#include "core/threads.h"
#include "engine/profile.h"
#include "engine/tuner.h"
#include "runtime/engine_state.h"

namespace tenon {
namespace {

/// One store a model, however often it is bound.
std::shared_ptr<ParameterStore> store_of(const Model& model) {
  static std::mutex mutex;
  static std::map<const Parameters*, std::weak_ptr<ParameterStore>> stores;
  const std::scoped_lock lock(mutex);
  std::erase_if(stores, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<ParameterStore>& known = stores[&model.parameters()];
  if (auto store = known.lock()) return store;
  // Holds the model, so that its address stays taken while the store is known.
  auto store = std::make_shared<ParameterStore>(model);
  known = store;
  return store;
}

/// The options once for each size of the batch that is asked for.
std::vector<BindOptions> for_each_batch(const Model& model, const BindOptions& options) {
  if (!options.batches) return {options};
  const auto [first, last] = *options.batches;
  const std::vector<std::string> inputs = model.inputs();
  const auto data = inputs.empty() ? options.shapes.end() : options.shapes.find(inputs.front());
  if (data == options.shapes.end() || data->second.rank() < 1) {
    fail(ErrorCode::invalid_argument, "a range of batch sizes needs the shape of the first input{}",
         inputs.empty() ? "" : fmt::format(", '{}'", inputs.front()));
  }
  const std::int64_t batch = data->second[0];
  if (first < 1 || batch < first || batch > last) {
    fail(ErrorCode::invalid_argument, "the batch sizes {} to {} do not hold that of the input '{}', {}", first, last,
         data->first, data->second.str());
  }
  std::vector<BindOptions> all;
  for (std::int64_t size = first; size <= last; ++size) {
    BindOptions& one = all.emplace_back(options);
    for (auto& [name, shape] : one.shapes) {
      if (shape.rank() > 0 && shape[0] == batch) shape[0] = size;
    }
  }
  return all;
}

/// Gives back what the passes worked on: 9 MB for resnet18_v2. One thread at a time: where another allocator stands in
/// for the C library's, as a sanitizer's does, this is the first that the library's own hears, and two at once would
/// set it up.
void trim_memory() {
  static std::mutex one_at_a_time;
  const std::scoped_lock lock(one_at_a_time);
  ::malloc_trim(0);
}

}  // namespace

EngineState::EngineState(std::shared_ptr<ParameterStore> parameters, BindOptions bind_options,
                         const CompileOptions& how)
    : store(std::move(parameters)),
      options(std::move(bind_options)),
      backend(find_backend(options.backend, options.device, options.precision, options.optimize)),
      threads(options.threads > 0 ? options.threads : allowed_cores()) {
  if (options.threads < 0) fail(ErrorCode::invalid_argument, "threads={} must not be negative", options.threads);
  options.threads = threads;
  const ThreadScope scope(threads);  // libraries plan for the number of threads at hand
  std::optional<Tuner> tuner = make_tuner();
  options.progress = {};  // whoever looks may be gone when a Session is reshaped
  CompileOptions tuned = how;
  tuned.tuner = tuner ? &*tuner : nullptr;
  Compiled compiled = compile(*store, options, backend, tuned);
  output_names = std::move(compiled.output_names);
  for (const Refusal& refusal : compiled.partition.refusals) {
    const Node& node = compiled.graph.node(refusal.node);
    refused.push_back({node.name, std::string(node.op_name()), refusal.rule, refusal.reason});
  }
  program = std::move(compiled.program);
  trim_memory();
  name_types();
}

EngineState::EngineState(const Plan& plan, const ProgramRecord& record)
    : from_plan(true),
      store(plan.store),
      kernels(plan.kernels),
      options(plan.options),
      backend(find_backend(options.backend, options.device, options.precision, options.optimize)),
      threads(options.threads),
      output_names(plan.output_names),
      refused(plan.refused) {
  const ThreadScope scope(threads);
  const KernelScope kernel_scope(kernels.get());
  try {
    program = build_program(record.graph, backend, record.constants, *store, {.record = &record});
  } catch (const Error& error) {
    fail(error.code(), "the plan '{}': {}", plan.path, error.what());
  }
  name_types();
}

void EngineState::name_types() {
  for (const NodeId id : program.feeds) types[program.graph.node(id).name] = program.graph.node(id).outputs[0];
  for (std::size_t i = 0; i < output_names.size(); ++i) {
    types[output_names[i]] = program.graph.type(program.graph.outputs[i]);
  }
  log(LogLevel::info, "bound {} steps on {}, backend {}, {} threads: {} bytes of activations, {} of parameters",
      program.steps.size(), options.device.str(), backend.name, threads, program.arena_bytes, program.parameter_bytes);
}

std::optional<Tuner> EngineState::make_tuner() const {
  const Effort effort = parse_effort(options.tune);
  if (effort == Effort::off && !options.progress) return {};
  Tuner::Options how{.effort = effort, .progress = options.progress};
  for (const auto& [name, value] : store->model().parameters()) how.traffic_bytes += value.bytes();
  how.seconds = effort == Effort::full ? 120 : 10;
  return Tuner(std::move(how), TimingCache::of_user());
}

void EngineState::require_model(std::string_view for_what) const {
  if (!from_plan) return;
  fail(ErrorCode::unsupported, "{} needs the model, and this engine comes from a plan; build it from the model",
       for_what);
}

std::size_t EngineState::feed_index(const std::string& name) const {
  for (std::size_t i = 0; i < program.feeds.size(); ++i) {
    if (program.graph.node(program.feeds[i]).name == name) return i;
  }
  fail(ErrorCode::not_found, "there is no input '{}'; the inputs are {}", name, fmt::join(feed_names(), ", "));
}

std::vector<std::string> EngineState::feed_names() const {
  std::vector<std::string> names;
  for (const NodeId id : program.feeds) names.push_back(program.graph.node(id).name);
  return names;
}

std::map<std::string, Shape> EngineState::input_shapes() const {
  std::map<std::string, Shape> shapes;
  for (const NodeId id : program.feeds) shapes[program.graph.node(id).name] = program.graph.type({id, 0}).shape;
  return shapes;
}

std::string EngineState::outside(const std::map<std::string, Shape>& shapes) const {
  const auto text = [](const std::map<std::string, Shape>& some) {
    std::vector<std::string> words;
    for (const auto& [name, shape] : some) words.push_back(name + "=" + shape.str());
    return fmt::format("{}", fmt::join(words, " "));
  };
  std::string sentence = fmt::format("the shape {}, outside {}", text(shapes), text(input_shapes()));
  if (family != nullptr && family->size() > 1) {
    sentence = fmt::format("the shape {}, outside {} to {},", text(shapes), text(family->inputs(0)),
                           text(family->inputs(family->size() - 1)));
  }
  return sentence;
}

Engine Engine::build(const Model& model, const BindOptions& options) {
  const std::shared_ptr<ParameterStore> store = store_of(model);
  std::vector<EngineFamily::Member> members;
  std::size_t wanted = 0;
  for (const BindOptions& member : for_each_batch(model, options)) {
    if (member.shapes == options.shapes) wanted = members.size();
    auto state = std::make_shared<EngineState>(store, member);
    members.push_back({state->input_shapes(), std::move(state), nullptr});
  }
  return Engine(std::make_shared<EngineFamily>(std::move(members))->at(wanted));
}

void Engine::save(const std::string& path) const {
  save_plan(*state_, path);
}

Engine Engine::load(const std::string& path) {
  const auto plan = std::make_shared<const Plan>(load_plan(path));
  std::vector<EngineFamily::Member> members;
  for (const PlanProgram& program : plan->programs) {
    members.push_back(
        {program.inputs, nullptr, [plan, &program] { return std::make_shared<EngineState>(*plan, program.read()); }});
  }
  return Engine(std::make_shared<EngineFamily>(std::move(members))->at(plan->saved));
}

const BindOptions& Engine::options() const {
  return state_->options;
}

std::vector<std::string> Engine::inputs() const {
  return state_->feed_names();
}

std::vector<std::string> Engine::outputs() const {
  return state_->output_names;
}

const TensorType& Engine::type(const std::string& name) const {
  const auto found = state_->types.find(name);
  if (found == state_->types.end()) {
    fail(ErrorCode::not_found, "there is no input or output '{}'; the inputs are {}, the outputs {}", name,
         fmt::join(inputs(), ", "), fmt::join(outputs(), ", "));
  }
  return found->second;
}

std::vector<StepInfo> Engine::steps() const {
  return step_infos(state_->program);
}

std::vector<RefusedNode> Engine::refused() const {
  return state_->refused;
}

std::size_t Engine::activation_bytes() const {
  return state_->program.arena_bytes;
}

std::size_t Engine::parameter_bytes() const {
  return state_->program.parameter_bytes;
}

}  // namespace tenon
