#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"

namespace tenon::cuda {

// Expressions in CUDA C++ by the names of functions, in the reference's arithmetic (float for float32 and the halves,
// double for float64, 64-bit integers for the rest), for the families of element-wise operators.

/// A function of `a`, elements of this type: "abs", "log1p"; null for another name.
const char* unary_expression(std::string_view function, DType dtype);
/// A function of `a` and `b`: "add", "mod", "greater_equal"; the name has to be one.
const char* binary_expression(std::string_view function);

/// A map over the output; each of the first `inputs` inputs is stretched to it. `arithmetic` is the type that the
/// expression of a, b, … and p0 to p3 is computed in.
StepPlan elementwise_plan(const StepRequest& request, const std::string& arithmetic, const std::string& expression,
                          int inputs, std::vector<double> parameters = {});

}  // namespace tenon::cuda
