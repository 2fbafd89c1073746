#pragma once

#include <variant>
#include <vector>

#include "ops/axes.h"
#include "ops/matmul.h"
#include "ops/strided_copy.h"

namespace tenon {

/// Copies from inputs to outputs, done in this order. Where `src` is -1 every element becomes `value`.
struct CopyForm {
  struct Part {
    int src, dst;
    StridedCopy copy;
    double value = 0;
  };
  std::vector<Part> parts;
};

/// A kernel that does these parts, of elements of the output's type, and says so.
Kernel copies_kernel(const OpCall& call, std::vector<CopyForm::Part> parts);
/// Where one element goes to all of an output.
StridedCopy fill_copy(std::int64_t elements);

/// Input `a` times input `b` into output 0; with a beta, output 0 begins as a copy of input `c`.
struct ProductForm {
  Matmul matmul;
  int a, b, c;
};

/// Output 0 = the product of all inputs, summed over the loops behind the first `kept`, which walk the output in order.
struct ContractionForm {
  struct Loop {
    std::int64_t extent;
    std::vector<std::int64_t> src;  ///< strides in elements, one an input
    std::int64_t dst;               ///< 0 for a summed loop
  };
  std::vector<Loop> loops;
  std::size_t kept;
};

/// What a reference kernel does, as data, where that says all: a backend may do the same its own way.
struct KernelForm {
  std::variant<CopyForm, ProductForm, ContractionForm, Reduction> what;
};

}  // namespace tenon
