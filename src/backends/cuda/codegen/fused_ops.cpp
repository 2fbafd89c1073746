#include "backends/cuda/codegen/fused_ops.h"

#include <algorithm>
#include <array>

#include "graph/inference.h"
#include "passes/primitives.h"

namespace tenon::cuda {
namespace {

int operands_of(const Attributes& attributes, std::string_view epilogue) {
  return operand_count(parse_expressions(attributes.text(epilogue)));
}

std::vector<std::string> operand_names(std::vector<std::string> names, const Attributes& attributes,
                                       std::string_view epilogue) {
  const int count = operands_of(attributes, epilogue);
  for (int k = 0; k < count; ++k) names.push_back(std::string(epilogue) + "_operand" + std::to_string(k));
  return names;
}

std::vector<std::string> output_names(const Attributes& attributes, bool side) {
  std::vector<std::string> names;
  const std::size_t count = parse_expressions(attributes.text("epilogue")).size();
  for (std::size_t i = 0; i < count; ++i) names.push_back("output" + std::to_string(i));
  if (side) names.push_back("side");
  return names;
}

/// The side convolution reads the middle of each window.
void infer_pair(ShapeInference& shapes) {
  const Shape out = convolved_shape(shapes);
  if (!out.has_rank()) return;
  const Shape weight = shapes.in(1);
  const IntTuple &kernel = shapes.attributes().tuple("kernel"), &pad = shapes.attributes().tuple("pad_begin");
  if (out.rank() != 4 || shapes.in(0)[1] != weight[1] || kernel.size() != 2 || pad.size() != 2) {
    shapes.refuse("a convolution of {} by {} takes none along", shapes.in(0).str(), weight.str());
  }
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (*pad[axis] != *kernel[axis] / 2) shapes.refuse("its windows are not around the points of the side's");
  }
  shapes.set_in(2, Shape{weight[0], weight[1], 1, 1});
  set_outputs(shapes, out, 3, 1);
}

void infer_pool(ShapeInference& shapes) {
  Shape out = convolved_shape(shapes);
  if (!out.has_rank()) return;
  if (out.rank() != 4 || out[2] % 2 != 0 || out[3] % 2 != 0) shapes.refuse("{} are no pairs of pixels", out.str());
  out[2] /= 2;
  out[3] /= 2;
  set_outputs(shapes, out, 2, 1);
}

constexpr const char* kStemGeometry[] = {"kernel",      "stride",      "pad",      "conv_size",
                                         "pool_kernel", "pool_stride", "pool_pad", "size"};

/// Two numbers of a stem's geometry.
std::array<std::int64_t, 2> stem_pair(const ShapeInference& shapes, const char* name, std::int64_t least) {
  const IntTuple& items = shapes.attributes().tuple(name);
  const std::int64_t most = std::string_view(name).ends_with("size") ? INT32_MAX : 1 << 15;  // windows' products fit
  const auto legal = [&](const auto& item) { return item && *item >= least && *item <= most; };
  if (items.size() != 2 || !std::ranges::all_of(items, legal)) {
    shapes.refuse("attribute {}={} must have two numbers from {} on", name, format_attribute(items), least);
  }
  return {*items[0], *items[1]};
}

/// Refuses windows of which the last begins behind the data.
void check_stem_windows(const ShapeInference& shapes, std::string_view what, std::array<std::int64_t, 2> src,
                        std::array<std::int64_t, 2> dst, std::array<std::int64_t, 2> stride,
                        std::array<std::int64_t, 2> pad) {
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if ((dst[axis] - 1) * stride[axis] - pad[axis] >= src[axis]) {
      shapes.refuse("{} windows of {} do not fit {} elements", dst[axis], what, src[axis]);
    }
  }
}

void infer_stem(ShapeInference& shapes) {
  const Shape data = shapes.in(0), weight = shapes.in(1);
  if (!data.is_known() || !weight.is_known()) return;
  if (data.rank() != 4) shapes.refuse("the data has {} axes, not four", data.rank());
  const auto kernel = stem_pair(shapes, "kernel", 1), conv = stem_pair(shapes, "conv_size", 1);
  const auto size = stem_pair(shapes, "size", 1);
  stem_pair(shapes, "pool_kernel", 1);
  check_stem_windows(shapes, "the convolution", {data[2], data[3]}, conv, stem_pair(shapes, "stride", 1),
                     stem_pair(shapes, "pad", 0));
  check_stem_windows(shapes, "the pool", conv, size, stem_pair(shapes, "pool_stride", 1),
                     stem_pair(shapes, "pool_pad", 0));
  shapes.set_in(1, Shape{Shape::unknown, data[1], kernel[0], kernel[1]});
  const int operands = operands_of(shapes.attributes(), "conv_epilogue");
  for (int k = 0; k < operands; ++k) shapes.set_in(2 + k, Shape{weight[0]});
  set_outputs(shapes, Shape{data[0], weight[0], size[0], size[1]}, 2 + operands, 1);
}

}  // namespace

const Op& convolution_pool_op() {
  static const Op op = [] {
    Op pool = *primitives().find("convolution");
    pool.name = "convolution_pool";
    pool.infer_shape = infer_pool;
    pool.reference = nullptr;
    return pool;
  }();
  return op;
}

const Op& convolution_pair_op() {
  static const Op op = [] {
    Op pair = *primitives().find("convolution");
    pair.name = "convolution_pair";
    pair.inputs = [](const Attributes& attributes) {
      return operand_names({"data", "weight", "side_weight"}, attributes, "epilogue");
    };
    pair.outputs = [](const Attributes& attributes) { return output_names(attributes, true); };
    pair.infer_shape = infer_pair;
    pair.reference = nullptr;
    return pair;
  }();
  return op;
}

const Op& stem_op() {
  static const Op op = [] {
    Op stem = *primitives().find("pointwise");
    stem.name = "stem";
    stem.attributes.push_back(text("conv_epilogue").or_else("x"));
    for (const char* name : kStemGeometry) stem.attributes.push_back(ints(name).or_else(IntTuple{}));
    stem.inputs = [](const Attributes& attributes) {
      return operand_names(operand_names({"data", "weight"}, attributes, "conv_epilogue"), attributes, "epilogue");
    };
    stem.outputs = [](const Attributes& attributes) { return output_names(attributes, false); };
    stem.infer_shape = infer_stem;
    stem.reference = nullptr;
    return stem;
  }();
  return op;
}

std::vector<const Op*> fused_ops() {
  return {&convolution_pair_op(), &convolution_pool_op(), &stem_op()};
}

}  // namespace tenon::cuda
