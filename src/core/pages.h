#pragma once

#include <cstddef>

namespace tenon {

/// Takes the whole pages of this memory out of the resident set where they are those of a file mapped for reading,
/// which the system's cache keeps and a later read finds again. Other memory is left as it is.
void release_file_pages(const void* memory, std::size_t bytes);

}  // namespace tenon
