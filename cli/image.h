#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <tenon/tensor.h>

namespace tenon::cli {

/// How picture files become one input. The defaults are what networks trained on ImageNet with Gluon expect.
struct ImageOptions {
  std::vector<std::string> files;  ///< a batch
  int resize = 0;                  ///< pixels of the short side; 0: 256/224 of the crop
  std::vector<int> crop;           ///< height and width of the middle that is kept; empty: the model's input
  double scale = 1.0 / 255;
  std::vector<double> mean = {0.485, 0.456, 0.406};
  std::vector<double> std = {0.229, 0.224, 0.225};
  std::string color = "rgb";
  std::string layout = "NCHW";

  void add_to(CLI::App& app);
  /// float32, (pixel * scale - mean) / std per channel. `height` and `width` are used where no crop is given. Throws
  /// Error naming the file.
  Tensor read(std::int64_t height, std::int64_t width) const;
};

}  // namespace tenon::cli
