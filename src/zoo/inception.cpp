#include "zoo/builder.h"

namespace tenon::zoo {
namespace {

enum class BranchPool { none, average, max };

/// Convolution, BatchNorm (its epsilon is 1e-3 here), relu; a block of its own.
Value basic_conv(Builder& net, Value x, Conv layer) {
  const auto block = net.block();
  layer.bias = false;
  return net.relu(net.batch_norm(net.conv(x, layer), {.epsilon = "0.001"}));
}

/// An optional pool, then convolutions in a row.
Value branch(Builder& net, Value x, BranchPool pool, const std::vector<Conv>& layers) {
  const auto block = net.block();
  if (pool == BranchPool::average) x = net.average_pool(x, {.kernel = 3, .stride = 1, .pad = 1});
  if (pool == BranchPool::max) x = net.max_pool(x, {.kernel = 3, .stride = 2});
  for (const Conv& layer : layers) x = basic_conv(net, x, layer);
  return x;
}
Value branch(Builder& net, Value x, const std::vector<Conv>& layers) {
  return branch(net, x, BranchPool::none, layers);
}

Conv conv1x1(int channels) {
  return {.channels = channels, .kernel = 1};
}
Conv conv3x3(int channels) {
  return {.channels = channels, .kernel = 3, .pad = 1};
}
Conv conv3x3_stride2(int channels) {
  return {.channels = channels, .kernel = 3, .stride = 2};
}
/// 1×n, and n×1 below: the output keeps its size.
Conv row(int channels, int n) {
  return {.channels = channels, .kernel = {1, n}, .pad = {0, n / 2}};
}
Conv column(int channels, int n) {
  return {.channels = channels, .kernel = {n, 1}, .pad = {n / 2, 0}};
}

Value block_a(Builder& net, Value x, int pool_channels, std::string_view prefix) {
  const auto block = net.block({}, prefix);
  std::vector<Value> parts;
  parts.push_back(branch(net, x, {conv1x1(64)}));
  parts.push_back(branch(net, x, {conv1x1(48), {.channels = 64, .kernel = 5, .pad = 2}}));
  parts.push_back(branch(net, x, {conv1x1(64), conv3x3(96), conv3x3(96)}));
  parts.push_back(branch(net, x, BranchPool::average, {conv1x1(pool_channels)}));
  return net.concat_op(parts);
}

Value block_b(Builder& net, Value x, std::string_view prefix) {
  const auto block = net.block({}, prefix);
  std::vector<Value> parts;
  parts.push_back(branch(net, x, {conv3x3_stride2(384)}));
  parts.push_back(branch(net, x, {conv1x1(64), conv3x3(96), conv3x3_stride2(96)}));
  parts.push_back(branch(net, x, BranchPool::max, {}));
  return net.concat_op(parts);
}

Value block_c(Builder& net, Value x, int inner, std::string_view prefix) {
  const auto block = net.block({}, prefix);
  std::vector<Value> parts;
  parts.push_back(branch(net, x, {conv1x1(192)}));
  parts.push_back(branch(net, x, {conv1x1(inner), row(inner, 7), column(192, 7)}));
  parts.push_back(branch(net, x, {conv1x1(inner), column(inner, 7), row(inner, 7), column(inner, 7), row(192, 7)}));
  parts.push_back(branch(net, x, BranchPool::average, {conv1x1(192)}));
  return net.concat_op(parts);
}

Value block_d(Builder& net, Value x, std::string_view prefix) {
  const auto block = net.block({}, prefix);
  std::vector<Value> parts;
  parts.push_back(branch(net, x, {conv1x1(192), conv3x3_stride2(320)}));
  parts.push_back(branch(net, x, {conv1x1(192), row(192, 7), column(192, 7), conv3x3_stride2(192)}));
  parts.push_back(branch(net, x, BranchPool::max, {}));
  return net.concat_op(parts);
}

/// `layers`, then concat(1×3, 3×1).
Value forked_branch(Builder& net, Value x, const std::vector<Conv>& layers) {
  const auto block = net.block();
  x = branch(net, x, layers);
  const auto fork = net.block();
  const Value left = branch(net, x, {row(384, 3)});
  const Value right = branch(net, x, {column(384, 3)});
  return net.concat_op({left, right});
}

Value block_e(Builder& net, Value x, std::string_view prefix) {
  const auto block = net.block({}, prefix);
  std::vector<Value> parts;
  parts.push_back(branch(net, x, {conv1x1(320)}));
  parts.push_back(forked_branch(net, x, {conv1x1(384)}));
  parts.push_back(forked_branch(net, x, {conv1x1(448), conv3x3(384)}));
  parts.push_back(branch(net, x, BranchPool::average, {conv1x1(192)}));
  return net.concat_op(parts);
}

}  // namespace

Network inception_v3() {
  Builder net("inception30_");
  Value x = net.data();
  {
    const auto features = net.block("features");
    x = basic_conv(net, x, conv3x3_stride2(32));
    x = basic_conv(net, x, {.channels = 32, .kernel = 3});
    x = basic_conv(net, x, conv3x3(64));
    x = net.max_pool(x, {.kernel = 3, .stride = 2});
    x = basic_conv(net, x, conv1x1(80));
    x = basic_conv(net, x, {.channels = 192, .kernel = 3});
    x = net.max_pool(x, {.kernel = 3, .stride = 2});
    x = block_a(net, x, 32, "A1_");
    x = block_a(net, x, 64, "A2_");
    x = block_a(net, x, 64, "A3_");
    x = block_b(net, x, "B_");
    x = block_c(net, x, 128, "C1_");
    x = block_c(net, x, 160, "C2_");
    x = block_c(net, x, 160, "C3_");
    x = block_c(net, x, 192, "C4_");
    x = block_d(net, x, "D_");
    x = block_e(net, x, "E1_");
    x = block_e(net, x, "E2_");
    x = net.average_pool(x, {.kernel = 8, .stride = 8});
    x = net.dropout(x);
  }
  const Value output = net.dense(x, {.units = 1000}, "output");
  return std::move(net).finish(output);
}

}  // namespace tenon::zoo
