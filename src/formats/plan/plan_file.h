#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tenon {

/// The container of a plan, which knows nothing of what is in it:
///
///     header      64 bytes: magic, version, sizes, hashes
///     table       bytes and XXH3 hash of each blob
///     manifest    text
///     blobs       each begins at a multiple of 64 bytes
///
/// Every byte of the file is under one of the hashes. Little-endian.
struct PlanFile {
  std::string_view manifest;
  std::vector<std::span<const std::byte>> blobs;
  std::shared_ptr<const void> owner;  ///< keeps the file mapped, for reading alone
};

/// Maps the file and checks all of it. Throws Error, naming the file: not_found or io; corrupt for a file that is no
/// plan, cut short or damaged; unsupported for another version of the format.
PlanFile open_plan(const std::string& path);

/// Writes it: the whole file is there afterwards, on the disk, or the old one as it was. Throws Error(io).
void write_plan(const std::string& path, std::string_view manifest, std::span<const std::span<const std::byte>> blobs);

}  // namespace tenon
