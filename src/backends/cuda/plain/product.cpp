// Matrix products: FullyConnected and whatever says its form is a product (dot, batch_dot, linalg_gemm, …). cuBLASLt
// where the strides are what it takes, a tiled kernel of our own elsewhere.

#include "backends/cuda/plain/product.h"

#include <array>
#include <variant>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/plain/strided_map.h"
#include "backends/cuda/runtime/blas.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"
#include "ops/arithmetic.h"
#include "ops/kernel_form.h"

namespace tenon::cuda {
namespace {

Offer offer_fully_connected(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  conditions.require(blas().usable(), "cuBLASLt is not here: {}", blas().library.problem());
  conditions.require(is_floating(call.dtype_in(0)), "the data are {}, not of a floating type", name(call.dtype_in(0)));
  if (conditions.refuse()) return conditions.reason();
  const Shape& weight = call.shape_in(1);
  BlasProduct product;
  product.dtype = call.dtype_in(0);
  product.rows = call.shape_out().elements() / weight[0];
  product.inner = weight[1];
  product.columns = weight[0];
  product.a = {weight[1], false, 0};
  product.b = {weight[1], true, 0};
  product.c = {weight[0], false, 0};
  product.bias = call.inputs.size() > 2;
  auto kernel = blas_kernel(device_of(request.memory), product);
  if (!kernel) return "cuBLASLt has no algorithm for it";
  StepPlan plan;
  plan.kernel.workspace_bytes = kernel->workspace_bytes;
  plan.kernel.run = [kernel = std::move(*kernel), bias = product.bias](const Operands& operands) {
    kernel.run(operands.stream, operands.src[0], operands.src[1], operands.dst[0], bias ? operands.src[2] : nullptr,
               operands.workspace);
  };
  return plan;
}

/// What the kernel "multiply" takes by value.
struct MatrixGeometry {
  std::int64_t row = 0, column = 0, offset = 0, batch[kMostAxes] = {};
};
struct MultiplyGeometry {
  std::int64_t batches = 1, rows = 0, inner = 0, columns = 0;
  int batch_rank = 0;
  std::int64_t batch_extent[kMostAxes] = {};
  MatrixGeometry a, b, c;
  double alpha = 1, beta = 0;
};

MatrixGeometry geometry_of(const MatrixView& view) {
  MatrixGeometry geometry{view.row, view.column, view.offset, {}};
  std::copy(view.batch.begin(), view.batch.end(), geometry.batch);
  return geometry;
}

/// How a strided matrix lies, where cuBLASLt can read it so: one stride is 1, and the other spans a row.
std::optional<BlasProduct::Side> side_of(const MatrixView& view, std::int64_t rows, std::int64_t columns) {
  BlasProduct::Side side;
  side.batch_stride = view.batch.empty() ? 0 : view.batch[0];
  if (view.column == 1 && view.row >= columns) {
    side.leading = view.row;
  } else if (view.row == 1 && view.column >= rows) {
    side.leading = view.column;
    side.transposed = true;
  } else {
    return {};
  }
  return side;
}

/// Batch axes that one stride walks in every operand, joined.
Matmul merged(const Matmul& matmul) {
  Matmul result = matmul;
  for (std::size_t axis = 0; axis + 1 < result.batch.size();) {
    const std::int64_t extent = result.batch[axis + 1];
    const auto joins = [&](const MatrixView& view) { return view.batch[axis] == extent * view.batch[axis + 1]; };
    if (!joins(result.a) || !joins(result.b) || !joins(result.c)) {
      ++axis;
      continue;
    }
    result.batch[axis + 1] *= result.batch[axis];
    const auto drop = [&](auto& items) { items.erase(items.begin() + static_cast<std::ptrdiff_t>(axis)); };
    drop(result.batch);
    for (MatrixView* view : {&result.a, &result.b, &result.c}) drop(view->batch);
  }
  return result;
}

std::optional<BlasProduct> blas_product(const Matmul& matmul, DType dtype) {
  const auto a = side_of(matmul.a, matmul.rows, matmul.inner), b = side_of(matmul.b, matmul.inner, matmul.columns),
             c = side_of(matmul.c, matmul.rows, matmul.columns);
  if (matmul.batch.size() > 1 || !a || !b || !c || c->transposed || !blas().usable()) return {};
  BlasProduct product;
  product.dtype = dtype;
  product.rows = matmul.rows;
  product.inner = matmul.inner;
  product.columns = matmul.columns;
  product.a = *a;
  product.b = *b;
  product.c = *c;
  product.batch = matmul.batch.empty() ? 1 : matmul.batch[0];
  product.alpha = matmul.alpha;
  product.beta = matmul.beta;
  const bool moved = matmul.a.offset != 0 || matmul.b.offset != 0 || matmul.c.offset != 0;
  if (moved) product.alignment = static_cast<std::uint32_t>(size_of(dtype));
  return product;
}

std::int64_t batches_of(const Matmul& matmul) {
  std::int64_t batches = 1;
  for (const std::int64_t extent : matmul.batch) batches *= extent;
  return batches;
}

/// On the addresses that the form names, each moved by its view's offset.
template <class Multiply>
StepPlan plan_of(const ProductForm& form, std::size_t dst_bytes, Multiply multiply) {
  StepPlan plan;
  plan.kernel.run = [=, form = form](const Operands& operands) {
    if (form.matmul.beta != 0) {
      copy_within(operands.dst[0], operands.src[static_cast<std::size_t>(form.c)], dst_bytes, operands.stream);
    }
    multiply(operands, operands.src[static_cast<std::size_t>(form.a)], operands.src[static_cast<std::size_t>(form.b)]);
  };
  return plan;
}

/// By the kernel of our own, whatever the strides.
StepPlan tiled_plan(const GpuDevice& device, const ProductForm& product, DType dtype, std::size_t bytes) {
  const Matmul& matmul = product.matmul;
  MultiplyGeometry geometry{batches_of(matmul),
                            matmul.rows,
                            matmul.inner,
                            matmul.columns,
                            static_cast<int>(matmul.batch.size()),
                            {},
                            geometry_of(matmul.a),
                            geometry_of(matmul.b),
                            geometry_of(matmul.c),
                            matmul.alpha,
                            matmul.beta};
  std::copy(matmul.batch.begin(), matmul.batch.end(), geometry.batch_extent);
  const GpuFunction function = GpuFunction::get(device, multiply_text(type_name(dtype)), "multiply");
  const std::int64_t tiles = geometry.batches * ((matmul.rows + 15) / 16) * ((matmul.columns + 15) / 16);
  return plan_of(
      product, bytes,
      [function, geometry, blocks = grid_size(tiles, 1)](const Operands& operands, const void* a, const void* b) {
        launch(function, operands.stream, blocks, 256, geometry, operands.dst[0], a, b);
      });
}

/// FullyConnected where cuBLASLt declines: the product, then the bias.
Offer offer_tiled_dense(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = filled_conditions(call);
  conditions.require(is_floating(call.dtype_in(0)), "the data are {}, not of a floating type", name(call.dtype_in(0)));
  if (conditions.refuse()) return conditions.reason();
  const std::int64_t columns = call.shape_in(1)[0], inner = call.shape_in(1)[1];
  const std::int64_t rows = call.shape_out().elements() / columns;
  const ProductForm product{{{}, rows, inner, columns, {inner, 1, {}}, {1, inner, {}}, {columns, 1, {}}}, 0, 1, 0};
  const GpuDevice& device = device_of(request.memory);
  StepPlan plan = tiled_plan(device, product, call.dtype_out(), padded_bytes(call.outputs[0], {}));
  if (call.inputs.size() < 3) return plan;
  const std::string type = type_name(call.dtype_out());
  const Kernel add_bias =
      map_kernel(device, {type, {type, type}, arithmetic_name(call.dtype_out()), "a + b"},
                 broadcast_map({Shape{rows, columns}, Shape{columns}}, Shape{rows, columns}), {{0, 1}});
  plan.kernel.run = [multiply = plan.kernel.run, add_bias](const Operands& operands) {
    multiply(operands);
    const std::array<const void*, 2> src = {operands.dst[0], operands.src[2]};
    add_bias.run({src, operands.dst, nullptr, operands.stream});
  };
  return plan;
}

/// The form that the reference says, of operands with elements; else the reason why there is none.
std::variant<ProductForm, std::string> form_of(const OpCall& call) {
  Conditions conditions = filled_conditions(call);
  conditions.require(is_floating(call.dtype_out()), "the result is {}, not of a floating type", name(call.dtype_out()));
  if (conditions.refuse()) return conditions.reason();
  const auto form = call.node.op->reference(call).form;
  const auto* product = form ? std::get_if<ProductForm>(&form->what) : nullptr;
  if (product == nullptr) return "it is no matrix product";
  return *product;
}

template <class Plan>
Offer offer_product(const StepRequest& request, Plan plan) {
  const auto form = form_of(request.call);
  if (const auto* reason = std::get_if<std::string>(&form)) return *reason;
  return plan(request, std::get<ProductForm>(form));
}

Offer offer_blas_product(const StepRequest& request) {
  return offer_product(request, blas_product_plan);
}
Offer offer_tiled_product(const StepRequest& request) {
  return offer_product(request, tiled_product_plan);
}

}  // namespace

Offer blas_product_plan(const StepRequest& request, const ProductForm& form) {
  const OpCall& call = request.call;
  const ProductForm product{merged(form.matmul), form.a, form.b, form.c};
  const Matmul& matmul = product.matmul;
  const DType dtype = call.dtype_out();
  const std::size_t size = size_of(dtype);
  const auto simple = blas_product(matmul, dtype);
  if (!simple) return blas().usable() ? "cuBLASLt takes no such strides" : "cuBLASLt is not here";
  const auto kernel = blas_kernel(device_of(request.memory), *simple);
  if (!kernel) return "cuBLASLt has no algorithm for it";
  const auto offset = [size](auto* base, std::int64_t elements) {
    return base + elements * static_cast<std::int64_t>(size);
  };
  StepPlan plan =
      plan_of(product, padded_bytes(call.outputs[0], {}), [=](const Operands& operands, const void* a, const void* b) {
        kernel->run(operands.stream, offset(static_cast<const std::byte*>(a), matmul.a.offset),
                    offset(static_cast<const std::byte*>(b), matmul.b.offset),
                    offset(operands.out<std::byte>(), matmul.c.offset), nullptr, operands.workspace);
      });
  plan.kernel.workspace_bytes = kernel->workspace_bytes;
  return plan;
}

Offer tiled_product_plan(const StepRequest& request, const ProductForm& form) {
  const OpCall& call = request.call;
  const ProductForm product{merged(form.matmul), form.a, form.b, form.c};
  if (product.matmul.batch.size() > kMostAxes) return "it has too many batch axes";
  return tiled_plan(device_of(request.memory), product, call.dtype_out(), padded_bytes(call.outputs[0], {}));
}

std::vector<Implementation> product_implementations() {
  const std::vector<std::string> products = {"dot",
                                             "batch_dot",
                                             "_linalg_gemm",
                                             "_linalg_gemm2",
                                             "_linalg_syrk",
                                             "_npi_matmul",
                                             "_np_dot",
                                             "_npi_dot",
                                             "_contrib_interleaved_matmul_selfatt_qk",
                                             "_contrib_interleaved_matmul_selfatt_valatt",
                                             "_contrib_interleaved_matmul_encdec_qk",
                                             "_contrib_interleaved_matmul_encdec_valatt"};
  return {{"cublas:fully_connected", {"FullyConnected"}, offer_fully_connected},
          {"cuda:fully_connected", {"FullyConnected"}, offer_tiled_dense},
          {"cublas:product", products, offer_blas_product},
          {"cuda:product", products, offer_tiled_product}};
}

}  // namespace tenon::cuda
