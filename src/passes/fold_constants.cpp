// Computes what depends on constants alone, by the operators' references.
//
//     w = variable (a parameter)                        w.T = variable (a parameter)
//     t = transpose(w)                        →         y   = dot(x, w.T)
//     y = dot(x, t)
//
// Before it: remove_identities. A graph output stays computed, and so does what would take more memory than it saves.

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "passes/passes.h"

namespace tenon {
namespace {

/// Results beyond this are kept only where they are no larger than what they are computed from.
constexpr std::int64_t kSmall = 1 << 16;

bool is_worth(const Body& body, const Node& node) {
  std::int64_t src = 0, dst = 0;
  for (const Value input : node.inputs) {
    if (body.constant(input) == nullptr) return false;
    src += body.shape(input).elements();
  }
  for (const TensorType& type : node.outputs) dst += type.shape.elements();
  return dst <= std::max(kSmall, src) && node.op->reference != nullptr;
}

std::vector<Tensor> compute(const Body& body, const Node& node) {
  OpCall call{node, {}, node.outputs, body.graph.np_shape};
  std::vector<Tensor> src, dst;
  std::vector<const void*> read;
  std::vector<void*> write;
  for (const Value input : node.inputs) {
    call.inputs.push_back(body.graph.type(input));
    src.push_back(body.constant_as(input, body.dtype(input)));
    read.push_back(src.back().data());
  }
  for (const TensorType& type : node.outputs) {
    dst.emplace_back(type.shape, *type.dtype);
    write.push_back(dst.back().mutable_data());
  }
  const Kernel kernel = node.op->reference(call);
  Tensor workspace({static_cast<std::int64_t>(kernel.workspace_bytes)}, DType::uint8);
  kernel.run({read, write, static_cast<std::byte*>(workspace.mutable_data())});
  return dst;
}

}  // namespace

void fold_constants(Body& body) {
  for (const NodeId id : body.graph.topological_order()) {
    const Node node = body.graph.node(id);
    const auto is_output = [&](Value output) { return output.node == id; };
    if (node.is_variable() || !is_worth(body, node) || std::ranges::any_of(body.graph.outputs, is_output)) continue;
    std::vector<Tensor> results;
    try {
      results = compute(body, node);
    } catch (const Error& error) {
      log(LogLevel::debug, "not computed beforehand: {}", error.what());
      continue;
    }
    for (int i = 0; i < static_cast<int>(results.size()); ++i) {
      const Value folded = body.add_constant(node.name, std::move(results[static_cast<std::size_t>(i)]));
      body.graph.replace_uses({id, i}, folded);
    }
  }
  body.drop_unused();
}

}  // namespace tenon
