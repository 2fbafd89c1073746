#include <algorithm>

#include "zoo/builder.h"
#include "zoo/initialize.h"

namespace tenon::zoo {

Network vgg(int layers, bool batch_norm) {
  static const std::map<int, std::array<int, 5>> repeats = {
      {11, {1, 1, 2, 2, 2}}, {13, {2, 2, 2, 2, 2}}, {16, {2, 2, 3, 3, 3}}, {19, {2, 2, 4, 4, 4}}};
  Builder net("vgg0_");
  Value x = net.data();
  {
    const auto features = net.block("features");
    int channels = 64;
    for (const int repeat : repeats.at(layers)) {
      for (int i = 0; i < repeat; ++i) {
        x = net.conv(x, {.channels = channels, .kernel = 3, .pad = 1, .initializer = std::string(xavier_out)});
        if (batch_norm) x = net.batch_norm(x);
        x = net.relu(x);
      }
      x = net.max_pool(x, {.kernel = 2, .stride = 2});
      channels = std::min(2 * channels, 512);
    }
    for (int i = 0; i < 2; ++i) {
      x = net.dense(x, {.units = 4096, .activation = "relu", .initializer = "normal"});
      x = net.dropout(x);
    }
  }
  const Value output = net.dense(x, {.units = 1000, .initializer = "normal"}, "output");
  return std::move(net).finish(output);
}

}  // namespace tenon::zoo
