#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <tenon/tenon.h>

#include "core/hash.h"
#include "formats/plan/plan_file.h"
#include "graph/graph.h"
#include "ops/registry.h"
#include "support/numbers.h"

namespace tenon {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "tenon-plan-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), {})); }

 private:
  fs::path path_;
};

Tensor positive(std::int64_t count) {
  Tensor made(Shape{count}, DType::float32);
  std::fill_n(made.mutable_data<float>(), count, 1.5F);
  return made;
}

/// Two engine nodes with an operator (topk) between them that stays outside, weights that are read twice, and an output
/// that is a parameter.
Model small_model() {
  constexpr const char* text =
      "%data = variable\n%w0 = variable\n%w1 = variable\n%w2 = variable\n%g = variable\n%b = variable\n"
      "%m = variable {__init__=zeros}\n%v = variable\n"
      "%c0 = Convolution(%data, %w0) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
      "%n0 = BatchNorm(%c0, %g, %b, %m, %v) {fix_gamma=False}\n"
      "%r0 = relu(%n0)\n"
      "%c1 = Convolution(%r0, %w1) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
      "%c2 = Convolution(%c1, %w1) {kernel=(3, 3), pad=(1, 1), num_filter=32, no_bias=True}\n"
      "%sum = elemwise_add(%c2, %c0)\n"
      "%pool = Pooling(%sum) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
      "%fc = FullyConnected(%pool, %w2) {num_hidden=10, no_bias=True}\n"
      "%top = topk(%fc) {k=10, ret_typ=value}\n"
      "%w3 = variable\n%again = FullyConnected(%top, %w3) {num_hidden=10, no_bias=True}\n"
      "return %fc, %top, %again, %g\n";
  return Model(parse_graph(text, ops()), {{"w0", waves({32, 3, 3, 3}, 0.7)},
                                          {"w1", waves({32, 32, 3, 3}, 0.3)},
                                          {"w2", waves({10, 32}, 0.9)},
                                          {"w3", waves({10, 10}, 0.4)},
                                          {"g", waves({32}, 0.5)},
                                          {"b", waves({32}, 0.2)},
                                          {"m", waves({32}, 1.1)},
                                          {"v", positive(32)}});
}

Engine build(const std::string& backend, std::int64_t batch = 1, int threads = 1) {
  BindOptions options;
  options.shapes = {{"data", {batch, 3, 24, 24}}};
  options.backend = backend;
  options.threads = threads;
  return Engine::build(small_model(), options);
}

std::vector<Tensor> results(const Engine& engine) {
  Session session(engine);
  session.set_input("data", waves(engine.type("data").shape, 0.37));
  session.forward();
  std::vector<Tensor> outputs;
  for (int i = 0; i < static_cast<int>(engine.outputs().size()); ++i) outputs.push_back(session.output(i).clone());
  return outputs;
}

void expect_same(const Engine& loaded, const Engine& saved) {
  const std::vector<Tensor> actual = results(loaded), expected = results(saved);
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].shape(), expected[i].shape());
    EXPECT_EQ(std::memcmp(actual[i].data(), expected[i].data(), actual[i].bytes()), 0) << "output " << i;
  }
}

std::string read(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

/// The sentence with which the file is refused.
std::string refusal(const std::string& file, ErrorCode code) {
  try {
    Engine::load(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << file << " was taken";
  return "";
}

nlohmann::json json_of(std::span<const std::byte> blob) {
  const auto* text = reinterpret_cast<const char*>(blob.data());
  return nlohmann::json::parse(text, text + blob.size());
}

/// Writes the plan with another manifest, or with another text in its first blob, a program; every hash is right.
void write_changed(const std::string& file, const PlanFile& plan, const nlohmann::json& manifest,
                   const nlohmann::json& program) {
  const std::string text = program.dump();
  auto blobs = plan.blobs;
  blobs[0] = std::as_bytes(std::span(text));
  write_plan(file, manifest.dump(), blobs);
}

void rewrite(const std::string& file, const std::function<void(nlohmann::json&)>& change) {
  const PlanFile plan = open_plan(file);
  nlohmann::json manifest = nlohmann::json::parse(plan.manifest);
  change(manifest);
  write_changed(file, plan, manifest, json_of(plan.blobs[0]));
}

class PlanOf : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Backends, PlanOf, testing::Values("reference", "plain", "cpu"),
                         [](const auto& backend) { return std::string(backend.param); });

TEST_P(PlanOf, GivesTheSameBits) {
  const Folder folder;
  for (const std::int64_t batch : {1, 8}) {
    for (const int threads : {1, 2}) {
      const Engine engine = build(GetParam(), batch, threads);
      engine.save(folder.file("a.plan"));
      const Engine loaded = Engine::load(folder.file("a.plan"));
      expect_same(loaded, engine);
      EXPECT_EQ(loaded.parameter_bytes(), engine.parameter_bytes());
      EXPECT_EQ(loaded.activation_bytes(), engine.activation_bytes());
      EXPECT_EQ(loaded.options().threads, threads);
    }
  }
}

TEST_P(PlanOf, TellsTheSameOfItsSteps) {
  const Folder folder;
  const Engine engine = build(GetParam());
  engine.save(folder.file("a.plan"));
  const Engine loaded = Engine::load(folder.file("a.plan"));
  const std::vector<StepInfo> expected = engine.steps(), actual = loaded.steps();
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].node, expected[i].node);
    EXPECT_EQ(actual[i].implementation, expected[i].implementation);
    EXPECT_EQ(actual[i].refusals, expected[i].refusals);
    EXPECT_EQ(actual[i].covers, expected[i].covers);
    EXPECT_EQ(actual[i].engine, expected[i].engine);
  }
  EXPECT_EQ(loaded.refused().size(), engine.refused().size());
  EXPECT_EQ(loaded.inputs(), engine.inputs());
  EXPECT_EQ(loaded.outputs(), engine.outputs());
}

TEST_P(PlanOf, IsTheSameFileWhenSavedAgain) {
  const Folder folder;
  build(GetParam()).save(folder.file("a.plan"));
  Engine::load(folder.file("a.plan")).save(folder.file("b.plan"));
  EXPECT_EQ(read(folder.file("b.plan")), read(folder.file("a.plan")));
}

TEST(Plan, OutlivesItsFile) {
  const Folder folder;
  const Engine engine = build("cpu");
  engine.save(folder.file("a.plan"));
  const Engine loaded = Engine::load(folder.file("a.plan"));
  build("cpu", 4).save(folder.file("a.plan"));
  expect_same(loaded, engine);
  fs::remove(folder.file("a.plan"));
  expect_same(loaded, engine);
}

TEST(Plan, RefusesEveryFlippedByte) {
  const Folder folder;
  const std::string file = folder.file("a.plan"), damaged = folder.file("b.plan");
  build("cpu").save(file);
  const std::string good = read(file);
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < 320; ++i) places.push_back(i);  // the header and some of the table
  std::mt19937 random(7);
  for (int i = 0; i < 500; ++i) places.push_back(random() % good.size());
  places.push_back(good.size() - 1);
  for (const std::size_t at : places) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    write(damaged, bytes);
    try {
      Engine::load(damaged);
      FAIL() << "byte " << at << " was changed, and nobody saw it";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("b.plan"));
      EXPECT_TRUE(error.code() == ErrorCode::corrupt || error.code() == ErrorCode::unsupported) << error.what();
    }
  }
}

TEST(Plan, RefusesEveryLengthButItsOwn) {
  const Folder folder;
  const std::string file = folder.file("a.plan"), cut = folder.file("b.plan");
  build("cpu").save(file);
  const std::string good = read(file);
  for (std::size_t length = 0; length < good.size(); length += length < 200 ? 1 : 997) {
    write(cut, good.substr(0, length));
    refusal(cut, ErrorCode::corrupt);
  }
  write(cut, good + "x");
  EXPECT_THAT(refusal(cut, ErrorCode::corrupt), HasSubstr("bytes where it had"));
}

TEST(Plan, RefusesWhatIsNoPlan) {
  const Folder folder;
  write(folder.file("a.plan"), "{\"nodes\": []}, which is a symbol file and none that was compiled by anybody at all");
  EXPECT_THAT(refusal(folder.file("a.plan"), ErrorCode::corrupt), HasSubstr("is no plan"));
  refusal(folder.file("none.plan"), ErrorCode::not_found);
}

TEST(Plan, RefusesAnotherFormat) {
  const Folder folder;
  build("cpu").save(folder.file("a.plan"));
  std::string bytes = read(folder.file("a.plan"));
  bytes[8] = 3;  // as a later version would begin
  write(folder.file("a.plan"), bytes);
  EXPECT_THAT(refusal(folder.file("a.plan"), ErrorCode::unsupported),
              AllOf(HasSubstr("version 3 of the format"), HasSubstr("reads version 2")));
}

TEST(Plan, RefusesAnotherProcessor) {
  const Folder folder;
  build("cpu").save(folder.file("a.plan"));
  rewrite(folder.file("a.plan"), [](nlohmann::json& manifest) { manifest["processor"] = "Elbrus 8C 4.7.2"; });
  EXPECT_THAT(refusal(folder.file("a.plan"), ErrorCode::unsupported),
              AllOf(HasSubstr("built for the processor Elbrus 8C 4.7.2, and this is "), HasSubstr("build it again")));
}

TEST(Plan, RefusesAGpuThatIsNotThere) {
  const Folder folder;
  build("plain").save(folder.file("a.plan"));
  rewrite(folder.file("a.plan"), [](nlohmann::json& manifest) { manifest["device"] = "cuda:97"; });
  EXPECT_THAT(refusal(folder.file("a.plan"), ErrorCode::unsupported), AllOf(HasSubstr("a.plan"), HasSubstr("cuda:97")));
}

TEST(Plan, RefusesAnotherVersionOfAComponent) {
  const Folder folder;
  build("cpu").save(folder.file("a.plan"));
  rewrite(folder.file("a.plan"),
          [](nlohmann::json& manifest) { manifest["components"] = "Tenon 0.0.9, oneDNN 1.0.0"; });
  EXPECT_THAT(refusal(folder.file("a.plan"), ErrorCode::unsupported),
              AllOf(HasSubstr("built by Tenon 0.0.9, oneDNN 1.0.0"), HasSubstr(version())));
}

/// Every number and text of the manifest in turn, by its path, becomes something else.
void collect_leaves(const nlohmann::json& value, const nlohmann::json::json_pointer& path,
                    std::vector<nlohmann::json::json_pointer>& leaves) {
  if (!value.is_structured()) {
    leaves.push_back(path);
    return;
  }
  for (const auto& [key, child] : value.items()) {
    collect_leaves(child, value.is_array() ? path / std::stoul(key) : path / key, leaves);
  }
}

TEST(Plan, TakesOrRefusesEveryHostileManifest) {
  const Folder folder;
  const std::string file = folder.file("a.plan"), hostile = folder.file("b.plan");
  build("cpu", 8).save(file);
  const PlanFile plan = open_plan(file);
  const nlohmann::json whole = {{"manifest", nlohmann::json::parse(plan.manifest)},
                                {"program", json_of(plan.blobs[0])}};
  std::vector<nlohmann::json::json_pointer> leaves;
  collect_leaves(whole, nlohmann::json::json_pointer(), leaves);
  int refused = 0, taken = 0;
  for (const auto& leaf : leaves) {
    for (const nlohmann::json& value :
         {nlohmann::json(-1), nlohmann::json(std::int64_t{1} << 62), nlohmann::json("x")}) {
      nlohmann::json changed = whole;
      if (changed[leaf] == value) continue;
      changed[leaf] = value;
      write_changed(hostile, plan, changed["manifest"], changed["program"]);
      try {
        results(Engine::load(hostile));
        ++taken;  // a name, a reason: what only people read
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 300);
  EXPECT_GT(taken, 0);
}

/// The program that takes the batch in portions: this one or that of a body in it; null where none does.
nlohmann::json* program_with_portions(nlohmann::json& program) {
  if (program["graph"].get<std::string>().find("_tenon_portions") != std::string::npos) return &program;
  for (nlohmann::json& step : program["steps"]) {
    nlohmann::json* found = step.contains("body") ? program_with_portions(step["body"]["program"]) : nullptr;
    if (found != nullptr) return found;
  }
  return nullptr;
}

TEST(Plan, RefusesPortionsOfMoreThanThereIs) {
  const Folder folder;
  const std::string file = folder.file("a.plan");
  build("plain", 96).save(file);
  const PlanFile plan = open_plan(file);
  nlohmann::json whole = json_of(plan.blobs[0]);
  nlohmann::json* program = program_with_portions(whole);
  ASSERT_NE(program, nullptr);
  std::string text = (*program)["graph"];
  for (std::size_t at; (at = text.find("(96,")) != std::string::npos;) text.replace(at, 4, "(1,");
  (*program)["graph"] = text;
  write_changed(folder.file("b.plan"), plan, nlohmann::json::parse(plan.manifest), whole);
  EXPECT_THAT(refusal(folder.file("b.plan"), ErrorCode::corrupt), HasSubstr("its body does not fit it"));
}

TEST(Plan, RefusesPackedParametersOfAnotherLength) {
  const Folder folder;
  for (const char* backend : {"plain", "cpu"}) {
    const std::string file = folder.file(std::string(backend) + ".plan");
    build(backend).save(file);
    const PlanFile plan = open_plan(file);
    const nlohmann::json manifest = nlohmann::json::parse(plan.manifest);
    ASSERT_GT(manifest["copies"].size(), 1u) << backend;
    for (std::size_t i = 0; i < manifest["copies"].size(); ++i) {
      nlohmann::json changed = manifest;
      nlohmann::json& copy = changed["copies"][i];
      for (const nlohmann::json& other : manifest["copies"]) {
        if (other["shape"] == copy["shape"]) continue;
        for (const char* key : {"blob", "dtype", "shape"}) copy[key] = other[key];
        break;
      }
      if (changed == manifest) continue;
      write_changed(folder.file("changed.plan"), plan, changed, json_of(plan.blobs[0]));
      EXPECT_THAT(refusal(folder.file("changed.plan"), ErrorCode::corrupt), HasSubstr("of a parameter is float32 ("));
    }
  }
}

TEST(Plan, LeavesNothingOnAFullDisk) {
  const Folder folder;
  const Engine engine = build("cpu");
  engine.save(folder.file("a.plan"));
  const std::string before = read(folder.file("a.plan"));
  const auto former = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{before.size() / 2, limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(engine.save(folder.file("a.plan")), Error);
  EXPECT_THROW(engine.save(folder.file("b.plan")), Error);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, former);
  EXPECT_EQ(folder.files(), 1U);
  EXPECT_EQ(read(folder.file("a.plan")), before);
  EXPECT_THROW(engine.save(folder.file("no/folder.plan")), Error);
}

TEST(Plan, SaysWhatItCannotDoWithoutTheModel) {
  const Folder folder;
  build("cpu").save(folder.file("a.plan"));
  const Session session(Engine::load(folder.file("a.plan")));
  try {
    session.reshape({{"data", {2, 3, 24, 24}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("the shape data=(2,3,24,24), outside data=(1,3,24,24) needs the model"));
  }
}

Engine build_range(std::int64_t first, std::int64_t last) {
  BindOptions options;
  options.shapes = {{"data", {first, 3, 24, 24}}};
  options.batches = BatchRange{first, last};
  options.backend = "cpu";
  options.threads = 1;
  return Engine::build(small_model(), options);
}

TEST(BatchRange, HasEverySizeWithTheBitsOfItsOwnEngine) {
  const Folder folder;
  const Engine built = build_range(1, 9);
  built.save(folder.file("a.plan"));
  for (const Engine& range : {built, Engine::load(folder.file("a.plan"))}) {
    const Session session(range);
    for (const std::int64_t batch : {1, 2, 5, 8, 9}) {
      const Session other = session.reshape({{"data", {batch, 3, 24, 24}}});
      expect_same(other.engine(), build("cpu", batch));
      const Session back = other.reshape({{"data", {1, 3, 24, 24}}});
      expect_same(back.engine(), range);
    }
  }
}

TEST(BatchRange, PacksAParameterOnceForTheSizesThatReadItAlike) {
  const Folder folder;
  build("cpu", 8).save(folder.file("one.plan"));
  build_range(8, 12).save(folder.file("five.plan"));
  const auto parameters = [&](const std::string& name) {
    const PlanFile plan = open_plan(folder.file(name));
    const std::size_t programs = nlohmann::json::parse(plan.manifest)["programs"].size();
    std::size_t bytes = 0;
    for (std::size_t i = programs; i < plan.blobs.size(); ++i) bytes += plan.blobs[i].size();
    return bytes;
  };
  EXPECT_EQ(parameters("five.plan"), parameters("one.plan"));
}

TEST(BatchRange, IsMadeWithoutCompiling) {
  const Engine range = build_range(1, 4);
  const Session session(range);
  // The engine of the range is there already: every Session of a size has the same one.
  const Session first = session.reshape({{"data", {3, 3, 24, 24}}}),
                second = session.reshape({{"data", {3, 3, 24, 24}}});
  EXPECT_EQ(&first.engine().options(), &second.engine().options());
  const Session outside = session.reshape({{"data", {5, 3, 24, 24}}});  // compiled
  expect_same(outside.engine(), build("cpu", 5));
}

TEST(BatchRange, SaysWhatIsOutsideOfAPlan) {
  const Folder folder;
  build_range(2, 4).save(folder.file("a.plan"));
  const Session session(Engine::load(folder.file("a.plan")));
  try {
    session.reshape({{"data", {5, 3, 24, 24}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("the shape data=(5,3,24,24), outside data=(2,3,24,24) to data=(4,3,24,24), "));
  }
}

TEST(BatchRange, RefusesARangeWithoutTheShapesBatch) {
  BindOptions options;
  options.shapes = {{"data", {1, 3, 24, 24}}};
  options.batches = BatchRange{2, 4};
  EXPECT_THROW(Engine::build(small_model(), options), Error);
}

}  // namespace
}  // namespace tenon
