// Random graphs, cut at random and compiled, compute what they did in one piece: bit for bit where both run the naive
// loops, closely where subgraphs are accelerated. In them subgraphs share parameters with each other and with the
// outside, read several outputs of one node, and give values that are read inside, too.

#include <gmock/gmock.h>

#include <cstring>
#include <random>

#include "backends/cpu/cpu.h"
#include "backends/cpu/engine.h"
#include "backends/reference/reference.h"
#include "engine/engine_node.h"
#include "engine/run.h"
#include "engine/selector.h"
#include "ops/registry.h"
#include "runtime/compile.h"
#include "support/evaluate.h"

namespace tenon {
namespace {

/// A graph over maps of one shape, (1 or 2,32,5,4). Names begin with t where a random selector is to take the node.
class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : engine_(seed), map_{draw(1, 2), 32, 5, 4} {
    variable("data", map_);
    values_.push_back("%data");
    constant("w3", {32, 32, 3, 3}, 0.07);
    constant("w1", {32, 32, 1, 1}, 0.2);
    constant("bias", {32}, 0.5);
    constant("gamma", {32}, 0.5);
    constant("mean", {32}, 0.5);
    constant("scale", {1, 32, 1, 1}, 0.9);
    parameters_["variance"] = tensor({32}, std::vector<double>(32, 1.5));
    variable("variance", {32});
    const int nodes = draw(3, 30);
    for (int i = 0; i < nodes; ++i) add_node((draw(0, 2) != 0 ? "t" : "o") + std::to_string(i));
    body_ += "return " + values_.back();
    for (int i = draw(0, 3); i > 0; --i) body_ += ", " + any();
    body_ += "\n";
  }

  std::string text() const { return variables_ + body_; }
  Model model() const { return Model(parse_graph(text(), ops()), parameters_); }
  Tensor input() { return random(map_, 1); }

 private:
  int draw(int low, int high) { return std::uniform_int_distribution(low, high)(engine_); }

  Tensor random(const Shape& shape, double most) {
    std::uniform_real_distribution<double> number(-most, most);
    std::vector<double> elements(static_cast<std::size_t>(shape.elements()));
    for (double& element : elements) element = number(engine_);
    return tensor(shape, elements);
  }

  void variable(const std::string& name, const Shape& shape) {
    variables_ += "%" + name + " = variable : float32 " + shape.str() + "\n";
  }
  void constant(const std::string& name, const Shape& shape, double most) {
    parameters_[name] = random(shape, most);
    variable(name, shape);
  }

  std::string any() {
    const int back = std::min(draw(0, 5), draw(0, 9));
    return values_[values_.size() - 1 - std::min(static_cast<std::size_t>(back), values_.size() - 1)];
  }

  void add_node(const std::string& name) {
    const int kind = draw(0, 12);
    body_ += "%" + name + " = ";
    if (kind == 0) {  // two outputs, which go on together or alone
      body_ += "SliceChannel(" + any() + ") {num_outputs=2, axis=1}\n";
      body_ += "%" + name + "j = Concat(%" + name + "#1, %" + name + ") {num_args=2, dim=1}\n";
      values_.push_back("%" + name + "j");
      return;
    }
    body_ += expression(kind) + "\n";
    values_.push_back("%" + name);
  }

  std::string expression(int kind) {
    switch (kind) {
      case 1:
      case 2:
        return "Convolution(" + any() + ", %w3, %bias) {kernel=(3, 3), num_filter=32, pad=(1, 1)}";
      case 3:
        return "Convolution(" + any() + ", %w1) {kernel=(1, 1), num_filter=32, no_bias=True}";
      case 4:
      case 5:
        return "BatchNorm(" + any() + ", %gamma, %bias, %mean, %variance) {fix_gamma=False}";
      case 6:
        return "Activation(" + any() + ") {act_type=relu}";
      case 7:
      case 8:
        return "elemwise_add(" + any() + ", " + any() + ")";
      case 9:
        return "broadcast_mul(" + any() + ", %scale)";
      case 10:
        return "Pooling(" + any() + ") {kernel=(3, 3), pad=(1, 1), pool_type=" + (draw(0, 1) == 0 ? "max" : "avg") +
               "}";
      case 11:
        return "softmax(" + any() + ") {axis=1}";
      default:
        return "tanh(" + any() + ")";
    }
  }

  std::mt19937 engine_;
  Shape map_;
  std::string variables_, body_;
  std::vector<std::string> values_;
  Parameters parameters_;
};

class ByName : public Selector {
 public:
  std::string_view name() const override { return "by-name"; }
  Verdict select(const Graph&, const Node& node, const Parameters&) const override {
    return node.name.starts_with('t') ? Verdict::take() : Verdict::refuse("name", node.name + " has no t");
  }
};

Backend whole_reference() {
  return {"reference", {reference_implementation()}};
}

/// The naive loops inside of engine nodes and outside.
Backend cut_reference() {
  Backend backend = whole_reference();
  backend.implementations.insert(backend.implementations.begin(),
                                 engine_implementation(std::make_shared<const Backend>(whole_reference())));
  backend.selector = std::make_shared<ByName>();
  return backend;
}

/// Accelerated subgraphs, cut at random, between plain steps.
Backend cut_accelerated() {
  Backend backend = cpu::plain_backend();
  backend.implementations.insert(backend.implementations.begin(),
                                 engine_implementation(std::make_shared<const Backend>(cpu::accelerated_backend())));
  backend.selector = std::make_shared<ByName>();
  return backend;
}

struct Result {
  std::vector<Tensor> outputs;
  std::size_t engines = 0;
};

Result run_on(const Backend& backend, const Model& model, const Tensor& input) {
  ParameterStore store(model);
  BindOptions options;
  options.shapes = {{"data", input.shape()}};
  const Compiled compiled = compile(store, options, backend);
  const Program& program = compiled.program;
  Tensor arena({static_cast<std::int64_t>(program.arena_bytes) + 64}, DType::uint8);
  auto address = reinterpret_cast<std::uintptr_t>(arena.mutable_data());
  auto* aligned = reinterpret_cast<std::byte*>((address + 63) / 64 * 64);
  const std::vector<const void*> feeds(program.feeds.size(), input.data());
  const ProgramMemory memory{aligned, feeds, {}};
  run(program, memory);
  Result result{{}, compiled.partition.subgraphs.size()};
  for (std::size_t i = 0; i < program.outputs.size(); ++i) {
    const TensorType& type = program.graph.type(program.graph.outputs[i]);
    result.outputs.push_back(
        Tensor::borrow_const(read_address(program, memory, program.outputs[i]), type.shape, *type.dtype).clone());
  }
  return result;
}

TEST(RandomPartitions, TheNaiveLoopsGiveTheSameBitsCutAndWhole) {
  static const Backend whole = whole_reference(), cut = cut_reference();
  std::size_t engines = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomGraph random(seed);
    const Model model = random.model();
    const Tensor input = random.input();
    const Result wanted = run_on(whole, model, input), result = run_on(cut, model, input);
    ASSERT_EQ(result.outputs.size(), wanted.outputs.size());
    for (std::size_t i = 0; i < wanted.outputs.size(); ++i) {
      ASSERT_EQ(std::memcmp(result.outputs[i].data(), wanted.outputs[i].data(), wanted.outputs[i].bytes()), 0)
          << "output " << i << " of\n"
          << random.text();
    }
    engines += result.engines;
  }
  EXPECT_GT(engines, 4000u);  // they were cut indeed
}

TEST(RandomPartitions, AcceleratedSubgraphsStayClose) {
  static const Backend whole = whole_reference(), cut = cut_accelerated();
  double worst = 0;
  for (unsigned seed = 5000; seed < 5400; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomGraph random(seed);
    const Model model = random.model();
    const Tensor input = random.input();
    const Result wanted = run_on(whole, model, input), result = run_on(cut, model, input);
    for (std::size_t i = 0; i < wanted.outputs.size(); ++i) {
      double greatest = 1e-3, apart = 0;
      for (std::int64_t e = 0; e < wanted.outputs[i].elements(); ++e) {
        const double a = wanted.outputs[i].data<float>()[e], b = result.outputs[i].data<float>()[e];
        greatest = std::max(greatest, std::abs(a));
        apart = std::isfinite(b) ? std::max(apart, std::abs(a - b)) : INFINITY;
      }
      ASSERT_LT(apart, 2e-5 * greatest) << "output " << i << " of\n" << random.text();
      worst = std::max(worst, apart / greatest);
    }
  }
  std::printf("at most %.1e of the greatest element\n", worst);
}

}  // namespace
}  // namespace tenon
