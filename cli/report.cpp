#include "report.h"

#include <cstdio>
#include <ostream>

#include "core/error.h"
#include "formats/file.h"

namespace tenon::cli {

void print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) fail(ErrorCode::io, "standard output cannot be written");
}

void print_json(const Json& json) {
  // Names come from files and need not be UTF-8.
  print(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void write_text(const std::string& path, const std::string& text) {
  if (path == "-") return print(text);
  write_atomically(path, [&](std::ostream& stream) { stream << text; });
}

Json dims_json(const Shape& shape) {
  if (!shape.has_rank()) return nullptr;
  Json dims = Json::array();
  for (const std::int64_t dim : shape) dims.push_back(dim == Shape::unknown ? Json() : Json(dim));
  return dims;
}

std::string describe(const TensorType& type) {
  return std::string(type.dtype ? name(*type.dtype) : "?") + " " + type.shape.str();
}

}  // namespace tenon::cli
