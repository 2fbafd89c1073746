#include "engine/parameters.h"

#include <gtest/gtest.h>

#include "graph/graph.h"
#include "support/evaluate.h"

namespace tenon {
namespace {

struct Packing {
  ParameterStore& store;
  int made = 0;

  std::shared_ptr<const Tensor> pack(const Tensor& source, const std::string& kind = "packed") {
    return store.derive(source, kind, [&] {
      ++made;
      return source.clone();
    });
  }
};

TEST(ParameterStore, MakesACopyOnceWhileSomebodyHoldsIt) {
  ParameterStore store(Model(Graph(), {{"w", tensor({2}, {1, 2})}}));
  Packing packing{store};
  const Tensor& w = store.model().parameters().at("w");
  auto first = packing.pack(w);
  EXPECT_EQ(packing.pack(w), first);
  EXPECT_NE(packing.pack(w, "another"), first);
  EXPECT_EQ(packing.made, 2);
  first.reset();
  first = packing.pack(w);
  EXPECT_EQ(packing.made, 3);
}

TEST(ParameterStore, KnowsWhatAPassComputedAgainByItsContent) {
  ParameterStore store(Model(Graph(), {}));
  Packing packing{store};
  const auto first = packing.pack(tensor({2}, {1, 2}));
  EXPECT_EQ(packing.pack(tensor({2}, {1, 2})), first);
  EXPECT_NE(packing.pack(tensor({2}, {1, 3})), first);
  EXPECT_NE(packing.pack(tensor({2, 1}, {1, 2})), first) << "another shape packs otherwise";
  EXPECT_EQ(packing.made, 3);
}

TEST(ParameterStore, IsNotFooledByMemoryThatIsUsedAgain) {
  ParameterStore store(Model(Graph(), {}));
  Packing packing{store};
  Tensor reused = tensor({2}, {1, 2});
  const auto first = packing.pack(reused);
  reused.mutable_data<float>()[0] = 7;
  EXPECT_EQ(packing.pack(reused)->data<float>()[0], 7);
}

}  // namespace
}  // namespace tenon
