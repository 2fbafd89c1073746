#include "image.h"

#include <cmath>
#include <filesystem>
#include <memory>

#include <stb_image.h>
#include <stb_image_resize.h>

#include "core/error.h"

namespace tenon::cli {
namespace {

constexpr int kMaxSide = 1 << 15;

/// Rows of interleaved 8-bit channels.
struct Picture {
  int height, width, channels;
  std::vector<std::uint8_t> pixels;
};

Picture load(const std::string& file, int channels) {
  if (!std::filesystem::exists(file)) fail(ErrorCode::not_found, "there is no file {}", file);
  int width = 0, height = 0, stored = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(stbi_load(file.c_str(), &width, &height, &stored, channels),
                                                         stbi_image_free);
  if (!pixels) fail(ErrorCode::corrupt, "{} cannot be read as a picture: {}", file, stbi_failure_reason());
  const auto count =
      static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(channels);
  return {height, width, channels, std::vector<std::uint8_t>(pixels.get(), pixels.get() + count)};
}

/// Scaled so that the short side has `side` pixels; the filter averages where it shrinks.
Picture resize_short_side(const Picture& src, int side) {
  const double factor = static_cast<double>(side) / std::min(src.height, src.width);
  if (factor * std::max(src.height, src.width) > kMaxSide) {
    fail(ErrorCode::unsupported, "a picture of {}x{} is too long to scale its short side to {}", src.height, src.width,
         side);
  }
  Picture dst{static_cast<int>(std::lround(src.height * factor)),
              static_cast<int>(std::lround(src.width * factor)),
              src.channels,
              {}};
  dst.pixels.resize(static_cast<std::size_t>(dst.height) * static_cast<std::size_t>(dst.width) *
                    static_cast<std::size_t>(dst.channels));
  if (stbir_resize_uint8_generic(src.pixels.data(), src.width, src.height, 0, dst.pixels.data(), dst.width, dst.height,
                                 0, src.channels, STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE,
                                 STBIR_COLORSPACE_LINEAR, nullptr) == 0) {
    fail(ErrorCode::out_of_memory, "a picture of {}x{} cannot be resized to {}x{}", src.height, src.width, dst.height,
         dst.width);
  }
  return dst;
}

double at(const std::vector<double>& values, int channel) {
  return values.size() == 1 ? values.front() : values[static_cast<std::size_t>(channel)];
}

void require_channels(const std::vector<double>& values, int channels, const char* option) {
  if (values.size() != 1 && values.size() != static_cast<std::size_t>(channels)) {
    fail(ErrorCode::invalid_argument, "{} has {} numbers; give one, or one for each of {} channels", option,
         values.size(), channels);
  }
}

}  // namespace

void ImageOptions::add_to(CLI::App& app) {
  constexpr const char* kGroup = "Pictures";
  const auto number_list = [&](const char* name, std::vector<double>& into, const char* help) {
    app.add_option(name, into, help)->delimiter(',')->allow_extra_args(false)->capture_default_str()->group(kGroup);
  };
  app.add_option("--image", files, "A JPEG or PNG file as input; several make a batch")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group(kGroup);
  app.add_option("--resize", resize, "First scale the short side to so many pixels; 256/224 of the crop unless given")
      ->check(CLI::Range(1, kMaxSide))
      ->group(kGroup);
  app.add_option("--crop", crop, "Then keep the middle: HEIGHT,WIDTH or one number; the model's input unless given")
      ->delimiter(',')
      ->expected(1, 2)
      ->allow_extra_args(false)
      ->check(CLI::Range(1, kMaxSide))
      ->group(kGroup);
  app.add_option("--scale", scale, "Then multiply the pixels, 0 to 255, by this; 1/255 unless given")->group(kGroup);
  number_list("--mean", mean, "Then subtract this, per channel");
  number_list("--std", std, "Then divide by this, per channel");
  app.add_option("--color", color, "Order of the channels: rgb, bgr or gray")
      ->check(CLI::IsMember({"rgb", "bgr", "gray"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--layout", layout, "NCHW or NHWC")
      ->check(CLI::IsMember({"NCHW", "NHWC"}))
      ->capture_default_str()
      ->group(kGroup);
}

Tensor ImageOptions::read(std::int64_t height, std::int64_t width) const {
  const int channels = color == "gray" ? 1 : 3;
  if (mean.size() == 3 && std.size() == 3 && channels == 1) {
    fail(ErrorCode::invalid_argument, "--color gray needs one number in --mean and in --std");
  }
  require_channels(mean, channels, "--mean");
  require_channels(std, channels, "--std");
  if (!crop.empty()) height = crop.front(), width = crop.back();
  const int side =
      resize > 0 ? resize : static_cast<int>(std::lround(static_cast<double>(std::min(height, width)) * 256 / 224));

  const bool planar = layout == "NCHW";
  const auto images = static_cast<std::int64_t>(files.size());
  Tensor batch(planar ? Shape{images, channels, height, width} : Shape{images, height, width, channels},
               DType::float32);
  float* dst = batch.mutable_data<float>();
  for (const std::string& file : files) {
    const Picture picture = resize_short_side(load(file, channels), side);
    if (picture.height < height || picture.width < width) {
      fail(ErrorCode::invalid_argument, "{} is {}x{} after --resize {}, smaller than the crop of {}x{}", file,
           picture.height, picture.width, side, height, width);
    }
    const std::int64_t top = (picture.height - height) / 2, left = (picture.width - width) / 2;
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        for (int c = 0; c < channels; ++c) {
          const int stored = color == "bgr" ? channels - 1 - c : c;
          const auto pixel =
              picture.pixels[static_cast<std::size_t>(((top + y) * picture.width + left + x) * channels + stored)];
          const std::int64_t place = planar ? (c * height + y) * width + x : (y * width + x) * channels + c;
          dst[place] = static_cast<float>((pixel * scale - at(mean, c)) / at(std, c));
        }
      }
    }
    dst += channels * height * width;
  }
  return batch;
}

}  // namespace tenon::cli
