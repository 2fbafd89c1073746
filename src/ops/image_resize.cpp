// Resizing of images (…, H, W, C), as OpenCV does it for MXNet.

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/registry.h"

namespace tenon {
namespace {

/// size is (width, height), or one number: both, or with keep_ratio the shorter
/// edge.
std::pair<std::int64_t, std::int64_t> resized(const ShapeInference& shapes, std::int64_t height, std::int64_t width) {
  const auto size = shapes.attributes().ints("size");
  constexpr std::int64_t most = 1 << 20;
  if (size.empty() || size.size() > 2 || std::ranges::min(size) < 1 || std::ranges::max(size) > most) {
    shapes.refuse(
        "size is {}, but (width, height) or one number, each from 1 "
        "to {}, is expected",
        Shape(std::vector<std::int64_t>(size)).str(), most);
  }
  if (size.size() == 2) return {size[1], size[0]};
  if (!shapes.attributes().flag("keep_ratio")) return {size[0], size[0]};
  if (height > width) return {height * size[0] / width, size[0]};
  return {size[0], width * size[0] / height};
}

void infer_resize_shape(ShapeInference& shapes) {
  const Shape data = shapes.in(0);
  if (!data.has_rank()) return;
  const int rank = data.rank();
  if (rank != 3 && rank != 4) {
    shapes.refuse(
        "'data' has shape {}, but an image of 3 dimensions or a "
        "batch of 4 is expected",
        data.str());
  }
  const std::int64_t height = data[rank - 3], width = data[rank - 2];
  if (height == Shape::unknown || width == Shape::unknown) return;
  if (height == 0 || width == 0) shapes.refuse("'data' has shape {}, which has no pixels", data.str());
  Shape dst = data;
  std::tie(dst[rank - 3], dst[rank - 2]) = resized(shapes, height, width);
  shapes.set_out(0, dst);
}

/// The two source pixels that a pixel of the result lies between, and the
/// weight of the second.
struct Taps {
  std::int64_t first, second;
  float weight;
};

/// Along one axis. Nearest truncates; bilinear aligns the pixels' centres and
/// repeats the border.
std::vector<Taps> taps(std::int64_t src, std::int64_t dst, bool bilinear) {
  std::vector<Taps> result;
  const double scale = static_cast<double>(src) / static_cast<double>(dst);
  for (std::int64_t i = 0; i < dst; ++i) {
    const float at = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    const auto first = static_cast<std::int64_t>(std::floor(bilinear ? at : static_cast<double>(i) * scale));
    const std::int64_t inside = std::clamp(first, std::int64_t{0}, src - 1);
    const bool between = bilinear && first >= 0 && first < src - 1;
    result.push_back({inside, std::min(inside + 1, src - 1), between ? at - static_cast<float>(first) : 0.0f});
  }
  return result;
}

/// Integers go to the nearest; OpenCV computes them in fixed point and may be
/// off by one.
template <class T, class A>
T narrow(A value) {
  if constexpr (std::is_integral_v<T>) value = std::nearbyint(value);
  return store<T>(value);
}

template <class T>
Kernel make_resize(const OpCall& call) {
  using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const Shape &in = call.shape_in(0), &out = call.shape_out();
  const int rank = in.rank();
  const bool bilinear = call.attributes().integer("interp") == 1;
  return {[images = in.elements(0, rank - 3), height = in[rank - 3], width = in[rank - 2], channels = in[rank - 1],
           rows = taps(in[rank - 3], out[rank - 3], bilinear),
           columns = taps(in[rank - 2], out[rank - 2], bilinear)](const Operands& operands) {
    T* dst = operands.out<T>();
    for (std::int64_t n = 0; n < images; ++n) {
      const T* src = operands.in<T>(0) + n * height * width * channels;
      for (const Taps& y : rows) {
        for (const Taps& x : columns) {
          for (std::int64_t c = 0; c < channels; ++c) {
            const auto at = [&](std::int64_t row, std::int64_t column) {
              return static_cast<A>(src[(row * width + column) * channels + c]);
            };
            const A above = at(y.first, x.first) * (1 - x.weight) + at(y.first, x.second) * x.weight;
            const A below = at(y.second, x.first) * (1 - x.weight) + at(y.second, x.second) * x.weight;
            *dst++ = narrow<T>(above * (1 - y.weight) + below * y.weight);
          }
        }
      }
    }
  }};
}

Op image_resize() {
  Op op;
  op.name = "_image_resize";
  op.aliases = {"_npx__image_resize"};
  op.doc =
      "The image at another size: interp 0 takes the nearest pixel, 1 is "
      "bilinear.";
  op.attributes = {ints("size").or_else(IntTuple{}), boolean("keep_ratio").or_else(false),
                   integer("interp").or_else(1)};
  op.infer_shape = infer_resize_shape;
  op.reference = [](const OpCall& call) -> Kernel {
    if (const std::int64_t interp = call.attributes().integer("interp"); interp != 0 && interp != 1) {
      call.refuse(ErrorCode::unsupported, "interp is {}, but only 0 (nearest) and 1 (bilinear) are supported", interp);
    }
    switch (call.dtype_in(0)) {
      case DType::float32:
        return make_resize<float>(call);
      case DType::float64:
        return make_resize<double>(call);
      case DType::uint8:
        return make_resize<std::uint8_t>(call);
      default:
        call.refuse(ErrorCode::unsupported, "takes float32, float64 or uint8, but got {}", name(call.dtype_in(0)));
    }
  };
  return op;
}

}  // namespace

std::vector<Op> image_resize_ops() {
  return {image_resize()};
}

}  // namespace tenon
