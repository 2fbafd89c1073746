#include "fake_cudnn_graph.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/half.h"

namespace fake_cudnn {
namespace {

using Position = std::array<std::int64_t, 5>;  // (N, C, depth, height, width)

/// A tensor and its elements.
class View {
 public:
  View(const Tensor& tensor, void* data) : type_(tensor.type), data_(data) {
    for (std::size_t axis = 0; axis < tensor.dims.size(); ++axis) {
      const std::size_t slot = axis < 2 ? axis : axis + 5 - tensor.dims.size();
      dims_[slot] = tensor.dims[axis];
      strides_[slot] = tensor.strides[axis];
    }
  }
  std::int64_t size(std::size_t axis) const { return dims_[axis]; }
  float get(const Position& at) const {
    if (type_ == CUDNN_DATA_HALF) return tenon::to_float(static_cast<const tenon::float16*>(data_)[place(at)]);
    if (type_ == CUDNN_DATA_BFLOAT16) return tenon::to_float(static_cast<const tenon::bfloat16*>(data_)[place(at)]);
    return static_cast<const float*>(data_)[place(at)];
  }
  void set(const Position& at, float value) const {
    if (type_ == CUDNN_DATA_HALF) {
      static_cast<tenon::float16*>(data_)[place(at)] = tenon::to_float16(value);
    } else if (type_ == CUDNN_DATA_BFLOAT16) {
      static_cast<tenon::bfloat16*>(data_)[place(at)] = tenon::to_bfloat16(value);
    } else {
      static_cast<float*>(data_)[place(at)] = value;
    }
  }
  template <class Visit>
  void each(Visit visit) const {
    Position at{};
    for (at[0] = 0; at[0] < dims_[0]; ++at[0])
      for (at[1] = 0; at[1] < dims_[1]; ++at[1])
        for (at[2] = 0; at[2] < dims_[2]; ++at[2])
          for (at[3] = 0; at[3] < dims_[3]; ++at[3])
            for (at[4] = 0; at[4] < dims_[4]; ++at[4]) visit(at);
  }

 private:
  std::size_t place(const Position& at) const {
    std::int64_t place = 0;
    for (std::size_t axis = 0; axis < 5; ++axis) {
      if (dims_[axis] > 1) place += at[axis] * strides_[axis];  // one element is every one
    }
    return static_cast<std::size_t>(place);
  }

  cudnnDataType_t type_;
  void* data_;
  Position dims_{1, 1, 1, 1, 1}, strides_{};
};

std::int64_t slot(const std::vector<std::int64_t>& numbers, std::size_t axis, std::int64_t fallback) {
  const std::size_t missing = 3 - numbers.size();
  return axis < missing ? fallback : numbers[axis - missing];
}

/// Calls visit(position in the results of the convolution, in its data, in the weights) for every product.
template <class Visit>
void each_product(const Convolution& is, const View& data, const View& weight, const View& results, Visit visit) {
  const std::int64_t filters = weight.size(0) / (data.size(1) / weight.size(1));  // of a group
  results.each([&](const Position& result) {
    for (std::int64_t c = 0; c < weight.size(1); ++c) {
      Position tap{result[1], c};
      for (tap[2] = 0; tap[2] < weight.size(2); ++tap[2])
        for (tap[3] = 0; tap[3] < weight.size(3); ++tap[3])
          for (tap[4] = 0; tap[4] < weight.size(4); ++tap[4]) {
            Position from{result[0], result[1] / filters * weight.size(1) + c};
            bool inside = true;
            for (std::size_t axis = 0; axis < 3; ++axis) {
              from[axis + 2] = result[axis + 2] * slot(is.stride, axis, 1) - slot(is.pad, axis, 0) +
                               tap[axis + 2] * slot(is.dilate, axis, 1);
              inside = inside && from[axis + 2] >= 0 && from[axis + 2] < data.size(axis + 2);
            }
            if (inside) visit(result, from, tap);
          }
    }
  });
}

void convolve(const Convolution& is, const View& src, const View& weight, const View& dst) {
  std::map<Position, double> sums;
  if (is.transposed) {
    each_product(is, dst, weight, src, [&](const Position& result, const Position& from, const Position& tap) {
      sums[from] += static_cast<double>(src.get(result)) * weight.get(tap);
    });
  } else {
    each_product(is, src, weight, dst, [&](const Position& result, const Position& from, const Position& tap) {
      sums[result] += static_cast<double>(src.get(from)) * weight.get(tap);
    });
  }
  dst.each([&](const Position& at) { dst.set(at, static_cast<float>(sums[at])); });
}

float apply(const Pointwise& is, float x, float b) {
  switch (is.mode) {
    case CUDNN_POINTWISE_ADD:
      return x + b;
    case CUDNN_POINTWISE_SUB:
      return x - b;
    case CUDNN_POINTWISE_MUL:
      return x * b;
    case CUDNN_POINTWISE_DIV:
      return x / b;
    case CUDNN_POINTWISE_RELU_FWD:
      return std::min(std::max(x, 0.0f), static_cast<float>(is.upper_clip.value_or(INFINITY)));
    case CUDNN_POINTWISE_SIGMOID_FWD:
      return 1 / (1 + std::exp(-x));
    case CUDNN_POINTWISE_TANH_FWD:
      return std::tanh(x);
    case CUDNN_POINTWISE_SOFTPLUS_FWD:
      return std::log1p(std::exp(x));
    default:
      return NAN;
  }
}

}  // namespace

void Graph::compute() const {
  std::map<std::int64_t, std::vector<float>> handed_on;
  const auto view = [&](const Tensor& tensor) {
    if (!tensor.is_virtual) return View(tensor, addresses.at(tensor.number));
    std::int64_t elements = 1;
    for (const std::int64_t size : tensor.dims) elements *= size;
    std::vector<float>& memory = handed_on[tensor.number];
    memory.resize(static_cast<std::size_t>(elements));
    return View(tensor, memory.data());
  };
  convolve(convolution, view(convolution.src), view(convolution.weight), view(convolution.dst));
  for (const Pointwise& step : pointwise) {
    const View x = view(step.x), y = view(step.y), b = step.b ? view(*step.b) : x;
    y.each([&](const Position& at) { y.set(at, apply(step, x.get(at), b.get(at))); });
  }
}

}  // namespace fake_cudnn
