// Element-wise functions that are a few instructions, so that memory sets their speed: done in place, in whatever
// format the data are. Those of which f(0) is not 0 would spoil the zeros that pad a block, and ask for row-major data.

#include <cmath>
#include <limits>

#include "backends/cpu/cpu.h"
#include "backends/cpu/onednn.h"
#include "backends/cpu/parallel.h"
#include "graph/graph.h"

namespace tenon::cpu {
namespace {

/// dst[i] = function(src[i], …) over inputs of one shape.
template <int arity, class Function>
StepPlan map(const StepRequest& request, Function function) {
  MemoryFormat format;
  bool keeps_zero;
  if constexpr (arity == 1) {
    keeps_zero = function(0.0f) == 0;
  } else {
    keeps_zero = function(0.0f, 0.0f) == 0;
  }
  for (int i = 0; i < arity && keeps_zero && format.row_major(); ++i) format = request.src[static_cast<std::size_t>(i)];

  StepPlan plan;
  plan.src.assign(request.src.size(), {});
  std::fill_n(plan.src.begin(), arity, format);
  plan.dst.assign(request.read.size(), {});
  plan.dst[0] = format;
  for (int i = 0; i < arity; ++i) plan.in_place.push_back(i);
  plan.kernel.run = [function, count = padded_elements(request.call.shape_out(), format)](const Operands& operands) {
    const float* a = operands.in<float>(0);
    const float* b = arity > 1 ? operands.in<float>(1) : nullptr;
    float* dst = operands.out<float>();
    parallel_for(
        count, 1, [&](std::int64_t first, std::int64_t last) __attribute__((always_inline)) {
#pragma omp simd
          for (std::int64_t i = first; i < last; ++i) {
            if constexpr (arity == 1) {
              dst[i] = function(a[i]);
            } else {
              dst[i] = function(a[i], b[i]);
            }
          }
        });
  };
  return plan;
}

// NaN stays NaN: the comparison is false.
StepPlan rectify(const StepRequest& request) {
  return map<1>(request, [](float x) { return x < 0 ? 0.0f : x; });
}

Offer offer_rectifier(const StepRequest& request) {
  const Conditions conditions = float32_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  return rectify(request);
}

Offer offer_activation(const StepRequest& request) {
  Conditions conditions = float32_conditions(request.call);
  const std::string& type = request.call.attributes().text("act_type");
  conditions.require(type == "relu", "act_type={} is not relu", type);
  if (conditions.refuse()) return conditions.reason();
  return rectify(request);
}

Offer offer_leaky(const StepRequest& request) {
  Conditions conditions = float32_conditions(request.call);
  const std::string& type = request.call.attributes().text("act_type");
  conditions.require(type == "leaky", "act_type={} is not leaky", type);
  if (conditions.refuse()) return conditions.reason();
  return map<1>(request, [slope = static_cast<float>(request.call.attributes().real("slope"))](float x) {
    return x > 0 ? x : slope * x;
  });
}

Offer offer_clip(const StepRequest& request) {
  const Conditions conditions = float32_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const auto low = static_cast<float>(request.call.attributes().real("a_min"));
  const auto high = static_cast<float>(request.call.attributes().real("a_max"));
  return map<1>(request, [low, high](float x) { return x > high ? high : x < low ? low : x; });
}

Conditions binary_conditions(const StepRequest& request) {
  Conditions conditions = float32_conditions(request.call);
  const Shape &a = request.call.shape_in(0), &b = request.call.shape_in(1);
  conditions.require(a == b, "the shapes {} and {} differ", a.str(), b.str());
  return conditions;
}

template <class Function>
Offer offer_binary(const StepRequest& request) {
  const Conditions conditions = binary_conditions(request);
  if (conditions.refuse()) return conditions.reason();
  return map<2>(request, Function{});
}

struct Add {
  float operator()(float a, float b) const { return a + b; }
};
struct Subtract {
  float operator()(float a, float b) const { return a - b; }
};
struct Multiply {
  float operator()(float a, float b) const { return a * b; }
};

// As the reference has them, NaN included.
struct Maximum {
  float operator()(float a, float b) const { return a > b || a != a ? a : b; }
};
struct Minimum {
  float operator()(float a, float b) const { return a < b || a != a ? a : b; }
};

/// The scalar on the right, as the float32 that MXNet makes of it.
template <class Function>
Offer offer_scalar(const StepRequest& request) {
  const Conditions conditions = float32_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  return map<1>(request, [scalar = static_cast<float>(request.call.attributes().real("scalar"))](float x) {
    return Function{}(x, scalar);
  });
}

/// The functions that need an exponential: oneDNN's, which keep a block's padding themselves.
Offer offer_eltwise(const StepRequest& request) {
  const OpCall& call = request.call;
  const Attributes& attributes = call.attributes();
  Conditions conditions = float32_conditions(call);
  const bool has_type = attributes.all().contains("act_type");
  const std::string type = has_type ? attributes.text("act_type") : std::string(call.node.op_name());
  dnnl::algorithm algorithm = dnnl::algorithm::undef;
  float alpha = 0;
  if (type == "sigmoid" || type == "LogisticRegressionOutput") algorithm = dnnl::algorithm::eltwise_logistic;
  if (type == "tanh") algorithm = dnnl::algorithm::eltwise_tanh;
  if (type == "gelu") algorithm = dnnl::algorithm::eltwise_gelu_erf;
  if (type == "elu") {
    algorithm = dnnl::algorithm::eltwise_elu;
    alpha = static_cast<float>(attributes.real("slope"));
  }
  conditions.require(algorithm != dnnl::algorithm::undef, "oneDNN's {} is another function", type);
  conditions.require(call.shape_in(0).rank() >= 1 && call.shape_in(0).rank() <= 5, "the data have rank {}, not 1 to 5",
                     call.shape_in(0).rank());
  if (conditions.refuse()) return conditions.reason();
  return onednn::offer_of([&]() -> Offer {
    const auto data = onednn::describe(call.shape_in(0), request.src[0]);
    const auto desc = onednn::describe_eltwise(algorithm, data, alpha);
    StepPlan plan;
    plan.kernel = onednn::kernel_of(
        dnnl::eltwise_forward(desc), desc.scratchpad_desc(),
        {{DNNL_ARG_SRC, data, onednn::Argument::From::src, 0}, {DNNL_ARG_DST, data, onednn::Argument::From::dst, 0}});
    plan.src.assign(request.src.size(), {});
    plan.src[0] = request.src[0];
    plan.dst.assign(request.read.size(), {});
    plan.dst[0] = request.src[0];
    plan.in_place = {0};
    return plan;
  });
}

}  // namespace

std::vector<Implementation> elementwise_implementations() {
  return {{"cpu:relu", {"relu", "_npx_relu"}, offer_rectifier},
          {"cpu:relu", {"Activation"}, offer_activation},
          {"cpu:leaky", {"LeakyReLU"}, offer_leaky},
          {"cpu:clip", {"clip"}, offer_clip},
          {"cpu:add", {"elemwise_add", "_grad_add", "broadcast_add"}, offer_binary<Add>},
          {"cpu:sub", {"elemwise_sub", "broadcast_sub"}, offer_binary<Subtract>},
          {"cpu:mul", {"elemwise_mul", "broadcast_mul"}, offer_binary<Multiply>},
          {"cpu:scalar", {"_plus_scalar"}, offer_scalar<Add>},
          {"cpu:scalar", {"_minus_scalar"}, offer_scalar<Subtract>},
          {"cpu:scalar", {"_mul_scalar"}, offer_scalar<Multiply>},
          {"cpu:scalar", {"_maximum_scalar"}, offer_scalar<Maximum>},
          {"cpu:scalar", {"_minimum_scalar"}, offer_scalar<Minimum>},
          {"onednn:eltwise",
           {"Activation", "LeakyReLU", "sigmoid", "_npx_sigmoid", "tanh", "LogisticRegressionOutput"},
           offer_eltwise}};
}

}  // namespace tenon::cpu
