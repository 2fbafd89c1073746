// Trained weights in MXNet's cache folder.

#include "zoo/store.h"

#include <gmock/gmock.h>
#include <tenon/model.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "formats/mxnet/params.h"
#include "support/evaluate.h"
#include "zoo/zoo.h"

namespace tenon::zoo {
namespace {

namespace fs = std::filesystem;

const std::string network = "squeezenet1.1";

class Store : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Writes the parameters of seed 3 under the names that `key` gives, in a file named by its SHA-1.
  template <class Key>
  void store(Key key) {
    const Network built = build(network);
    Parameters arrays;
    for (const auto& [name, tensor] : expected_.parameters()) arrays[key(built, name)] = tensor;
    write(arrays);
  }
  void write(const Parameters& arrays) {
    const fs::path file = folder_ / "content";
    write_params(file.string(), arrays);
    fs::rename(file, folder_ / (network + "-" + sha1(file).substr(0, 8) + ".params"));
  }
  void expect_loads() {
    const Model model = Model::zoo_pretrained(network, folder_.string());
    EXPECT_EQ(model.json(), expected_.json());
    ASSERT_EQ(model.parameters().size(), expected_.parameters().size());
    for (const auto& [name, tensor] : expected_.parameters()) {
      const Tensor& loaded = model.parameters().at(name);
      ASSERT_EQ(loaded.shape(), tensor.shape()) << name;
      EXPECT_EQ(std::memcmp(loaded.data(), tensor.data(), tensor.bytes()), 0) << name;
    }
  }
  std::string sentence() {
    return refusal([&] { Model::zoo_pretrained(network, folder_.string()); });
  }

  fs::path folder_;
  Model expected_ = Model::zoo(network, 3);
};

std::string by_place(const Network& built, const std::string& name) {
  return built.places.at(name);
}

TEST_F(Store, StructuralNames) {
  store(by_place);
  expect_loads();
}

TEST_F(Store, LegacyNamesWithoutPrefix) {
  store([](const Network& built, const std::string& name) { return name.substr(built.prefix.size()); });
  expect_loads();
}

TEST_F(Store, NothingThereNamesTheFileThatMxnetWouldFetch) {
  EXPECT_THAT(sentence(), testing::HasSubstr("squeezenet1.1-33ba0f93.params"));
  EXPECT_THAT(sentence(), testing::HasSubstr(folder_.string()));
}

TEST_F(Store, ContentMustHaveTheSha1OfTheName) {
  std::ofstream(folder_ / "squeezenet1.1-33ba0f93.params") << "not the weights";
  EXPECT_THAT(sentence(), testing::HasSubstr("SHA-1"));
  EXPECT_THAT(sentence(), testing::HasSubstr("33ba0f93"));
}

TEST_F(Store, Mxnet19sFileIsTakenBeforeOthersEvenWhenItIsDamaged) {
  store(by_place);
  std::ofstream(folder_ / "squeezenet1.1-33ba0f93.params") << "cut short";
  EXPECT_THAT(sentence(), testing::HasSubstr("33ba0f93"));
}

TEST_F(Store, OtherNetworksFilesAreNotTaken) {
  std::ofstream(folder_ / "squeezenet1.10-12345678.params") << "";
  std::ofstream(folder_ / "squeezenet1.1-1234567.params") << "";
  std::ofstream(folder_ / "squeezenet1.1-12345678.zip") << "";
  EXPECT_THAT(sentence(), testing::HasSubstr("no trained weights"));
}

TEST_F(Store, MissingExtraAndMisshapenParametersAreNamed) {
  Parameters arrays;
  const Network built = build(network);
  for (const auto& [name, tensor] : expected_.parameters()) arrays[built.places.at(name)] = tensor;

  Parameters missing = arrays;
  missing.erase("features.0.bias");
  write(missing);
  EXPECT_THAT(sentence(), testing::HasSubstr("'features.0.bias' is missing"));

  SetUp();
  Parameters misshapen = arrays;
  misshapen["features.0.bias"] = tensor({2}, {1, 2});
  write(misshapen);
  EXPECT_THAT(sentence(), testing::AllOf(testing::HasSubstr("features.0.bias"), testing::HasSubstr("(2,)"),
                                         testing::HasSubstr("(64,)")));

  SetUp();
  Parameters extra = arrays;
  extra["features.99.bias"] = tensor({2}, {1, 2});
  write(extra);
  EXPECT_THAT(sentence(), testing::HasSubstr("52 parameters"));
}

TEST_F(Store, FolderFollowsMxnetHome) {
  const char* before = std::getenv("MXNET_HOME");
  const std::string saved = before == nullptr ? "" : before;
  setenv("MXNET_HOME", "/somewhere", 1);
  EXPECT_EQ(store_folder(), "/somewhere/models");
  unsetenv("MXNET_HOME");
  EXPECT_EQ(store_folder(), fs::path(std::getenv("HOME")) / ".mxnet/models");
  if (before != nullptr) setenv("MXNET_HOME", saved.c_str(), 1);
}

TEST(Sha1, OfKnownContent) {
  const fs::path file = fs::path(testing::TempDir()) / "abc";
  std::ofstream(file) << "abc";
  EXPECT_EQ(sha1(file), "a9993e364706816aba3e25717850c26c9cd0d89d");
  fs::remove(file);
}

TEST(Names, AreThe34OfGluonInAnyCase) {
  EXPECT_EQ(names().size(), 34u);
  EXPECT_EQ(build("ResNet18_V2").graph.size(), build("resnet18_v2").graph.size());
  EXPECT_THAT(refusal([] { build("resnet19_v2"); }), testing::HasSubstr("resnet18_v2"));
  EXPECT_EQ(input_shape("InceptionV3").str(), "(1,3,299,299)");
}

}  // namespace
}  // namespace tenon::zoo
