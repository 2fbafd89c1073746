// Batch normalization with the moving statistics, which is what inference uses whatever use_global_stats says.

#include <cmath>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/axis_split.h"
#include "ops/rules.h"

namespace tenon {
namespace {

enum Input { kData, kGamma, kBeta, kMovingMean, kMovingVar };
enum Output { kResult, kMean, kSpread };

/// What the third output holds.
enum class Spread { inverse_deviation, variance };

struct BatchNormProblem {
  AxisSplit split;
  double eps = 1e-3;
  bool fix_gamma = true;  ///< gamma counts as 1, whatever the checkpoint holds
  bool rectify = false;
  Spread spread = Spread::inverse_deviation;
};

/// dst = (src - mean) / sqrt(var + eps) * gamma + beta; the parameters are of type P, one number a channel.
template <class T, class P>
void batch_norm(const BatchNormProblem& problem, const Operands& operands) {
  const auto& [outer, channels, inner] = problem.split;
  const T* src = operands.in<T>(kData);
  T* dst = operands.out<T>(kResult);
  P* mean_out = operands.out<P>(kMean);
  P* spread_out = operands.out<P>(kSpread);
  for (std::int64_t c = 0; c < channels; ++c) {
    const double mean = operands.in<P>(kMovingMean)[c], variance = operands.in<P>(kMovingVar)[c];
    const double inverse_deviation = 1 / std::sqrt(variance + problem.eps);
    const double scale = (problem.fix_gamma ? 1 : operands.in<P>(kGamma)[c]) * inverse_deviation;
    const double beta = operands.in<P>(kBeta)[c];
    if (mean_out != nullptr) mean_out[c] = static_cast<P>(mean);
    if (spread_out != nullptr) {
      spread_out[c] = static_cast<P>(problem.spread == Spread::variance ? variance : inverse_deviation);
    }
    for (std::int64_t n = 0; n < outer; ++n) {
      for (std::int64_t i = 0; i < inner; ++i) {
        const std::int64_t at = problem.split.line(n, i) + c * inner;
        const double y = (load(src[at]) - mean) * scale + beta;
        dst[at] = store<T>(problem.rectify && y < 0 ? 0 : y);
      }
    }
  }
}

std::int64_t axis_attribute(const Attributes& attributes) {
  return attributes.has("axis") ? attributes.integer("axis") : 1;
}

void infer_shape(ShapeInference& shapes) {
  shapes.set_in(kData, shapes.out());
  const Shape data = shapes.in(kData);
  if (!data.has_rank()) return;
  shapes.set_out(kResult, data);
  const int axis = resolve_axis(shapes, axis_attribute(shapes.attributes()), data.rank());
  for (const int parameter : {kGamma, kBeta, kMovingMean, kMovingVar}) shapes.set_in(parameter, {data[axis]});
  for (const int statistic : {kMean, kSpread}) shapes.set_out(statistic, {data[axis]});
}

/// The parameters of half-precision data are float32.
void infer_type(TypeInference& types) {
  types.set_in(kData, types.out());
  const auto data = types.in(kData);
  if (!data) return;
  types.set_out(kResult, data);
  const DType parameter = *data == DType::float64 ? DType::float64 : DType::float32;
  for (const int i : {kGamma, kBeta, kMovingMean, kMovingVar}) types.set_in(i, parameter);
  for (const int i : {kMean, kSpread}) types.set_out(i, parameter);
}

Kernel make_kernel(const OpCall& call, BatchNormProblem problem) {
  const Attributes& attributes = call.attributes();
  const Shape& data = call.shape_in(kData);
  const int axis = from_front(axis_attribute(attributes), data.rank());
  problem.split = split_around(data, axis, axis + 1);
  problem.eps = attributes.real("eps");
  problem.fix_gamma = attributes.flag("fix_gamma");
  return dispatch_float(call.dtype_in(kData), call.node.op_name(), [&]<class T>() {
    using P = arithmetic_t<T>;
    return Kernel{[problem](const Operands& operands) { batch_norm<T, P>(problem, operands); }};
  });
}

std::vector<AttributeSpec> common_attributes() {
  // MXNet's default is the float nearest to 1e-3, widened.
  return {real("eps").or_else(static_cast<double>(1e-3f)), real("momentum").or_else(0.9),
          boolean("fix_gamma").or_else(true), boolean("use_global_stats").or_else(false),
          boolean("output_mean_var").or_else(false)};
}

Op batch_norm_op(std::string name, std::vector<std::string> aliases, std::vector<AttributeSpec> extra,
                 BatchNormProblem problem = {}) {
  Op op;
  op.name = std::move(name);
  op.aliases = std::move(aliases);
  op.doc = "(data - moving_mean) / sqrt(moving_var + eps) * gamma + beta, where fix_gamma reads gamma as 1.";
  op.inputs = always({"data", "gamma", "beta", "moving_mean", "moving_var"});
  op.auxiliary = {kMovingMean, kMovingVar};
  op.outputs = always({"output", "mean", "var"});
  op.visible_outputs = [](const Attributes& attributes) { return attributes.flag("output_mean_var") ? 3 : 1; };
  op.attributes = common_attributes();
  op.attributes.insert(op.attributes.end(), extra.begin(), extra.end());
  op.infer_shape = infer_shape;
  op.infer_type = infer_type;
  op.reference = [problem](const OpCall& call) { return make_kernel(call, problem); };
  return op;
}

}  // namespace

std::vector<Op> batch_norm_ops() {
  const std::vector<AttributeSpec> current = {integer("axis").or_else(1), boolean("cudnn_off").or_else(false),
                                              real("min_calib_range").or_none(), real("max_calib_range").or_none()};
  const std::vector<AttributeSpec> synchronized = {integer("ndev").or_else(1), text("key")};
  return {batch_norm_op("BatchNorm", {"_npx_batch_norm"}, current), batch_norm_op("CuDNNBatchNorm", {}, current),
          batch_norm_op("_contrib_BatchNormWithReLU", {}, current, {.rectify = true}),
          batch_norm_op("BatchNorm_v1", {}, {}, {.spread = Spread::variance}),
          batch_norm_op("_contrib_SyncBatchNorm", {}, synchronized, {.spread = Spread::variance})};
}

}  // namespace tenon
