#pragma once

#include <cstddef>

namespace tenon {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Asks the system to back the whole huge pages of this memory by such: weights that stream by once a forward then cost
/// no walk of the page table every 4 KB. What lies behind the last whole one stays as it is, so that no memory is
/// wasted.
void ask_for_huge_pages(void* memory, std::size_t bytes);

/// Takes the whole pages of this memory out of the resident set where they are those of a file mapped for reading,
/// which the system's cache keeps and a later read finds again. Other memory is left as it is.
void release_file_pages(const void* memory, std::size_t bytes);

}  // namespace tenon
