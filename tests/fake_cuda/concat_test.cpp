// Concat in blocks of channels, as the engine has it, run on the host.

#include "backends/cuda/engine/engine.h"
#include "backends/cuda/runtime/memory.h"
#include "fixture.h"

namespace tenon::cuda {
namespace {

/// The engine's Concat of blocks of 4 over `shapes`, and its output after a run on inputs 1, 2, 3, … in order.
class BlockedConcat : public FakeCuda {
 protected:
  void build(const std::vector<Shape>& shapes, const Shape& dst) {
    std::string text = "%y = Concat(";
    std::string variables;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      variables += "%x" + std::to_string(i) + " = variable\n";
      text += (i > 0 ? ", %x" : "%x") + std::to_string(i);
    }
    text += ") {num_args=" + std::to_string(shapes.size()) + ", dim=1}\nreturn %y\n";
    graph_ = parse_graph(variables + text, ops());
    const Node& node = graph_.node(graph_.outputs[0].node);
    call_.emplace(OpCall{node, {}, {{dst, DType::float32}}});
    for (const Shape& shape : shapes) call_->inputs.push_back({shape, DType::float32});
  }

  Offer offer() {
    ParameterStore none(Model(Graph(), {}));
    const StepRequest request{*call_,
                              std::vector<MemoryFormat>(call_->inputs.size(), kBlocks),
                              std::vector<const Tensor*>(call_->inputs.size(), nullptr),
                              {true},
                              none,
                              *memory_};
    return engine_concat_implementations()[0].offer(request);
  }

  /// `placed`: the inputs lie in the output already.
  std::vector<float> run(const StepPlan& plan, bool placed) {
    const auto queue = memory_->open_queue();
    const std::size_t dst_bytes = padded_bytes(call_->outputs[0], kBlocks);
    const auto dst = memory_->allocate(dst_bytes);
    std::vector<std::shared_ptr<std::byte>> inputs;
    std::vector<const void*> src;
    float next = 1;
    std::size_t at = 0;
    for (const TensorType& input : call_->inputs) {
      const std::size_t bytes = padded_bytes(input, kBlocks);
      std::vector<float> values(bytes / sizeof(float));
      for (float& value : values) value = next++;
      inputs.push_back(placed ? std::shared_ptr<std::byte>(dst, dst.get() + at) : memory_->allocate(bytes));
      queue->copy_in(inputs.back().get(), values.data(), bytes);
      src.push_back(inputs.back().get());
      at += bytes;
    }
    void* to = dst.get();
    plan.kernel.run({src, {&to, 1}, nullptr, queue->stream()});
    std::vector<float> result(dst_bytes / sizeof(float));
    queue->copy_out(result.data(), dst.get(), dst_bytes);
    return result;
  }

  static constexpr MemoryFormat kBlocks{4, std::nullopt};
  std::shared_ptr<DeviceMemory> memory_ = gpu_memory(0);
  Graph graph_;
  std::optional<OpCall> call_;
};

TEST_F(BlockedConcat, JoinsTheRunsOfEveryImage) {
  build({{2, 4, 1, 3}, {2, 8, 1, 3}}, {2, 12, 1, 3});
  const Offer made = offer();
  ASSERT_TRUE(std::holds_alternative<StepPlan>(made)) << std::get<std::string>(made);
  const auto& plan = std::get<StepPlan>(made);
  EXPECT_EQ(plan.dst, std::vector{kBlocks});
  EXPECT_TRUE(plan.parts.empty());
  const std::vector<float> result = run(plan, false);
  // An image of the first has 12 numbers, of the second 24, which begin at 25.
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(result[n * 36 + i], static_cast<float>(1 + n * 12 + i));
    for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(result[n * 36 + 12 + i], static_cast<float>(25 + n * 24 + i));
  }
}

TEST_F(BlockedConcat, OneImageIsWrittenWhereItBelongs) {
  build({{1, 4, 2, 2}, {1, 8, 2, 2}}, {1, 12, 2, 2});
  const Offer made = offer();
  ASSERT_TRUE(std::holds_alternative<StepPlan>(made)) << std::get<std::string>(made);
  const auto& plan = std::get<StepPlan>(made);
  ASSERT_EQ(plan.parts.size(), 2u);
  EXPECT_EQ(plan.parts[1].offset, 4u * 4 * sizeof(float));
  for (const bool placed : {false, true}) {
    const std::vector<float> result = run(plan, placed);
    for (std::size_t i = 0; i < result.size(); ++i) EXPECT_EQ(result[i], static_cast<float>(1 + i));
  }
}

TEST_F(BlockedConcat, ChannelsThatDoNotFillTheirBlocksAreRefused) {
  build({{1, 3, 2, 2}, {1, 8, 2, 2}}, {1, 11, 2, 2});
  const Offer made = offer();
  ASSERT_TRUE(std::holds_alternative<std::string>(made));
  EXPECT_THAT(std::get<std::string>(made), testing::HasSubstr("input 0 has 3 channels, which blocks of 4 do not fit"));
}

}  // namespace
}  // namespace tenon::cuda
