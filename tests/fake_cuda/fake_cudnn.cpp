// cuDNN's graph API without a GPU: it keeps what it is told, proposes engines and refuses what a test asks it to
// refuse. What is queued on a stream of the fake driver is computed there; a plan that is run without a stream computes
// nothing.

#include "fake_cudnn.h"

#include <cuda.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fake_cudnn_graph.h"

namespace {

/// A descriptor: the bytes of its attributes.
struct Descriptor {
  cudnnBackendDescriptorType_t type;
  std::map<cudnnBackendAttributeName_t, std::vector<char>> attributes;
  bool final = false;
  std::int64_t engine = 0;            // of an engine or of what was made for one
  const Descriptor* graph = nullptr;  // of what was made for one

  template <class T>
  std::vector<T> values(cudnnBackendAttributeName_t name) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) return {};
    std::vector<T> result(found->second.size() / sizeof(T));
    std::memcpy(result.data(), found->second.data(), found->second.size());
    return result;
  }
  const Descriptor* part(cudnnBackendAttributeName_t name) const {
    const auto handles = values<cudnnBackendDescriptor_t>(name);
    return handles.empty() ? nullptr : static_cast<const Descriptor*>(handles[0]);
  }
};

std::mutex mutex;
std::string graphs, refused;
int runs = 0, last_engine = -1;

std::string text_of(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

std::string text_of(const Descriptor* tensor) {
  if (tensor == nullptr) return "?";
  const auto is_virtual = tensor->values<char>(CUDNN_ATTR_TENSOR_IS_VIRTUAL);
  const auto type = tensor->values<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
  const std::string name = type.at(0) == CUDNN_DATA_HALF    ? "half"
                           : type.at(0) == CUDNN_DATA_FLOAT ? "float"
                                                            : "bfloat16";
  return (is_virtual.at(0) != 0 ? "virtual " : "") + name + "(" +
         text_of(tensor->values<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS)) + ")/" +
         text_of(tensor->values<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES));
}

std::string window_text(const Descriptor* window) {
  const auto numbers = [&](cudnnBackendAttributeName_t name) { return text_of(window->values<std::int64_t>(name)); };
  return " stride " + numbers(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES) + " dilate " +
         numbers(CUDNN_ATTR_CONVOLUTION_DILATIONS) + " pad " + numbers(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS) + "+" +
         numbers(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
}

std::string layout_text(const Descriptor* weight) {
  return weight->values<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES).at(1) == 1 ? "channels last: " : "row-major: ";
}

std::string operation_text(const Descriptor& operation) {
  const auto tensor = [&](cudnnBackendAttributeName_t name) { return text_of(operation.part(name)); };
  if (operation.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR) {
    return layout_text(operation.part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W)) + "forward " +
           tensor(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X) + " * " +
           tensor(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W) + " -> " +
           tensor(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y) +
           window_text(operation.part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC));
  }
  if (operation.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR) {
    return layout_text(operation.part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W)) + "backward " +
           tensor(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY) + " * " +
           tensor(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W) + " -> " +
           tensor(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX) +
           window_text(operation.part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC));
  }
  const Descriptor* function = operation.part(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  return "; mode " + std::to_string(function->values<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE).at(0)) + " " +
         tensor(CUDNN_ATTR_OPERATION_POINTWISE_XDESC) + " " + tensor(CUDNN_ATTR_OPERATION_POINTWISE_BDESC) + " -> " +
         tensor(CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
}

/// A graph is written down; the rules of cuDNN that are checked here are those a caller may break unseen.
cudnnStatus_t finalize(Descriptor& descriptor) {
  const auto operations = descriptor.values<cudnnBackendDescriptor_t>(CUDNN_ATTR_OPERATIONGRAPH_OPS);
  std::string line;
  for (const cudnnBackendDescriptor_t operation : operations) {
    if (!static_cast<const Descriptor*>(operation)->final) return CUDNN_STATUS_BAD_PARAM;
    line += operation_text(*static_cast<const Descriptor*>(operation));
  }
  if (!operations.empty()) graphs += line + '\n';
  if (!refused.empty() && line.find(refused) != std::string::npos) return CUDNN_STATUS_NOT_SUPPORTED;
  if (const Descriptor* configuration = descriptor.part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)) {
    descriptor.engine = configuration->engine;
    descriptor.graph = configuration->graph;
  }
  descriptor.final = true;
  return CUDNN_STATUS_SUCCESS;
}

template <class T>
void give(void* place, std::int64_t at, T value) {
  std::memcpy(static_cast<char*>(place) + at * static_cast<std::int64_t>(sizeof(T)), &value, sizeof(T));
}

constexpr std::int64_t kEngines = 3;

void give_engines(const Descriptor& heuristics, std::int64_t wanted, std::int64_t* count, void* handles) {
  const bool knows = heuristics.values<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE).at(0) == CUDNN_HEUR_MODE_A;
  *count = knows ? (wanted == 0 ? kEngines : std::min(wanted, kEngines)) : 0;
  for (std::int64_t i = 0; i < wanted && i < *count; ++i) {
    auto& configuration = *static_cast<Descriptor*>(static_cast<cudnnBackendDescriptor_t*>(handles)[i]);
    configuration.engine = i;
    configuration.graph = heuristics.part(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    configuration.final = true;
  }
}

fake_cudnn::Tensor tensor_of(const Descriptor* is) {
  return {is->values<std::int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID).at(0),
          is->values<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE).at(0),
          is->values<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS), is->values<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES),
          is->values<char>(CUDNN_ATTR_TENSOR_IS_VIRTUAL).at(0) != 0};
}

fake_cudnn::Convolution convolution_of(const Descriptor& is) {
  const bool transposed = is.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
  const auto part = [&](cudnnBackendAttributeName_t forward, cudnnBackendAttributeName_t backward) {
    return is.part(transposed ? backward : forward);
  };
  const Descriptor* window =
      part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC);
  return {tensor_of(part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY)),
          tensor_of(part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W)),
          tensor_of(part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX)),
          transposed,
          window->values<std::int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
          window->values<std::int64_t>(CUDNN_ATTR_CONVOLUTION_DILATIONS),
          window->values<std::int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS)};
}

fake_cudnn::Pointwise pointwise_of(const Descriptor& is) {
  const Descriptor* function = is.part(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  fake_cudnn::Pointwise step{function->values<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE).at(0),
                             tensor_of(is.part(CUDNN_ATTR_OPERATION_POINTWISE_XDESC)),
                             tensor_of(is.part(CUDNN_ATTR_OPERATION_POINTWISE_YDESC)),
                             {},
                             {}};
  if (const Descriptor* b = is.part(CUDNN_ATTR_OPERATION_POINTWISE_BDESC)) step.b = tensor_of(b);
  const auto clip = function->values<double>(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP);
  if (!clip.empty()) step.upper_clip = clip[0];
  return step;
}

std::shared_ptr<fake_cudnn::Graph> graph_of(const Descriptor& plan, const Descriptor& pack) {
  auto graph = std::make_shared<fake_cudnn::Graph>();
  const auto operations = plan.graph->values<cudnnBackendDescriptor_t>(CUDNN_ATTR_OPERATIONGRAPH_OPS);
  graph->convolution = convolution_of(*static_cast<const Descriptor*>(operations.at(0)));
  for (std::size_t i = 1; i < operations.size(); ++i) {
    graph->pointwise.push_back(pointwise_of(*static_cast<const Descriptor*>(operations[i])));
  }
  const auto numbers = pack.values<std::int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto addresses = pack.values<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  for (std::size_t i = 0; i < numbers.size(); ++i) graph->addresses[numbers[i]] = addresses.at(i);
  return graph;
}

thread_local cudaStream_t stream = nullptr;
/// Those that were queued, once or to be replayed.
std::vector<std::shared_ptr<fake_cudnn::Graph>> queued;

}  // namespace

extern "C" {

const char* fake_cudnn_graphs() {
  return graphs.c_str();
}
void fake_cudnn_forget_graphs() {
  graphs.clear();
}
int fake_cudnn_runs() {
  return runs;
}
int fake_cudnn_engine() {
  return last_engine;
}
void fake_cudnn_refuse(const char* text) {
  refused = text;
}

std::size_t cudnnGetVersion() {
  return 90000;
}
const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_OF_A_TEST";
}
void cudnnGetLastErrorString(char* message, std::size_t size) {
  std::strncpy(message, "as the fake cuDNN says", size);
}
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  static char one;
  *handle = reinterpret_cast<cudnnHandle_t>(&one);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t) {
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t, cudaStream_t to) {
  stream = to;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* descriptor) {
  *descriptor = new Descriptor{type, {}};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete static_cast<Descriptor*>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
  const bool small = type == CUDNN_TYPE_DATA_TYPE || type == CUDNN_TYPE_CONVOLUTION_MODE ||
                     type == CUDNN_TYPE_HEUR_MODE || type == CUDNN_TYPE_POINTWISE_MODE || type == CUDNN_TYPE_FLOAT;
  const std::int64_t size = type == CUDNN_TYPE_BOOLEAN ? 1 : small ? 4 : 8;
  const auto* bytes = static_cast<const char*>(values);
  auto& target = *static_cast<Descriptor*>(descriptor);
  if (target.final) return CUDNN_STATUS_BAD_PARAM;
  target.attributes[name].assign(bytes, bytes + size * count);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  const std::scoped_lock lock(mutex);
  return finalize(*static_cast<Descriptor*>(descriptor));
}
cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, std::int64_t wanted, std::int64_t* count,
                                       void* values) {
  const auto& from = *static_cast<const Descriptor*>(descriptor);
  if (!from.final) return CUDNN_STATUS_BAD_PARAM;
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
      give_engines(from, wanted, count, values);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINECFG_ENGINE: {
      auto& engine = *static_cast<Descriptor*>(*static_cast<cudnnBackendDescriptor_t*>(values));
      engine.engine = from.engine;
      engine.final = true;
      *count = 1;
      return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
      *count = from.engine < 2 ? 1 : 0;
      if (from.engine == 0) give(values, 0, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
      if (from.engine == 1) give(values, 0, CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      *count = 1;
      give(values, 0, std::int64_t{1000});
      return CUDNN_STATUS_SUCCESS;
    default:
      return CUDNN_STATUS_NOT_SUPPORTED;
  }
}
cudnnStatus_t cudnnBackendExecute(cudnnHandle_t, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  const auto& addresses = *static_cast<const Descriptor*>(pack);
  const std::scoped_lock lock(mutex);
  if (!static_cast<const Descriptor*>(plan)->final || !addresses.final) return CUDNN_STATUS_BAD_PARAM;
  for (const void* address : addresses.values<const void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS)) {
    if (address == nullptr || reinterpret_cast<std::uintptr_t>(address) % 16 != 0) return CUDNN_STATUS_BAD_PARAM;
  }
  const auto workspace = addresses.values<const void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  if (workspace.empty() || reinterpret_cast<std::uintptr_t>(workspace[0]) % 256 != 0) return CUDNN_STATUS_BAD_PARAM;
  ++runs;
  last_engine = static_cast<int>(static_cast<const Descriptor*>(plan)->engine);
  if (stream == nullptr) return CUDNN_STATUS_SUCCESS;
  queued.push_back(graph_of(*static_cast<const Descriptor*>(plan), addresses));
  const auto compute = [](void* graph) { static_cast<const fake_cudnn::Graph*>(graph)->compute(); };
  const CUresult status = cuLaunchHostFunc(stream, compute, queued.back().get());
  return status == CUDA_SUCCESS ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}
}
