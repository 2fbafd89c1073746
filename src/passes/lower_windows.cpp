// The lowering rules of what multiplies or slides a window.

#include <algorithm>

#include "ops/spatial.h"
#include "passes/lowering.h"

namespace tenon {
namespace {

using Numbers = std::vector<std::int64_t>;

/// One number a spatial axis.
Numbers numbers(const Extent& extent, const SlidingWindow& window) {
  Numbers result;
  for (int axis = 0; axis < window.rank; ++axis) result.push_back(extent[window.slot(axis)]);
  return result;
}

/// Written unless every number is the default.
void write(Written& written, const char* name, const Numbers& items, std::int64_t fallback) {
  if (std::all_of(items.begin(), items.end(), [&](std::int64_t item) { return item == fallback; })) return;
  written[name] = format_attribute(IntTuple(items.begin(), items.end()));
}

/// All but the pads.
Written written_window(const SlidingWindow& window) {
  const Numbers kernel = numbers(window.kernel, window);
  Written written{{"kernel", format_attribute(IntTuple(kernel.begin(), kernel.end()))}};
  write(written, "stride", numbers(window.stride, window), 1);
  write(written, "dilate", numbers(window.dilate, window), 1);
  return written;
}

void write_pads(Written& written, const Numbers& begin, const Numbers& end) {
  write(written, "pad_begin", begin, 0);
  write(written, "pad_end", end, 0);
}

/// The node's inputs with the bias, if any, as the operand of an addition.
void write_bias(Written& written, const Node& node) {
  if (node.inputs.size() > 2) written["epilogue"] = "add(x, $0)";
}

/// What convolution and deconvolution have in common: all but the pads.
Written written_convolution(const Node& node, const SlidingWindow& window) {
  Written written = written_window(window);
  if (node.attributes.integer("num_group") != 1) written["groups"] = node.written.at("num_group");
  write_bias(written, node);
  return written;
}

WhyNot channels_last(const Node& node) {
  return fmt::format("{} layout={}, with the channels last", node.op_name(), node.attributes.text("layout"));
}

WhyNot lower_convolution(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const SlidingWindow window = sliding_window(node.attributes);
  if (layout_of(node.attributes, window.rank).channels_last()) return channels_last(node);
  Written written = written_convolution(node, window);
  const Numbers pad = numbers(window.pad, window);
  write_pads(written, pad, pad);
  body.become(id, "convolution", node.inputs, std::move(written));
  return {};
}

WhyNot lower_deconvolution(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const SlidingWindow window = sliding_window(node.attributes);
  if (layout_of(node.attributes, window.rank).channels_last()) return channels_last(node);
  Written written = written_convolution(node, window);
  // target_shape leaves it to MXNet which sides are cut: the near one by the larger half.
  const Extent src = spatial_extent(body.shape(node.inputs[0]), {}), dst = spatial_extent(node.outputs[0].shape, {});
  const Numbers target = node.attributes.ints("target_shape");
  Numbers begin = numbers(window.pad, window), end = begin, adj(begin.size());
  for (int axis = 0; axis < window.rank; ++axis) {
    const std::size_t i = window.slot(axis), a = static_cast<std::size_t>(axis);
    const std::int64_t whole = window.stride[i] * (src[i] - 1) + window.reach(i);
    if (!target.empty() && target[a] != 0) begin[a] = end[a] = (whole - dst[i] + 1) / 2;
    adj[a] = dst[i] - (whole - begin[a] - end[a]);
  }
  write_pads(written, begin, end);
  write(written, "adj", adj, 0);
  body.become(id, "deconvolution", node.inputs, std::move(written));
  return {};
}

WhyNot lower_fully_connected(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  Written written;
  if (!node.attributes.flag("flatten")) written["flatten"] = "False";
  write_bias(written, node);
  std::vector<Value> inputs = node.inputs;
  if (inputs.size() > 2 && body.shape(inputs[2]).rank() != 1) {  // a column, as some old checkpoints hold it
    const Tensor* bias = body.constant(inputs[2]);
    if (bias == nullptr) {
      return fmt::format("FullyConnected with a bias of shape {} that is computed", body.shape(inputs[2]).str());
    }
    inputs[2] = body.add_constant(body.graph.node(inputs[2].node).name, bias->reshaped({bias->elements()}));
  }
  body.become(id, "matmul", std::move(inputs), std::move(written));
  return {};
}

/// kernel, stride, and the pads of which the far one reaches to the end of the last window.
Written written_pooling_window(const Body& body, const Node& node) {
  if (node.attributes.flag("global_pool")) return {{"global", "True"}};
  const SlidingWindow window = sliding_window(node.attributes);
  Written written = written_window(window);
  const Extent src = spatial_extent(body.shape(node.inputs[0]), {}), dst = spatial_extent(node.outputs[0].shape, {});
  const Numbers begin = numbers(window.pad, window);
  Numbers end = begin;
  for (int axis = 0; axis < window.rank; ++axis) {
    const std::size_t i = window.slot(axis);
    const std::int64_t needed = (dst[i] - 1) * window.stride[i] + window.kernel[i] - src[i] - window.pad[i];
    end[static_cast<std::size_t>(axis)] = std::max(end[static_cast<std::size_t>(axis)], needed);
  }
  write_pads(written, begin, end);
  return written;
}

WhyNot lower_pooling(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const Attributes& attributes = node.attributes;
  if (layout_of(attributes, body.shape(node.inputs[0]).rank() - 2).channels_last()) return channels_last(node);
  Written written = written_pooling_window(body, node);
  const std::string& type = attributes.text("pool_type");
  if (type != "max") written["type"] = type;
  if (type == "lp") written["p_value"] = std::to_string(attributes.integer("p_value"));
  if (type == "avg" && attributes.has("count_include_pad") && !attributes.flag("count_include_pad")) {
    written["count_include_pad"] = "False";
  }
  body.become(id, "pooling", node.inputs, std::move(written));
  return {};
}

/// MXNet 0.x: an average always divides by the whole kernel, and the pad's zeros take part in a maximum.
WhyNot lower_pooling_v1(Body& body, NodeId id) {
  const Node& node = body.graph.node(id);
  const std::string& type = node.attributes.text("pool_type");
  Written written = written_pooling_window(body, node);
  if (type == "max" && (written.contains("pad_begin") || written.contains("pad_end"))) {
    return "Pooling_v1 pool_type=max takes the zeros of its pad into the maximum";
  }
  if (type != "max") written["type"] = "sum";
  if (type == "avg") {
    const Extent kernel = node.attributes.flag("global_pool") ? spatial_extent(body.shape(node.inputs[0]), {})
                                                              : sliding_window(node.attributes).kernel;
    const Expression divisor = constant(static_cast<float>(product(kernel)));
    written["epilogue"] = to_text(Expressions{call("div", {source(), divisor})});
  }
  body.become(id, "pooling", node.inputs, std::move(written));
  return {};
}

}  // namespace

LoweringRules window_rules() {
  return {
      {"Convolution", lower_convolution},     {"Convolution_v1", lower_convolution},
      {"Deconvolution", lower_deconvolution}, {"Pooling", lower_pooling},
      {"Pooling_v1", lower_pooling_v1},       {"FullyConnected", lower_fully_connected},
  };
}

}  // namespace tenon
