// Convolution and Deconvolution by cuDNN in NCHW, as MXNet runs them on a GPU: the fastest of its algorithms by
// measurement, in the data's own precision. TF32 is not used.

#include <array>
#include <cstdio>
#include <map>
#include <tuple>

#include "backends/cuda/plain/families.h"
#include "backends/cuda/plain/strided_map.h"
#include "backends/cuda/runtime/dnn.h"
#include "backends/cuda/runtime/memory.h"
#include "core/error.h"
#include "engine/kernel_binaries.h"
#include "graph/graph.h"
#include "ops/arithmetic.h"
#include "ops/spatial.h"

namespace tenon::cuda {
namespace {

constexpr std::size_t kMostWorkspace = std::size_t{1} << 30;

cudnnDataType_t cudnn_type(DType dtype) {
  return dtype == DType::float16 ? CUDNN_DATA_HALF : dtype == DType::float64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
}

/// Sizes as cuDNN wants them: at least two spatial axes; a row becomes an image of height 1.
std::vector<int> dims_of(const Shape& shape) {
  std::vector<int> dims(shape.begin(), shape.end());
  if (dims.size() == 3) dims.insert(dims.begin() + 2, 1);
  return dims;
}

void set_tensor(cudnnTensorDescriptor_t descriptor, cudnnDataType_t type, const std::vector<int>& dims) {
  std::vector<int> strides(dims.size(), 1);
  for (std::size_t axis = dims.size() - 1; axis-- > 0;) strides[axis] = strides[axis + 1] * dims[axis + 1];
  check(
      cudnn().cudnnSetTensorNdDescriptor(descriptor, type, static_cast<int>(dims.size()), dims.data(), strides.data()));
}

/// One convolution, seen from the side with the weight's F channels ("narrow" data of a deconvolution is what a
/// convolution writes).
struct Problem {
  DType dtype = DType::float32;
  std::vector<int> src, weight, dst;
  std::vector<int> pad, stride, dilate;
  int groups = 1;
  bool transposed = false;  ///< a deconvolution: src is what the convolution would write
  auto key() const { return std::tie(dtype, src, weight, dst, pad, stride, dilate, groups, transposed); }
  bool operator<(const Problem& other) const { return key() < other.key(); }
};

struct Descriptors {
  TensorDescriptor src = make_tensor_descriptor(), dst = make_tensor_descriptor();
  FilterDescriptor weight = make_filter_descriptor();
  ConvolutionDescriptor convolution = make_convolution_descriptor();
};

Descriptors describe(const Problem& problem) {
  Descriptors is;
  const cudnnDataType_t type = cudnn_type(problem.dtype);
  set_tensor(is.src.get(), type, problem.src);
  set_tensor(is.dst.get(), type, problem.dst);
  check(cudnn().cudnnSetFilterNdDescriptor(is.weight.get(), type, CUDNN_TENSOR_NCHW,
                                           static_cast<int>(problem.weight.size()), problem.weight.data()));
  const bool half = problem.dtype == DType::float16;
  check(cudnn().cudnnSetConvolutionNdDescriptor(is.convolution.get(), static_cast<int>(problem.pad.size()),
                                                problem.pad.data(), problem.stride.data(), problem.dilate.data(),
                                                CUDNN_CROSS_CORRELATION, half ? CUDNN_DATA_FLOAT : type));
  check(cudnn().cudnnSetConvolutionGroupCount(is.convolution.get(), problem.groups));
  check(cudnn().cudnnSetConvolutionMathType(is.convolution.get(), half ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH));
  return is;
}

struct Algorithm {
  int number = -1;
  std::size_t workspace = 0;
};

/// Winograd's transforms of windows beyond 3 x 3 lose too many digits: 1.7e-4 of the greatest output in AlexNet.
bool is_exact(cudnnConvolutionFwdAlgo_t algorithm, const Problem& problem) {
  return algorithm != CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED || problem.weight.back() <= 3;
}
bool is_exact(cudnnConvolutionBwdDataAlgo_t algorithm, const Problem& problem) {
  return algorithm != CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED || problem.weight.back() <= 3;
}

/// The first, they come fastest first, that runs, needs no more than a gibibyte and gives the same bits each time.
template <class Perf>
Algorithm best_of(const Perf* results, int count, const Problem& problem) {
  for (int i = 0; i < count; ++i) {
    if (!is_exact(results[i].algo, problem)) continue;
    if (results[i].status == CUDNN_STATUS_SUCCESS && results[i].memory <= kMostWorkspace &&
        results[i].determinism == CUDNN_DETERMINISTIC) {
      return {static_cast<int>(results[i].algo), results[i].memory};
    }
  }
  return {};
}

/// Measured once a problem and device: programs of one process get the same bits.
Algorithm measure(const GpuDevice& device, const Problem& problem, const Descriptors& is) {
  static std::mutex mutex;
  static std::map<std::pair<int, Problem>, Algorithm> known;
  const std::scoped_lock lock(mutex);
  const auto found = known.find({device.ordinal(), problem});
  if (found != known.end()) return found->second;
  device.make_current();
  const cudnnHandle_t handle = cudnn_handle(device, nullptr);
  int count = 0;
  Algorithm best;
  if (problem.transposed) {
    std::array<cudnnConvolutionBwdDataAlgoPerf_t, CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT> results{};
    check(cudnn().cudnnFindConvolutionBackwardDataAlgorithm(handle, is.weight.get(), is.src.get(), is.convolution.get(),
                                                            is.dst.get(), static_cast<int>(results.size()), &count,
                                                            results.data()));
    best = best_of(results.data(), count, problem);
  } else {
    std::array<cudnnConvolutionFwdAlgoPerf_t, CUDNN_CONVOLUTION_FWD_ALGO_COUNT> results{};
    check(cudnn().cudnnFindConvolutionForwardAlgorithm(handle, is.src.get(), is.weight.get(), is.convolution.get(),
                                                       is.dst.get(), static_cast<int>(results.size()), &count,
                                                       results.data()));
    best = best_of(results.data(), count, problem);
  }
  return known[{device.ordinal(), problem}] = best;
}

/// "algorithm=1 workspace=4096": measuring again might find another one, and with it other bits.
std::string text_of(const Algorithm& algorithm) {
  return fmt::format("algorithm={} workspace={}", algorithm.number, algorithm.workspace);
}

Algorithm parse_algorithm(const std::string& text) {
  Algorithm algorithm;
  if (std::sscanf(text.c_str(), "algorithm=%d workspace=%zu", &algorithm.number, &algorithm.workspace) != 2 ||
      text_of(algorithm) != text || algorithm.workspace > kMostWorkspace) {
    fail(ErrorCode::corrupt, "the recorded kernel '{}' is no algorithm of cuDNN", text);
  }
  return algorithm;
}

template <class Scalar>
void run(const GpuDevice& device, const Problem& problem, const Descriptors& is, const Algorithm& algorithm,
         const Operands& operands) {
  const Scalar one = 1, zero = 0;
  const cudnnHandle_t handle = cudnn_handle(device, operands.stream);
  if (problem.transposed) {
    check(cudnn().cudnnConvolutionBackwardData(
        handle, &one, is.weight.get(), operands.src[1], is.src.get(), operands.src[0], is.convolution.get(),
        static_cast<cudnnConvolutionBwdDataAlgo_t>(algorithm.number), operands.workspace, algorithm.workspace, &zero,
        is.dst.get(), operands.dst[0]));
  } else {
    check(cudnn().cudnnConvolutionForward(handle, &one, is.src.get(), operands.src[0], is.weight.get(), operands.src[1],
                                          is.convolution.get(),
                                          static_cast<cudnnConvolutionFwdAlgo_t>(algorithm.number), operands.workspace,
                                          algorithm.workspace, &zero, is.dst.get(), operands.dst[0]));
  }
}

/// dst += bias, one number a channel.
Kernel bias_kernel(const GpuDevice& device, const OpCall& call) {
  const std::string type = type_name(call.dtype_out());
  StridedMap map = channel_map({call.shape_out(), call.shape_in(2)}, call.shape_out(), 1);
  return map_kernel(device, {type, {type, type}, arithmetic_name(call.dtype_out()), "a + b"}, map, {{0, 1}});
}

Conditions conditions_of(const OpCall& call) {
  Conditions conditions = filled_conditions(call);
  const Layout layout = layout_of(call.attributes(), sliding_window(call.attributes()).rank);
  const DType dtype = call.dtype_in(0);
  conditions.require(cudnn().usable(), "cuDNN is not here: {}", cudnn().library.problem());
  conditions.require(dtype == DType::float32 || dtype == DType::float64 || dtype == DType::float16,
                     "the data are {}, not float32, float64 or float16", name(dtype));
  conditions.require(!layout.channels_last(), "the layout has the channels last");
  return conditions;
}

Problem problem_of(const OpCall& call) {
  const SlidingWindow window = sliding_window(call.attributes());
  Problem problem;
  problem.dtype = call.dtype_in(0);
  problem.src = dims_of(call.shape_in(0));
  problem.weight = dims_of(call.shape_in(1));
  problem.dst = dims_of(call.shape_out());
  for (std::size_t i = window.rank == 3 ? 0 : 1; i < 3; ++i) {
    problem.pad.push_back(static_cast<int>(window.pad[i]));
    problem.stride.push_back(static_cast<int>(window.stride[i]));
    problem.dilate.push_back(static_cast<int>(window.dilate[i]));
  }
  problem.groups = static_cast<int>(call.attributes().integer("num_group"));
  return problem;
}

Offer plan_of(const StepRequest& request, const Problem& problem) {
  const GpuDevice& device = device_of(request.memory);
  device.make_current();
  if (KernelBinaries* plan = KernelScope::current()) {
    plan->depend_on("cuDNN", static_cast<std::int64_t>(cudnn().cudnnGetVersion()));
  }
  Descriptors is;
  Algorithm algorithm;
  if (request.variant != nullptr) algorithm = parse_algorithm(*request.variant);
  try {
    is = describe(problem);
    if (request.variant == nullptr) algorithm = measure(device, problem, is);
  } catch (const Error& error) {
    return std::string(error.what());
  }
  if (algorithm.number < 0) return "cuDNN has no algorithm for it";
  const Kernel add_bias = request.call.inputs.size() > 2 ? bias_kernel(device, request.call) : Kernel{};
  StepPlan plan;
  plan.variant = text_of(algorithm);
  plan.kernel.workspace_bytes = algorithm.workspace;
  plan.kernel.run = [&device, problem, is, algorithm, add_bias](const Operands& operands) {
    if (problem.dtype == DType::float64) {
      run<double>(device, problem, is, algorithm, operands);
    } else {
      run<float>(device, problem, is, algorithm, operands);
    }
    if (!add_bias.run) return;
    const std::array<const void*, 2> src = {operands.dst[0], operands.src[2]};
    add_bias.run({src, operands.dst, nullptr, operands.stream});
  };
  return plan;
}

Offer offer_convolution(const StepRequest& request) {
  const Conditions conditions = conditions_of(request.call);
  if (conditions.refuse()) return conditions.reason();
  return plan_of(request, problem_of(request.call));
}

Offer offer_deconvolution(const StepRequest& request) {
  Conditions conditions = conditions_of(request.call);
  const OpCall& call = request.call;
  conditions.require(call.attributes().tuple("target_shape").empty(), "target_shape sets other paddings");
  if (conditions.refuse()) return conditions.reason();
  Problem problem = problem_of(call);
  problem.transposed = true;
  return plan_of(request, problem);
}

}  // namespace

Conditions filled_conditions(const OpCall& call) {
  Conditions conditions;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    conditions.require(call.inputs[i].shape.elements() > 0, "input {} has no elements", i);
  }
  conditions.require(call.shape_out().elements() > 0, "the output has no elements");
  return conditions;
}

Conditions floating_conditions(const OpCall& call) {
  Conditions conditions = filled_conditions(call);
  conditions.require(is_floating(call.dtype_in(0)), "the data are {}, not of a floating type", name(call.dtype_in(0)));
  return conditions;
}

std::vector<Implementation> convolution_implementations() {
  return {{"cudnn:convolution", {"Convolution", "Convolution_v1"}, offer_convolution},
          {"cudnn:deconvolution", {"Deconvolution"}, offer_deconvolution}};
}

}  // namespace tenon::cuda
