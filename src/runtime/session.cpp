#include <tenon/session.h>

#include <algorithm>
#include <cstdint>

#include "core/error.h"
#include "core/threads.h"
#include "engine/portions.h"
#include "engine/profile.h"
#include "runtime/engine_state.h"

namespace tenon {
namespace {

constexpr int kRepeats = 10;  // of a step that a device is timed with

/// The pointers of one step; spans in an Operands refer to them.
struct StepMemory {
  std::vector<const void*> src;
  std::vector<void*> dst;
  std::byte* workspace = nullptr;
};

}  // namespace

struct Session::State {
  explicit State(Engine made) : engine(std::move(made)) { allocate(); }

  void allocate() {
    for (const NodeId id : program.feeds) {
      const std::size_t bytes = padded_bytes(program.graph.node(id).outputs[0], {});
      feeds.push_back(backend.memory->allocate(bytes));
      queue->clear(feeds.back().get(), bytes);
      sources.push_back({feeds.back().get(), {}});
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
        return sources[index].data;
      case Place::Kind::constant:
        return std::as_const(program.constants[index]).data();
      case Place::Kind::result:  // outputs lie in the arena
      case Place::Kind::nowhere:
        break;
    }
    return nullptr;
  }

  void* write_address(Place place) { return place.kind == Place::Kind::buffer ? buffer_address(place.index) : nullptr; }

  /// Reads an input elsewhere from here on.
  void set_source(std::size_t feed, const void* data, std::shared_ptr<const void> owner) {
    Source& source = sources[feed];
    if (source.data == data) {
      if (owner) source.owner = std::move(owner);
      return;
    }
    if (source.owner) queue->wait();  // what is queued reads memory that may go with its owner
    source.owner = std::move(owner);
    source.data = data;
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
      const std::vector<Place>& src = program.steps[i].src;
      for (std::size_t k = 0; k < src.size(); ++k) memories[i].src[k] = read_address(src[k]);
    }
    // Recorded anew once two forwards in a row read the same memory: recording takes longer than a forward.
    recording.reset();
    forwarded = false;
  }

  void forward_async() {
    const ThreadScope scope(compiled.threads);
    std::fill(fetched.begin(), fetched.end(), false);
    // The first forward is not recorded: libraries prepare themselves in it.
    if (!recording && forwarded && !monitor) recording = queue->record([&] { queue_steps(); });
    if (recording && !monitor) {
      recording->replay();
    } else {
      queue_steps();
    }
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
    compiled.require_model("a monitor of a batch that is taken in portions");
    auto state = std::make_unique<State>(Engine(
        std::make_shared<const EngineState>(compiled.store, compiled.options, CompileOptions{.portions = false})));
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      const Node& node = program.graph.node(program.feeds[i]);
      void* feed = state->feeds[state->compiled.feed_index(node.name)].get();
      state->queue->copy_in(feed, sources[i].data, padded_bytes(node.outputs[0], {}));
    }
    return state;
  }

  std::vector<double> time_steps() {
    const ThreadScope scope(compiled.threads);
    std::vector<const void*> addresses;
    for (const Source& source : sources) addresses.push_back(source.data);
    std::fill(fetched.begin(), fetched.end(), false);
    return tenon::time_steps(program, {arena.get(), addresses, {}, queue->stream()},
                             [&](const std::function<void()>& step) { return time_step(step); });
  }

  /// On a device the mean of many in a row, recorded: queueing a step takes longer than most steps.
  double time_step(const std::function<void()>& step) {
    if (backend.memory->is_host()) return queue->time(step);
    step();  // libraries prepare themselves in the first
    queue->wait();
    const auto repeated = queue->record([&] {
      for (int i = 0; i < kRepeats; ++i) step();
    });
    repeated->replay();
    return queue->time([&] { repeated->replay(); }) / kRepeats;
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

  std::size_t output_index(int i) const {
    if (i < 0 || i >= static_cast<int>(outputs.size())) {
      fail(ErrorCode::invalid_argument, "there is no output {}; there are {}", i, outputs.size());
    }
    return static_cast<std::size_t>(i);
  }

  const Tensor& output(std::size_t i) {
    if (backend.memory->is_host() || fetched[i]) return outputs[i];
    queue->copy_out(outputs[i].mutable_data(), read_address(program.outputs[i]), outputs[i].bytes());
    fetched[i] = true;
    return outputs[i];
  }

  Engine engine;
  const EngineState& compiled = *engine.state_;
  const Program& program = compiled.program;
  const Backend& backend = compiled.backend;
  std::vector<std::shared_ptr<std::byte>> feeds;
  /// Where the inputs are read: in feeds, or in memory of the caller.
  struct Source {
    const void* data;
    std::shared_ptr<const void> owner;
  };
  std::vector<Source> sources;
  std::shared_ptr<std::byte> arena;
  // Closed before the memory above is given back: what is queued may still work on it.
  std::unique_ptr<DeviceQueue> queue = backend.memory->open_queue();
  std::vector<StepMemory> memories;
  std::unique_ptr<Recording> recording;  // of queue_steps(), where the device records
  bool forwarded = false;
  std::vector<Tensor> outputs;  // on a device, copies
  std::vector<bool> fetched;    // which of the copies are of the last forward
  Monitor monitor;
};

Session::Session(const Engine& engine) : Session(std::make_unique<State>(engine)) {}
Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const Engine& Session::engine() const {
  return state_->engine;
}

std::vector<std::string> Session::inputs() const {
  return engine().inputs();
}

std::vector<std::string> Session::outputs() const {
  return engine().outputs();
}

const TensorType& Session::type(const std::string& name) const {
  return engine().type(name);
}

void Session::set_input(const std::string& name, const Tensor& value) {
  const EngineState& compiled = state_->compiled;
  const std::size_t index = compiled.feed_index(name);
  void* feed = state_->feeds[index].get();
  const TensorType& type = compiled.types.at(name);
  if (value.shape() != type.shape) {
    fail(ErrorCode::invalid_argument,
         "the input '{}' is bound with shape {}, but the value has {}; reshape() the executor or feed that shape", name,
         type.shape.str(), value.shape().str());
  }
  const Tensor converted = value.astype(*type.dtype);
  state_->set_source(index, feed, {});
  state_->queue->copy_in(feed, converted.data(), converted.bytes());
}

void Session::forward() {
  state_->forward_async();
  state_->queue->wait();
}

void Session::forward_async() {
  state_->forward_async();
}

void Session::wait() {
  state_->queue->wait();
}

const Tensor& Session::output(int i) const {
  return state_->output(state_->output_index(i));
}

void Session::share_input(const std::string& name, const void* data, std::shared_ptr<const void> owner) {
  constexpr std::uintptr_t kAlignment = 64;  // of what DeviceMemory::allocate() gives, which kernels count on
  const std::size_t index = state_->compiled.feed_index(name);
  const std::size_t bytes = padded_bytes(state_->compiled.types.at(name), {});
  if (bytes > 0 && reinterpret_cast<std::uintptr_t>(data) % kAlignment != 0) {
    fail(ErrorCode::invalid_argument,
         "the input '{}' cannot be read at {}, which is no multiple of {}; set_input() copies it", name, data,
         kAlignment);
  }
  if (bytes > 0 && data == nullptr) {
    fail(ErrorCode::invalid_argument, "the input '{}' has {} bytes, but its address is null", name, bytes);
  }
  if (bytes > 0) state_->backend.memory->require_own(data, bytes);
  state_->set_source(index, data, std::move(owner));
}

const void* Session::device_output(int i) const {
  return state_->read_address(state_->program.outputs[state_->output_index(i)]);
}

void* Session::stream() const {
  return state_->queue->stream();
}

void Session::wait_for(void* stream) {
  state_->queue->wait_for(stream);
}

void Session::precede(void* stream) {
  state_->queue->precede(stream);
}

Session Session::reshape(const std::map<std::string, Shape>& shapes) const {
  const auto is_own = [&](const auto& input) {
    const auto own = state_->compiled.types.find(input.first);
    return own != state_->compiled.types.end() && own->second.shape == input.second;
  };
  if (std::ranges::all_of(shapes, is_own)) return Session(engine());
  if (state_->compiled.family != nullptr) {
    if (auto built = state_->compiled.family->find(shapes)) return Session(Engine(std::move(built)));
  }
  state_->compiled.require_model(state_->compiled.outside(shapes));
  BindOptions options = state_->compiled.options;
  for (const auto& [name, shape] : shapes) options.shapes[name] = shape;
  return Session(Engine(std::make_shared<const EngineState>(state_->compiled.store, std::move(options))));
}

void Session::set_monitor(Monitor monitor) {
  const auto in_portions = [](const Step& step) { return step.info.op == portions_op().name; };
  if (monitor && std::ranges::any_of(state_->program.steps, in_portions)) state_ = state_->whole();
  state_->monitor = std::move(monitor);
}

std::vector<StepInfo> Session::steps() const {
  return engine().steps();
}

std::vector<double> Session::time_steps() {
  return state_->time_steps();
}

double Session::time_on_device(const std::function<void()>& work) {
  return state_->queue->time(work);
}

std::vector<RefusedNode> Session::refused() const {
  return engine().refused();
}

std::size_t Session::activation_bytes() const {
  return engine().activation_bytes();
}

std::size_t Session::parameter_bytes() const {
  return engine().parameter_bytes();
}

}  // namespace tenon
