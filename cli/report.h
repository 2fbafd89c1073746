#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include <tenon/tenon.h>

namespace tenon::cli {

/// Keeps the order of its members, so that output is stable.
using Json = nlohmann::ordered_json;

/// One line on standard output. Throws Error(io) when it cannot be written.
void print_json(const Json& json);
/// Throws Error(io) when it cannot be written.
void print(const std::string& text);
/// Writes text to a file, or to standard output for "-".
void write_text(const std::string& path, const std::string& text);

Json dims_json(const Shape& shape);
/// "float32 (1,3,224,224)".
std::string describe(const TensorType& type);

}  // namespace tenon::cli
