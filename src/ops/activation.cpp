// Activation and LeakyReLU: element-wise functions chosen by an attribute.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/axis_split.h"

namespace tenon {
namespace {

/// dst[i] = function(src[i]), in double.
template <class Function>
Kernel map(const OpCall& call, Function function) {
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{[function, count = call.shape_out().elements()](const Operands& operands) {
      const T* src = operands.in<T>(0);
      T* dst = operands.out<T>();
      for (std::int64_t i = 0; i < count; ++i) dst[i] = store<T>(function(static_cast<double>(load(src[i]))));
    }};
  });
}

Kernel make_activation(const OpCall& call) {
  const std::string& type = call.attributes().text("act_type");
  if (type == "relu") return map(call, [](double x) { return x < 0 ? 0 : x; });
  if (type == "sigmoid") return map(call, [](double x) { return 1 / (1 + std::exp(-x)); });
  if (type == "tanh") return map(call, [](double x) { return std::tanh(x); });
  if (type == "softrelu") return map(call, [](double x) { return x > 20 ? x : std::log1p(std::exp(x)); });
  return map(call, [](double x) { return x / (1 + std::abs(x)); });
}

Op activation() {
  Op op;
  op.name = "Activation";
  op.aliases = {"_npx_activation"};
  op.doc = "relu: max(x, 0), NaN stays; sigmoid; tanh; softrelu: log(1 + e^x); softsign: x / (1 + |x|).";
  op.attributes = {choice("act_type", {"relu", "sigmoid", "tanh", "softrelu", "softsign"})};
  op.infer_shape = same_shape;
  op.reference = make_activation;
  return op;
}

// LeakyReLU.

bool is_prelu(const Attributes& attributes) {
  return attributes.text("act_type") == "prelu";
}
bool is_rrelu(const Attributes& attributes) {
  return attributes.text("act_type") == "rrelu";
}

/// The channel axis that a prelu's gamma belongs to.
int channel_axis(const Shape& data) {
  return data.rank() > 1 ? 1 : 0;
}

void infer_leaky_shape(ShapeInference& shapes) {
  for (int i = 0; i < shapes.outputs(); ++i) {
    shapes.set_in(0, shapes.out(i));
    shapes.set_out(i, shapes.in(0));
  }
  const Shape& data = shapes.in(0);
  if (!is_prelu(shapes.attributes()) || !data.is_known() || data.rank() == 0) return;
  const std::int64_t channels = data[channel_axis(data)];
  const Shape& gamma = shapes.in(1);
  if (!gamma.is_known()) {
    shapes.set_in(1, {data.rank() > 1 ? channels : 1});
  } else if (gamma.rank() != 1 || (gamma[0] != 1 && gamma[0] != channels)) {
    shapes.refuse("'gamma' has shape {}, but one slope, (1,), or one a channel, ({},), is expected for 'data' {}",
                  gamma.str(), channels, data.str());
  }
}

template <class T>
void prelu(const AxisSplit& split, bool one_slope, const Operands& operands) {
  const T* src = operands.in<T>(0);
  const T* gamma = operands.in<T>(1);
  T* dst = operands.out<T>();
  for (std::int64_t n = 0; n < split.outer; ++n) {
    for (std::int64_t c = 0; c < split.size; ++c) {
      const auto slope = load(gamma[one_slope ? 0 : c]);
      for (std::int64_t i = 0; i < split.inner; ++i) {
        const std::int64_t at = split.line(n, i) + c * split.inner;
        const auto x = load(src[at]);
        dst[at] = store<T>(x > 0 ? x : slope * x);
      }
    }
  }
}

Kernel make_prelu(const OpCall& call) {
  const Shape& data = call.shape_in(0);
  const int axis = channel_axis(data);
  const AxisSplit split = split_around(data, axis, axis + 1);
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{[split, one_slope = call.shape_in(1).elements() == 1](const Operands& operands) {
      prelu<T>(split, one_slope, operands);
    }};
  });
}

/// x where positive, else slope·x, which MXNet computes in float whatever the element type.
auto leaky(float slope) {
  return [slope](double x) { return x > 0 ? x : static_cast<double>(slope * static_cast<float>(x)); };
}

/// At inference the random slope is the middle of its range. The mask, which training draws, is that slope.
Kernel make_rrelu(const OpCall& call) {
  const float lower = static_cast<float>(call.attributes().real("lower_bound"));
  const float upper = static_cast<float>(call.attributes().real("upper_bound"));
  const float slope = (lower + upper) / 2;
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{
        [apply = map(call, leaky(slope)), slope, count = call.shape_out().elements()](const Operands& operands) {
          apply.run(operands);
          if (T* mask = operands.out<T>(1)) std::fill_n(mask, count, store<T>(slope));
        }};
  });
}

double selu(double x) {
  constexpr double scale = 1.0507009873554805f, alpha = 1.6732632423543772f;
  return scale * (x > 0 ? x : alpha * std::expm1(x));
}

/// The exact form, by erf, in float.
double gelu(double x) {
  const float narrow = static_cast<float>(x);
  return narrow / 2 * (1 + std::erf(narrow / std::numbers::sqrt2_v<float>));
}

Kernel make_leaky(const OpCall& call) {
  const std::string& type = call.attributes().text("act_type");
  // MXNet keeps these attributes as float32.
  const float slope = static_cast<float>(call.attributes().real("slope"));
  if (type == "prelu") return make_prelu(call);
  if (type == "rrelu") return make_rrelu(call);
  if (type == "elu") return map(call, [slope](double x) { return x > 0 ? x : slope * std::expm1(x); });
  if (type == "selu") return map(call, selu);
  if (type == "gelu") return map(call, gelu);
  return map(call, leaky(slope));
}

Op leaky_relu() {
  Op op;
  op.name = "LeakyReLU";
  op.aliases = {"_npx_leaky_relu"};
  op.doc =
      "leaky: x > 0 ? x : slope*x; prelu: the slope is gamma, learnt per channel; rrelu: it is (lower + upper) / 2; "
      "elu: slope * (e^x - 1) below zero; selu; gelu: x/2 * (1 + erf(x / sqrt(2))).";
  op.inputs = [](const Attributes& attributes) {
    return is_prelu(attributes) ? std::vector<std::string>{"data", "gamma"} : std::vector<std::string>{"data"};
  };
  op.outputs = [](const Attributes& attributes) {
    return is_rrelu(attributes) ? std::vector<std::string>{"output", "mask"} : std::vector<std::string>{"output"};
  };
  op.attributes = {choice("act_type", {"rrelu", "leaky", "prelu", "elu", "selu", "gelu"}).or_else("leaky"),
                   real("slope").or_else(0.25), real("lower_bound").or_else(0.125), real("upper_bound").or_else(0.334)};
  op.infer_shape = infer_leaky_shape;
  op.reference = make_leaky;
  return op;
}

}  // namespace

std::vector<Op> activation_ops() {
  return {activation(), leaky_relu()};
}

}  // namespace tenon
