#pragma once

#include <cstddef>

/// The one function of the shared library through which `tenon show --svg` reaches Graphviz: neither libtenon nor the
/// program needs Graphviz to be installed. Gives the SVG of a DOT text to `take`; the result is 0, or 1 where that
/// failed.
using DrawSvg = int(const char* dot, void (*take)(void* context, const char* data, std::size_t length), void* context);

inline constexpr const char* kDrawPlugin = "libtenon-draw.so";
inline constexpr const char* kDrawSymbol = "tenon_draw_svg";
