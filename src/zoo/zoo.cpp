#include "zoo/zoo.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <functional>

#include "core/error.h"

namespace tenon::zoo {
namespace {

using Build = std::function<Network()>;

std::map<std::string, Build, std::less<>> make_table() {
  std::map<std::string, Build, std::less<>> table = {
      {"alexnet", alexnet},
      {"inceptionv3", inception_v3},
      {"squeezenet1.0", [] { return squeezenet("1.0"); }},
      {"squeezenet1.1", [] { return squeezenet("1.1"); }},
  };
  for (const int layers : {121, 161, 169, 201}) {
    table.emplace(fmt::format("densenet{}", layers), [=] { return densenet(layers); });
  }
  for (const int layers : {11, 13, 16, 19}) {
    table.emplace(fmt::format("vgg{}", layers), [=] { return vgg(layers, false); });
    table.emplace(fmt::format("vgg{}_bn", layers), [=] { return vgg(layers, true); });
  }
  for (const int version : {1, 2}) {
    for (const int layers : {18, 34, 50, 101, 152}) {
      table.emplace(fmt::format("resnet{}_v{}", layers, version), [=] { return resnet(version, layers); });
    }
  }
  for (const auto& [width, multiplier] :
       {std::pair{"0.25", 0.25}, std::pair{"0.5", 0.5}, std::pair{"0.75", 0.75}, std::pair{"1.0", 1.0}}) {
    table.emplace(fmt::format("mobilenet{}", width), [m = multiplier] { return mobilenet(m); });
    table.emplace(fmt::format("mobilenetv2_{}", width), [m = multiplier] { return mobilenet_v2(m); });
  }
  return table;
}

const std::map<std::string, Build, std::less<>>& table() {
  static const auto built = make_table();
  return built;
}

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const auto& [name, build] : table()) names.push_back(name);
  return names;
}

std::string canonical(std::string_view name) {
  std::string lowered(name);
  std::ranges::transform(lowered, lowered.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!table().contains(lowered)) {
    fail(ErrorCode::not_found, "'{}' is not a network of the zoo; it has {}", name, fmt::join(names(), ", "));
  }
  return lowered;
}

Network build(std::string_view name) {
  return table().find(canonical(name))->second();
}

Shape input_shape(std::string_view name) {
  return canonical(name) == "inceptionv3" ? Shape{1, 3, 299, 299} : Shape{1, 3, 224, 224};
}

}  // namespace tenon::zoo
