#include "ops/spatial.h"

#include <limits>

namespace tenon {
namespace {

/// Each number of the tuple must lie in [minimum, 2^31), and there must be `rank` of them, or none.
void check_list(const InferenceWindow& node, const char* name, int rank, std::int64_t minimum) {
  const IntTuple& items = node.attributes().tuple(name);
  constexpr std::int64_t maximum = std::numeric_limits<std::int32_t>::max();
  const std::string written = format_attribute(items);
  if (!items.empty() && std::ssize(items) != rank) {
    node.refuse("attribute {}={} has {} numbers, but the kernel has {}; give one per spatial axis", name, written,
                items.size(), rank);
  }
  for (const auto& item : items) {
    if (!item || *item < minimum || *item > maximum) {
      node.refuse("attribute {}={} must have numbers from {} to {}", name, written, minimum, maximum);
    }
  }
}

}  // namespace

void read_extent(const Attributes& attributes, std::string_view name, int rank, Extent& extent) {
  if (!attributes.has(name)) return;
  const auto items = attributes.ints(name);
  for (std::size_t i = 0; i < items.size(); ++i) extent[static_cast<std::size_t>(3 - rank) + i] = items[i];
}

SlidingWindow sliding_window(const Attributes& attributes) {
  SlidingWindow window;
  window.rank = static_cast<int>(attributes.tuple("kernel").size());
  const auto read = [&](std::string_view name, Extent& extent) { read_extent(attributes, name, window.rank, extent); };
  read("kernel", window.kernel);
  read("stride", window.stride);
  read("dilate", window.dilate);
  read("pad", window.pad);
  return window;
}

SlidingWindow checked_window(const InferenceWindow& node) {
  const IntTuple& kernel = node.attributes().tuple("kernel");
  if (kernel.empty() || kernel.size() > 3) {
    node.refuse("attribute kernel={} must have 1, 2 or 3 numbers", format_attribute(kernel));
  }
  const int rank = static_cast<int>(kernel.size());
  check_list(node, "kernel", rank, 1);
  check_list(node, "stride", rank, 1);
  if (node.attributes().has("dilate")) check_list(node, "dilate", rank, 1);
  check_list(node, "pad", rank, 0);
  return sliding_window(node.attributes());
}

Layout layout_of(const Attributes& attributes, int rank) {
  if (attributes.has("layout") && attributes.text("layout").ends_with('C')) return {rank + 1, 1};
  return {1, 2};
}

Layout checked_layout(const InferenceWindow& node, int rank) {
  const Attributes& attributes = node.attributes();
  if (attributes.has("layout") && std::ssize(attributes.text("layout")) != rank + 2) {
    node.refuse("attribute layout={} does not fit {} spatial axes", attributes.text("layout"), rank);
  }
  return layout_of(attributes, rank);
}

Extent spatial_extent(const Shape& shape, Layout layout) {
  Extent extent{1, 1, 1};
  const int rank = shape.rank() - 2;
  for (int axis = 0; axis < rank; ++axis)
    extent[static_cast<std::size_t>(3 - rank + axis)] = shape[layout.spatial + axis];
  return extent;
}

std::vector<AttributeSpec> window_attributes(bool kernel_required) {
  return {kernel_required ? ints("kernel") : ints("kernel").or_else(IntTuple{}), ints("stride").or_else(IntTuple{}),
          ints("pad").or_else(IntTuple{})};
}

}  // namespace tenon
