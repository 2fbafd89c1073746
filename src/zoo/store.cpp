#include "zoo/store.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <vector>

#include "core/env.h"
#include "core/error.h"

namespace tenon::zoo {
namespace {

/// The first eight digits of the SHA-1 of the weights that MXNet 1.9 downloads.
const std::map<std::string, std::string, std::less<>>& published() {
  static const std::map<std::string, std::string, std::less<>> table = {
      {"alexnet", "44335d1f"},
      {"densenet121", "f27dbf2d"},
      {"densenet161", "b6c8a957"},
      {"densenet169", "2603f878"},
      {"densenet201", "1cdbc116"},
      {"inceptionv3", "ed47ec45"},
      {"mobilenet0.25", "9f83e440"},
      {"mobilenet0.5", "8e9d539c"},
      {"mobilenet0.75", "529b2c7f"},
      {"mobilenet1.0", "6b8c5106"},
      {"mobilenetv2_0.25", "ae8f9392"},
      {"mobilenetv2_0.5", "aabd26cd"},
      {"mobilenetv2_0.75", "e2be7b72"},
      {"mobilenetv2_1.0", "36da4ff1"},
      {"resnet18_v1", "a0666292"},
      {"resnet34_v1", "48216ba9"},
      {"resnet50_v1", "0aee57f9"},
      {"resnet101_v1", "d988c13d"},
      {"resnet152_v1", "671c637a"},
      {"resnet18_v2", "a81db45f"},
      {"resnet34_v2", "9d6b80bb"},
      {"resnet50_v2", "ecdde353"},
      {"resnet101_v2", "18e93e4f"},
      {"resnet152_v2", "f2695542"},
      {"squeezenet1.0", "264ba497"},
      {"squeezenet1.1", "33ba0f93"},
      {"vgg11", "dd221b16"},
      {"vgg11_bn", "ee79a809"},
      {"vgg13", "6bc5de58"},
      {"vgg13_bn", "7d97a06c"},
      {"vgg16", "e660d456"},
      {"vgg16_bn", "7f01cf05"},
      {"vgg19", "ad2f660d"},
      {"vgg19_bn", "f360b758"},
  };
  return table;
}

/// The file names in the folder that could hold the network's weights, MXNet 1.9's first.
std::vector<std::filesystem::path> candidates(std::string_view name, const std::filesystem::path& folder) {
  const auto expected = folder / fmt::format("{}-{}.params", name, published().find(name)->second);
  std::set<std::filesystem::path> others;
  static const std::regex ending("-[0-9a-f]{8}\\.params");
  std::error_code ignored;  // a folder that is not there holds nothing
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with(name) && std::regex_match(file.substr(name.size()), ending)) others.insert(entry.path());
  }
  std::vector<std::filesystem::path> files;
  if (others.erase(expected) > 0) files.push_back(expected);
  files.insert(files.end(), others.begin(), others.end());
  return files;
}

}  // namespace

std::filesystem::path store_folder() {
  if (const auto folder = env::mxnet_home()) return std::filesystem::path(*folder) / "models";
  return std::filesystem::path(env::home().value_or(".")) / ".mxnet" / "models";
}

std::filesystem::path find_trained(std::string_view name, const std::filesystem::path& folder) {
  const auto files = candidates(name, folder);
  if (files.empty()) {
    fail(ErrorCode::not_found,
         "no trained weights for {} in {}: MXNet's get_model('{}', pretrained=True) would put {}-{}.params there", name,
         folder.string(), name, name, published().find(name)->second);
  }
  const std::string digest = sha1(files[0]);
  const std::string stem = files[0].stem().string();
  const std::string expected = stem.substr(stem.size() - 8);
  if (!digest.starts_with(expected)) {
    fail(ErrorCode::corrupt,
         "{}: the SHA-1 of the content begins with {}, the file name says {}; the file is damaged, fetch it again",
         files[0].string(), digest.substr(0, 8), expected);
  }
  return files[0];
}

std::string sha1(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail(ErrorCode::io, "{}: cannot be opened", file.string());
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) != 1) {
    fail(ErrorCode::internal, "OpenSSL offers no SHA-1 here");
  }
  std::vector<char> block(1 << 16);
  while (stream.read(block.data(), static_cast<std::streamsize>(block.size())), stream.gcount() > 0) {
    EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) fail(ErrorCode::io, "{}: cannot be read to its end", file.string());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace tenon::zoo
