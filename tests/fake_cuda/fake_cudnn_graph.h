#pragma once

#include <cudnn.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace fake_cudnn {

/// A tensor of a graph: real ones lie where a forward has them.
struct Tensor {
  std::int64_t number = 0;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::vector<std::int64_t> dims, strides;
  bool is_virtual = false;
};

struct Convolution {
  Tensor src, weight, dst;
  bool transposed = false;
  std::vector<std::int64_t> stride, dilate, pad;
};

struct Pointwise {
  cudnnPointwiseMode_t mode = CUDNN_POINTWISE_IDENTITY;
  Tensor x, y;
  std::optional<Tensor> b;
  std::optional<double> upper_clip;
};

/// A convolution and what follows it, computed by its definition.
struct Graph {
  Convolution convolution;
  std::vector<Pointwise> pointwise;
  std::map<std::int64_t, void*> addresses;

  void compute() const;
};

}  // namespace fake_cudnn
