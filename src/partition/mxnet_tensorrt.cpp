// What MXNet 1.8 and 1.9's TensorRT integration took: SPEC 6.1's table, its variable absorption, its quirks included.
// The two-node filter is CarveOptions::minimum_nodes.

#include <array>
#include <map>

#include <fmt/format.h>

#include "partition/selector.h"

namespace tenon {
namespace {

using Rule = Verdict (*)(const Node&);

Verdict always_taken(const Node&) {
  return Verdict::take();
}

/// An attribute as MXNet's selector sees it: whether the file wrote it counts, not only its value.
bool is_written(const Node& node, const std::string& name) {
  return node.written.contains(name);
}

Verdict refuse_attribute(const Node& node, std::string_view attribute, std::string_view legal) {
  const auto& value = node.attributes.all().find(attribute)->second;
  return Verdict::refuse(std::string(attribute), fmt::format("{} {}={}: taken only with {}", node.op_name(), attribute,
                                                             format_attribute(value), legal));
}

Verdict fully_connected(const Node& node) {
  return node.attributes.flag("no_bias") ? refuse_attribute(node, "no_bias", "False") : Verdict::take();
}

Verdict convolution(const Node& node) {
  if (!node.attributes.has("layout")) return Verdict::take();
  const std::string& layout = node.attributes.text("layout");
  if (layout == "NCW" || layout == "NCHW" || layout == "NCDHW") return Verdict::take();
  return refuse_attribute(node, "layout", "NCW, NCHW or NCDHW");
}

Verdict pooling(const Node& node) {
  const Attributes& attributes = node.attributes;
  if (attributes.has("layout") && (attributes.text("layout") == "NHWC" || attributes.text("layout") == "NDHWC")) {
    return refuse_attribute(node, "layout", "a channel-first layout");
  }
  const bool global = attributes.flag("global_pool");
  if (attributes.text("pooling_convention") != "valid" && !global) {
    return refuse_attribute(node, "pooling_convention", "valid");
  }
  const std::string& type = attributes.text("pool_type");
  if (type == "max") return Verdict::take();
  if (type != "avg") return refuse_attribute(node, "pool_type", "max or avg");
  if (global) return Verdict::take();
  if (is_written(node, "count_include_pad") && !attributes.flag("count_include_pad")) return Verdict::take();
  return Verdict::refuse(
      "count_include_pad",
      "Pooling pool_type=avg is taken only with count_include_pad=False written out or global_pool=True");
}

Verdict activation(const Node& node) {
  const std::string& type = node.attributes.text("act_type");
  if (type == "relu" || type == "tanh" || type == "sigmoid") return Verdict::take();
  return refuse_attribute(node, "act_type", "relu, tanh or sigmoid");
}

Verdict batch_norm(const Node& node) {
  return node.attributes.integer("axis") == 1 ? Verdict::take() : refuse_attribute(node, "axis", "1");
}

Verdict concat(const Node& node) {
  return node.attributes.integer("dim") != 0 ? Verdict::take() : refuse_attribute(node, "dim", "another axis than 0");
}

Verdict dropout(const Node& node) {
  if (node.attributes.text("mode") != "training") return refuse_attribute(node, "mode", "training");
  return node.attributes.tuple("axes").empty() ? Verdict::take() : refuse_attribute(node, "axes", "()");
}

const std::map<std::string_view, Rule>& table() {
  static const std::map<std::string_view, Rule> rules{
      {"_copy", always_taken},
      {"clip", always_taken},
      {"elemwise_add", always_taken},
      {"elemwise_sub", always_taken},
      {"elemwise_mul", always_taken},
      {"Flatten", always_taken},
      {"Pad", always_taken},
      {"relu", always_taken},
      {"rsqrt", always_taken},
      {"SoftmaxOutput", always_taken},
      {"FullyConnected", fully_connected},
      {"Convolution", convolution},
      {"Deconvolution", convolution},
      {"Pooling", pooling},
      {"Activation", activation},
      {"BatchNorm", batch_norm},
      {"Concat", concat},
      {"Dropout", dropout},
  };
  return rules;
}

class MxnetTensorrt : public Selector {
 public:
  std::string_view name() const override { return "mxnet-tensorrt"; }
  int minimum_nodes() const override { return 2; }

  Verdict select(const Graph&, const Node& node, const Parameters&) const override {
    const auto rule = table().find(node.op_name());
    if (rule != table().end()) return rule->second(node);
    return Verdict::refuse(
        "operator",
        fmt::format("{} is not among the operators that MXNet's TensorRT integration took", node.op_name()));
  }

  bool absorbs(const Graph& graph, const Node& consumer, int input) const override {
    constexpr std::array<std::string_view, 4> weighted{"BatchNorm", "Convolution", "Deconvolution", "FullyConnected"};
    const auto name_of = [&](int i) { return graph.node(consumer.inputs[static_cast<std::size_t>(i)].node).name; };
    for (const std::string_view op : weighted) {
      if (consumer.op_name() == op) return name_of(input) != name_of(0);
    }
    return false;
  }
};

}  // namespace

std::unique_ptr<Selector> mxnet_tensorrt_selector() {
  return std::make_unique<MxnetTensorrt>();
}

}  // namespace tenon
