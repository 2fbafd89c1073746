#pragma once

#include <variant>
#include <vector>

#include "ops/axes.h"
#include "ops/matmul.h"
#include "ops/strided_copy.h"

namespace tenon {

/// Copies from inputs to outputs, done in this order.
struct CopyForm {
  struct Part {
    int src, dst;
    StridedCopy copy;
  };
  std::vector<Part> parts;
};

/// Input `a` times input `b` into output 0; with a beta, output 0 begins as a copy of input `c`.
struct ProductForm {
  Matmul matmul;
  int a, b, c;
};

/// What a reference kernel does, as data, where that says all: a backend may do the same its own way.
struct KernelForm {
  std::variant<CopyForm, ProductForm, Reduction> what;
};

}  // namespace tenon
