// Flatten: everything but the batch in one axis.

#include "graph/graph.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

void infer_shape(ShapeInference& shapes) {
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return;
  if (data.rank() == 0) shapes.refuse("'data' is a scalar, but at least one axis is expected");
  Shape out{data[0], Shape::unknown};
  bool known = true;
  for (int axis = 1; axis < data.rank(); ++axis) known = known && data[axis] != Shape::unknown;
  if (known) out[1] = data.elements(1, data.rank());
  shapes.set_out(0, out);

  Shape learnt = data;
  learnt[0] = shapes.out()[0];
  if (data.rank() == 2) learnt[1] = shapes.out()[1];
  shapes.set_in(0, learnt);
}

Op flatten() {
  Op op;
  op.name = "Flatten";
  op.aliases = {"flatten", "_npx_batch_flatten"};
  op.doc = "(N, a, b, ...) becomes (N, a*b*...); (N,) becomes (N, 1).";
  op.infer_shape = infer_shape;
  op.reference = flat_copy_kernel;
  return op;
}

}  // namespace

std::vector<Op> flatten_ops() {
  return {flatten()};
}

}  // namespace tenon
