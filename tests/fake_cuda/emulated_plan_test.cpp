// Plan files of the plain executor on a GPU, whose kernels run on the host.

#include "plan_fixture.h"
#include "support/evaluate.h"

extern "C" int fake_nvrtc_compilations();

namespace tenon {
namespace {

constexpr const char* kNet =
    "%data = variable\n%w = variable\n%d = dot(%data, %w)\n%e = exp(%d)\n%s = sum(%e) {axis=(1,)}\nreturn %e, %s\n";

std::string results(const Engine& engine) {
  Session session(engine);
  session.set_input("data", tensor({2, 3}, {0.1, 0.2, 0.3, -1, 0, 1}));
  session.forward();
  std::string text;
  for (int i = 0; i < 2; ++i) {
    const Tensor& output = session.output(i);
    text.append(static_cast<const char*>(output.data()), output.bytes());
  }
  return text;
}

TEST_F(GpuPlan, GivesTheSameBitsWithoutCompiling) {
  const std::string saved = elsewhere("builder", [&] {
    const Model model = model_of(kNet, {{"w", tensor({3, 2}, {1, -2, 0.5, 3, 0.25, -1})}});
    const Engine engine = Engine::build(model, on(0, {2, 3}));
    engine.save(file("a.plan"));
    return results(engine) + (fake_nvrtc_compilations() > 1 ? " as it should" : "");
  });
  ASSERT_EQ(saved.size(), (2 * 2 + 2) * sizeof(float) + std::string(" as it should").size()) << saved;
  EXPECT_EQ(elsewhere("loader",
                      [&] {
                        const std::string found = results(Engine::load(file("a.plan")));
                        return found + (fake_nvrtc_compilations() == 0 ? " as it should" : "");
                      }),
            saved);
  EXPECT_EQ(files_in("loader"), 0u);
}

}  // namespace
}  // namespace tenon
