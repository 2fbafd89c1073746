#include "backends/cpu/engine.h"
#include "core/error.h"
#include "passes/primitives.h"

namespace tenon::cpu {

Conditions kernel_conditions(const OpCall& call) {
  Conditions conditions = float32_conditions(call);
  conditions.require(machine_isa() != Isa::none, "this processor has neither AVX-512 nor AVX2");
  for (std::size_t i = 1; i < call.outputs.size(); ++i) {
    conditions.require(call.outputs[i].dtype == DType::float32, "output {} is {}, not float32", i,
                       name(*call.outputs[i].dtype));
  }
  return conditions;
}

std::variant<Epilogue, std::string> make_epilogue(const OpCall& call, std::int64_t channels, MemoryFormat results,
                                                  bool same_place) {
  const DType stored = results.stored.value_or(DType::float32);
  std::vector<EpilogueOperand> operands;
  const int count = static_cast<int>(call.inputs.size()) - first_operand(call.node);
  for (int k = 0; k < count; ++k) {
    const bool per_channel = !same_place && is_per_channel(call, k);
    operands.push_back({per_channel, per_channel ? DType::float32 : stored});
  }
  try {
    return Epilogue(epilogue_of(call.node), std::move(operands), std::vector<DType>(call.outputs.size(), stored),
                    channels);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return error.what();
  }
}

void set_formats(const OpCall& call, MemoryFormat data, MemoryFormat results, StepPlan& plan) {
  const int first = first_operand(call.node);
  plan.src.assign(call.inputs.size(), {});
  plan.src[0] = data;
  for (std::size_t i = static_cast<std::size_t>(first); i < plan.src.size(); ++i) {
    if (!is_per_channel(call, static_cast<int>(i) - first)) plan.src[i] = results;
  }
  plan.dst.assign(call.outputs.size(), results);
}

BoundEpilogue bind_epilogue(const Epilogue& epilogue, const Operands& operands, int first_operand, std::size_t offset) {
  return epilogue.bind(operands.src.subspan(static_cast<std::size_t>(first_operand)), operands.dst,
                       operands.workspace + offset);
}

}  // namespace tenon::cpu
