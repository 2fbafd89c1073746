#pragma once

#include <string>

#include "report.h"

namespace tenon::cli {

/// A self-contained HTML page that shows the data: the pictures before and after, and what else is in it (summary,
/// steps, refusals, environment). Nothing is loaded from anywhere.
std::string page(const std::string& title, const Json& data);

}  // namespace tenon::cli
