#pragma once

#include <cmath>
#include <random>

#include <tenon/tensor.h>

namespace tenon {

/// sin(0), sin(step), sin(2 step), …
inline Tensor waves(const Shape& shape, double step) {
  Tensor made(shape, DType::float32);
  for (std::int64_t i = 0; i < made.elements(); ++i) {
    made.mutable_data<float>()[i] = static_cast<float>(std::sin(step * static_cast<double>(i)));
  }
  return made;
}

/// Drawn from a normal distribution of this deviation around zero.
inline Tensor normal_numbers(const Shape& shape, unsigned seed, float deviation) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, deviation);
  Tensor made(shape, DType::float32);
  for (std::int64_t i = 0; i < made.elements(); ++i) made.mutable_data<float>()[i] = normal(generator);
  return made;
}

}  // namespace tenon
