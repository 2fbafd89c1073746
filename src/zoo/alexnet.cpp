#include "zoo/builder.h"

namespace tenon::zoo {

Network alexnet() {
  Builder net("alexnet0_");
  Value x = net.data();
  {
    const auto features = net.block("features");
    x = net.conv(x, {.channels = 64, .kernel = 11, .stride = 4, .pad = 2, .activation = "relu"});
    x = net.max_pool(x, {.kernel = 3, .stride = 2});
    x = net.conv(x, {.channels = 192, .kernel = 5, .pad = 2, .activation = "relu"});
    x = net.max_pool(x, {.kernel = 3, .stride = 2});
    for (const int channels : {384, 256, 256}) {
      x = net.conv(x, {.channels = channels, .kernel = 3, .pad = 1, .activation = "relu"});
    }
    x = net.max_pool(x, {.kernel = 3, .stride = 2});
    x = net.flatten(x);
    for (int i = 0; i < 2; ++i) {
      x = net.dense(x, {.units = 4096, .activation = "relu"});
      x = net.dropout(x);
    }
  }
  const Value output = net.dense(x, {.units = 1000}, "output");
  return std::move(net).finish(output);
}

}  // namespace tenon::zoo
