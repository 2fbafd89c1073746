// A backend to copy from: takes two-dimensional convolutions of float32 and runs them by naive loops. Built outside
// Tenon's tree, it needs Tenon's headers only:
//
//     c++ -std=c++20 -O2 -shared -fPIC -I PREFIX/include naive_convolution.cpp -o naive.so
//     tenon bench resnet18_v2 --backend ./naive.so

#include <charconv>
#include <stdexcept>
#include <vector>

#include <tenon/backend.h>

namespace {

using tenon::guest::attribute;

/// "(3, 3)" → 3, 3; "()" → the fallback, twice.
std::vector<std::int64_t> pair_of(const TenonNode& node, const char* name, std::int64_t fallback) {
  const std::string_view text = attribute(node, name).value_or("()");
  std::vector<std::int64_t> numbers;
  for (const char* at = text.data(); at != text.data() + text.size();) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), number);
    if (error == std::errc{}) numbers.push_back(number);
    at = error == std::errc{} ? end : at + 1;
  }
  if (numbers.empty()) numbers.assign(2, fallback);
  return numbers;
}

/// One convolution, ready to run: where its operands come from and how its window moves.
struct Convolution {
  TenonSource data, weight, bias;
  bool has_bias;
  std::vector<std::int64_t> src, dst, kernel, stride, pad, dilate;
  std::int64_t groups;

  explicit Convolution(const TenonNode& node)
      : data(node.sources[0]),
        weight(node.sources[1]),
        bias(node.sources[node.input_count - 1]),
        has_bias(node.input_count > 2),
        src(node.inputs[0].dims, node.inputs[0].dims + 4),
        dst(node.outputs[0].dims, node.outputs[0].dims + 4),
        kernel(pair_of(node, "kernel", 1)),
        stride(pair_of(node, "stride", 1)),
        pad(pair_of(node, "pad", 0)),
        dilate(pair_of(node, "dilate", 1)),
        groups(std::stoll(std::string(attribute(node, "num_group").value_or("1")))) {}

  void run(const float* x, const float* w, const float* b, float* y) const {
    const std::int64_t channels = src[1] / groups, filters = dst[1] / groups;
    for (std::int64_t n = 0; n < dst[0]; ++n) {
      for (std::int64_t f = 0; f < dst[1]; ++f) {
        const float* image = x + (n * src[1] + f / filters * channels) * src[2] * src[3];
        const float* filter = w + f * channels * kernel[0] * kernel[1];
        for (std::int64_t i = 0; i < dst[2]; ++i) {
          for (std::int64_t j = 0; j < dst[3]; ++j) *y++ = window(image, filter, channels, i, j) + (b ? b[f] : 0);
        }
      }
    }
  }

  float window(const float* image, const float* filter, std::int64_t channels, std::int64_t i, std::int64_t j) const {
    float sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t k = 0; k < kernel[0]; ++k) {
        for (std::int64_t l = 0; l < kernel[1]; ++l, ++filter) {
          const std::int64_t row = i * stride[0] - pad[0] + k * dilate[0];
          const std::int64_t column = j * stride[1] - pad[1] + l * dilate[1];
          const bool inside = row >= 0 && row < src[2] && column >= 0 && column < src[3];
          if (inside) sum += *filter * image[(c * src[2] + row) * src[3] + column];
        }
      }
    }
    return sum;
  }
};

/// The convolutions of a subgraph one after another; what one gives the next lies in the workspace.
class Chain : public tenon::guest::Compiled {
 public:
  explicit Chain(const TenonSubgraph& subgraph)
      : constants_(subgraph.constant_data, subgraph.constant_data + subgraph.constant_count),
        outputs_(subgraph.outputs, subgraph.outputs + subgraph.output_count) {
    for (std::size_t i = 0; i < subgraph.node_count; ++i) {
      steps_.emplace_back(subgraph.nodes[i]);
      offsets_.push_back(workspace_);
      std::size_t elements = 1;
      for (const std::int64_t dim : steps_.back().dst) elements *= static_cast<std::size_t>(dim);
      workspace_ += elements;
    }
  }

  std::size_t workspace_bytes() const override { return workspace_ * sizeof(float); }

  void run(const void* const* inputs, void* const* outputs, void* workspace) const override {
    auto* values = static_cast<float*>(workspace);
    const auto address = [&](TenonSource source) -> const float* {
      const auto index = static_cast<std::size_t>(source.output);
      if (source.node == TENON_SUBGRAPH_INPUT) return static_cast<const float*>(inputs[index]);
      if (source.node == TENON_CONSTANT) return static_cast<const float*>(constants_[index]);
      return values + offsets_[static_cast<std::size_t>(source.node)];
    };
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Convolution& step = steps_[i];
      step.run(address(step.data), address(step.weight), step.has_bias ? address(step.bias) : nullptr,
               values + offsets_[i]);
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const auto node = static_cast<std::size_t>(outputs_[i].node);
      const std::size_t end = node + 1 < offsets_.size() ? offsets_[node + 1] : workspace_;
      std::memcpy(outputs[i], values + offsets_[node], (end - offsets_[node]) * sizeof(float));
    }
  }

 private:
  std::vector<const void*> constants_;
  std::vector<TenonSource> outputs_;
  std::vector<Convolution> steps_;
  std::vector<std::size_t> offsets_;  // in floats
  std::size_t workspace_ = 0;
};

class NaiveConvolution : public tenon::guest::Guest {
 public:
  const char* name() const override { return "naive"; }

  std::optional<std::string> refusal(const TenonNode& node) const override {
    if (std::string_view(node.op) != "Convolution") return std::string(node.op) + " is no Convolution";
    if (node.inputs[0].rank != 4) return "the data has " + std::to_string(node.inputs[0].rank) + " dimensions, not 4";
    if (node.inputs[0].dtype != TENON_FLOAT32) {
      return "the data has element type " + std::to_string(node.inputs[0].dtype) + ", not float32";
    }
    const std::string_view layout = attribute(node, "layout").value_or("None");
    if (layout != "None" && layout != "NCHW") return "the layout is " + std::string(layout) + ", not NCHW";
    return {};
  }

  std::unique_ptr<tenon::guest::Compiled> compile(const TenonSubgraph& subgraph, int) const override {
    return std::make_unique<Chain>(subgraph);
  }
};

}  // namespace

extern "C" const TenonGuest* tenon_guest() {
  return tenon::guest::exported<NaiveConvolution>();
}
