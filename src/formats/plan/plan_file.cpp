#include "formats/plan/plan_file.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <ostream>

#include "core/error.h"
#include "core/hash.h"
#include "formats/file.h"

namespace tenon {
namespace {

static_assert(std::endian::native == std::endian::little, "plan files are little-endian");

constexpr std::array<char, 8> kMagic{'T', 'E', 'N', 'O', 'N', 'P', 'L', 'N'};
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kAlignment = 64;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t blobs = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t manifest_bytes = 0;
  std::uint64_t reserved = 0;
  Hash hash;                 ///< of what lies between this header and the blobs
  std::uint64_t header = 0;  ///< of the header before this field
};
static_assert(sizeof(Header) == kAlignment);

/// What the table says of a blob. The hash is that of the blob with the zeros behind it.
struct Entry {
  std::uint64_t bytes = 0;
  Hash hash;
};

std::uint64_t header_hash(const Header& header) {
  return hash_of(&header, offsetof(Header, header)).low;
}

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// The blobs lie behind this many bytes. Fits: both numbers come from a file of that size, or from memory.
std::size_t front_bytes(std::size_t blobs, std::size_t manifest_bytes) {
  return aligned(sizeof(Header) + blobs * sizeof(Entry) + manifest_bytes);
}

/// The content with zeros behind it up to the alignment, for hashing and writing.
class Padded {
 public:
  explicit Padded(std::span<const std::byte> content) : whole_(content) {
    const std::size_t rest = content.size() % kAlignment;
    if (rest == 0) return;
    whole_ = content.first(content.size() - rest);
    std::memcpy(tail_.data(), content.data() + whole_.size(), rest);
    tail_bytes_ = kAlignment;
  }
  Hash hash() const { return hash_of_two(whole_.data(), whole_.size(), tail_.data(), tail_bytes_); }
  void write(std::ostream& stream) const {
    stream.write(reinterpret_cast<const char*>(whole_.data()), static_cast<std::streamsize>(whole_.size()));
    stream.write(reinterpret_cast<const char*>(tail_.data()), static_cast<std::streamsize>(tail_bytes_));
  }

 private:
  std::span<const std::byte> whole_;  // all but the last block, where that is not full
  std::array<std::byte, kAlignment> tail_{};
  std::size_t tail_bytes_ = 0;
};

Header read_header(const std::string& path, std::span<const std::byte> file) {
  Header header;
  std::memcpy(&header, file.data(), std::min(file.size(), sizeof header));
  if (file.size() < kMagic.size() || header.magic != kMagic) {
    fail(ErrorCode::corrupt, "'{}' is no plan: it does not begin like one", path);
  }
  if (file.size() < sizeof header) {
    fail(ErrorCode::corrupt, "the plan '{}' is cut short: {} bytes are less than a header", path, file.size());
  }
  if (header.version != kVersion) {
    fail(ErrorCode::unsupported,
         "the plan '{}' has version {} of the format, and this Tenon reads version {}; build it again", path,
         header.version, kVersion);
  }
  if (header.header != header_hash(header)) fail(ErrorCode::corrupt, "the plan '{}' is damaged in its header", path);
  if (header.file_bytes != file.size()) {
    fail(ErrorCode::corrupt, "the plan '{}' has {} bytes where it had {} when it was written", path, file.size(),
         header.file_bytes);
  }
  return header;
}

/// Blob by blob, shared out over the threads at hand: this is most of what opening takes.
void check_blobs(const std::string& path, const std::vector<std::span<const std::byte>>& blobs,
                 const std::vector<Entry>& table) {
  std::atomic<std::size_t> damaged = blobs.size();
#pragma omp parallel for schedule(dynamic)
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    if (hash_of(blobs[i].data(), aligned(blobs[i].size())) != table[i].hash) damaged = i;
  }
  if (damaged < blobs.size()) {
    fail(ErrorCode::corrupt, "the plan '{}' is damaged in its blob {} of {}", path, damaged.load(), blobs.size());
  }
}

}  // namespace

PlanFile open_plan(const std::string& path) {
  const FileView file = map_file(path);
  const Header header = read_header(path, file.bytes);
  const std::size_t table_bytes = header.blobs * sizeof(Entry);
  if (header.manifest_bytes > file.bytes.size() ||
      front_bytes(header.blobs, header.manifest_bytes) > file.bytes.size()) {
    fail(ErrorCode::corrupt, "the plan '{}' ends before its blobs", path);
  }
  std::size_t at = front_bytes(header.blobs, header.manifest_bytes);
  if (hash_of(file.bytes.data() + sizeof header, at - sizeof header) != header.hash) {
    fail(ErrorCode::corrupt, "the plan '{}' is damaged in its manifest", path);
  }
  std::vector<Entry> table(header.blobs);
  std::memcpy(table.data(), file.bytes.data() + sizeof header, table_bytes);

  PlanFile plan{file.text().substr(sizeof header + table_bytes, header.manifest_bytes), {}, file.owner};
  for (const Entry& entry : table) {
    if (entry.bytes > file.bytes.size() - at || aligned(entry.bytes) > file.bytes.size() - at) {
      fail(ErrorCode::corrupt, "the plan '{}' ends within a blob", path);
    }
    plan.blobs.push_back(file.bytes.subspan(at, entry.bytes));
    at += aligned(entry.bytes);
  }
  if (at != file.bytes.size()) fail(ErrorCode::corrupt, "the plan '{}' goes on behind its blobs", path);
  check_blobs(path, plan.blobs, table);
  return plan;
}

void write_plan(const std::string& path, std::string_view manifest, std::span<const std::span<const std::byte>> blobs) {
  Header header;
  header.blobs = static_cast<std::uint32_t>(blobs.size());
  header.manifest_bytes = manifest.size();
  header.file_bytes = front_bytes(blobs.size(), manifest.size());
  std::vector<Entry> table;
  for (const auto blob : blobs) {
    table.push_back({blob.size(), Padded(blob).hash()});
    header.file_bytes += aligned(blob.size());
  }
  std::vector<std::byte> front(front_bytes(blobs.size(), manifest.size()));
  const std::size_t table_bytes = table.size() * sizeof(Entry);
  std::memcpy(front.data() + sizeof header, table.data(), table_bytes);
  std::memcpy(front.data() + sizeof header + table_bytes, manifest.data(), manifest.size());
  header.hash = hash_of(front.data() + sizeof header, front.size() - sizeof header);
  header.header = header_hash(header);
  std::memcpy(front.data(), &header, sizeof header);

  write_atomically(path, [&](std::ostream& stream) {
    stream.write(reinterpret_cast<const char*>(front.data()), static_cast<std::streamsize>(front.size()));
    for (const auto blob : blobs) Padded(blob).write(stream);
  });
}

}  // namespace tenon
