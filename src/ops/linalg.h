#pragma once

#include <cstdint>

#include "ops/data_refusal.h"

namespace tenon {

// Matrices that are refused for what is in them, by any backend.

[[noreturn]] inline void refuse_indefinite(const DataRefusal& refuse, std::int64_t row) {
  refuse("the matrix is not positive definite (row {})", row);
}
[[noreturn]] inline void refuse_singular(const DataRefusal& refuse) {
  refuse("the matrix is singular");
}

}  // namespace tenon
