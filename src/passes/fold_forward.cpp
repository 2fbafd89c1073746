// Moves a constant scale and shift of the data into the weight and the bias of the convolution or matmul that reads it.
//
//     p = pointwise(data, a, b) {epilogue=fma(x, $0, $1)}
//     y = convolution(p, w)
//       →   y = convolution(data, w·a, c) {epilogue=add(x, $0)}        c[f] = sum over channels and taps of w·b
//
// Zero padding stands around the scaled and shifted data: scaled zeros are zeros, shifted ones are not. So a shift
// moves only where there is no padding. A scale alone would leave the pointwise node where it is, and moves only with
// it.
//
// Before it: merge_affine. It is for what no producer could take: the data's mean, a normalization of a Concat. After
// it: merge_affine again, for the bias.

#include "passes/numbers.h"
#include "passes/passes.h"
#include "passes/primitives.h"
#include "passes/weights.h"

namespace tenon {
namespace {

struct ScaleAndShift {
  Numbers scale{{1}, {}}, shift{{0}, {}};
};

/// Of a pointwise node that does nothing else.
std::optional<ScaleAndShift> only_affine(const Body& body, NodeId id) {
  const Epilogue epilogue = epilogue_of(body, id);
  if (epilogue.expressions.size() != 1) return {};
  const Expression& expression = epilogue.expressions[0];
  if (expression.kind != Expression::Kind::call || expression.arguments[0] != source()) return {};
  std::vector<Numbers> numbers;
  for (std::size_t i = 1; i < expression.arguments.size(); ++i) {
    auto found = numbers_of(body, epilogue, body.shape({id, 0}), expression.arguments[i]);
    if (!found) return {};
    numbers.push_back(std::move(*found));
  }
  const auto name = expression_functions()[static_cast<std::size_t>(expression.index)].name;
  if (name == "mul") return ScaleAndShift{.scale = numbers[0]};
  if (name == "add") return ScaleAndShift{.shift = numbers[0]};
  if (name == "fma") return ScaleAndShift{numbers[0], numbers[1]};
  return {};
}

bool is_padded(const Node& node) {
  for (const char* name : {"pad_begin", "pad_end"}) {
    for (const std::int64_t pad : node.attributes.ints(name)) {
      if (pad != 0) return true;
    }
  }
  return false;
}

/// How many neighbouring elements of a matmul's rows belong to one channel of its data.
std::optional<std::int64_t> row_repeat(const Body& body, const Node& user, int axis) {
  const Shape& data = body.shape(user.inputs[0]);
  if (axis == data.rank() - 1 && (!user.attributes.flag("flatten") || data.rank() == 2)) return 1;
  if (axis == 1 && user.attributes.flag("flatten")) return data.elements(2, data.rank());
  return {};
}

bool fold(Body& body, NodeId id, NodeId user_id) {
  const Node& user = body.graph.node(user_id);
  const bool is_matmul = user.op->name == "matmul";
  if ((!is_matmul && user.op->name != "convolution") || body.constant(user.inputs[1]) == nullptr) return false;
  if (body.dtype({id, 0}) != body.dtype(body.graph.node(id).inputs[0])) return false;
  const auto affine = only_affine(body, id);
  const int axis = channel_axis(body.graph.node(id), body.shape({id, 0}).rank());
  const auto repeat = is_matmul ? row_repeat(body, user, axis) : std::optional<std::int64_t>(1);
  if (!affine || !repeat || (!is_matmul && axis != 1)) return false;
  const bool shifts = !affine->shift.all(0);
  if (shifts && !is_matmul && is_padded(user)) return false;

  Epilogue epilogue = epilogue_of(body, user_id);
  if (shifts) {
    const Numbers bias{response(body, user_id, affine->shift.values, *repeat), {}};
    const Expression shifted =
        call("add", {source(), bias.leaf(body, epilogue, body.graph.node(user_id).name + ".shift")});
    for (Expression& expression : epilogue.expressions) expression = substitute(expression, shifted);
  }
  const Value weight = affine->scale.all(1) ? body.graph.node(user_id).inputs[1]
                                            : scale_source_channels(body, user_id, affine->scale.values, *repeat);
  body.graph.node(user_id).inputs[1] = weight;
  body.graph.node(user_id).inputs[0] = body.graph.node(id).inputs[0];
  set_epilogue(body, user_id, std::move(epilogue));
  body.take_origins(user_id, id);
  return true;
}

}  // namespace

void fold_forward(Body& body) {
  const auto uses = body.graph.uses();
  const ReadCounts reads(body.graph);
  for (const NodeId id : body.graph.topological_order()) {
    if (body.graph.node(id).op_name() != "pointwise" || reads.of({id, 0}) != 1) continue;
    const auto& users = uses[static_cast<std::size_t>(id)];
    if (users.size() != 1 || users[0].input != 0) continue;  // one reader, and that the data of another primitive
    const NodeId user = users[0].user;
    if (is_primitive(body.graph.node(user)) && first_operand(body.graph.node(user)) == 2) fold(body, id, user);
  }
  body.drop_unused();
}

}  // namespace tenon
