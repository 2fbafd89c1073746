#include "zoo/builder.h"

#include "core/error.h"
#include "ops/registry.h"

namespace tenon::zoo {
namespace {

std::string text(Extent extent) {
  return fmt::format("({}, {})", extent.height, extent.width);
}
std::string text(bool flag) {
  return flag ? "True" : "False";
}

}  // namespace

Builder::Builder(std::string prefix) : scopes_{{prefix, {}, {}}}, places_{{}} {
  network_.prefix = std::move(prefix);
}

Network Builder::finish(Value output) && {
  network_.graph.outputs = {output};
  network_.graph.compact();
  return std::move(network_);
}

// ---- blocks and names

Builder::Block Builder::block(std::string_view attribute, std::string_view prefix) {
  places_.push_back({child_path(attribute) + "."});
  if (!prefix.empty()) scopes_.push_back({scopes_.back().prefix + std::string(prefix), {}, {}});
  return Block(*this, !prefix.empty());
}

void Builder::close(bool named) {
  places_.pop_back();
  if (named) scopes_.pop_back();
}

std::string Builder::child_path(std::string_view attribute) {
  Place& parent = places_.back();
  return attribute.empty() ? fmt::format("{}{}", parent.path, parent.children++)
                           : fmt::format("{}{}", parent.path, attribute);
}

std::string Builder::numbered(std::string_view hint) {
  return fmt::format("{}{}_", hint, scopes_.back().blocks[std::string(hint)]++);
}

std::string Builder::call_name(std::string_view hint) {
  NameScope& scope = scopes_.back();
  return fmt::format("{}{}{}", scope.prefix, hint, scope.calls[std::string(hint)]++);
}

// ---- nodes

Value Builder::node(std::string_view op, std::string name, std::vector<Value> inputs, Written written) {
  const Op* known = ops().find(op);
  if (known == nullptr) fail(ErrorCode::internal, "the zoo needs operator {}, which is not registered", op);
  return {network_.graph.add(*known, std::move(name), std::move(inputs), std::move(written)), 0};
}

Value Builder::data() {
  return {network_.graph.add_variable("data"), 0};
}

Value Builder::parameter(const std::string& block, const std::string& path, std::string_view name, std::string shape,
                         std::string initializer) {
  Written written = {{"__dtype__", "0"},
                     {"__lr_mult__", "1.0"},
                     {"__shape__", std::move(shape)},
                     {"__storage_type__", "0"},
                     {"__wd_mult__", "1.0"}};
  if (!initializer.empty()) written["__init__"] = std::move(initializer);
  const std::string full = fmt::format("{}{}", block, name);
  network_.places[full] = fmt::format("{}.{}", path, name);
  return {network_.graph.add_variable(full, std::move(written)), 0};
}

Value Builder::activation(Value src, std::string name) {
  return node("Activation", std::move(name), {src}, {{"act_type", "relu"}});
}

// ---- layers

Value Builder::conv(Value src, const Conv& layer, std::string_view attribute) {
  const std::string name = scopes_.back().prefix + (layer.prefix.empty() ? numbered("conv") : layer.prefix);
  const std::string path = child_path(attribute);
  std::vector<Value> inputs = {src};
  inputs.push_back(parameter(
      name, path, "weight",
      fmt::format("({}, {}, {}, {})", layer.channels, layer.in_channels, layer.kernel.height, layer.kernel.width),
      layer.initializer));
  if (layer.bias) inputs.push_back(parameter(name, path, "bias", fmt::format("({},)", layer.channels), "zeros"));
  const Value dst = node("Convolution", name + "fwd", std::move(inputs),
                         {{"dilate", "(1, 1)"},
                          {"kernel", text(layer.kernel)},
                          {"layout", "NCHW"},
                          {"no_bias", text(!layer.bias)},
                          {"num_filter", std::to_string(layer.channels)},
                          {"num_group", std::to_string(layer.groups)},
                          {"pad", text(layer.pad)},
                          {"stride", text(layer.stride)}});
  return layer.activation.empty() ? dst : activation(dst, name + layer.activation + "_fwd");
}

Value Builder::batch_norm(Value src, const BatchNorm& layer, std::string_view attribute) {
  const std::string name = scopes_.back().prefix + numbered("batchnorm");
  const std::string path = child_path(attribute);
  std::vector<Value> inputs = {src};
  for (const auto& [parameter_name, initializer] :
       {std::pair{"gamma", "ones"}, {"beta", "zeros"}, {"running_mean", "zeros"}, {"running_var", "ones"}}) {
    inputs.push_back(parameter(name, path, parameter_name, "(0,)", initializer));
  }
  return node("BatchNorm", name + "fwd", std::move(inputs),
              {{"axis", "1"},
               {"eps", std::string(layer.epsilon)},
               {"fix_gamma", text(!layer.scale)},
               {"momentum", "0.9"},
               {"use_global_stats", "False"}});
}

Value Builder::relu(Value src) {
  child_path({});
  return activation(src, scopes_.back().prefix + numbered("relu") + "fwd");
}

Value Builder::relu6(Value src) {
  child_path({});
  return node("clip", scopes_.back().prefix + numbered("relu6") + "relu6", {src}, {{"a_min", "0"}, {"a_max", "6"}});
}

Value Builder::pool(Value src, const Pool& layer, std::string_view type, bool global) {
  child_path({});
  Written written = {{"global_pool", text(global)},
                     {"kernel", text(layer.kernel)},
                     {"layout", "NCHW"},
                     {"pad", text(layer.pad)},
                     {"pool_type", std::string(type)},
                     {"pooling_convention", layer.ceil ? "full" : "valid"},
                     {"stride", text(layer.stride)}};
  if (type == "avg" && !global) written["count_include_pad"] = "True";
  return node("Pooling", scopes_.back().prefix + numbered("pool") + "fwd", {src}, std::move(written));
}

Value Builder::max_pool(Value src, const Pool& layer) {
  return pool(src, layer, "max", false);
}
Value Builder::average_pool(Value src, const Pool& layer) {
  return pool(src, layer, "avg", false);
}
Value Builder::global_average_pool(Value src) {
  return pool(src, {.kernel = 1, .stride = 1, .ceil = true}, "avg", true);
}

Value Builder::flatten(Value src) {
  child_path({});
  return node("Flatten", scopes_.back().prefix + numbered("flatten") + "flatten0", {src});
}

Value Builder::dropout(Value src) {
  child_path({});
  return node("Dropout", scopes_.back().prefix + numbered("dropout") + "fwd", {src},
              {{"axes", "()"}, {"cudnn_off", "False"}, {"p", "0.5"}});
}

Value Builder::dense(Value src, const Dense& layer, std::string_view attribute) {
  const std::string name = scopes_.back().prefix + numbered("dense");
  const std::string path = child_path(attribute);
  const Value weight =
      parameter(name, path, "weight", fmt::format("({}, {})", layer.units, layer.in_units), layer.initializer);
  const Value bias = parameter(name, path, "bias", fmt::format("({},)", layer.units), "zeros");
  const Value dst = node("FullyConnected", name + "fwd", {src, weight, bias},
                         {{"flatten", "True"}, {"no_bias", "False"}, {"num_hidden", std::to_string(layer.units)}});
  return layer.activation.empty() ? dst : activation(dst, name + layer.activation + "_fwd");
}

Value Builder::identity(Value src) {
  child_path({});
  return src;
}

// ---- operators called by a block

Value Builder::activation_op(Value src) {
  return activation(src, call_name("activation"));
}

Value Builder::add_op(Value left, Value right, std::string_view hint) {
  return node("elemwise_add", call_name(hint), {left, right});
}

Value Builder::concat_op(const std::vector<Value>& parts) {
  return node("Concat", call_name("concat"), parts, {{"dim", "1"}, {"num_args", std::to_string(parts.size())}});
}

}  // namespace tenon::zoo
