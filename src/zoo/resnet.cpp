#include "zoo/builder.h"

namespace tenon::zoo {
namespace {

struct Spec {
  bool bottleneck;
  std::array<int, 4> layers;
};

/// One residual block, as Gluon parameterises it.
struct Residual {
  int channels, in_channels, stride;
  bool bottleneck;
  bool downsample() const { return channels != in_channels; }
};

Conv conv3x3(int channels, int stride, int in_channels) {
  return {.channels = channels, .kernel = 3, .stride = stride, .pad = 1, .in_channels = in_channels, .bias = false};
}

Conv downsampling(const Residual& block) {
  return {
      .channels = block.channels, .kernel = 1, .stride = block.stride, .in_channels = block.in_channels, .bias = false};
}

/// The convolutions of a block. Only those of a v1 bottleneck that are 1×1 have a bias, and only there the stride
/// stands at the first of them.
std::vector<Conv> convolutions(int version, const Residual& block) {
  if (!block.bottleneck) {
    return {conv3x3(block.channels, block.stride, block.in_channels), conv3x3(block.channels, 1, block.channels)};
  }
  const int inner = block.channels / 4;
  const bool first = version == 1;
  return {{.channels = inner, .kernel = 1, .stride = first ? block.stride : 1, .bias = first},
          conv3x3(inner, first ? 1 : block.stride, inner),
          {.channels = block.channels, .kernel = 1, .bias = first}};
}

/// v1: relu(x + body(x)), BatchNorm after each convolution.
Value residual_v1(Builder& net, Value x, const Residual& block) {
  const auto scope = net.block();
  Value y = x;
  {
    const auto body = net.block("body");
    const auto layers = convolutions(1, block);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (i > 0) y = net.relu(y);
      y = net.batch_norm(net.conv(y, layers[i]));
    }
  }
  Value shortcut = x;
  if (block.downsample()) {
    const auto downsample = net.block("downsample");
    shortcut = net.batch_norm(net.conv(x, downsampling(block)));
  }
  // MXNet wrote `residual + x` in one kind of block and `x + residual` in the other.
  const Value sum = block.bottleneck ? net.add_op(y, shortcut, "_plus") : net.add_op(shortcut, y, "_plus");
  return net.activation_op(sum);
}

/// v2: x + body(x), BatchNorm and relu before each convolution; a downsampling shortcut starts after the first relu.
Value residual_v2(Builder& net, Value x, const Residual& block) {
  const auto scope = net.block();
  Value y = x, shortcut = x;
  int number = 1;
  for (const Conv& layer : convolutions(2, block)) {
    y = net.activation_op(net.batch_norm(y, {}, fmt::format("bn{}", number)));
    if (number == 1 && block.downsample()) shortcut = y;
    y = net.conv(y, layer, fmt::format("conv{}", number++));
  }
  if (block.downsample()) shortcut = net.conv(shortcut, downsampling(block), "downsample");
  return net.add_op(y, shortcut, "_plus");
}

}  // namespace

Network resnet(int version, int layers) {
  static const std::map<int, Spec> specs = {{18, {false, {2, 2, 2, 2}}},
                                            {34, {false, {3, 4, 6, 3}}},
                                            {50, {true, {3, 4, 6, 3}}},
                                            {101, {true, {3, 4, 23, 3}}},
                                            {152, {true, {3, 8, 36, 3}}}};
  const Spec& spec = specs.at(layers);
  const bool second = version == 2;
  Builder net(second ? "resnetv20_" : "resnetv10_");
  Value x = net.data();
  int in_channels = 64;
  {
    const auto features = net.block("features");
    if (second) x = net.batch_norm(x, {.scale = false});
    x = net.conv(x, {.channels = in_channels, .kernel = 7, .stride = 2, .pad = 3, .bias = false});
    x = net.batch_norm(x);
    x = net.relu(x);
    x = net.max_pool(x, {.kernel = 3, .stride = 2, .pad = 1});
    int channels = spec.bottleneck ? 256 : 64;
    for (int stage = 1; stage <= 4; ++stage, channels *= 2) {
      const auto block = net.block({}, fmt::format("stage{}_", stage));
      for (int i = 0; i < spec.layers[static_cast<std::size_t>(stage - 1)]; ++i) {
        const Residual residual = {channels, in_channels, i == 0 && stage > 1 ? 2 : 1, spec.bottleneck};
        x = second ? residual_v2(net, x, residual) : residual_v1(net, x, residual);
        in_channels = channels;
      }
    }
    if (second) x = net.relu(net.batch_norm(x));
    x = net.global_average_pool(x);
    if (second) x = net.flatten(x);
  }
  const Value output = net.dense(x, {.units = 1000, .in_units = in_channels}, "output");
  return std::move(net).finish(output);
}

}  // namespace tenon::zoo
