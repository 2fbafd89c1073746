// Deformable convolution: every tap of the kernel is moved by a learnt offset and sampled bilinearly.

#include <cmath>

#include "core/dispatch.h"
#include "ops/deformable.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

void check_parameters(const ShapeInference& shapes, const DeformableParameters& p) {
  const Attributes& attributes = shapes.attributes();
  if (const auto rank = attributes.ints("kernel").size(); rank != 2) {
    shapes.refuse("kernel has {} items, but (y, x) is expected", rank);
  }
  struct Bound {
    const char* name;
    DeformableParameters::Pair value;
    std::int64_t least;
  };
  constexpr std::int64_t most = 1 << 20;
  for (const Bound& bound : {Bound{"kernel", p.kernel, 1}, Bound{"stride", p.stride, 1}, Bound{"dilate", p.dilate, 1},
                             Bound{"pad", p.pad, 0}}) {
    const auto [low, high] = std::minmax(bound.value.y, bound.value.x);
    if (low < bound.least || high > most) {
      shapes.refuse("{} is ({}, {}), but numbers from {} to {} are expected", bound.name, bound.value.y, bound.value.x,
                    bound.least, most);
    }
  }
  if (p.filters % p.groups != 0) shapes.refuse("num_filter {} is no multiple of num_group {}", p.filters, p.groups);
  if (p.modulated && p.filters % p.deformable_groups != 0) {
    shapes.refuse("num_filter {} is no multiple of num_deformable_group {}", p.filters, p.deformable_groups);
  }
}

/// The length of the result along one axis.
std::int64_t length(const ShapeInference& shapes, int axis, std::int64_t src, std::int64_t kernel, std::int64_t stride,
                    std::int64_t dilate, std::int64_t pad) {
  if (src == Shape::unknown) return Shape::unknown;
  const std::int64_t padded = src + 2 * pad, reach = dilate * (kernel - 1) + 1;
  if (reach > padded) {
    shapes.refuse("the kernel reaches over {} pixels along axis {}, but 'data' of shape {} has {} with its padding",
                  reach, axis, shapes.in(0).str(), padded);
  }
  return (padded - reach) / stride + 1;
}

void infer_deformable_shape(ShapeInference& shapes, bool modulated) {
  const DeformableParameters p(shapes.attributes(), modulated);
  check_parameters(shapes, p);
  if (!has_rank(shapes, 0, 4, "(batch, channel, y, x)")) return;
  const Shape data = shapes.in(0);
  const std::int64_t channels = data[1];
  if (channels != Shape::unknown && (channels % p.groups != 0 || channels % p.deformable_groups != 0)) {
    shapes.refuse("'data' has {} channels, which is no multiple of num_group {} and num_deformable_group {}", channels,
                  p.groups, p.deformable_groups);
  }
  const std::int64_t height = length(shapes, 2, data[2], p.kernel.y, p.stride.y, p.dilate.y, p.pad.y);
  const std::int64_t width = length(shapes, 3, data[3], p.kernel.x, p.stride.x, p.dilate.x, p.pad.x);
  const std::int64_t shifts = Shape{p.deformable_groups, p.kernel.y, p.kernel.x}.elements();
  shapes.set_in(1, Shape{data[0], 2 * shifts, height, width});
  if (modulated) shapes.set_in(2, Shape{data[0], shifts, height, width});
  shapes.set_in(p.weight_input(),
                Shape{p.filters, channels == Shape::unknown ? channels : channels / p.groups, p.kernel.y, p.kernel.x});
  if (p.bias) shapes.set_in(p.weight_input() + 1, Shape{p.filters});
  shapes.set_out(0, Shape{data[0], p.filters, height, width});
}

template <class T>
class DeformableConvolution {
 public:
  DeformableConvolution(const OpCall& call, bool modulated)
      : p_(call.attributes(), modulated), in_(call.shape_in(0)), out_(call.shape_out()) {}

  void operator()(const Operands& operands) const {
    T* dst = operands.out<T>();
    const std::int64_t inputs = in_[1] / p_.groups, outputs = p_.filters / p_.groups;
    for (std::int64_t i = 0; i < out_.elements(); ++i) {
      const std::int64_t x = i % out_[3], y = i / out_[3] % out_[2], filter = i / out_[3] / out_[2] % p_.filters;
      const std::int64_t n = i / out_[3] / out_[2] / p_.filters;
      A sum = p_.bias ? load(operands.in<T>(p_.weight_input() + 1)[filter]) : A{0};
      for (std::int64_t c = 0; c < inputs; ++c) {
        const T* weight = operands.in<T>(p_.weight_input()) + (filter * inputs + c) * p_.taps();
        for (std::int64_t tap = 0; tap < p_.taps(); ++tap) {
          sum += load(weight[tap]) * sample(operands, n, filter / outputs * inputs + c, tap, y, x);
        }
      }
      dst[i] = store<T>(sum);
    }
  }

 private:
  using A = arithmetic_t<T>;

  /// The value that one tap of the kernel reads for the result at (y, x).
  A sample(const Operands& operands, std::int64_t n, std::int64_t channel, std::int64_t tap, std::int64_t y,
           std::int64_t x) const {
    const std::int64_t group = n * p_.deformable_groups + channel * p_.deformable_groups / in_[1];
    const std::int64_t pixels = out_[2] * out_[3], at = y * out_[3] + x;
    const T* offset = operands.in<T>(1) + (group * p_.taps() + tap) * 2 * pixels + at;
    const std::int64_t tap_y = tap / p_.kernel.x, tap_x = tap % p_.kernel.x;
    const A row = static_cast<A>(y * p_.stride.y - p_.pad.y + tap_y * p_.dilate.y) + load(offset[0]);
    const A column = static_cast<A>(x * p_.stride.x - p_.pad.x + tap_x * p_.dilate.x) + load(offset[pixels]);
    const Plane<T> plane{operands.in<T>(0) + (n * in_[1] + channel) * in_[2] * in_[3], in_[2], in_[3]};
    const A height = static_cast<A>(in_[2]), width = static_cast<A>(in_[3]);
    // The plain form clamps at the last pixel and drops what lies before the first; the modulated one fades to zero.
    if (!p_.modulated) {
      return row >= 0 && column >= 0 && row < height && column < width ? bilinear_clamped(plane, row, column) : A{0};
    }
    if (!(row > -1 && column > -1 && row < height && column < width)) return A{0};
    return bilinear_or_zero(plane, row, column) * load(operands.in<T>(2)[(group * p_.taps() + tap) * pixels + at]);
  }

  DeformableParameters p_;
  Shape in_, out_;
};

Op deformable(std::string name, bool modulated, std::string doc) {
  Op op;
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.inputs = modulated ? unless_last("no_bias", {"data", "offset", "mask", "weight", "bias"})
                        : unless_last("no_bias", {"data", "offset", "weight", "bias"});
  op.attributes = {
      ints("kernel"),
      ints("stride").or_else(IntTuple{}),
      ints("dilate").or_else(IntTuple{}),
      ints("pad").or_else(IntTuple{}),
      integer("num_filter").at_least(1).at_most(1 << 24),
      integer("num_group").or_else(1).at_least(1),
      integer("num_deformable_group").or_else(1).at_least(1).at_most(1 << 15),
      integer("workspace").or_else(1024).at_least(0),
      boolean("no_bias").or_else(false),
      choice("layout", {"NCW", "NCHW", "NCDHW"}).or_none(),
  };
  if (modulated) op.attributes.push_back(integer("im2col_step").or_else(64).at_least(1));
  op.infer_shape = [modulated](ShapeInference& shapes) { infer_deformable_shape(shapes, modulated); };
  op.reference = [modulated](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(),
                          [&]<class T>() { return Kernel{DeformableConvolution<T>(call, modulated)}; });
  };
  return op;
}

}  // namespace

std::vector<Op> deformable_ops() {
  return {
      deformable("_contrib_DeformableConvolution", false,
                 "Convolution whose taps are moved by 'offset' (N, 2 · groups · taps, y, x), y before x."),
      deformable("_contrib_ModulatedDeformableConvolution", true, "The same with every tap multiplied by 'mask'."),
  };
}

}  // namespace tenon
