// UpSampling, by repetition or by a deconvolution, and Crop, the old positional one.

#include <algorithm>
#include <array>

#include "core/dispatch.h"
#include "graph/graph.h"
#include "ops/convolution.h"
#include "ops/strided_copy.h"

namespace tenon {
namespace {

enum { kBatch, kChannels, kHeight, kWidth };

void require_images(const ShapeInference& shapes, int input) {
  const Shape& shape = shapes.in(input);
  if (shape.has_rank() && shape.rank() != 4) {
    shapes.refuse("input {} has shape {}, but four axes are expected: batch, channels, height and width", input,
                  shape.str());
  }
}

// Nearest.

bool sums(const Attributes& attributes) {
  return attributes.text("multi_input_mode") == "sum";
}

/// Every input is repeated to the size of the first times the scale.
void check_repeats(const ShapeInference& shapes, const Shape& out, int input) {
  const Shape& src = shapes.in(input);
  for (const int axis : {kHeight, kWidth}) {
    if (src[axis] == Shape::unknown || out[axis] == Shape::unknown) continue;
    if (src[axis] == 0 || out[axis] % src[axis] != 0) {
      shapes.refuse("input {} has {} elements along axis {}, which cannot be repeated to {}", input, src[axis], axis,
                    out[axis]);
    }
  }
}

void infer_nearest(ShapeInference& shapes) {
  const std::int64_t scale = shapes.attributes().integer("scale");
  for (int i = 0; i < shapes.inputs(); ++i) require_images(shapes, i);
  const Shape& first = shapes.in(0);
  if (!first.has_rank()) return;
  Shape out = first;
  for (const int axis : {kHeight, kWidth}) {
    if (first[axis] != Shape::unknown) out[axis] = first[axis] * scale;
  }
  for (int i = 1; i < shapes.inputs(); ++i) {
    const Shape& src = shapes.in(i);
    shapes.set_in(
        i, {out[kBatch], sums(shapes.attributes()) ? out[kChannels] : Shape::unknown, Shape::unknown, Shape::unknown});
    check_repeats(shapes, out, i);
    if (sums(shapes.attributes())) continue;
    const bool known = out[kChannels] != Shape::unknown && src[kChannels] != Shape::unknown;
    out[kChannels] = known ? out[kChannels] + src[kChannels] : Shape::unknown;
  }
  shapes.set_out(0, out);
}

/// One input and where it goes: the channel of the result its own first one becomes, and how often it is repeated.
struct Repeated {
  std::int64_t channels, height, width, first_channel, rows, columns;
};

template <class T>
void repeat_nearest(const std::vector<Repeated>& inputs, const Shape& out, bool sum, const Operands& operands) {
  T* dst = operands.out<T>();
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    const auto& [channels, height, width, first_channel, rows, columns] = inputs[input];
    const T* src = operands.in<T>(static_cast<int>(input));
    for (std::int64_t plane = 0; plane < out[kBatch] * channels; ++plane) {
      const std::int64_t n = plane / channels, c = first_channel + plane % channels;
      for (std::int64_t y = 0; y < out[kHeight]; ++y) {
        for (std::int64_t x = 0; x < out[kWidth]; ++x) {
          const T value = src[(plane * height + y / rows) * width + x / columns];
          T& result = dst[((n * out[kChannels] + c) * out[kHeight] + y) * out[kWidth] + x];
          result = sum && input > 0 ? store<T>(load(result) + load(value)) : value;
        }
      }
    }
  }
}

Kernel make_nearest(const OpCall& call) {
  const bool sum = sums(call.attributes());
  const Shape out = call.shape_out();
  std::vector<Repeated> inputs;
  std::int64_t first_channel = 0;
  for (const TensorType& input : call.inputs) {
    const Shape& src = input.shape;
    if (src.elements() == 0)
      call.refuse(ErrorCode::invalid_argument, "an input of shape {} has no elements", src.str());
    inputs.push_back({src[kChannels], src[kHeight], src[kWidth], first_channel, out[kHeight] / src[kHeight],
                      out[kWidth] / src[kWidth]});
    if (!sum) first_channel += src[kChannels];
  }
  return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
    return Kernel{[inputs, out, sum](const Operands& operands) { repeat_nearest<T>(inputs, out, sum, operands); }};
  });
}

// Bilinear: a deconvolution of each channel by its own kernel, which the checkpoint holds.

SlidingWindow bilinear_window(std::int64_t scale) {
  const std::int64_t kernel = 2 * scale - scale % 2, pad = scale / 2;
  return {.rank = 2, .kernel = {1, kernel, kernel}, .stride = {1, scale, scale}, .pad = {0, pad, pad}};
}

void infer_bilinear(ShapeInference& shapes) {
  const std::int64_t scale = shapes.attributes().integer("scale");
  const std::int64_t filters = shapes.attributes().integer("num_filter");
  if (filters < 1) shapes.refuse("num_filter={} must be the number of channels of 'data'", filters);
  const std::int64_t kernel = bilinear_window(scale).kernel[1];
  require_images(shapes, 0);
  shapes.set_in(1, {filters, 1, kernel, kernel});
  shapes.set_in(0, {Shape::unknown, filters, Shape::unknown, Shape::unknown});
  Shape out = shapes.in(0);
  for (const int axis : {kHeight, kWidth}) {
    if (out[axis] != Shape::unknown) out[axis] *= scale;
  }
  shapes.set_out(0, out);
}

Kernel make_bilinear(const OpCall& call) {
  ConvolutionProblem problem;
  problem.window = bilinear_window(call.attributes().integer("scale"));
  problem.batch = call.shape_in(0)[kBatch];
  problem.groups = problem.src_channels = problem.dst_channels = call.shape_in(0)[kChannels];
  problem.src = spatial_extent(call.shape_in(0), {});
  problem.dst = spatial_extent(call.shape_out(), {});
  return deconvolution_kernel(call.dtype_in(0), problem);
}

bool is_bilinear(const Attributes& attributes) {
  return attributes.text("sample_type") == "bilinear";
}

Op upsampling() {
  Op op;
  op.name = "UpSampling";
  op.doc =
      "nearest: every pixel repeated scale times, inputs joined by channel or summed; bilinear: a deconvolution by "
      "`weight`.";
  op.inputs = [](const Attributes& attributes) {
    return is_bilinear(attributes) ? std::vector<std::string>{"data", "weight"} : counted()(attributes);
  };
  op.attributes = {integer("scale").at_least(1).at_most(1000),
                   integer("num_filter").or_else(0).at_least(0).at_most(INT32_MAX),
                   choice("sample_type", {"nearest", "bilinear"}),
                   choice("multi_input_mode", {"concat", "sum"}).or_else("concat"),
                   integer("num_args").at_least(1),
                   integer("workspace").or_else(512).at_least(0)};
  op.infer_shape = [](ShapeInference& shapes) {
    is_bilinear(shapes.attributes()) ? infer_bilinear(shapes) : infer_nearest(shapes);
  };
  op.reference = [](const OpCall& call) {
    return is_bilinear(call.attributes()) ? make_bilinear(call) : make_nearest(call);
  };
  return op;
}

// Crop.

/// Height and width of the result: those of the second input or, where there is none, h_w.
std::array<std::int64_t, 2> crop_size(const ShapeInference& shapes) {
  if (shapes.inputs() > 1) {
    const Shape& like = shapes.in(1);
    return like.has_rank() ? std::array{like[kHeight], like[kWidth]} : std::array{Shape::unknown, Shape::unknown};
  }
  const auto size = shapes.attributes().ints("h_w");
  return {size[0], size[1]};
}

std::array<std::int64_t, 2> crop_offset(const Attributes& attributes, const Shape& data, const Shape& out) {
  if (attributes.flag("center_crop")) return {(data[kHeight] - out[kHeight]) / 2, (data[kWidth] - out[kWidth]) / 2};
  const auto offset = attributes.ints("offset");
  return {offset[0], offset[1]};
}

void check_pair(const ShapeInference& shapes, const char* name) {
  const IntTuple& items = shapes.attributes().tuple(name);
  const auto legal = [](const auto& item) { return item && *item >= 0 && *item <= INT32_MAX; };
  if (items.size() != 2 || !std::all_of(items.begin(), items.end(), legal)) {
    shapes.refuse("attribute {}={} must have two numbers, for height and width, none negative", name,
                  format_attribute(items));
  }
}

void infer_crop(ShapeInference& shapes) {
  check_pair(shapes, "h_w");
  check_pair(shapes, "offset");
  for (int i = 0; i < shapes.inputs(); ++i) require_images(shapes, i);
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return;
  const auto size = crop_size(shapes);
  shapes.set_out(0, {data[kBatch], data[kChannels], size[0], size[1]});
  if (!data.is_known() || !shapes.out().is_known()) return;
  const auto offset = crop_offset(shapes.attributes(), data, shapes.out());
  for (const int axis : {kHeight, kWidth}) {
    const std::size_t i = axis == kHeight ? 0 : 1;
    if (size[i] < 1 || offset[i] < 0 || offset[i] + size[i] > data[axis]) {
      shapes.refuse("{} elements from {} on are to be cut from axis {} of 'data' {}, which has {}", size[i], offset[i],
                    axis, data.str(), data[axis]);
    }
  }
}

Kernel make_crop(const OpCall& call) {
  const Shape &data = call.shape_in(0), &out = call.shape_out();
  const auto offset = crop_offset(call.attributes(), data, out);
  StridedCopy window;
  window.axes = {{out.elements(0, 2), data.elements(2, 4), out.elements(2, 4)},
                 {out[kHeight], data[kWidth], out[kWidth]},
                 {out[kWidth], 1, 1}};
  window.src_offset = offset[0] * data[kWidth] + offset[1];
  return copy_kernel(call, window);
}

Op crop() {
  Op op;
  op.name = "Crop";
  op.doc =
      "Cuts a window of size h_w, or of the second input's size, at `offset` or from the middle. Not `crop`, which is "
      "slice.";
  op.inputs = counted();
  op.attributes = {integer("num_args").at_least(1).at_most(2), ints("offset").or_else(IntTuple{0, 0}),
                   ints("h_w").or_else(IntTuple{0, 0}), boolean("center_crop").or_else(false)};
  op.infer_shape = infer_crop;
  op.reference = make_crop;
  return op;
}

}  // namespace

std::vector<Op> upsampling_ops() {
  return {upsampling(), crop()};
}

}  // namespace tenon
