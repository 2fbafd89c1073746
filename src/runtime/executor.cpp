#include <tenon/executor.h>

#include <algorithm>
#include <mutex>

#include <fmt/ranges.h>

#include "backends/registry.h"
#include "core/error.h"
#include "core/log.h"
#include "core/threads.h"
#include "engine/portions.h"
#include "engine/profile.h"
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
  State(std::shared_ptr<ParameterStore> parameters, BindOptions bind_options, const CompileOptions& how = {})
      : store(std::move(parameters)),
        options(std::move(bind_options)),
        backend(find_backend(options.backend, options.device, options.precision)),
        threads(options.threads > 0 ? options.threads : allowed_cores()) {
    if (options.threads < 0) fail(ErrorCode::invalid_argument, "threads={} must not be negative", options.threads);
    const ThreadScope scope(threads);  // libraries plan for the number of threads at hand
    Compiled compiled = compile(*store, options, backend, how);
    output_names = std::move(compiled.output_names);
    for (const Refusal& refusal : compiled.partition.refusals) {
      const Node& node = compiled.graph.node(refusal.node);
      refused.push_back({node.name, std::string(node.op_name()), refusal.rule, refusal.reason});
    }
    program = std::move(compiled.program);
    allocate();
    log(LogLevel::info, "bound {} steps on {}, backend {}, {} threads: {} bytes of activations, {} of parameters",
        program.steps.size(), options.device.str(), backend.name, threads, program.arena_bytes,
        program.parameter_bytes);
  }

  void allocate() {
    for (const NodeId id : program.feeds) {
      const Node& node = program.graph.node(id);
      const TensorType& type = types[node.name] = node.outputs[0];
      const std::size_t bytes = padded_bytes(type, {});
      feeds.push_back(backend.memory->allocate(bytes));
      queue->clear(feeds.back().get(), bytes);
    }
    arena = backend.memory->allocate(program.arena_bytes);
    for (const Step& step : program.steps) {
      StepMemory& memory = memories.emplace_back();
      for (const Place place : step.src) memory.src.push_back(read_address(place));
      for (const Place place : step.dst) memory.dst.push_back(write_address(place));
      if (step.workspace >= 0) memory.workspace = buffer_address(step.workspace);
    }
    fetched.resize(program.outputs.size());
    for (std::size_t i = 0; i < program.outputs.size(); ++i) {
      const TensorType& type = program.graph.type(program.graph.outputs[i]);
      if (backend.memory->is_host()) {
        outputs.push_back(Tensor::borrow_const(read_address(program.outputs[i]), type.shape, *type.dtype));
      } else {
        outputs.emplace_back(type.shape, *type.dtype);
      }
      types[output_names[i]] = type;
    }
  }

  std::byte* buffer_address(int buffer) {
    return arena.get() + program.buffers[static_cast<std::size_t>(buffer)].offset;
  }

  const void* read_address(Place place) {
    const auto index = static_cast<std::size_t>(place.index);
    switch (place.kind) {
      case Place::Kind::buffer:
        return buffer_address(place.index);
      case Place::Kind::feed:
        return feeds[index].get();
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
    std::fill(fetched.begin(), fetched.end(), false);
    // The first forward is not recorded: libraries prepare themselves in it.
    if (!recording && forwarded && !monitor) recording = queue->record([&] { queue_steps(); });
    if (recording && !monitor) {
      recording->replay();
    } else {
      queue_steps();
    }
    queue->wait();
    forwarded = true;
  }

  void queue_steps() {
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
      const Step& step = program.steps[i];
      const StepMemory& memory = memories[i];
      if (step.kernel.run) step.kernel.run({memory.src, memory.dst, memory.workspace, queue->stream()});
      if (monitor) show(step);
    }
  }

  /// The same with every value of the whole batch in one piece, for a monitor to see.
  std::unique_ptr<State> whole() const {
    auto state = std::make_unique<State>(store, options, CompileOptions{.portions = false});
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      const Node& node = program.graph.node(program.feeds[i]);
      void* feed = state->feeds[state->feed_index(node.name)].get();
      state->queue->copy_in(feed, feeds[i].get(), padded_bytes(node.outputs[0], {}));
    }
    return state;
  }

  std::vector<double> time_steps() {
    const ThreadScope scope(threads);
    std::vector<const void*> addresses;
    for (const auto& feed : feeds) addresses.push_back(feed.get());
    std::fill(fetched.begin(), fetched.end(), false);
    return tenon::time_steps(program, {arena.get(), addresses, {}, queue->stream()}, [&] { queue->wait(); });
  }

  void show(const Step& step) {
    for (const ShownOutput& shown : step.shown) {
      monitor(shown.name, row_major({step.node, shown.output}, shown));
    }
  }

  /// The value as it is, or a copy when it lies in blocks or on a device.
  Tensor row_major(Value value, const ShownOutput& shown) {
    const TensorType& type = program.graph.type(value);
    const void* src = read_address(shown.place);
    if (shown.format.row_major()) return on_host(src, type);
    const auto copy = backend.memory->allocate(padded_bytes(type, {}));
    void* dst = copy.get();
    const Kernel reorder = backend.reorder(type, shown.format, {});
    const auto workspace = backend.memory->allocate(reorder.workspace_bytes);
    reorder.run({{&src, 1}, {&dst, 1}, workspace.get(), queue->stream()});
    return on_host(dst, type).clone();
  }

  Tensor on_host(const void* src, const TensorType& type) {
    if (backend.memory->is_host()) return Tensor::borrow_const(src, type.shape, *type.dtype);
    Tensor copy(type.shape, *type.dtype);
    queue->copy_out(copy.mutable_data(), src, copy.bytes());
    return copy;
  }

  const Tensor& output(std::size_t i) {
    if (backend.memory->is_host() || fetched[i]) return outputs[i];
    queue->copy_out(outputs[i].mutable_data(), read_address(program.outputs[i]), outputs[i].bytes());
    fetched[i] = true;
    return outputs[i];
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
  std::vector<RefusedNode> refused;
  std::unique_ptr<DeviceQueue> queue = backend.memory->open_queue();
  std::vector<std::shared_ptr<std::byte>> feeds;
  std::shared_ptr<std::byte> arena;
  std::vector<StepMemory> memories;
  std::unique_ptr<Recording> recording;  // of queue_steps(), where the device records
  bool forwarded = false;
  std::vector<Tensor> outputs;              // on a device, copies
  std::vector<bool> fetched;                // which of the copies are of the last forward
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
  void* feed = state_->feeds[state_->feed_index(name)].get();
  const TensorType& type = state_->types.at(name);
  if (value.shape() != type.shape) {
    fail(ErrorCode::invalid_argument,
         "the input '{}' is bound with shape {}, but the value has {}; reshape() the executor or feed that shape", name,
         type.shape.str(), value.shape().str());
  }
  const Tensor converted = value.astype(*type.dtype);
  state_->queue->copy_in(feed, converted.data(), converted.bytes());
}

void Executor::forward() {
  state_->forward();
}

const Tensor& Executor::output(int i) const {
  if (i < 0 || i >= static_cast<int>(state_->outputs.size())) {
    fail(ErrorCode::invalid_argument, "there is no output {}; there are {}", i, state_->outputs.size());
  }
  return state_->output(static_cast<std::size_t>(i));
}

Executor Executor::reshape(const std::map<std::string, Shape>& shapes) const {
  BindOptions options = state_->options;
  for (const auto& [name, shape] : shapes) options.shapes[name] = shape;
  return Executor(std::make_unique<State>(state_->store, std::move(options)));
}

void Executor::set_monitor(Monitor monitor) {
  const auto in_portions = [](const Step& step) { return step.info.op == portions_op().name; };
  if (monitor && std::ranges::any_of(state_->program.steps, in_portions)) state_ = state_->whole();
  state_->monitor = std::move(monitor);
}

std::vector<StepInfo> Executor::steps() const {
  return step_infos(state_->program);
}

std::vector<double> Executor::time_steps() {
  return state_->time_steps();
}

std::vector<RefusedNode> Executor::refused() const {
  return state_->refused;
}

std::size_t Executor::activation_bytes() const {
  return state_->program.arena_bytes;
}

std::size_t Executor::parameter_bytes() const {
  return state_->program.parameter_bytes;
}

}  // namespace tenon
