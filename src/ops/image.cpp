// Images as (height, width, channel), alone or in a batch: what Gluon's transforms export.

#include <cmath>

#include "core/dispatch.h"
#include "ops/registry.h"
#include "ops/sampling.h"

namespace tenon {
namespace {

/// False while the rank is unknown; an image has 3 dimensions, a batch of images 4.
bool has_image(const ShapeInference& shapes) {
  const Shape& data = shapes.in(0);
  if (!data.has_rank()) return false;
  if (data.rank() != 3 && data.rank() != 4) {
    shapes.refuse("'data' has shape {}, but an image of 3 dimensions or a batch of 4 is expected", data.str());
  }
  return true;
}

/// The batch, height, width and channels of (…, H, W, C).
struct Images {
  explicit Images(const Shape& shape)
      : count(shape.elements(0, shape.rank() - 3)),
        height(shape[shape.rank() - 3]),
        width(shape[shape.rank() - 2]),
        channels(shape[shape.rank() - 1]) {}
  std::int64_t at(std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) const {
    return ((n * height + y) * width + x) * channels + c;
  }
  std::int64_t count, height, width, channels;
};

/// dst at every place of `images`: place(n, y, x, c) gives the element.
template <class T, class Place>
void fill(T* dst, const Images& images, Place place) {
  for (std::int64_t n = 0; n < images.count; ++n) {
    for (std::int64_t y = 0; y < images.height; ++y) {
      for (std::int64_t x = 0; x < images.width; ++x) {
        for (std::int64_t c = 0; c < images.channels; ++c) *dst++ = place(n, y, x, c);
      }
    }
  }
}

Op to_tensor() {
  Op op;
  op.name = "_image_to_tensor";
  op.aliases = {"_npx__image_to_tensor"};
  op.doc = "(H, W, C) to float32 (C, H, W), divided by 255.";
  op.infer_shape = [](ShapeInference& shapes) {
    if (!has_image(shapes)) return;
    const Shape& data = shapes.in(0);
    const int r = data.rank();
    std::vector<std::int64_t> dims(data.begin(), data.end() - 3);
    dims.insert(dims.end(), {data[r - 1], data[r - 3], data[r - 2]});
    shapes.set_out(0, Shape(std::move(dims)));
  };
  op.infer_type = [](TypeInference& types) { types.set_out(0, DType::float32); };
  op.reference = [](const OpCall& call) {
    return dispatch(call.dtype_in(0), [&]<class T>() {
      return Kernel{[images = Images(call.shape_in(0))](const Operands& operands) {
        float* dst = operands.out<float>();
        for (std::int64_t n = 0; n < images.count; ++n) {
          for (std::int64_t c = 0; c < images.channels; ++c) {
            for (std::int64_t i = 0; i < images.height * images.width; ++i) {
              const auto value = load(operands.in<T>(0)[images.at(n, 0, i, c)]);
              *dst++ = static_cast<float>(value) / 255.0f;
            }
          }
        }
      }};
    });
  };
  return op;
}

Op normalize() {
  Op op;
  op.name = "_image_normalize";
  op.aliases = {"_npx__image_normalize"};
  op.doc = "(x - mean) / std, by channel of (C, H, W).";
  op.attributes = {reals("mean").or_else(std::vector<double>{0, 0, 0, 0}),
                   reals("std").or_else(std::vector<double>{1, 1, 1, 1})};
  op.infer_shape = [](ShapeInference& shapes) {
    same_shape(shapes);
    if (!has_image(shapes)) return;
    const std::int64_t channels = shapes.in(0)[shapes.in(0).rank() - 3];
    for (const char* name : {"mean", "std"}) {
      const std::size_t given = shapes.attributes().reals(name).size();
      if (given == 0 || (given != 1 && channels != Shape::unknown && given < static_cast<std::size_t>(channels))) {
        shapes.refuse("{} has {} items, but 1 or one for each of {} channels is expected", name, given, channels);
      }
    }
  };
  op.reference = [](const OpCall& call) {
    return dispatch_float(call.dtype_in(0), call.node.op_name(), [&]<class T>() {
      const Shape& shape = call.shape_in(0);
      const auto by_channel = [&](const char* name) {
        const auto& given = call.attributes().reals(name);
        std::vector<float> values;
        for (std::int64_t c = 0; c < shape[shape.rank() - 3]; ++c) {
          values.push_back(static_cast<float>(given.size() == 1 ? given[0] : given[static_cast<std::size_t>(c)]));
        }
        return values;
      };
      return Kernel{[mean = by_channel("mean"), deviation = by_channel("std"), count = shape.elements(),
                     plane = shape.elements(shape.rank() - 2, shape.rank())](const Operands& operands) {
        for (std::int64_t i = 0; i < count; ++i) {
          const std::size_t c = static_cast<std::size_t>(i / plane) % mean.size();
          operands.out<T>()[i] = store<T>((load(operands.in<T>(0)[i]) - mean[c]) / deviation[c]);
        }
      }};
    });
  };
  return op;
}

/// A copy of places of the source: `source` maps a place (y, x) of the result to one of the source.
template <class Source>
Kernel make_copy(const OpCall& call, Source source) {
  return dispatch(call.dtype_in(0), [&]<class T>() {
    return Kernel{[in = Images(call.shape_in(0)), out = Images(call.shape_out()), source](const Operands& operands) {
      fill(operands.out<T>(), out, [&](std::int64_t n, std::int64_t y, std::int64_t x, std::int64_t c) {
        const auto [row, column] = source(y, x);
        return operands.in<T>(0)[in.at(n, row, column, c)];
      });
    }};
  });
}

Op crop() {
  Op op;
  op.name = "_image_crop";
  op.aliases = {"_npx__image_crop"};
  op.doc = "The height x width pixels whose top left corner is (y, x).";
  op.attributes = {integer("x").at_least(0), integer("y").at_least(0), integer("width").at_least(1),
                   integer("height").at_least(1)};
  op.infer_shape = [](ShapeInference& shapes) {
    if (!has_image(shapes)) return;
    const Attributes& attributes = shapes.attributes();
    Shape dst = shapes.in(0);
    const auto cut = [&](int axis, const char* start, const char* size) {
      const std::int64_t first = attributes.integer(start), count = attributes.integer(size);
      if (dst[axis] != Shape::unknown && (first > dst[axis] || count > dst[axis] - first)) {
        shapes.refuse("{} {} and {} {} reach beyond the {} pixels of 'data' {} along axis {}", start, first, size,
                      count, dst[axis], shapes.in(0).str(), axis);
      }
      dst[axis] = count;
    };
    cut(dst.rank() - 3, "y", "height");
    cut(dst.rank() - 2, "x", "width");
    shapes.set_out(0, dst);
  };
  op.reference = [](const OpCall& call) {
    return make_copy(call, [top = call.attributes().integer("y"), left = call.attributes().integer("x")](
                               std::int64_t y, std::int64_t x) { return std::pair(top + y, left + x); });
  };
  return op;
}

Op flip(std::string name, std::string doc, bool rows) {
  Op op;
  op.aliases = {"_npx_" + name};
  op.name = std::move(name);
  op.doc = std::move(doc);
  op.infer_shape = [](ShapeInference& shapes) {
    same_shape(shapes);
    has_image(shapes);
  };
  op.reference = [rows](const OpCall& call) {
    return make_copy(call, [rows, images = Images(call.shape_in(0))](std::int64_t y, std::int64_t x) {
      return rows ? std::pair(images.height - 1 - y, x) : std::pair(y, images.width - 1 - x);
    });
  };
  return op;
}

}  // namespace

std::vector<Op> image_ops() {
  return {to_tensor(), normalize(), crop(), flip("_image_flip_left_right", "The image mirrored left to right.", false),
          flip("_image_flip_top_bottom", "The image turned upside down.", true)};
}

}  // namespace tenon
