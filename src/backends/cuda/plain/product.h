#pragma once

#include "engine/backend.h"
#include "ops/kernel_form.h"

namespace tenon::cuda {

// A step that does what the form says, of operands with elements.

/// By cuBLASLt.
Offer blas_product_plan(const StepRequest& request, const ProductForm& form);
/// By a kernel of our own, whatever the strides.
Offer tiled_product_plan(const StepRequest& request, const ProductForm& form);

}  // namespace tenon::cuda
