// Writes the precision that the user asked for on what multiplies.
//
//     convolution(data, w)        precision=bf16        convolution(data, w) {precision=bf16}
//
// A node stays at fp32 where the user named one of the MXNet nodes it computes. Never lowered without being asked: fp32
// writes nothing.
//
// Before it: everything that makes or joins primitives.

#include <algorithm>

#include "passes/passes.h"

namespace tenon {
namespace {

std::string word(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      break;
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
    case Precision::fp16:
      return "fp16";
  }
  return "fp32";
}

}  // namespace

void assign_precision(Body& body, Precision precision, const std::set<std::string>& keep_fp32) {
  if (precision == Precision::fp32) return;
  for (const NodeId id : body.graph.topological_order()) {
    Node& node = body.graph.node(id);
    if (!is_primitive(node) || first_operand(node) != 2) continue;
    const auto named = [&](const std::string& origin) { return keep_fp32.contains(origin); };
    if (std::ranges::any_of(body.origins_of(id), named)) continue;
    node.written["precision"] = word(precision);
    node.attributes = parse_attributes(node.op->attributes, node.written);
  }
}

}  // namespace tenon
