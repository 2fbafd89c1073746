#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace tenon {

/// A tensor from its elements in row-major order: `tensor({2, 2}, {1, 2, 3, 4})`.
inline Tensor tensor(Shape shape, std::vector<double> elements, DType dtype = DType::float32) {
  const auto count = static_cast<std::int64_t>(elements.size());
  if (count != shape.elements()) fail(ErrorCode::invalid_argument, "{} for {} elements", shape.str(), count);
  return Tensor::borrow_const(elements.data(), std::move(shape), DType::float64).clone().astype(dtype);
}

/// Fails the test unless shape and elements are these, |a - b| <= tolerance * max(1, |b|); NaN equals NaN.
inline void expect_tensor(const Tensor& actual, const Shape& shape, const std::vector<double>& elements,
                          double tolerance = 1e-6) {
  ASSERT_EQ(actual.shape().str(), shape.str());
  ASSERT_EQ(actual.elements(), static_cast<std::int64_t>(elements.size()));
  const Tensor wide = actual.astype(DType::float64);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const double value = wide.data<double>()[i], expected = elements[i];
    const bool same = value == expected || (std::isnan(value) && std::isnan(expected));
    EXPECT_TRUE(same || std::abs(value - expected) <= tolerance * std::max(1.0, std::abs(expected)))
        << "element " << i << " is " << value << ", expected " << expected;
  }
}

/// Infers, then runs each node by its reference kernel; outputs that are hidden and unread get no memory.
inline std::vector<Tensor> evaluate(Graph graph, const std::map<std::string, Tensor>& feeds) {
  std::map<std::string, TensorType> known;
  for (const auto& [name, feed] : feeds) known[name] = {feed.shape(), feed.dtype()};
  infer(graph, known);
  require_complete(graph);
  std::set<Value> read(graph.outputs.begin(), graph.outputs.end());
  for (const NodeId id : graph.topological_order()) {
    read.insert(graph.node(id).inputs.begin(), graph.node(id).inputs.end());
  }

  std::map<Value, Tensor> computed;
  for (const NodeId id : graph.topological_order()) {
    const Node& node = graph.node(id);
    if (node.is_variable()) {
      computed[{id, 0}] = feeds.at(node.name);
      continue;
    }
    OpCall call{node, {}, node.outputs, graph.np_shape};
    std::vector<const void*> src;
    for (const Value input : node.inputs) {
      call.inputs.push_back(graph.type(input));
      src.push_back(computed.at(input).data());
    }
    std::vector<void*> dst(node.outputs.size(), nullptr);
    for (int i = 0; i < static_cast<int>(dst.size()); ++i) {
      if (i >= node.visible_outputs() && !read.contains({id, i})) continue;
      computed[{id, i}] = Tensor(call.shape_out(i), call.dtype_out(i));
      dst[static_cast<std::size_t>(i)] = computed[{id, i}].mutable_data();
    }
    const Kernel kernel = node.op->reference(call);
    Tensor workspace(Shape{static_cast<std::int64_t>(kernel.workspace_bytes)}, DType::uint8);
    kernel.run({src, dst, static_cast<std::byte*>(workspace.mutable_data())});
  }
  std::vector<Tensor> results;
  for (const Value output : graph.outputs) results.push_back(computed.at(output));
  return results;
}

/// The same for a graph in text form.
inline std::vector<Tensor> evaluate(std::string_view text, const std::map<std::string, Tensor>& feeds) {
  return evaluate(parse_graph(text, ops()), feeds);
}

/// The sentence of the Error that `action` throws; empty when it throws none.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace tenon
