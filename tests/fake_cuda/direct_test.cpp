// The engine's convolution without tensor cores, cut by cut, and a network of such layers; run on the host.

#include <cstring>
#include <random>

#include <fmt/format.h>

#include "backends/cuda/codegen/direct_plan.h"
#include "backends/cuda/codegen/weights.h"
#include "backends/cuda/engine/fused_kernel.h"
#include "backends/cuda/runtime/memory.h"
#include "core/half.h"
#include "fixture.h"

namespace tenon::cuda {
namespace {

using testing::Contains;
using testing::HasSubstr;

Tensor random_numbers(const Shape& shape, unsigned seed, float most = 1) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> numbers(-most, most);
  Tensor tensor(shape, DType::float32);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.mutable_data<float>()[i] = numbers(generator);
  return tensor;
}

/// Where an element of (N, C, H, W) lies in blocks of `unit` channels.
std::size_t in_blocks(const Shape& shape, std::int64_t element, int unit) {
  const std::int64_t pixels = shape[2] * shape[3], pixel = element % pixels, channel = element / pixels % shape[1];
  const std::int64_t n = element / (pixels * shape[1]), planes = (shape[1] + unit - 1) / unit;
  return static_cast<std::size_t>(((n * planes + channel / unit) * pixels + pixel) * unit + channel % unit);
}
std::size_t block_elements(const Shape& shape, int unit) {
  return static_cast<std::size_t>(shape[0] * ((shape[1] + unit - 1) / unit * unit) * shape[2] * shape[3]);
}

/// The tensor as a kernel has it: blocks in fp16 or float32, or planes in float32.
std::vector<std::byte> stored(const Tensor& tensor, Storage storage, bool planes) {
  const int unit = unit_of(storage);
  const auto* from = static_cast<const std::byte*>(tensor.data());
  if (planes) return {from, from + tensor.bytes()};
  const auto element = static_cast<std::size_t>(element_bytes(storage));
  std::vector<std::byte> bytes(block_elements(tensor.shape(), unit) * element);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    const float value = tensor.data<float>()[i];
    const float16 half = to_float16(value);
    const void* bits = element == 2 ? static_cast<const void*>(&half) : static_cast<const void*>(&value);
    std::memcpy(bytes.data() + in_blocks(tensor.shape(), i, unit) * element, bits, element);
  }
  return bytes;
}

Tensor loaded(const std::vector<std::byte>& bytes, const Shape& shape, Storage storage, bool planes) {
  Tensor tensor(shape, DType::float32);
  const auto element = static_cast<std::size_t>(planes ? 4 : element_bytes(storage));
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    const std::size_t at = planes ? static_cast<std::size_t>(i) : in_blocks(shape, i, unit_of(storage));
    float value = 0;
    float16 half{};
    std::memcpy(element == 2 ? static_cast<void*>(&half) : static_cast<void*>(&value), bytes.data() + at * element,
                element);
    tensor.mutable_data<float>()[i] = element == 2 ? to_float(half) : value;
  }
  return tensor;
}

/// A convolution with bias and prelu, and a max-pool by the convention "full" (kernel 0: none) with a scale behind it.
struct Layer {
  std::string name;
  Shape data;
  int channels = 1, kernel_h = 3, kernel_w = 3, stride = 1, pad = 0, pool = 0;
  bool from_planes = false, to_planes = false;
};
void PrintTo(const Layer& layer, std::ostream* stream) {
  *stream << layer.name;
}

class EmulatedDirect : public FakeCuda, public testing::WithParamInterface<Layer> {
 protected:
  std::map<std::string, Tensor> tensors() const {
    const Layer& layer = GetParam();
    const std::int64_t channels = layer.channels;
    return {{"data", random_numbers(layer.data, 1)},
            {"w", random_numbers({channels, layer.data[1], layer.kernel_h, layer.kernel_w}, 2)},
            {"b", random_numbers({channels}, 3)},
            {"slope", random_numbers({channels}, 4)},
            {"scale", random_numbers({1, channels, 1, 1}, 5)}};
  }

  /// The convolution's results and those of the whole.
  std::vector<Tensor> expected() const {
    const Layer& layer = GetParam();
    std::string text = "%data = variable\n%w = variable\n%b = variable\n%slope = variable\n%scale = variable\n";
    text += fmt::format(
        "%c = Convolution(%data, %w, %b) {{kernel=({}, {}), stride=({}, {}), pad=({}, {}), num_filter={}}}\n"
        "%r = LeakyReLU(%c, %slope) {{act_type=prelu}}\n",
        layer.kernel_h, layer.kernel_w, layer.stride, layer.stride, layer.pad, layer.pad, layer.channels);
    if (layer.pool == 0) return evaluate(text + "return %c, %r\n", tensors());
    text += fmt::format(
        "%p = Pooling(%r) {{kernel=({0}, {0}), stride=(2, 2), pool_type=max, pooling_convention=full}}\n"
        "%m = broadcast_mul(%p, %scale)\nreturn %c, %m\n",
        layer.pool);
    return evaluate(text, tensors());
  }

  DirectProblem problem(const Shape& conv, const Shape& dst, Storage storage) const {
    const Layer& layer = GetParam();
    const auto size = [](const Shape& shape, int axis) { return static_cast<int>(shape[axis]); };
    ConvolutionProblem convolution;
    convolution.images = size(layer.data, 0);
    convolution.src_channels = size(layer.data, 1);
    convolution.src_h = size(layer.data, 2);
    convolution.src_w = size(layer.data, 3);
    convolution.channels = layer.channels;
    convolution.dst_h = size(conv, 2);
    convolution.dst_w = size(conv, 3);
    convolution.kernel_h = layer.kernel_h;
    convolution.kernel_w = layer.kernel_w;
    convolution.stride_y = convolution.stride_x = layer.stride;
    convolution.pad_y = convolution.pad_x = layer.pad;
    convolution.storage = storage;
    DirectProblem problem = direct_problem(convolution);
    if (layer.pool > 0) problem.pool = {layer.pool, layer.pool, 2, 2, 0, 0};
    problem.dst_h = size(dst, 2);
    problem.dst_w = size(dst, 3);
    problem.from_planes = layer.from_planes;
    problem.to_planes = layer.to_planes;
    return problem;
  }

  const void* on_device(const std::vector<std::byte>& bytes) {
    memory_.push_back(device_->allocate(bytes.size()));
    queue_->copy_in(memory_.back().get(), bytes.data(), bytes.size());
    return memory_.back().get();
  }
  /// One value a channel, filled up as the engine does.
  const void* vector(const Tensor& tensor) {
    std::vector<std::byte> bytes = stored(tensor, Storage::f32, true);
    bytes.resize(512 * sizeof(float));
    return on_device(bytes);
  }

  Tensor run(const KernelSpec& spec, const Shape& dst) {
    const Layer& layer = GetParam();
    const std::map<std::string, Tensor> all = tensors();
    KernelPointers pointers;
    pointers.src = on_device(stored(all.at("data"), spec.storage, layer.from_planes));
    const Tensor& w = all.at("w");
    const ConvolutionWeights weights{{w.data<float>(), static_cast<std::size_t>(w.elements())},
                                     {},
                                     layer.channels,
                                     static_cast<int>(layer.data[1]),
                                     layer.kernel_h * layer.kernel_w};
    pointers.weight = on_device(pack_weights(weights, spec.weights, spec.storage));
    const void* bias = vector(all.at("b"));
    const void* slope = vector(all.at("slope"));
    if (layer.pool > 0) {
      pointers.side_operand = {bias, slope};
      pointers.operand[0] = vector(all.at("scale"));
    } else {
      pointers.operand[0] = bias;
      pointers.operand[1] = slope;
    }
    const std::size_t elements =
        layer.to_planes ? static_cast<std::size_t>(dst.elements()) : block_elements(dst, unit_of(spec.storage));
    std::vector<std::byte> result(elements *
                                  (layer.to_planes ? 4 : static_cast<std::size_t>(element_bytes(spec.storage))));
    const auto to = device_->allocate(result.size());
    pointers.dst[0] = to.get();
    FusedKernel(device_of(*device_), spec).launch(queue_->stream(), pointers);
    queue_->copy_out(result.data(), to.get(), result.size());
    return loaded(result, dst, spec.storage, layer.to_planes);
  }

  std::shared_ptr<DeviceMemory> device_ = gpu_memory(0);
  std::unique_ptr<DeviceQueue> queue_ = device_->open_queue();
  std::vector<std::shared_ptr<std::byte>> memory_;
};

TEST_P(EmulatedDirect, EveryCutGivesTheSameResults) {
  const std::vector<Tensor> wanted = expected();
  const EpilogueSpec rectified{parse_expressions("leaky(add(x, $0), $1)"), {true, true}, {true}};
  const EpilogueSpec scaled{parse_expressions("mul(x, $0)"), {true}, {true}};
  const bool pools = GetParam().pool > 0;
  for (const Storage storage : {Storage::f32, Storage::f16}) {
    const auto specs = direct_candidates(problem(wanted[0].shape(), wanted[1].shape(), storage),
                                         pools ? scaled : rectified, pools ? rectified : EpilogueSpec{}, ampere());
    EXPECT_FALSE(specs.empty());
    const Tensor wide = wanted[1].astype(DType::float64);
    for (const KernelSpec& spec : specs) {
      SCOPED_TRACE(std::string(name(storage)) + " " + spec.label);
      expect_tensor(run(spec, wanted[1].shape()), wanted[1].shape(),
                    {wide.data<double>(), wide.data<double>() + wide.elements()},
                    storage == Storage::f32 ? 1e-5 : 5e-3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Every, EmulatedDirect,
    testing::Values(Layer{"FirstWithHalvingPool", {2, 3, 21, 18}, 10, 3, 3, 1, 0, 2, true, false},
                    Layer{"FirstWithOverlappingPool", {2, 3, 24, 24}, 28, 3, 3, 1, 0, 3, true, false},
                    Layer{"FirstWithStride", {1, 3, 33, 35}, 20, 3, 5, 2, 1, 0, true, false},
                    Layer{"Blocks", {2, 10, 13, 45}, 16, 3, 3, 1, 0, 0, false, false},
                    Layer{"BlocksPadded", {1, 16, 11, 9}, 32, 3, 3, 1, 1, 0, false, false},
                    Layer{"BlocksPooled", {1, 5, 17, 16}, 13, 2, 2, 1, 0, 3, false, false},
                    Layer{"Heads", {3, 32, 5, 7}, 2, 1, 1, 1, 0, 0, false, true},
                    Layer{"PlanesToPlanes", {1, 1, 9, 9}, 4, 3, 3, 1, 1, 0, true, true}),
    [](const auto& layer) { return layer.param.name; });

// A small network of such layers: every step but the softmax runs in the engine.
constexpr const char* kSmall = R"(
%data = variable
%w1 = variable
%b1 = variable
%s1 = variable
%w2 = variable
%b2 = variable
%s2 = variable
%w3 = variable
%b3 = variable
%w4 = variable
%b4 = variable
%c1 = Convolution(%data, %w1, %b1) {kernel=(3, 3), num_filter=10}
%r1 = LeakyReLU(%c1, %s1) {act_type=prelu}
%p1 = Pooling(%r1) {kernel=(2, 2), stride=(2, 2), pool_type=max, pooling_convention=full}
%c2 = Convolution(%p1, %w2, %b2) {kernel=(3, 3), num_filter=16}
%r2 = LeakyReLU(%c2, %s2) {act_type=prelu}
%c3 = Convolution(%r2, %w3, %b3) {kernel=(1, 1), num_filter=4}
%c4 = Convolution(%r2, %w4, %b4) {kernel=(1, 1), num_filter=2}
%y = SoftmaxActivation(%c4) {mode=channel}
return %c3, %y
)";

TEST_F(FakeCuda, ANetworkOfFewChannelsNeedsNoChangeOfLayout) {
  setenv("TENON_TUNE", "off", 1);
  const Model model = model_of(kSmall, {{"w1", random_numbers({10, 3, 3, 3}, 1, 0.3f)},
                                        {"b1", random_numbers({10}, 2)},
                                        {"s1", random_numbers({10}, 3)},
                                        {"w2", random_numbers({16, 10, 3, 3}, 4, 0.3f)},
                                        {"b2", random_numbers({16}, 5)},
                                        {"s2", random_numbers({16}, 6)},
                                        {"w3", random_numbers({4, 16, 1, 1}, 7, 0.3f)},
                                        {"b3", random_numbers({4}, 8)},
                                        {"w4", random_numbers({2, 16, 1, 1}, 9, 0.3f)},
                                        {"b4", random_numbers({2}, 10)}});
  const Tensor data = random_numbers({2, 3, 19, 24}, 11);
  BindOptions options;
  options.backend = "reference";
  options.shapes = {{"data", data.shape()}};
  Executor reference = Executor::bind(model, options);
  reference.set_input("data", data);
  reference.forward();
  for (const auto& [precision, tolerance] : {std::pair("fp32", 1e-5), {"fp16", 5e-3}, {"bf16", 4e-2}}) {
    BindOptions fused = on(0, data.shape(), "cuda");
    fused.precision = precision;
    Executor executor = Executor::bind(model, fused);
    std::vector<std::string> implementations;
    for (const StepInfo& step : executor.steps()) implementations.push_back(step.implementation);
    EXPECT_THAT(implementations, testing::Not(Contains(HasSubstr("reorder"))));
    EXPECT_THAT(implementations, Contains(HasSubstr("tenon:stem direct")));
    executor.set_input("data", data);
    executor.forward();
    for (int i = 0; i < 2; ++i) {
      const Tensor wide = reference.output(i).astype(DType::float64);
      expect_tensor(executor.output(i), wide.shape(), {wide.data<double>(), wide.data<double>() + wide.elements()},
                    tolerance);
    }
  }
}

}  // namespace
}  // namespace tenon::cuda
