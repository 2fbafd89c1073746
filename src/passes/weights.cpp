#include "passes/weights.h"

#include "passes/primitives.h"

namespace tenon {
namespace {

/// A weight as (groups, outer, inner, taps), whose two middle axes are the channels of one group.
struct WeightView {
  std::int64_t groups = 1, outer = 1, inner = 1, taps = 1;
  bool destination_first = true;  ///< outer is the destination's

  /// Calls visit(element, destination channel, source channel) for every run of taps.
  template <class Visit>
  void for_each_run(Visit visit) const {
    for (std::int64_t g = 0; g < groups; ++g) {
      for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t i = 0; i < inner; ++i) {
          const std::int64_t first = g * outer + o, second = g * inner + i;
          visit((first * inner + i) * taps, destination_first ? first : second, destination_first ? second : first);
        }
      }
    }
  }
};

WeightView view_of(const Body& body, NodeId id, std::int64_t repeat) {
  const Node& node = body.graph.node(id);
  const Shape& weight = body.shape(node.inputs[1]);
  if (node.op->name == "matmul") return {1, weight[0], weight[1] / repeat, repeat};
  const std::int64_t groups = node.attributes.integer("groups"), taps = weight.elements(2, weight.rank());
  return {groups, weight[0] / groups, weight[1], taps, node.op->name == "convolution"};
}

double number_at(const std::vector<double>& numbers, std::int64_t channel) {
  return numbers[numbers.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

/// The weight with each run multiplied by factor(destination, source), in its own type.
template <class Factor>
Value scaled(Body& body, NodeId id, const WeightView& view, Factor factor) {
  const Value weight = body.graph.node(id).inputs[1];
  const Tensor before = body.constant_as(weight, DType::float32);
  Tensor after(before.shape(), DType::float32);
  const float* src = before.data<float>();
  float* dst = after.mutable_data<float>();
  view.for_each_run([&](std::int64_t at, std::int64_t destination, std::int64_t from) {
    const float by = static_cast<float>(factor(destination, from));
    for (std::int64_t tap = at; tap < at + view.taps; ++tap) dst[tap] = src[tap] * by;
  });
  const std::string name = body.graph.node(weight.node).name;
  return body.add_constant(name + ".scaled", after.astype(body.dtype(weight)));
}

}  // namespace

Value scale_destination_channels(Body& body, NodeId id, const std::vector<double>& numbers) {
  WeightView view = view_of(body, id, 1);
  // What makes one destination channel mostly lies together: one long run instead of one a source channel, which for
  // the 1x1 convolutions of resnet50_v1 would be a single number.
  if (view.destination_first) view = {view.groups, view.outer, 1, view.inner * view.taps};
  return scaled(body, id, view,
                [&](std::int64_t destination, std::int64_t) { return number_at(numbers, destination); });
}

Value scale_source_channels(Body& body, NodeId id, const std::vector<double>& numbers, std::int64_t repeat) {
  return scaled(body, id, view_of(body, id, repeat),
                [&](std::int64_t, std::int64_t from) { return number_at(numbers, from); });
}

std::vector<double> response(const Body& body, NodeId id, const std::vector<double>& numbers, std::int64_t repeat) {
  const Tensor weight = body.constant_as(body.graph.node(id).inputs[1], DType::float32);
  const WeightView view = view_of(body, id, repeat);
  std::vector<double> sums(static_cast<std::size_t>(view.groups * (view.destination_first ? view.outer : view.inner)));
  view.for_each_run([&](std::int64_t at, std::int64_t destination, std::int64_t from) {
    double taps = 0;
    for (std::int64_t tap = at; tap < at + view.taps; ++tap) taps += static_cast<double>(weight.data<float>()[tap]);
    sums[static_cast<std::size_t>(destination)] += taps * number_at(numbers, from);
  });
  return sums;
}

}  // namespace tenon
