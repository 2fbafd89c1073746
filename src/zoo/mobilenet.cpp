#include "zoo/builder.h"

namespace tenon::zoo {
namespace {

enum class Activation { none, relu, relu6 };

/// Convolution, BatchNorm, activation; each a child of the open block.
Value conv_unit(Builder& net, Value x, Conv layer, Activation activation) {
  layer.bias = false;
  x = net.batch_norm(net.conv(x, layer));
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return net.relu(x);
    case Activation::relu6:
      return net.relu6(x);
  }
  return x;
}

Conv depthwise(int channels, int stride) {
  return {.channels = channels, .kernel = 3, .stride = stride, .pad = 1, .groups = channels};
}

/// Expand `expansion` times, filter each channel, project; the input is added where the shapes are equal.
Value linear_bottleneck(Builder& net, Value x, int in_channels, int channels, int expansion, int stride) {
  const auto block = net.block({}, net.numbered("linearbottleneck"));
  const int expanded = in_channels * expansion;
  Value y;
  {
    const auto out = net.block("out");
    y = conv_unit(net, x, {.channels = expanded, .kernel = 1}, Activation::relu6);
    y = conv_unit(net, y, depthwise(expanded, stride), Activation::relu6);
    y = conv_unit(net, y, {.channels = channels, .kernel = 1}, Activation::none);
  }
  return stride == 1 && in_channels == channels ? net.add_op(y, x, "elemwise_add") : y;
}

}  // namespace

Network mobilenet(double multiplier) {
  const auto scaled = [&](int channels) { return static_cast<int>(channels * multiplier); };
  struct Layer {
    int in, out, stride;
  };
  std::vector<Layer> layers = {{32, 64, 1}, {64, 128, 2}, {128, 128, 1}, {128, 256, 2}, {256, 256, 1}, {256, 512, 2}};
  layers.insert(layers.end(), 5, {512, 512, 1});
  layers.insert(layers.end(), {{512, 1024, 2}, {1024, 1024, 1}});

  Builder net("mobilenet0_");
  Value x = net.data();
  {
    const auto features = net.block("features");
    x = conv_unit(net, x, {.channels = scaled(32), .kernel = 3, .stride = 2, .pad = 1}, Activation::relu);
    for (const Layer& layer : layers) {
      x = conv_unit(net, x, depthwise(scaled(layer.in), layer.stride), Activation::relu);
      x = conv_unit(net, x, {.channels = scaled(layer.out), .kernel = 1}, Activation::relu);
    }
    x = net.global_average_pool(x);
    x = net.flatten(x);
  }
  const Value output = net.dense(x, {.units = 1000}, "output");
  return std::move(net).finish(output);
}

Network mobilenet_v2(double multiplier) {
  const auto scaled = [&](int channels) { return static_cast<int>(channels * multiplier); };
  struct Group {
    int channels, repeat, stride;
  };
  static constexpr std::array<Group, 7> groups = {
      {{16, 1, 1}, {24, 2, 2}, {32, 3, 2}, {64, 4, 2}, {96, 3, 1}, {160, 3, 2}, {320, 1, 1}}};

  Builder net("mobilenetv20_");
  Value x = net.data();
  {
    const auto features = net.block("features", "features_");
    x = conv_unit(net, x, {.channels = scaled(32), .kernel = 3, .stride = 2, .pad = 1}, Activation::relu6);
    int in_channels = 32;
    for (const Group& group : groups) {
      for (int i = 0; i < group.repeat; ++i) {
        const int expansion = group.channels == 16 ? 1 : 6;
        x = linear_bottleneck(net, x, scaled(in_channels), scaled(group.channels), expansion,
                              i == 0 ? group.stride : 1);
        in_channels = group.channels;
      }
    }
    x = conv_unit(net, x, {.channels = 1280, .kernel = 1}, Activation::relu6);
    x = net.global_average_pool(x);
  }
  {
    const auto output = net.block("output", "output_");
    x = net.conv(x, {.channels = 1000, .kernel = 1, .bias = false, .prefix = "pred_"});
    x = net.flatten(x);
  }
  return std::move(net).finish(x);
}

}  // namespace tenon::zoo
