#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace tenon::zoo {

/// A network of `mxnet.gluon.model_zoo.vision` as `export` writes it from the first instance in a process.
struct Network {
  Graph graph;
  std::string prefix;  ///< of every parameter: "resnetv20_"
  /// Each parameter's place in Gluon's tree of blocks ("features.0.gamma"), by its name in the graph.
  std::map<std::string, std::string> places;
};

/// The 34 names, sorted.
std::vector<std::string> names();
/// The name in lower case. Throws Error(not_found) listing the names there are.
std::string canonical(std::string_view name);
/// Builds by name, upper or lower case.
Network build(std::string_view name);
/// The input the network was trained for, batch 1: (1, 3, 224, 224), for inceptionv3 (1, 3, 299, 299).
Shape input_shape(std::string_view name);

// The families, a file each.
Network alexnet();
Network densenet(int layers);
Network inception_v3();
Network mobilenet(double multiplier);
Network mobilenet_v2(double multiplier);
Network resnet(int version, int layers);
Network squeezenet(std::string_view version);
Network vgg(int layers, bool batch_norm);

}  // namespace tenon::zoo
