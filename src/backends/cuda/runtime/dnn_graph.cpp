// Descriptors of cuDNN's backend API: each is made, given attributes and finalised; then others may refer to it.

#include "backends/cuda/runtime/dnn_graph.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace tenon::cuda {
namespace {

using Descriptor = std::shared_ptr<void>;

constexpr std::size_t kMostWorkspace = std::size_t{256} << 20;
constexpr std::size_t kWorkspaceAlignment = 256;  // an arena's places have 64
constexpr std::int64_t kAlignment = 16;           // of tensors' addresses

Descriptor make(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t created = nullptr;
  check(cudnn().cudnnBackendCreateDescriptor(type, &created));
  return {created, cudnn().cudnnBackendDestroyDescriptor};
}

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
         std::size_t count, const void* values) {
  check(cudnn().cudnnBackendSetAttribute(descriptor.get(), name, type, static_cast<std::int64_t>(count), values));
}

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, std::span<const std::int64_t> values) {
  set(descriptor, name, CUDNN_TYPE_INT64, values.size(), values.data());
}

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, std::int64_t value) {
  set(descriptor, name, CUDNN_TYPE_INT64, 1, &value);
}

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, const Descriptor& part) {
  cudnnBackendDescriptor_t handle = part.get();
  set(descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &handle);
}

void set(const Descriptor& descriptor, cudnnBackendAttributeName_t name, cudnnDataType_t type) {
  set(descriptor, name, CUDNN_TYPE_DATA_TYPE, 1, &type);
}

/// What cuDNN says of its last failure in this thread.
std::string reason(cudnnStatus_t status) {
  std::array<char, 512> text{};
  cudnn().cudnnGetLastErrorString(text.data(), text.size() - 1);
  std::string said = text.data();
  said.erase(std::min(said.find('\n'), said.size()));
  return fmt::format("{}{}{}", cudnn().cudnnGetErrorString(status), said.empty() ? "" : ": ", said);
}

void finalize(const Descriptor& descriptor) {
  const cudnnStatus_t status = cudnn().cudnnBackendFinalize(descriptor.get());
  if (status != CUDNN_STATUS_SUCCESS) fail(ErrorCode::internal, "cuDNN refuses: {}", reason(status));
}

/// Of dense memory, in the order of the dims.
std::vector<std::int64_t> strides_of(const std::vector<std::int64_t>& dims, bool channels_last) {
  std::vector<std::int64_t> strides(dims.size(), 1);
  std::int64_t step = channels_last ? dims[1] : 1;
  for (std::size_t axis = dims.size() - 1; axis >= (channels_last ? 2 : 1); --axis) {
    strides[axis] = step;
    step *= dims[axis];
  }
  strides[0] = step;
  return strides;
}

std::size_t bytes_of(const DnnTensor& tensor) {
  std::size_t bytes = tensor.type == CUDNN_DATA_HALF || tensor.type == CUDNN_DATA_BFLOAT16 ? 2 : 4;
  for (const std::int64_t size : tensor.dims) bytes *= static_cast<std::size_t>(size);
  return bytes;
}

Descriptor describe(const DnnTensor& tensor, std::int64_t number, bool channels_last) {
  Descriptor is = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  set(is, CUDNN_ATTR_TENSOR_UNIQUE_ID, number);
  set(is, CUDNN_ATTR_TENSOR_DATA_TYPE, tensor.type);
  set(is, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kAlignment);
  set(is, CUDNN_ATTR_TENSOR_DIMENSIONS, tensor.dims);
  set(is, CUDNN_ATTR_TENSOR_STRIDES, strides_of(tensor.dims, channels_last));
  set(is, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &tensor.is_virtual);
  finalize(is);
  return is;
}

Descriptor describe_window(const DnnGraph& graph) {
  Descriptor is = make(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  set(is, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  set(is, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  set(is, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, static_cast<std::int64_t>(graph.stride.size()));
  set(is, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, graph.stride);
  set(is, CUDNN_ATTR_CONVOLUTION_DILATIONS, graph.dilate);
  set(is, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, graph.pad_begin);
  set(is, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, graph.pad_end);
  finalize(is);
  return is;
}

/// A convolution and its transpose are two operations, whose attributes have names of their own.
struct ConvolutionNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t window, src, weight, dst, alpha, beta;
};
constexpr ConvolutionNames kForward = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                                       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
constexpr ConvolutionNames kBackwardData = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};

Descriptor describe_convolution(const DnnGraph& graph, const Descriptor& window,
                                const std::vector<Descriptor>& tensors) {
  const auto tensor = [&](int number) -> const Descriptor& { return tensors[static_cast<std::size_t>(number)]; };
  const ConvolutionNames& names = graph.transposed ? kBackwardData : kForward;
  const float one = 1, zero = 0;
  Descriptor is = make(names.operation);
  set(is, names.window, window);
  set(is, names.src, tensor(graph.src));
  set(is, names.weight, tensor(graph.weight));
  set(is, names.dst, tensor(graph.dst));
  set(is, names.alpha, CUDNN_TYPE_FLOAT, 1, &one);
  set(is, names.beta, CUDNN_TYPE_FLOAT, 1, &zero);
  finalize(is);
  return is;
}

/// The function and the operation that applies it; the operation comes last.
std::array<Descriptor, 2> describe_pointwise(const DnnPointwise& step, const std::vector<Descriptor>& tensors) {
  const auto tensor = [&](int number) -> const Descriptor& { return tensors[static_cast<std::size_t>(number)]; };
  const Descriptor function = make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  set(function, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &step.mode);
  set(function, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (step.upper_clip) {
    set(function, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, CUDNN_TYPE_DOUBLE, 1, &*step.upper_clip);
  }
  finalize(function);
  const Descriptor is = make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  set(is, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, function);
  set(is, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensor(step.x));
  if (step.b >= 0) set(is, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, tensor(step.b));
  set(is, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensor(step.y));
  finalize(is);
  return {function, is};
}

/// The whole graph; what it refers to is added to `parts`.
Descriptor describe(const DnnGraph& graph, cudnnHandle_t handle, std::vector<Descriptor>& parts) {
  std::vector<Descriptor> tensors;
  for (const DnnTensor& tensor : graph.tensors) {
    tensors.push_back(describe(tensor, static_cast<std::int64_t>(tensors.size()), graph.channels_last));
  }
  const Descriptor window = describe_window(graph);
  std::vector<Descriptor> operations = {describe_convolution(graph, window, tensors)};
  for (const DnnPointwise& step : graph.pointwise) {
    auto [function, operation] = describe_pointwise(step, tensors);
    parts.push_back(std::move(function));
    operations.push_back(std::move(operation));
  }
  std::vector<cudnnBackendDescriptor_t> handles;
  for (const Descriptor& operation : operations) handles.push_back(operation.get());
  Descriptor whole = make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  set(whole, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  set(whole, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, handles.size(), handles.data());
  finalize(whole);
  parts.push_back(window);
  parts.push_back(whole);
  parts.insert(parts.end(), tensors.begin(), tensors.end());
  parts.insert(parts.end(), operations.begin(), operations.end());
  return whole;
}

/// What the heuristics of this mode propose, the likeliest first; nothing where they know nothing.
std::vector<Descriptor> proposals(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  const Descriptor heuristics = make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  set(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  set(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (cudnn().cudnnBackendFinalize(heuristics.get()) != CUDNN_STATUS_SUCCESS) return {};
  std::int64_t count = 0;
  if (cudnn().cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                       0, &count, nullptr) != CUDNN_STATUS_SUCCESS) {
    return {};
  }
  std::vector<Descriptor> results;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (std::int64_t i = 0; i < count; ++i) {
    results.push_back(make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    handles.push_back(results.back().get());
  }
  std::int64_t found = 0;
  if (count > 0) {
    check(cudnn().cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                           CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &found, handles.data()));
  }
  results.resize(static_cast<std::size_t>(found));
  return results;
}

std::vector<cudnnBackendNumericalNote_t> notes_of(const Descriptor& configuration) {
  const Descriptor engine = make(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.get();
  std::int64_t count = 0;
  check(cudnn().cudnnBackendGetAttribute(configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                         CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &handle));
  std::vector<cudnnBackendNumericalNote_t> notes(CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  check(cudnn().cudnnBackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                         static_cast<std::int64_t>(notes.size()), &count, notes.data()));
  notes.resize(static_cast<std::size_t>(count));
  return notes;
}

struct Note {
  cudnnBackendNumericalNote_t note;
  const char* reason;
};
/// What rules an engine out.
constexpr Note kNever[] = {{CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, "it does not give the same bits each time"},
                           {CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS, "it rounds its data to a narrower type"},
                           {CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION, "it sums in a narrower type"},
                           {CUDNN_NUMERICAL_NOTE_FFT, "it goes by Fourier transforms"},
                           {CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13, "its Winograd tiles of 13x13 lose digits"}};
constexpr Note kNotInFloat32 = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, "it multiplies in TF32"};
constexpr Note kOnlyInFloat32 = {CUDNN_NUMERICAL_NOTE_WINOGRAD,
                                 "it is a Winograd transform, which takes digits that only float32 has"};

/// Why the engine may not run the graph; empty where it may.
std::string refusal_of(const Descriptor& configuration, bool float32) {
  const auto notes = notes_of(configuration);
  const auto has = [&](const Note& note) { return std::ranges::find(notes, note.note) != notes.end(); };
  for (const Note& note : kNever) {
    if (has(note)) return note.reason;
  }
  const Note& other = float32 ? kNotInFloat32 : kOnlyInFloat32;
  return has(other) ? other.reason : "";
}

void* aligned(void* workspace) {
  return reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(workspace) + kWorkspaceAlignment - 1) /
                                 kWorkspaceAlignment * kWorkspaceAlignment);
}

}  // namespace

std::string to_text(const DnnGraph& graph) {
  std::string text = graph.transposed ? "backward data" : "forward";
  if (graph.float32) text += " float32";
  if (!graph.channels_last) text += " row-major";
  for (const DnnTensor& tensor : graph.tensors) {
    text += fmt::format(" {}{}({})", tensor.is_virtual ? "virtual " : "", static_cast<int>(tensor.type),
                        fmt::join(tensor.dims, ","));
  }
  text += fmt::format(" stride={} dilate={} pad={}+{}", fmt::join(graph.stride, ","), fmt::join(graph.dilate, ","),
                      fmt::join(graph.pad_begin, ","), fmt::join(graph.pad_end, ","));
  for (const DnnPointwise& step : graph.pointwise) {
    text += fmt::format(" {}={}({}", step.y, static_cast<int>(step.mode), step.x);
    if (step.b >= 0) text += fmt::format(",{}", step.b);
    if (step.upper_clip) text += fmt::format(" to {}", *step.upper_clip);
    text += ')';
  }
  return text;
}

void DnnPlan::run(const GpuDevice& device, void* stream, std::span<void* const> tensors, void* workspace) const {
  std::vector<void*> addresses;
  for (const std::int64_t number : real_) addresses.push_back(tensors[static_cast<std::size_t>(number)]);
  void* const scratch = workspace_bytes_ == 0 ? nullptr : aligned(workspace);
  const Descriptor pack = make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  set(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, real_);
  set(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, addresses.size(), addresses.data());
  set(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &scratch);
  finalize(pack);
  check(cudnn().cudnnBackendExecute(cudnn_handle(device, stream), plan_.get(), pack.get()));
}

std::shared_ptr<DnnEngines> DnnEngines::get(GpuDevice& device, const DnnGraph& graph) {
  static std::mutex mutex;
  static std::map<std::pair<int, std::string>, std::weak_ptr<DnnEngines>> known;
  const std::scoped_lock lock(mutex);
  std::weak_ptr<DnnEngines>& found = known[{device.ordinal(), to_text(graph)}];
  if (auto engines = found.lock()) return engines;
  std::shared_ptr<DnnEngines> engines(new DnnEngines(device, graph));
  found = engines;
  return engines;
}

DnnEngines::DnnEngines(GpuDevice& device, DnnGraph graph) : device_(device), graph_(std::move(graph)) {
  device_.make_current();
  const Descriptor whole = describe(graph_, cudnn_handle(device_, nullptr), parts_);
  std::string refusals;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (Descriptor& configuration : proposals(whole, mode)) {
      const std::string refusal = refusal_of(configuration, graph_.float32);
      if (refusal.empty()) {
        configurations_.push_back(std::move(configuration));
      } else if (refusals.find(refusal) == std::string::npos) {
        refusals += (refusals.empty() ? "; one is not taken because " : ", another because ") + refusal;
      }
    }
  }
  if (configurations_.empty()) {
    fail(ErrorCode::internal, "cuDNN has no engine for the graph {}{}", to_text(graph_), refusals);
  }
}

DnnPlan DnnEngines::make_plan(std::size_t rank) const {
  const cudnnHandle_t handle = cudnn_handle(device_, nullptr);
  DnnPlan made;
  made.plan_ = make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  set(made.plan_, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  set(made.plan_, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configurations_[rank]);
  finalize(made.plan_);
  std::int64_t bytes = 0, count = 0;
  check(cudnn().cudnnBackendGetAttribute(made.plan_.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
                                         1, &count, &bytes));
  if (static_cast<std::size_t>(bytes) > kMostWorkspace) {
    fail(ErrorCode::internal, "it needs {} bytes of workspace, more than {}", bytes, kMostWorkspace);
  }
  made.workspace_bytes_ = bytes == 0 ? 0 : static_cast<std::size_t>(bytes) + kWorkspaceAlignment;
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    if (!graph_.tensors[i].is_virtual) made.real_.push_back(static_cast<std::int64_t>(i));
  }
  return made;
}

std::optional<DnnPlan> DnnEngines::plan(std::size_t rank, std::string& why) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = made_.find(rank); found != made_.end()) return found->second;
  device_.make_current();
  try {
    const DnnPlan plan = make_plan(rank);
    run_once(plan);
    made_.emplace(rank, plan);
    return plan;
  } catch (const Error& error) {
    device_.make_current();  // throws where the device is lost
    why = error.what();
    return {};
  }
}

void DnnEngines::run_once(const DnnPlan& plan) const {
  std::vector<std::shared_ptr<std::byte>> blocks;
  std::vector<void*> tensors(graph_.tensors.size(), nullptr);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (graph_.tensors[i].is_virtual) continue;
    blocks.push_back(device_.allocate(bytes_of(graph_.tensors[i])));
    tensors[i] = blocks.back().get();
  }
  const auto workspace = device_.allocate(std::max<std::size_t>(plan.workspace_bytes(), 1));
  plan.run(device_, nullptr, tensors, workspace.get());
  check(driver().cuCtxSynchronize());
}

}  // namespace tenon::cuda
