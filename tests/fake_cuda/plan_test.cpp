// Plan files of the fused engine, with the kernels that NVRTC really makes; the fake driver loads them and runs
// nothing.

#include <cstring>
#include <random>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "formats/plan/plan_file.h"
#include "plan_fixture.h"
#include "support/numbers.h"

namespace tenon {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

/// A stem, a 1×1 shortcut beside its 3×3 convolution, an operator that stays outside, a product whose weight is read as
/// it is, and an output that is a parameter.
Model small_net() {
  constexpr const char* text =
      "%data = variable\n%w0 = variable\n%w1 = variable\n%w2 = variable\n%w3 = variable\n%w4 = variable\n"
      "%w5 = variable\n%g = variable\n"
      "%c0 = Convolution(%data, %w0) {kernel=(7, 7), stride=(2, 2), pad=(3, 3), num_filter=64, no_bias=True}\n"
      "%r0 = relu(%c0)\n"
      "%p0 = Pooling(%r0) {kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type=max}\n"
      "%c1 = Convolution(%p0, %w1) {kernel=(3, 3), stride=(2, 2), pad=(1, 1), num_filter=128, no_bias=True}\n"
      "%s1 = Convolution(%p0, %w2) {kernel=(1, 1), stride=(2, 2), num_filter=128, no_bias=True}\n"
      "%r1 = relu(%c1)\n"
      "%c2 = Convolution(%r1, %w3) {kernel=(3, 3), pad=(1, 1), num_filter=128, no_bias=True}\n"
      "%sum = elemwise_add(%c2, %s1)\n"
      "%pool = Pooling(%sum) {global_pool=True, pool_type=avg, kernel=(1, 1)}\n"
      "%fc = FullyConnected(%pool, %w4) {num_hidden=10, no_bias=True}\n"
      "%top = topk(%fc) {k=10, ret_typ=value}\n"
      "%again = dot(%top, %w5)\n"
      "return %fc, %again, %g\n";
  return model_of(text, {{"w0", waves({64, 3, 7, 7}, 0.7)},
                         {"w1", waves({128, 64, 3, 3}, 0.3)},
                         {"w2", waves({128, 64, 1, 1}, 0.2)},
                         {"w3", waves({128, 128, 3, 3}, 0.9)},
                         {"w4", waves({10, 128}, 0.4)},
                         {"w5", waves({10, 6}, 0.6)},
                         {"g", waves({5}, 1.1)}});
}

/// One problem that several kernels can solve.
Model one_convolution() {
  return model_of(
      "%data = variable\n%w = variable\n"
      "%c = Convolution(%data, %w) {kernel=(3, 3), pad=(1, 1), num_filter=64, no_bias=True}\nreturn %c\n",
      {{"w", waves({64, 3, 3, 3}, 0.5)}});
}

BindOptions options_of(const std::string& precision) {
  BindOptions options = on(0, {1, 3, 64, 64}, "cuda");
  options.precision = precision;
  return options;
}

/// Prepares the GPU of this process. Nothing is measured: it would compile many kernels for one.
void prepare() {
  fake_cuda_set_capability(0, 9, 0);
  setenv("TENON_TUNE", "off", 1);
}

std::string implementations(const Engine& engine) {
  std::string text;
  for (const StepInfo& step : engine.steps()) text += step.node + ": " + step.implementation + "\n";
  return text;
}

/// How the kernels of a forward are launched, and what runs the steps.
std::string launches(const Engine& engine) {
  Session session(engine);
  fake_cuda_launches();
  session.forward();
  return std::string(fake_cuda_launches()) + implementations(engine);
}

bool maps(const std::string& library) {
  std::ifstream file("/proc/self/maps");
  return std::string(std::istreambuf_iterator<char>(file), {}).find(library) != std::string::npos;
}

class EnginePlan : public GpuPlan {
 protected:
  void SetUp() override {
    if (elsewhere("none", [] { return cuda::compiler_missing(); }) != "") GTEST_SKIP() << "skipped: there is no NVRTC";
  }

  /// Saves an engine; what it launches.
  std::string save(const std::string& precision = "fp16") {
    return elsewhere("builder", [&] {
      prepare();
      const Engine engine = Engine::build(small_net(), options_of(precision));
      engine.save(file("a.plan"));
      return launches(engine);
    });
  }

  /// Loads it on a GPU of its own.
  std::string load(const std::function<void()>& before = [] {}) {
    return elsewhere("loader", [&] {
      prepare();
      before();
      return launches(Engine::load(file("a.plan")));
    });
  }

  using Change = std::function<void(json& manifest, PlanFile& plan)>;
  /// Loads it with other contents, every hash of which is right.
  std::string load_changed(const Change& change) {
    return elsewhere("loader", [&] {
      prepare();
      rewrite(change);
      return launches(Engine::load(file("b.plan")));
    });
  }
  void rewrite(const Change& change) const {
    PlanFile plan = open_plan(file("a.plan"));
    json manifest = json::parse(plan.manifest);
    change(manifest, plan);
    write_plan(file("b.plan"), manifest.dump(), plan.blobs);
  }
};

class EnginePlanOf : public EnginePlan, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Precisions, EnginePlanOf, testing::Values("fp16", "fp32"),
                         [](const auto& precision) { return std::string(precision.param); });

TEST_P(EnginePlanOf, LaunchesTheSameKernelsWithoutACompiler) {
  const std::string saved = save(GetParam());
  EXPECT_THAT(saved, AllOf(HasSubstr("tenon:stem "), HasSubstr("tenon:convolution_pair "), HasSubstr("tenon_kernel")));
  const std::string loaded = elsewhere("loader", [&] {
    prepare();
    const Engine engine = Engine::load(file("a.plan"));
    const std::string found = launches(engine);
    for (const char* library : {"libnvrtc", "libcudnn", "libcublasLt"}) {
      if (maps(library)) return std::string(library) + " was opened";
    }
    return found;
  });
  EXPECT_EQ(loaded, saved);
  EXPECT_EQ(files_in("loader"), 0u) << "something was compiled or measured";
}

/// Saving reads the weights back from the device, where loading put them.
TEST_P(EnginePlanOf, IsTheSameFileWhenSavedAgain) {
  save(GetParam());
  elsewhere("loader", [&] {
    prepare();
    Engine::load(file("a.plan")).save(file("b.plan"));
    return "";
  });
  ASSERT_FALSE(read_file(file("a.plan")).empty());
  EXPECT_TRUE(read_file(file("b.plan")) == read_file(file("a.plan")));
  EXPECT_EQ(files_in("loader"), 0u);
}

TEST_F(EnginePlan, KeepsTheKernelThatWasChosenBefore) {
  std::string first;
  for (const bool measured : {false, true}) {
    const std::string cache = measured ? "measured" : "builder";
    const std::string saved = elsewhere(cache, [&] {
      prepare();
      if (measured) {
        unsetenv("TENON_TUNE");
        fake_cuda_hang(1);  // what would be taken unmeasured does not end: another one is chosen
      }
      const Engine engine = Engine::build(one_convolution(), options_of("fp16"));
      engine.save(file("a.plan"));
      return launches(engine);
    });
    EXPECT_EQ(load(), saved);
    EXPECT_THAT(saved, AllOf(HasSubstr("tenon:convolution "), testing::Ne(first)));
    first = saved;
  }
}

TEST_F(EnginePlan, ServesARangeOfBatchSizes) {
  const auto launches_of_all = [](const Engine& engine) {
    std::string text = launches(engine);
    const Session session(engine);
    for (const std::int64_t batch : {1, 3}) {
      text += launches(session.reshape({{"data", {batch, 3, 64, 64}}}).engine());
    }
    return text;
  };
  const std::string saved = elsewhere("builder", [&] {
    prepare();
    BindOptions options = options_of("fp16");
    options.batches = BatchRange{1, 3};
    const Engine engine = Engine::build(small_net(), options);
    engine.save(file("a.plan"));
    return launches_of_all(engine);
  });
  EXPECT_THAT(saved, HasSubstr("tenon:stem "));
  EXPECT_EQ(elsewhere("loader",
                      [&] {
                        prepare();
                        return launches_of_all(Engine::load(file("a.plan")));
                      }),
            saved);
  EXPECT_EQ(files_in("loader"), 0u);
}

TEST_F(EnginePlan, HoldsAsManyBytesOfParameters) {
  const std::string saved = elsewhere("builder", [&] {
    prepare();
    const Engine engine = Engine::build(small_net(), options_of("fp16"));
    engine.save(file("a.plan"));
    return std::to_string(engine.parameter_bytes());
  });
  EXPECT_EQ(elsewhere("loader",
                      [&] {
                        prepare();
                        return std::to_string(Engine::load(file("a.plan")).parameter_bytes());
                      }),
            saved);
}

TEST_F(EnginePlan, IsForOneKindOfGpu) {
  save();
  EXPECT_THAT(load([] { fake_cuda_set_capability(0, 8, 0); }),
              AllOf(HasSubstr("a.plan"), HasSubstr("built for the processor fake GPU of compute capability 9.0"),
                    HasSubstr("and this is fake GPU of compute capability 8.0"), HasSubstr("build it again here")));
  EXPECT_THAT(load([] { setenv("TENON_CUDA_MMA", "1", 1); }),
              AllOf(HasSubstr("kernels by wgmma, and this is"), HasSubstr("kernels by mma.sync; build it again")));
}

TEST_F(EnginePlan, WantsADriverThatIsNotOlder) {
  const std::string saved = save();
  EXPECT_EQ(load([] { fake_cuda_set_driver_version(13010); }), saved);
  EXPECT_THAT(
      load([] { fake_cuda_set_driver_version(12090); }),
      HasSubstr("built with version 13000 of the CUDA driver, and here is 12090, an older one; build it again"));
}

TEST_F(EnginePlan, RefusesAnotherVersionOfTenon) {
  save();
  EXPECT_THAT(load_changed([](json& manifest, PlanFile&) { manifest["components"] = "Tenon 0.0.9, kernels by wgmma"; }),
              HasSubstr("built by Tenon 0.0.9, kernels by wgmma, and this is Tenon"));
}

TEST_F(EnginePlan, RefusesKernelsThatAreMissingOrNone) {
  save();
  EXPECT_THAT(load_changed([](json& manifest, PlanFile&) { manifest["kernels"].erase(0); }),
              AllOf(HasSubstr("b.plan"), HasSubstr("the compiled kernel"), HasSubstr("is not there")));
  const std::string junk(200, 'x');
  EXPECT_THAT(load_changed([&](json& manifest, PlanFile& plan) {
                plan.blobs[manifest["kernels"][0]["blob"].get<std::size_t>()] = std::as_bytes(std::span(junk));
              }),
              HasSubstr("the 200 bytes of a compiled kernel are no machine code"));
}

/// Another copy's blob, where that has another length.
void take_other_length(json& copies, std::size_t i) {
  for (const json& other : json(copies)) {
    if (other["shape"] == copies[i]["shape"]) continue;
    for (const char* key : {"blob", "dtype", "shape"}) copies[i][key] = other[key];
    return;
  }
}

TEST_F(EnginePlan, RefusesPackedParametersOfAnotherLength) {
  save();
  const std::string said = elsewhere("loader", [&] {
    prepare();
    const std::size_t copies = json::parse(open_plan(file("a.plan")).manifest)["copies"].size();
    for (std::size_t i = 0; i < copies; ++i) {
      rewrite([&](json& manifest, PlanFile&) { take_other_length(manifest["copies"], i); });
      const std::string sentence = refusal([&] { Engine::load(file("b.plan")); });
      if (sentence.find("the copy 'cuda:0") == std::string::npos) return sentence;
    }
    return copies > 3 ? std::string("all were refused") : "there are too few";
  });
  EXPECT_EQ(said, "all were refused");
}

TEST_F(EnginePlan, RefusesEveryFlippedByte) {
  save();
  const std::string good = read_file(file("a.plan"));
  const std::string said = elsewhere("loader", [&] {
    prepare();
    std::mt19937 random(7);
    for (int i = 0; i < 200; ++i) {
      std::string bytes = good;
      const std::size_t at = random() % good.size();
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      std::ofstream(file("b.plan"), std::ios::binary | std::ios::trunc) << bytes;
      if (refusal([&] { Engine::load(file("b.plan")); }).find("b.plan") == std::string::npos) {
        return "byte " + std::to_string(at) + " was changed, and nobody saw it";
      }
    }
    return std::string("all were seen");
  });
  EXPECT_EQ(said, "all were seen");
}

void collect_leaves(const json& value, const json::json_pointer& path, std::vector<json::json_pointer>& leaves) {
  if (!value.is_structured()) {
    leaves.push_back(path);
    return;
  }
  for (const auto& [key, child] : value.items()) {
    collect_leaves(child, value.is_array() ? path / std::stoul(key) : path / key, leaves);
  }
}

/// Every number and text of the manifest and of the program in turn becomes something else.
std::string load_hostile(const std::string& good, const std::string& hostile) {
  const PlanFile plan = open_plan(good);
  const auto* text = reinterpret_cast<const char*>(plan.blobs[0].data());
  const json whole = {{"manifest", json::parse(plan.manifest)},
                      {"program", json::parse(text, text + plan.blobs[0].size())}};
  std::vector<json::json_pointer> leaves;
  collect_leaves(whole, json::json_pointer(), leaves);
  int refused = 0, taken = 0;
  for (const auto& leaf : leaves) {
    for (const json& value : {json(-1), json(std::int64_t{1} << 62), json("x")}) {
      json changed = whole;
      if (changed[leaf] == value) continue;
      changed[leaf] = value;
      const std::string program = changed["program"].dump();
      auto blobs = plan.blobs;
      blobs[0] = std::as_bytes(std::span(program));
      write_plan(hostile, changed["manifest"].dump(), blobs);
      try {
        launches(Engine::load(hostile));
        ++taken;  // a name, a reason: what only people read
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  return refused > 200 && taken > 0 ? "no crash" : fmt::format("{} were refused, {} taken", refused, taken);
}

TEST_F(EnginePlan, TakesOrRefusesEveryHostileManifest) {
  save();
  EXPECT_EQ(elsewhere("loader",
                      [&] {
                        prepare();
                        return load_hostile(file("a.plan"), file("b.plan"));
                      }),
            "no crash");
}

}  // namespace
}  // namespace tenon
