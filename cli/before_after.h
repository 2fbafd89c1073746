#pragma once

#include <string>

#include "model_options.h"

namespace tenon::cli {

/// Writes the graphs before and after compilation: SVG where the file's name ends so, else a page to explore.
void write_before_after(const std::string& file, const ModelOptions& options, const Model& model);

}  // namespace tenon::cli
