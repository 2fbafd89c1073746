// Images: resampling, and what Gluon's transforms export.

#include <array>

#include "backends/cuda/kernel_text.h"
#include "backends/cuda/plain/families.h"
#include "backends/cuda/runtime/memory.h"
#include "backends/cuda/runtime/module.h"
#include "graph/graph.h"

namespace tenon::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::size_t kMostChannels = 16;

GpuFunction kernel_of(const StepRequest& request, const std::string& name) {
  const DType dtype = request.call.dtype_in(0);
  return GpuFunction::get(device_of(request.memory),
                          typed_text({{"T", type_name(dtype)}, {"R", dtype == DType::float64 ? "double" : "float"}},
                                     "resample", {{"MOST_CHANNELS", std::to_string(kMostChannels)}}),
                          name);
}

/// One thread an element of the result.
template <class Geometry>
Offer element_plan(const StepRequest& request, const std::string& kernel, const Geometry& geometry) {
  StepPlan plan;
  plan.kernel.run = [function = kernel_of(request, kernel), g = geometry,
                     count = request.call.shape_out().elements()](const Operands& at) {
    launch(function, at.stream, grid_size(count, kThreads), kThreads, g, at.dst[0], at.src[0]);
  };
  return plan;
}

// Planes: (N, C, H, W).

struct PlaneGeometry {
  std::int64_t planes, height, width, dst_height, dst_width;
  int align_corners = 0;
  float scale_y = 0, scale_x = 0;
};

PlaneGeometry plane_geometry(const OpCall& call) {
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  return {src[0] * src[1], src[2], src[3], dst[2], dst[3]};
}

Offer offer_bilinear_resize(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  PlaneGeometry g = plane_geometry(request.call);
  const bool corners = request.call.attributes().flag("align_corners");
  const auto scale = [&](std::int64_t src, std::int64_t dst) {
    if (dst <= 1) return 0.0f;
    return corners ? static_cast<float>(src - 1) / static_cast<float>(dst - 1)
                   : static_cast<float>(src) / static_cast<float>(dst);
  };
  g.align_corners = corners ? 1 : 0;
  g.scale_y = scale(g.height, g.dst_height);
  g.scale_x = scale(g.width, g.dst_width);
  return element_plan(request, "bilinear_resize", g);
}

Offer offer_adaptive_pool(const StepRequest& request) {
  const Conditions conditions = floating_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  return element_plan(request, "adaptive_pool", plane_geometry(request.call));
}

struct RepeatGeometry {
  std::int64_t batch, channels, height, width;
  std::int64_t dst_channels, dst_height, dst_width, first_channel;
  int adds;
};

Offer offer_upsampling(const StepRequest& request) {
  const OpCall& call = request.call;
  Conditions conditions = floating_conditions(call);
  conditions.require(call.attributes().text("sample_type") == "nearest", "sample_type=bilinear is a deconvolution");
  if (conditions.refuse()) return conditions.reason();
  const bool sums = call.attributes().text("multi_input_mode") == "sum";
  const Shape& dst = call.shape_out();
  std::vector<RepeatGeometry> parts;
  std::int64_t first_channel = 0;
  for (const TensorType& input : call.inputs) {
    const Shape& src = input.shape;
    parts.push_back(
        {src[0], src[1], src[2], src[3], dst[1], dst[2], dst[3], first_channel, sums && !parts.empty() ? 1 : 0});
    if (!sums) first_channel += src[1];
  }
  StepPlan plan;
  plan.kernel.run = [parts, kernel = kernel_of(request, "repeat_nearest")](const Operands& at) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const RepeatGeometry& g = parts[i];
      launch(kernel, at.stream, grid_size(g.batch * g.channels * g.dst_height * g.dst_width, kThreads), kThreads, g,
             at.dst[0], at.src[i]);
    }
  };
  return plan;
}

// Pixels: (…, H, W, C).

struct PixelGeometry {
  std::int64_t images, height, width, channels, dst_height, dst_width;
  std::int64_t top = 0, left = 0;
  int step_y = 1, step_x = 1, bilinear = 0;
};

PixelGeometry pixel_geometry(const OpCall& call) {
  const Shape &src = call.shape_in(0), &dst = call.shape_out();
  const int y = src.rank() - 3;
  return {src.elements(0, y), src[y], src[y + 1], src[y + 2], dst[y], dst[y + 1]};
}

Offer offer_place(const StepRequest& request) {
  const Conditions conditions = filled_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  PixelGeometry g = pixel_geometry(request.call);
  const auto name = request.call.node.op_name();
  if (name == "_image_crop") {
    g.top = request.call.attributes().integer("y");
    g.left = request.call.attributes().integer("x");
  } else if (name == "_image_flip_top_bottom") {
    g.top = g.height - 1;
    g.step_y = -1;
  } else {
    g.left = g.width - 1;
    g.step_x = -1;
  }
  return element_plan(request, "image_place", g);
}

Offer offer_to_tensor(const StepRequest& request) {
  const Conditions conditions = filled_conditions(request.call);
  if (conditions.refuse()) return conditions.reason();
  const Shape& src = request.call.shape_in(0);
  const int y = src.rank() - 3;
  const PixelGeometry g{src.elements(0, y), src[y], src[y + 1], src[y + 2], src[y], src[y + 1]};
  return element_plan(request, "image_to_tensor", g);
}

Offer offer_image_resize(const StepRequest& request) {
  const OpCall& call = request.call;
  const std::int64_t interp = call.attributes().integer("interp");
  const DType dtype = call.dtype_in(0);
  Conditions conditions = filled_conditions(call);
  conditions.require(interp == 0 || interp == 1, "interp={} is neither nearest nor bilinear", interp);
  conditions.require(dtype == DType::float32 || dtype == DType::float64 || dtype == DType::uint8,
                     "the data are {}, not float32, float64 or uint8", name(dtype));
  if (conditions.refuse()) return conditions.reason();
  PixelGeometry g = pixel_geometry(call);
  g.bilinear = interp == 1 ? 1 : 0;
  return element_plan(request, "image_resize", g);
}

struct NormalizeGeometry {
  std::int64_t count, plane;
  int channels;
  std::array<float, kMostChannels> mean, deviation;
};

Offer offer_image_normalize(const StepRequest& request) {
  const OpCall& call = request.call;
  const Shape& src = call.shape_in(0);
  Conditions conditions = floating_conditions(call);
  const std::int64_t channels = src[src.rank() - 3];
  conditions.require(channels <= static_cast<std::int64_t>(kMostChannels), "there are {} channels, more than {}",
                     channels, kMostChannels);
  if (conditions.refuse()) return conditions.reason();
  NormalizeGeometry g{src.elements(), src.elements(src.rank() - 2, src.rank()), static_cast<int>(channels), {}, {}};
  const auto fill = [&](std::array<float, kMostChannels>& values, const char* name) {
    const auto& given = call.attributes().reals(name);
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
      values[c] = static_cast<float>(given.size() == 1 ? given[0] : given[c]);
    }
  };
  fill(g.mean, "mean");
  fill(g.deviation, "std");
  return element_plan(request, "image_normalize", g);
}

}  // namespace

std::vector<Implementation> resample_implementations() {
  return {{"cuda:resize", {"_contrib_BilinearResize2D"}, offer_bilinear_resize},
          {"cuda:adaptive_pool", {"_contrib_AdaptiveAvgPooling2D"}, offer_adaptive_pool},
          {"cuda:upsampling", {"UpSampling"}, offer_upsampling},
          {"cuda:image", {"_image_crop", "_image_flip_left_right", "_image_flip_top_bottom"}, offer_place},
          {"cuda:image", {"_image_to_tensor"}, offer_to_tensor},
          {"cuda:image", {"_image_resize"}, offer_image_resize},
          {"cuda:image", {"_image_normalize"}, offer_image_normalize}};
}

}  // namespace tenon::cuda
