// Recurrent layers. What the data give to the gates is one product over all steps; a step then adds the state's part,
// by the epilogue of a product of few rows, and applies the cell. All weights of the blob are packed once, or at every
// run where they are computed.

#include <algorithm>
#include <array>
#include <utility>

#include "backends/cpu/engine.h"
#include "backends/cpu/kernels/recurrence.h"
#include "backends/cpu/kernels/share.h"
#include "graph/graph.h"

namespace tenon::cpu {
namespace {

/// Where the packed weights of one layer and direction begin, in floats.
struct Packed {
  std::int64_t data_weight, state_weight;
  std::int64_t data_bias, state_bias;  // of an lstm and of plain cells the first is the sum of both
};

class Recurrent {
 public:
  explicit Recurrent(const OpCall& call) {
    const Attributes& attributes = call.attributes();
    const std::string& mode = attributes.text("mode");
    cell_ = mode == "lstm"       ? RecurrentCell::lstm
            : mode == "gru"      ? RecurrentCell::gru
            : mode == "rnn_relu" ? RecurrentCell::relu
                                 : RecurrentCell::tanh;
    steps_ = call.shape_in(0)[0];
    batch_ = call.shape_in(0)[1];
    input_ = call.shape_in(0)[2];
    hidden_ = attributes.integer("state_size");
    layers_ = attributes.integer("num_layers");
    directions_ = attributes.flag("bidirectional") ? 2 : 1;
    gates_ = cell_ == RecurrentCell::lstm ? 4 : cell_ == RecurrentCell::gru ? 3 : 1;
    const std::vector<DType> one{DType::float32};
    by_bias_ = std::make_shared<const Epilogue>(parse_expressions("add(x, $0)"), std::vector<EpilogueOperand>{{true}},
                                                one, rows());
    by_data_ = std::make_shared<const Epilogue>(parse_expressions("add(x, $0)"), std::vector<EpilogueOperand>{{false}},
                                                one, rows());
    place_packed();
  }

  std::int64_t packed_floats() const { return packed_floats_; }
  void keep(std::shared_ptr<const Tensor> packed) { packed_ = std::move(packed); }

  /// From MXNet's blob: Wx, Wh of every layer and direction, then bx, bh of every layer and direction.
  void pack(const float* blob, float* packed) const {
    const float* weight = blob;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      const std::int64_t width = width_of(part);
      pack_weight(data_problem(part), weight, packed + parts_[part].data_weight);
      pack_weight(state_problem(), weight + rows() * width, packed + parts_[part].state_weight);
      weight += rows() * (width + hidden_);
    }
    for (const Packed& part : parts_) {
      const bool apart = cell_ == RecurrentCell::gru;
      for (std::int64_t i = 0; i < rows(); ++i) {
        packed[part.data_bias + i] = apart ? weight[i] : weight[i] + weight[rows() + i];
        packed[part.state_bias + i] = weight[rows() + i];
      }
      weight += 2 * rows();
    }
  }

  std::size_t workspace_bytes() const {
    const std::int64_t floats = data_gates() + state_gates() + 2 * state() + 2 * activations();
    return static_cast<std::size_t>(floats + (packed_ ? 0 : packed_floats_)) * sizeof(float) + vector_bytes();
  }

  void run(const Operands& operands) const {
    float* memory = reinterpret_cast<float*>(operands.workspace) + vector_bytes() / sizeof(float);
    const auto take = [&](std::int64_t floats) { return std::exchange(memory, memory + floats); };
    Scratch scratch{take(data_gates()), take(state_gates()), take(state()), take(state())};
    const std::array<float*, 2> between{take(activations()), take(activations())};
    const float* packed = packed_ ? packed_->data<float>() : memory;
    if (!packed_) pack(operands.in<float>(1), memory);
    const float* src = operands.in<float>(0);
    for (std::int64_t layer = 0; layer < layers_; ++layer) {
      float* dst = layer + 1 == layers_ ? operands.out<float>() : between[static_cast<std::size_t>(layer % 2)];
      for (std::int64_t direction = 0; direction < directions_; ++direction) {
        run_part(operands, scratch, packed, layer * directions_ + direction, direction == 1, src,
                 dst + direction * hidden_);
      }
      src = dst;
    }
  }

 private:
  struct Scratch {
    float *data_gates, *state_gates, *h, *c;
  };

  static std::int64_t whole_lines(std::int64_t floats) { return ceil_div(floats, 16) * 16; }
  std::int64_t rows() const { return gates_ * hidden_; }
  std::int64_t state() const { return whole_lines(batch_ * hidden_); }
  std::int64_t data_gates() const { return whole_lines(steps_ * batch_ * rows()); }
  std::int64_t state_gates() const { return whole_lines(batch_ * rows()); }
  std::int64_t activations() const { return whole_lines(steps_ * batch_ * directions_ * hidden_); }
  std::size_t vector_bytes() const { return std::max(by_bias_->workspace_bytes(), by_data_->workspace_bytes()); }

  std::int64_t width_of(std::size_t part) const {
    return static_cast<std::int64_t>(part) < directions_ ? input_ : directions_ * hidden_;
  }
  MatmulProblem data_problem(std::size_t part) const {
    const std::int64_t width = width_of(part);
    return {steps_ * batch_, width, rows(), width};
  }
  MatmulProblem state_problem() const { return {batch_, hidden_, rows(), hidden_}; }

  void place_packed() {
    const auto take = [&](std::int64_t floats) {
      return std::exchange(packed_floats_, packed_floats_ + whole_lines(floats));
    };
    parts_.resize(static_cast<std::size_t>(layers_ * directions_));
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      parts_[part].data_weight = take(data_problem(part).packed_elements());
      parts_[part].state_weight = take(state_problem().packed_elements());
      parts_[part].data_bias = take(rows());
      parts_[part].state_bias = take(rows());
    }
  }

  void run_part(const Operands& operands, const Scratch& scratch, const float* packed, std::int64_t part,
                bool backwards, const float* src, float* dst) const {
    const auto index = static_cast<std::size_t>(part);
    const Packed& at = parts_[index];
    const bool lstm = cell_ == RecurrentCell::lstm;
    const std::int64_t state = batch_ * hidden_;
    std::copy_n(operands.in<float>(2) + part * state, state, scratch.h);
    if (lstm) std::copy_n(operands.in<float>(3) + part * state, state, scratch.c);

    const auto recur = machine_isa() == Isa::avx512 ? avx512::recur : avx2::recur;
    run_matmul(data_problem(index), src, packed + at.data_weight,
               bind(*by_bias_, packed + at.data_bias, scratch.data_gates, operands.workspace));
    RecurrentStep step{cell_, batch_, hidden_};
    step.h = scratch.h;
    step.c = scratch.c;
    step.dst_stride = directions_ * hidden_;
    for (std::int64_t i = 0; i < steps_; ++i) {
      const std::int64_t t = backwards ? steps_ - 1 - i : i;
      const float* data = scratch.data_gates + t * batch_ * rows();
      const bool apart = cell_ == RecurrentCell::gru;
      run_matmul(state_problem(), scratch.h, packed + at.state_weight,
                 apart ? bind(*by_bias_, packed + at.state_bias, scratch.state_gates, operands.workspace)
                       : bind(*by_data_, data, scratch.state_gates, operands.workspace));
      step.gates = apart ? data : scratch.state_gates;
      step.state_gates = scratch.state_gates;
      step.dst = dst + t * batch_ * step.dst_stride;
      recur(step);
    }
    const auto keep = [&](std::size_t output, const float* values) {
      if (operands.dst.size() <= output || operands.dst[output] == nullptr) return;
      std::copy_n(values, state, static_cast<float*>(operands.dst[output]) + part * state);
    };
    keep(1, scratch.h);
    keep(2, scratch.c);
  }

  static BoundEpilogue bind(const Epilogue& epilogue, const float* operand, float* dst, std::byte* workspace) {
    const std::array<const void*, 1> operands{operand};
    const std::array<void*, 1> results{dst};
    return epilogue.bind(operands, results, workspace);
  }

  RecurrentCell cell_;
  std::int64_t steps_, batch_, input_, hidden_, layers_, directions_, gates_;
  std::shared_ptr<const Epilogue> by_bias_, by_data_;  // what a product is added to
  std::vector<Packed> parts_;                          // of every layer and direction
  std::int64_t packed_floats_ = 0;
  std::shared_ptr<const Tensor> packed_;  // null where the weights are computed
};

Offer offer_recurrent(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  Conditions conditions = kernel_conditions(call);
  conditions.require(!attributes.flag("use_sequence_length"), "each sequence has its own length");
  conditions.require(!attributes.has("projection_size"), "the state is projected to {} elements",
                     attributes.has("projection_size") ? attributes.integer("projection_size") : 0);
  if (conditions.refuse()) return conditions.reason();
  Recurrent recurrent(call);
  StepPlan plan;
  if (const Tensor* blob = request.constant[1]) {
    const std::string kind = fmt::format("recurrent panels of {} from {} over {}", attributes.text("mode"),
                                         call.shape_in(0)[2], attributes.integer("state_size"));
    const auto packed = request.parameters.derive(
        *blob, kind, {Shape{recurrent.packed_floats()}, DType::float32},
        [&](Tensor& made) { recurrent.pack(blob->data<float>(), made.mutable_data<float>()); });
    recurrent.keep(packed);
    plan.packed = {packed};
    plan.absorbed = {1};
  }
  plan.kernel.workspace_bytes = recurrent.workspace_bytes();
  plan.kernel.run = [recurrent](const Operands& operands) { recurrent.run(operands); };
  return plan;
}

}  // namespace

std::vector<Implementation> engine_recurrent_implementations() {
  return {{"tenon:recurrent", {"RNN"}, offer_recurrent}};
}

}  // namespace tenon::cpu
