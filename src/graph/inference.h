#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <tenon/error.h>
#include <tenon/model.h>

#include "graph/attributes.h"

namespace tenon {

class Graph;
struct Node;
struct Value;

/// Throws Error with "node 'conv0' (Convolution): " before the sentence.
[[noreturn]] void refuse_node(const Node& node, ErrorCode code, const std::string& sentence);

/// What both inferences share: a window on one node, its inputs' and its outputs' types, through which a rule reads
/// what is known and adds what follows. Setting merges; a contradiction throws an Error that names node and tensor.
class InferenceWindow {
 public:
  InferenceWindow(Graph& graph, Node& node) : graph_(graph), node_(node) {}

  const Attributes& attributes() const;
  int inputs() const;
  int outputs() const;
  /// Numpy shape semantics: 0-d results and real zero sizes.
  bool np_shape() const;
  /// True when something was learnt since construction.
  bool changed() const { return changed_; }

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    refuse_node(node_, ErrorCode::invalid_argument, fmt::format(format, std::forward<Args>(args)...));
  }

 protected:
  TensorType& input_type(int i) const;
  TensorType& output_type(int i) const;
  std::string input_name(int i) const;
  std::string output_name(int i) const;

  Graph& graph_;
  Node& node_;
  bool changed_ = false;
};

class ShapeInference : public InferenceWindow {
 public:
  using InferenceWindow::InferenceWindow;
  const Shape& in(int i) const { return input_type(i).shape; }
  const Shape& out(int i = 0) const { return output_type(i).shape; }
  void set_in(int i, const Shape& shape);
  void set_out(int i, const Shape& shape);

 private:
  void merge(Shape& known, const Shape& learnt, const std::string& what);
};

class TypeInference : public InferenceWindow {
 public:
  using InferenceWindow::InferenceWindow;
  std::optional<DType> in(int i) const { return input_type(i).dtype; }
  std::optional<DType> out(int i = 0) const { return output_type(i).dtype; }
  void set_in(int i, std::optional<DType> dtype);
  void set_out(int i, std::optional<DType> dtype);

 private:
  void merge(std::optional<DType>& known, std::optional<DType> learnt, const std::string& what);
};

/// The default type rule: every input and output shares one type.
void same_type(TypeInference& types);
/// The element-wise shape rule: every input and output shares one shape.
void same_shape(ShapeInference& shapes);

/// Learns the type of every value that follows from `known` (variables by name), from the variables' own hints and from
/// the operators' rules, applied forwards and backwards until nothing changes. Throws Error on a contradiction or on a
/// name that is no variable of the graph.
void infer(Graph& graph, const std::map<std::string, TensorType>& known);

/// Throws Error that lists every variable, else every value, whose shape or type is still unknown.
void require_complete(const Graph& graph);

/// A shape as MXNet files and calls give it: outside numpy semantics a dimension 0 means unknown, and so does rank 0.
Shape from_mxnet(std::vector<std::int64_t> dims, bool np_shape);

}  // namespace tenon
