// Random graphs compute the same before and after the passes, whichever pass is left out.

#include <gmock/gmock.h>

#include <random>

#include "passes/pipeline.h"
#include "support/bodies.h"

namespace tenon {
namespace {

/// A graph over maps of one shape, (2,4,3,3), in which every node reads values at random, and its constants.
class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : engine_(seed) {
    values_.push_back(variable("x", {2, 4, 3, 3}));
    const int nodes = draw(4, 24);
    for (int i = 0; i < nodes; ++i) add_node(fmt::format("n{}", i));
    text_ += "return " + values_.back();
    for (int i = draw(0, 2); i > 0; --i) text_ += ", " + any();
    text_ += "\n";
  }

  std::string text() const { return text_; }
  const Parameters& parameters() const { return parameters_; }
  Tensor input() { return random({2, 4, 3, 3}, -1, 1); }

 private:
  int draw(int low, int high) { return std::uniform_int_distribution(low, high)(engine_); }

  Tensor random(const Shape& shape, double low, double high) {
    std::uniform_real_distribution<double> number(low, high);
    std::vector<double> elements(static_cast<std::size_t>(shape.elements()));
    for (double& element : elements) element = number(engine_);
    return tensor(shape, elements);
  }

  std::string variable(const std::string& name, const Shape& shape) {
    text_ = "%" + name + " = variable : float32 " + shape.str() + "\n" + text_;
    return "%" + name;
  }

  std::string constant(const std::string& name, const Shape& shape, double low, double high) {
    parameters_[name] = random(shape, low, high);
    return variable(name, shape);
  }

  /// Mostly a late value, so that chains and blocks arise.
  std::string any() {
    const int back = std::min(draw(0, 3), draw(0, 8));
    return values_[values_.size() - 1 - std::min(static_cast<std::size_t>(back), values_.size() - 1)];
  }

  void add_node(const std::string& name) {
    text_ += "%" + name + " = " + expression(name) + "\n";
    values_.push_back("%" + name);
  }

  std::string expression(const std::string& name) {
    switch (draw(0, 15)) {
      case 0:
      case 1: {
        const std::string weight = constant(name + ".w", {4, 4, 3, 3}, -0.25, 0.25);
        const std::string bias = constant(name + ".b", {4}, -1, 1);
        return fmt::format("Convolution({}, {}, {}) {{kernel=(3, 3), num_filter=4, pad=(1, 1)}}", any(), weight, bias);
      }
      case 2: {
        const std::string weight = constant(name + ".w", {4, 2, 1, 1}, -0.5, 0.5);
        return fmt::format("Convolution({}, {}) {{kernel=(1, 1), no_bias=True, num_filter=4, num_group=2}}", any(),
                           weight);
      }
      case 3: {
        const std::string weight = constant(name + ".w", {4, 4, 1, 1}, -0.5, 0.5);
        return fmt::format("Deconvolution({}, {}) {{kernel=(1, 1), num_filter=4}}", any(), weight);
      }
      case 4:
      case 5:
      case 6: {
        const std::string gamma = constant(name + ".g", {4}, 0.5, 1), beta = constant(name + ".beta", {4}, -0.5, 0.5);
        const std::string mean = constant(name + ".m", {4}, -0.5, 0.5), var = constant(name + ".v", {4}, 1, 2);
        return fmt::format("BatchNorm({}, {}, {}, {}, {}) {{fix_gamma={}}}", any(), gamma, beta, mean, var,
                           draw(0, 1) == 0 ? "True" : "False");
      }
      case 7:
        return fmt::format("Activation({}) {{act_type=relu}}", any());
      case 8:
        return fmt::format("Activation({}) {{act_type=tanh}}", any());
      case 9:
      case 10:
        return fmt::format("elemwise_add({}, {})", any(), any());
      case 11:
        return fmt::format("broadcast_mul({}, {})", any(), constant(name + ".c", {1, 4, 1, 1}, -1, 1));
      case 12:
        return fmt::format("_rminus_scalar({}) {{scalar=0.5}}", any());
      case 13:
        return fmt::format("Pooling({}) {{kernel=(3, 3), pad=(1, 1), pool_type=avg}}", any());
      case 14:
        return fmt::format("Dropout({})", any());
      default:
        return fmt::format("softmax({})", any());
    }
  }

  std::mt19937 engine_;
  std::string text_;
  std::vector<std::string> values_;
  Parameters parameters_;
};

/// The greatest difference between the outputs before and after, in units of the output's greatest element.
double difference(const Graph& graph, const Parameters& parameters, const Tensor& input, const PassOptions& options) {
  std::map<std::string, Tensor> feeds = parameters;
  std::erase_if(feeds, [&](const auto& item) { return graph.find_variable(item.first) < 0; });
  Body body(graph, parameters);
  run_passes(body, options);
  std::map<std::string, Tensor> lowered = body.parameters;
  if (graph.find_variable("x") >= 0) feeds["x"] = input;
  if (body.graph.find_variable("x") >= 0) lowered["x"] = input;
  const auto wanted = evaluate(graph, feeds), results = evaluate(body.graph, lowered);
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    double greatest = 1e-3, apart = 0;
    for (std::int64_t e = 0; e < wanted[i].elements(); ++e) {
      const double a = wanted[i].data<float>()[e], b = results[i].data<float>()[e];
      greatest = std::max(greatest, std::abs(a));
      apart = std::isfinite(b) ? std::max(apart, std::abs(a - b)) : INFINITY;
    }
    worst = std::max(worst, apart / greatest);
  }
  return worst;
}

TEST(RandomGraphs, ComputeTheSameWhicheverPassIsLeftOut) {
  std::vector<std::string> names = pass_names();
  names.emplace_back();  // none
  double worst = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomGraph random(seed);
    const Graph graph = typed_graph(random.text());
    PassOptions options;
    if (const std::string& name = names[seed % names.size()]; !name.empty()) options.disabled = {name};
    const double apart = difference(graph, random.parameters(), random.input(), options);
    ASSERT_LT(apart, 1e-5) << random.text();
    worst = std::max(worst, apart);
  }
  std::printf("at most %.1e of the greatest element\n", worst);
}

}  // namespace
}  // namespace tenon
