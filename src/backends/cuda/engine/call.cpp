#include <algorithm>

#include <fmt/format.h>

#include "backends/cuda/codegen/weights.h"
#include "backends/cuda/engine/engine.h"
#include "backends/cuda/runtime/memory.h"
#include "core/error.h"
#include "core/hash.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr std::size_t kMostOperands = 8, kMostOutputs = 4;
/// Vectors are filled up with zeros so far that blocks of channels may read past the last.
constexpr std::int64_t kVectorStep = 256;
/// Of a stem's weights once they are pairs of pixels (codegen/weights.h).
constexpr int kStemChannels = 8, kStemTaps = 28;

TensorType bytes_type(std::size_t bytes) {
  return {Shape{static_cast<std::int64_t>(bytes)}, DType::uint8};
}

Tensor resident_bytes(DeviceMemory& memory, const std::vector<std::byte>& bytes) {
  return memory.resident(Tensor::borrow_const(bytes.data(), bytes_type(bytes.size()).shape, DType::uint8));
}

/// The elements in float32: the tensor's own where it is that.
Tensor as_float32(const Tensor& tensor) {
  return tensor.dtype() == DType::float32 ? tensor : tensor.astype(DType::float32);
}

std::string fingerprint(const Tensor& tensor) {
  const Hash hash = hash_of(tensor.data(), tensor.bytes());
  return fmt::format("{:x}{:x}", hash.high, hash.low);
}

std::span<const float> floats(const Tensor& tensor) {
  return {static_cast<const float*>(tensor.data()), static_cast<std::size_t>(tensor.shape().elements())};
}

/// As its precision says; what does not multiply takes its data as they are stored.
Storage storage_for(const StepRequest& request) {
  const Node& node = request.call.node;
  const MemoryFormat src = request.src[0];
  if (first_operand(node) == 1 && !src.row_major()) return storage_in(src);
  return storage_of(precision_of(node));
}

/// Memory to measure a kernel in: what it reads is zeros.
class Scratch {
 public:
  explicit Scratch(DeviceMemory& memory) : memory_(memory), queue_(memory.open_queue()) {}
  void* take(std::size_t bytes) {
    blocks_.push_back(memory_.allocate(bytes));
    queue_->clear(blocks_.back().get(), bytes);
    queue_->wait();
    return blocks_.back().get();
  }
  /// Leaves the memory, for good, to a kernel that may still write to it.
  void abandon() {
    static std::mutex mutex;
    static auto& left = *new std::vector<std::shared_ptr<std::byte>>;
    const std::scoped_lock lock(mutex);
    left.insert(left.end(), blocks_.begin(), blocks_.end());
  }

 private:
  DeviceMemory& memory_;
  std::unique_ptr<DeviceQueue> queue_;
  std::vector<std::shared_ptr<std::byte>> blocks_;
};

}  // namespace

MemoryFormat blocked_format(Storage storage) {
  if (storage == Storage::f16) return {8, DType::float16};
  if (storage == Storage::bf16) return {8, DType::bfloat16};
  return {4, std::nullopt};
}

MemoryFormat channels_last_format(Storage storage, std::int64_t channels) {
  MemoryFormat format = blocked_format(storage);
  format.block *= std::max<std::int64_t>((channels + format.block - 1) / format.block, 1);
  return format;
}

MemoryFormat format_like(MemoryFormat src, Storage storage, const Shape& shape) {
  const bool channels_last = src.block > unit_of(storage) || (src.row_major() && only_cudnn());
  return channels_last ? channels_last_format(storage, shape[1]) : blocked_format(storage);
}

Storage storage_in(MemoryFormat format) {
  if (format.stored == DType::float16) return Storage::f16;
  return format.stored == DType::bfloat16 ? Storage::bf16 : Storage::f32;
}

BlockedShape blocked_shape(const Shape& shape, MemoryFormat format) {
  const auto size = [&](int axis) { return static_cast<int>(shape[axis]); };
  const bool channels_last = format.block > unit_of(storage_in(format));
  if (shape.rank() == 4) return {size(0), size(1), size(2), size(3), channels_last};
  return {size(0), size(1), 1, static_cast<int>(shape.elements(2, shape.rank())), channels_last};
}

FusedKernel relayout_kernel(const GpuDevice& device, const Shape& shape, MemoryFormat to) {
  return FusedKernel(device, relayout_spec(blocked_shape(shape, to), storage_in(to), target_of(device)));
}

FusedCall::FusedCall(const StepRequest& request)
    : request_(request),
      device_(device_of(request.memory)),
      target_(target_of(device_)),
      storage_(storage_for(request)),
      first_operand_(first_operand(request.call.node)) {
  const OpCall& call = request.call;
  const int operands = static_cast<int>(call.inputs.size()) - first_operand_;
  Conditions conditions;
  conditions.require(operands <= static_cast<int>(kMostOperands), "the epilogue reads {} operands, more than {}",
                     operands, kMostOperands);
  conditions.require(call.outputs.size() <= kMostOutputs, "the epilogue makes {} outputs, more than {}",
                     call.outputs.size(), kMostOutputs);
  conditions.require(call.dtype_in(0) == DType::float32 && call.dtype_out() == DType::float32,
                     "the data is {} and the output {}, not float32", name(call.dtype_in(0)), name(call.dtype_out()));
  conditions.require(call.shape_out().rank() >= 2, "the output has {} axes, not two or more", call.shape_out().rank());
  conditions.require(call.shape_out().elements() > 0 && call.shape_in(0).elements() > 0, "there are no elements");
  conditions.require(call.shape_out().elements() < (std::int64_t{1} << 31), "the output has {} elements, 2^31 or more",
                     call.shape_out().elements());
  conditions.require(channel_axis(call.node, call.shape_out().rank()) == 1, "the channels are not axis 1");
  epilogue_.expressions = epilogue_of(call.node);
  for (std::size_t i = 0; i < epilogue_.expressions.size(); ++i) epilogue_.stored.push_back(request.read[i]);
  vectors_.resize(static_cast<std::size_t>(std::max(operands, 0)));
  for (int k = 0; k < operands; ++k) {
    const bool vector = is_per_channel(call, k);
    epilogue_.per_channel.push_back(vector);
    if (!vector) continue;
    const int input = first_operand_ + k;
    conditions.require(request.constant[static_cast<std::size_t>(input)] != nullptr,
                       "operand {}, one value a channel, is computed", k);
    if (!conditions.refuse()) vectors_[static_cast<std::size_t>(k)] = vector_of(input);
  }
  problem_ = conditions.reason();
}

std::shared_ptr<const Tensor> FusedCall::vector_of(int input) const {
  const Tensor& source = *request_.constant[static_cast<std::size_t>(input)];
  const std::int64_t padded = (source.elements() + 2 * kVectorStep - 1) / kVectorStep * kVectorStep;
  const std::size_t size = static_cast<std::size_t>(padded) * sizeof(float);
  return request_.parameters.derive_resident(source, "vector", bytes_type(size), request_.memory, [&] {
    const Tensor values = as_float32(source);
    std::vector<std::byte> bytes(size);
    std::copy_n(static_cast<const std::byte*>(values.data()), values.bytes(), bytes.begin());
    return resident_bytes(request_.memory, bytes);
  });
}

std::string FusedCall::take_side_vectors(int first, int count) {
  for (int input = first; input < first + count; ++input) {
    if (request_.constant[static_cast<std::size_t>(input)] == nullptr) {
      return fmt::format("input {}, one value a channel, is computed", input);
    }
    side_vectors_.push_back(vector_of(input));
  }
  return {};
}

bool FusedCall::has_tensor_operands() const {
  return std::ranges::find(epilogue_.per_channel, false) != epilogue_.per_channel.end();
}

bool FusedCall::is_hidden_layer() const {
  const Expression& last = epilogue_.expressions.back();
  if (last.kind != Expression::Kind::call) return false;
  const std::string_view function = expression_functions()[static_cast<std::size_t>(last.index)].name;
  return function != "add" && function != "fma" && function != "mul" && function != "sub";
}

std::shared_ptr<const Tensor> FusedCall::pack(const WeightLayout& layout, const WeightShape& shape) const {
  const Tensor& source = *request_.constant[1];
  const Tensor* side = shape.side ? request_.constant[2] : nullptr;
  const std::string kind =
      fmt::format("{} order={} n={} chunk={} units={} split={} spread={} taps={} stem={} side={}", name(storage_),
                  static_cast<int>(layout.order), layout.block_n, layout.chunk, layout.pad_units, layout.split,
                  layout.spread, shape.taps, shape.stem, side == nullptr ? std::string("none") : fingerprint(*side));
  const int channels = static_cast<int>(source.shape()[0]);
  const bool pairs = shape.stem && layout.order == WeightLayout::Order::units;
  const int src_channels = pairs ? kStemChannels : shape.src_channels, taps = pairs ? kStemTaps : shape.taps;
  const TensorType type = bytes_type(packed_bytes(channels, src_channels, taps, layout, storage_));
  return request_.parameters.derive_resident(source, kind, type, request_.memory, [&] {
    const Tensor values = as_float32(source), side_values = side == nullptr ? Tensor() : as_float32(*side);
    const std::span<const float> side_floats = side == nullptr ? std::span<const float>() : floats(side_values);
    if (pairs) {
      const std::vector<float> paired = stem_weights(floats(values), channels, shape.src_channels);
      return resident_bytes(request_.memory,
                            pack_weights({paired, {}, channels, src_channels, taps}, layout, storage_));
    }
    const ConvolutionWeights weights{floats(values), side_floats, channels, shape.src_channels, shape.taps};
    return resident_bytes(request_.memory, pack_weights(weights, layout, storage_));
  });
}

std::vector<std::function<void(void*)>> FusedCall::changes_for(WayLayout layout, const KernelPointers& pointers,
                                                               std::size_t tensors) const {
  const OpCall& call = request_.call;
  const MemoryFormat blocks = blocked_format(storage_);
  std::vector<std::function<void(void*)>> changes;
  const auto add = [&](const TensorType& type, MemoryFormat to, const void* memory) {
    if (reads_alike(type.shape, to, blocks)) return;
    // Of zeros: in place is as good as anywhere.
    changes.push_back([kernel = engine_reorder(device_, type, blocks, to), memory](void* stream) {
      void* const dst = const_cast<void*>(memory);
      kernel.run({{&memory, 1}, {&dst, 1}, nullptr, stream});
    });
  };
  const auto wanted = [&](const TensorType& type) { return channels_last_format(storage_, type.shape[1]); };
  add(call.inputs[0], layout == WayLayout::row_major ? MemoryFormat{} : wanted(call.inputs[0]), pointers.src);
  if (layout == WayLayout::row_major) return changes;
  for (std::size_t i = 0; i < tensors; ++i) add(call.outputs[0], wanted(call.outputs[0]), pointers.dst[0]);
  for (std::size_t i = 0; i < epilogue_.expressions.size(); ++i) {
    if (epilogue_.stored[i]) add(call.outputs[0], wanted(call.outputs[0]), pointers.dst[i]);
  }
  return changes;
}

StepPlan FusedCall::plan(const Candidates& candidates, MemoryFormat src, MemoryFormat dst,
                         const WeightShape& weights) const {
  const OpCall& call = request_.call;
  StepPlan plan;
  if (weights.taps > 0) plan.absorbed.push_back(1);
  if (weights.side) plan.absorbed.push_back(2);
  const std::size_t outputs = epilogue_.expressions.size();

  KernelPointers fixed;
  for (std::size_t k = 0; k < side_vectors_.size(); ++k) {
    fixed.side_operand[k] = side_vectors_[k]->data();
    plan.absorbed.push_back(2 + static_cast<int>(k));
    plan.packed.push_back(side_vectors_[k]);
  }
  std::vector<std::pair<int, int>> tensors;  // (input, operand)
  for (std::size_t k = 0; k < vectors_.size(); ++k) {
    const int input = first_operand_ + static_cast<int>(k);
    if (vectors_[k]) {
      fixed.operand[k] = vectors_[k]->data();
      plan.absorbed.push_back(input);
      plan.packed.push_back(vectors_[k]);
    } else {
      tensors.emplace_back(input, static_cast<int>(k));
    }
  }

  device_.make_current();
  std::optional<Scratch> scratch;
  KernelPointers measured = fixed;
  std::shared_ptr<const Tensor> packed;
  const auto prepare = [&](const Way& way) {
    if (!scratch) {
      scratch.emplace(request_.memory);
      measured.src = scratch->take(padded_bytes(call.inputs[0], src));
      for (const auto& [input, operand] : tensors) {
        measured.operand[static_cast<std::size_t>(operand)] = scratch->take(padded_bytes(call.outputs[0], dst));
      }
      for (std::size_t i = 0; i < outputs; ++i) measured.dst[i] = scratch->take(padded_bytes(call.outputs[i], dst));
      if (weights.side) measured.side_dst[0] = scratch->take(padded_bytes(call.outputs[outputs], dst));
    }
    if (weights.taps > 0) packed = pack(way.weights, weights);
    measured.weight = packed ? packed->data() : nullptr;
    Trial trial{measured, way.workspace_bytes == 0 ? nullptr : scratch->take(way.workspace_bytes)};
    if (way.layout != WayLayout::blocks) trial.changes = changes_for(way.layout, measured, tensors.size());
    return trial;
  };
  const auto abandon = [&] {
    scratch->abandon();
    scratch.reset();
  };
  Way way = request_.variant != nullptr ? recorded_way(device_, candidates, *request_.variant)
                                        : choose_way(device_, candidates, prepare, abandon);
  if (weights.taps > 0) {
    packed = pack(way.weights, weights);
    fixed.weight = packed->data();
    plan.packed.push_back(packed);
  }
  if (way.layout == WayLayout::row_major) src = {};
  if (way.layout == WayLayout::channels_last) {
    src = channels_last_format(storage_, call.shape_in(0)[1]);
    dst = channels_last_format(storage_, call.shape_out()[1]);
  }
  plan.src.assign(call.inputs.size(), {});
  plan.src[0] = src;
  for (const auto& [input, operand] : tensors) plan.src[static_cast<std::size_t>(input)] = dst;
  plan.dst.assign(call.outputs.size(), dst);
  plan.variant = way.label;
  plan.kernel.workspace_bytes = way.workspace_bytes;
  plan.kernel.run = [launch = std::move(way.launch), fixed, tensors, outputs](const Operands& operands) {
    KernelPointers pointers = fixed;
    pointers.src = operands.src[0];
    for (const auto& [input, operand] : tensors) {
      pointers.operand[static_cast<std::size_t>(operand)] = operands.src[static_cast<std::size_t>(input)];
    }
    std::ranges::copy(operands.dst.first(outputs), pointers.dst.begin());
    std::ranges::copy(operands.dst.subspan(outputs), pointers.side_dst.begin());
    launch(operands.stream, pointers, operands.workspace);
  };
  return plan;
}

}  // namespace tenon::cuda
