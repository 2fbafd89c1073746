#include <tenon/executor.h>

#include <cstring>
#include <mutex>

#include <fmt/ranges.h>

#include "backends/registry.h"
#include "core/error.h"
#include "core/log.h"
#include "core/threads.h"
#include "runtime/compile.h"

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

/// The pointers of one step; spans in an Operands refer to them.
struct StepMemory {
  std::vector<const void*> src;
  std::vector<void*> dst;
  std::byte* workspace = nullptr;
};

}  // namespace

struct Executor::State {
  State(std::shared_ptr<ParameterStore> parameters, BindOptions bind_options)
      : store(std::move(parameters)),
        options(std::move(bind_options)),
        backend(find_backend(options.backend, options.device)),
        threads(options.threads > 0 ? options.threads : allowed_cores()) {
    if (options.threads < 0) fail(ErrorCode::invalid_argument, "threads={} must not be negative", options.threads);
    const ThreadScope scope(threads);  // libraries plan for the number of threads at hand
    Compiled compiled = compile(*store, options, backend);
    output_names = std::move(compiled.output_names);
    program = std::move(compiled.program);
    allocate();
    log(LogLevel::info, "bound {} steps on {}, backend {}, {} threads: {} bytes of activations, {} of parameters",
        program.steps.size(), options.device.str(), backend.name, threads, program.arena_bytes,
        program.parameter_bytes);
  }

  void allocate() {
    for (const NodeId id : program.feeds) {
      const Node& node = program.graph.node(id);
      Tensor& feed = feeds.emplace_back(node.outputs[0].shape, *node.outputs[0].dtype);
      std::memset(feed.mutable_data(), 0, feed.bytes());
      types[node.name] = node.outputs[0];
    }
    arena = Tensor(Shape{static_cast<std::int64_t>(program.arena_bytes)}, DType::uint8);
    for (const Step& step : program.steps) {
      StepMemory& memory = memories.emplace_back();
      for (const Place place : step.src) memory.src.push_back(read_address(place));
      for (const Place place : step.dst) memory.dst.push_back(write_address(place));
      if (step.workspace >= 0) memory.workspace = buffer_address(step.workspace);
    }
    for (std::size_t i = 0; i < program.outputs.size(); ++i) {
      const TensorType& type = program.graph.type(program.graph.outputs[i]);
      outputs.push_back(Tensor::borrow_const(read_address(program.outputs[i]), type.shape, *type.dtype));
      types[output_names[i]] = type;
    }
  }

  std::byte* buffer_address(int buffer) {
    return static_cast<std::byte*>(arena.mutable_data()) + program.buffers[static_cast<std::size_t>(buffer)].offset;
  }

  const void* read_address(Place place) {
    const auto index = static_cast<std::size_t>(place.index);
    switch (place.kind) {
      case Place::Kind::buffer:
        return buffer_address(place.index);
      case Place::Kind::feed:
        return std::as_const(feeds[index]).data();
      case Place::Kind::constant:
        return std::as_const(program.constants[index]).data();
      case Place::Kind::result:  // outputs lie in the arena
      case Place::Kind::nowhere:
        break;
    }
    return nullptr;
  }

  void* write_address(Place place) { return place.kind == Place::Kind::buffer ? buffer_address(place.index) : nullptr; }

  void forward() {
    const ThreadScope scope(threads);
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
      const Step& step = program.steps[i];
      const StepMemory& memory = memories[i];
      if (step.kernel.run) step.kernel.run({memory.src, memory.dst, memory.workspace});
      if (monitor) show(step);
    }
  }

  void show(const Step& step) {
    for (const ShownOutput& shown : step.shown) {
      monitor(shown.name, row_major({step.node, shown.output}, shown));
    }
  }

  /// The value as it is, or a copy when it lies in blocks.
  Tensor row_major(Value value, const ShownOutput& shown) {
    const TensorType& type = program.graph.type(value);
    const void* src = read_address(shown.place);
    if (shown.format.row_major()) return Tensor::borrow_const(src, type.shape, *type.dtype);
    Tensor copy(type.shape, *type.dtype);
    void* dst = copy.mutable_data();
    const Kernel reorder = backend.reorder(type, shown.format, {});
    Tensor workspace(Shape{static_cast<std::int64_t>(reorder.workspace_bytes)}, DType::uint8);
    reorder.run({{&src, 1}, {&dst, 1}, static_cast<std::byte*>(workspace.mutable_data())});
    return copy;
  }

  std::size_t feed_index(const std::string& name) const {
    for (std::size_t i = 0; i < program.feeds.size(); ++i) {
      if (program.graph.node(program.feeds[i]).name == name) return i;
    }
    fail(ErrorCode::not_found, "there is no input '{}'; the inputs are {}", name, fmt::join(feed_names(), ", "));
  }

  std::vector<std::string> feed_names() const {
    std::vector<std::string> names;
    for (const NodeId id : program.feeds) names.push_back(program.graph.node(id).name);
    return names;
  }

  std::shared_ptr<ParameterStore> store;
  BindOptions options;
  const Backend& backend;
  int threads;
  Program program;
  std::vector<std::string> output_names;
  std::vector<Tensor> feeds;
  Tensor arena;
  std::vector<StepMemory> memories;
  std::vector<Tensor> outputs;
  std::map<std::string, TensorType> types;  // of inputs and outputs
  Monitor monitor;
};

Executor::Executor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;
Executor::~Executor() = default;

Executor Executor::bind(const Model& model, const BindOptions& options) {
  return Executor(std::make_unique<State>(store_of(model), options));
}

std::vector<std::string> Executor::inputs() const {
  return state_->feed_names();
}

std::vector<std::string> Executor::outputs() const {
  return state_->output_names;
}

const TensorType& Executor::type(const std::string& name) const {
  const auto found = state_->types.find(name);
  if (found == state_->types.end()) {
    fail(ErrorCode::not_found, "there is no input or output '{}'; the inputs are {}, the outputs {}", name,
         fmt::join(inputs(), ", "), fmt::join(outputs(), ", "));
  }
  return found->second;
}

void Executor::set_input(const std::string& name, const Tensor& value) {
  Tensor& feed = state_->feeds[state_->feed_index(name)];
  if (value.shape() != feed.shape()) {
    fail(ErrorCode::invalid_argument,
         "the input '{}' is bound with shape {}, but the value has {}; reshape() the executor or feed that shape", name,
         feed.shape().str(), value.shape().str());
  }
  const Tensor converted = value.astype(feed.dtype());
  std::memcpy(feed.mutable_data(), converted.data(), feed.bytes());
}

void Executor::forward() {
  state_->forward();
}

const Tensor& Executor::output(int i) const {
  if (i < 0 || i >= static_cast<int>(state_->outputs.size())) {
    fail(ErrorCode::invalid_argument, "there is no output {}; there are {}", i, state_->outputs.size());
  }
  return state_->outputs[static_cast<std::size_t>(i)];
}

Executor Executor::reshape(const std::map<std::string, Shape>& shapes) const {
  BindOptions options = state_->options;
  for (const auto& [name, shape] : shapes) options.shapes[name] = shape;
  return Executor(std::make_unique<State>(state_->store, std::move(options)));
}

void Executor::set_monitor(Monitor monitor) {
  state_->monitor = std::move(monitor);
}

std::vector<StepInfo> Executor::steps() const {
  std::vector<StepInfo> infos;
  for (const Step& step : state_->program.steps) infos.push_back(step.info);
  return infos;
}

std::size_t Executor::activation_bytes() const {
  return state_->program.arena_bytes;
}

std::size_t Executor::parameter_bytes() const {
  return state_->program.parameter_bytes;
}

}  // namespace tenon
