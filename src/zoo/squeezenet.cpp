#include "zoo/builder.h"

namespace tenon::zoo {
namespace {

constexpr int pool = 0;  // in a list of fires: a pooling layer instead

Value fire_conv(Builder& net, Value x, int channels, int kernel) {
  const auto block = net.block();
  x = net.conv(x, {.channels = channels, .kernel = kernel, .pad = kernel / 2});
  return net.relu(x);
}

/// x → squeeze to `channels` → concat(1×1 to 4 channels, 3×3 to 4 channels)
Value fire(Builder& net, Value x, int channels) {
  const auto block = net.block();
  x = fire_conv(net, x, channels, 1);
  const auto paths = net.block();
  const Value narrow = fire_conv(net, x, 4 * channels, 1);
  const Value wide = fire_conv(net, x, 4 * channels, 3);
  return net.concat_op({narrow, wide});
}

}  // namespace

Network squeezenet(std::string_view version) {
  const bool first = version == "1.0";
  const std::vector<int> fires = first ? std::vector{pool, 16, 16, 32, pool, 32, 48, 48, 64, pool, 64}
                                       : std::vector{pool, 16, 16, pool, 32, 32, pool, 48, 48, 64, 64};
  Builder net("squeezenet0_");
  Value x = net.data();
  {
    const auto features = net.block("features");
    x = net.conv(x, {.channels = first ? 96 : 64, .kernel = first ? 7 : 3, .stride = 2});
    x = net.relu(x);
    for (const int channels : fires) {
      x = channels == pool ? net.max_pool(x, {.kernel = 3, .stride = 2, .ceil = true}) : fire(net, x, channels);
    }
    x = net.dropout(x);
  }
  {
    const auto output = net.block("output");
    x = net.conv(x, {.channels = 1000, .kernel = 1});
    x = net.relu(x);
    x = net.average_pool(x, {.kernel = 13, .stride = 13});
    x = net.flatten(x);
  }
  return std::move(net).finish(x);
}

}  // namespace tenon::zoo
