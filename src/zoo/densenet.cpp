#include "zoo/builder.h"

namespace tenon::zoo {
namespace {

constexpr int bottleneck = 4;

struct Spec {
  int initial, growth;
  std::array<int, 4> layers;
};

Value normalized_conv(Builder& net, Value x, int channels, int kernel) {
  x = net.batch_norm(x);
  x = net.relu(x);
  return net.conv(x, {.channels = channels, .kernel = kernel, .pad = kernel / 2, .bias = false});
}

/// x → concat(x, two convolutions of x)
Value dense_layer(Builder& net, Value x, int growth) {
  const auto layer = net.block();
  x = net.identity(x);
  const auto branch = net.block();
  const Value squeezed = normalized_conv(net, x, bottleneck * growth, 1);
  return net.concat_op({x, normalized_conv(net, squeezed, growth, 3)});
}

Value transition(Builder& net, Value x, int channels) {
  const auto block = net.block();
  x = normalized_conv(net, x, channels, 1);
  return net.average_pool(x, {.kernel = 2, .stride = 2});
}

}  // namespace

Network densenet(int layers) {
  static const std::map<int, Spec> specs = {{121, {64, 32, {6, 12, 24, 16}}},
                                            {161, {96, 48, {6, 12, 36, 24}}},
                                            {169, {64, 32, {6, 12, 32, 32}}},
                                            {201, {64, 32, {6, 12, 48, 32}}}};
  const Spec& spec = specs.at(layers);
  Builder net("densenet0_");
  Value x = net.data();
  {
    const auto features = net.block("features");
    x = net.conv(x, {.channels = spec.initial, .kernel = 7, .stride = 2, .pad = 3, .bias = false});
    x = net.batch_norm(x);
    x = net.relu(x);
    x = net.max_pool(x, {.kernel = 3, .stride = 2, .pad = 1});
    int channels = spec.initial;
    for (int stage = 1; stage <= 4; ++stage) {
      if (stage > 1) x = transition(net, x, channels /= 2);
      const int count = spec.layers[static_cast<std::size_t>(stage - 1)];
      const auto block = net.block({}, fmt::format("stage{}_", stage));
      for (int i = 0; i < count; ++i) x = dense_layer(net, x, spec.growth);
      channels += count * spec.growth;
    }
    x = net.batch_norm(x);
    x = net.relu(x);
    x = net.average_pool(x, {.kernel = 7, .stride = 7});
    x = net.flatten(x);
  }
  const Value output = net.dense(x, {.units = 1000}, "output");
  return std::move(net).finish(output);
}

}  // namespace tenon::zoo
