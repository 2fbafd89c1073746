// Interleaved attention: projections of all heads in one tensor (steps, batch, heads * parts * depth), where each
// head's queries, keys and values (or keys and values) lie side by side.

#include <cmath>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/matmul.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tenon {
namespace {

/// A projection: `parts` interleaved pieces of `depth` numbers for each head.
struct Projection {
  std::int64_t steps, batch, heads, parts, depth;
};

Projection projection(const Shape& shape, std::int64_t heads, std::int64_t parts) {
  return {shape[0], shape[1], heads, parts, shape[2] / (heads * parts)};
}

/// Piece `part` of every (batch, head): rows are steps, columns the depth.
MatrixView piece(const Projection& p, std::int64_t part) {
  const std::int64_t head = p.parts * p.depth, step = p.heads * head;
  return {p.batch * step, 1, {step, head}, part * p.depth};
}

MatrixView transposed(MatrixView view) {
  std::swap(view.row, view.column);
  return view;
}

/// Refuses a tensor that is no projection; empty while its shape is not known.
std::optional<Projection> checked(const ShapeInference& shapes, int input, std::int64_t parts) {
  const Shape& shape = shapes.in(input);
  const std::int64_t heads = shapes.attributes().integer("heads");
  if (shape.has_rank() && shape.rank() != 3) {
    shapes.refuse("input {} must be (steps, batch, features), but is {}", input, shape.str());
  }
  if (!shape.is_known()) return {};
  if (shape[2] % (heads * parts) != 0) {
    shapes.refuse("the last axis of input {}, shape {}, must be a multiple of {} heads times {}", input, shape.str(),
                  heads, parts);
  }
  return projection(shape, heads, parts);
}

Op attention(const std::string& name, std::string doc, std::vector<std::string> inputs) {
  Op op;
  op.name = "_contrib_interleaved_matmul_" + name;
  op.doc = std::move(doc);
  op.inputs = always(std::move(inputs));
  op.attributes = {integer("heads").at_least(1).at_most(1 << 20)};
  return op;
}

/// queries · keysᵀ / √depth, (batch * heads, query steps, key steps).
/// MXNet's interleaved attention is float32 on the CPU.
void require_float32(const OpCall& call) {
  if (call.dtype_in(0) != DType::float32) {
    call.refuse(ErrorCode::unsupported, "input 0 {} is {}, but on the CPU float32 is expected", call.shape_in(0).str(),
                name(call.dtype_in(0)));
  }
}

Kernel scores_kernel(const OpCall& call, int keys_index, const Projection& queries, const Projection& keys) {
  Matmul matmul{{queries.batch, queries.heads},
                queries.steps,
                queries.depth,
                keys.steps,
                piece(queries, 0),
                transposed(piece(keys, keys.parts - 2)),
                dense_view({queries.batch, queries.heads}, queries.steps, keys.steps)};
  matmul.alpha = 1 / std::sqrt(static_cast<double>(queries.depth));
  return matmul_kernel(call, std::move(matmul), 0, keys_index);
}

Op scores(const std::string& name, std::vector<std::string> inputs, std::int64_t query_parts, std::int64_t key_parts) {
  const int keys_index = static_cast<int>(inputs.size()) - 1;
  Op op = attention(name, "queries · keysᵀ / √depth for each batch and head.", std::move(inputs));
  op.infer_shape = [=](ShapeInference& shapes) {
    const auto queries = checked(shapes, 0, query_parts), keys = checked(shapes, keys_index, key_parts);
    if (!queries || !keys) return;
    if (queries->batch != keys->batch || queries->depth != keys->depth) {
      shapes.refuse("queries {} and keys {} differ in batch or depth", shapes.in(0).str(), shapes.in(keys_index).str());
    }
    shapes.set_out(0, {Shape{queries->batch, queries->heads}.elements(), queries->steps, keys->steps});
  };
  op.reference = [=](const OpCall& call) {
    require_float32(call);
    const std::int64_t heads = call.attributes().integer("heads");
    return scores_kernel(call, keys_index, projection(call.shape_in(0), heads, query_parts),
                         projection(call.shape_in(keys_index), heads, key_parts));
  };
  return op;
}

/// attention · values, (query steps, batch, heads * depth).
Op weighted_values(const std::string& name, std::vector<std::string> inputs, std::int64_t parts) {
  Op op = attention(name, "attention · values for each batch and head, heads side by side.", std::move(inputs));
  op.infer_shape = [=](ShapeInference& shapes) {
    const auto values = checked(shapes, 0, parts);
    if (!values) return;
    shapes.set_in(1, {Shape{values->batch, values->heads}.elements(), Shape::unknown, values->steps});
    shapes.set_out(0, {shapes.in(1)[1], values->batch, values->heads * values->depth});
  };
  op.reference = [=](const OpCall& call) {
    require_float32(call);
    const Projection values = projection(call.shape_in(0), call.attributes().integer("heads"), parts);
    const std::int64_t steps = call.shape_in(1)[1];
    const Projection dst{steps, values.batch, values.heads, 1, values.depth};
    return matmul_kernel(call,
                         {{values.batch, values.heads},
                          steps,
                          values.steps,
                          values.depth,
                          dense_view({values.batch, values.heads}, steps, values.steps),
                          piece(values, parts - 1),
                          piece(dst, 0)},
                         1, 0);
  };
  return op;
}

Op div_sqrt_dim() {
  Op op;
  op.name = "_contrib_div_sqrt_dim";
  op.doc = "x / √(size of the last axis).";
  op.infer_shape = same_shape;
  op.reference = [](const OpCall& call) {
    const Shape& src = call.shape_in(0);
    const double root = std::sqrt(static_cast<double>(src.rank() > 0 ? src[src.rank() - 1] : 1));
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      return Kernel{[count = src.elements(), root = static_cast<arithmetic_t<T>>(root)](const Operands& operands) {
        for (std::int64_t i = 0; i < count; ++i) operands.out<T>()[i] = store<T>(load(operands.in<T>(0)[i]) / root);
      }};
    });
  };
  return op;
}

}  // namespace

std::vector<Op> attention_ops() {
  return {
      scores("selfatt_qk", {"queries_keys_values"}, 3, 3),
      weighted_values("selfatt_valatt", {"queries_keys_values", "attention"}, 3),
      scores("encdec_qk", {"queries", "keys_values"}, 1, 2),
      weighted_values("encdec_valatt", {"keys_values", "attention"}, 2),
      div_sqrt_dim(),
  };
}

}  // namespace tenon
