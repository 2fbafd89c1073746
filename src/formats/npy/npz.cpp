#include <tenon/npz.h>

#include <zip.h>

#include <ctime>
#include <memory>
#include <ostream>
#include <vector>

#include "core/error.h"
#include "formats/file.h"
#include "formats/npy/npy.h"

namespace tenon {
namespace {

/// Discarding is what to do with an archive that was only read or whose writing failed.
struct ZipDiscard {
  void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, ZipDiscard>;

struct ZipFileClose {
  void operator()(zip_file_t* file) const noexcept { zip_fclose(file); }
};

Archive open_archive(const std::string& path, int flags, ErrorCode code) {
  int reason = 0;
  Archive archive(zip_open(path.c_str(), flags, &reason));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, reason);
    const std::string text = zip_error_strerror(&error);
    zip_error_fini(&error);
    fail(reason == ZIP_ER_NOENT ? ErrorCode::not_found : code, "the archive '{}' cannot be opened: {}", path, text);
  }
  return archive;
}

/// Bytes of one member, kept alive by the shared pointer.
struct Member {
  std::shared_ptr<std::vector<std::byte>> bytes;
  std::string name;
};

Member read_member(zip_t* archive, zip_uint64_t index, const std::string& path) {
  zip_stat_t status;
  zip_stat_init(&status);
  constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
  if (zip_stat_index(archive, index, 0, &status) != 0 || (status.valid & needed) != needed) {
    fail(ErrorCode::corrupt, "member {} of '{}' has no size: {}", index, path, zip_strerror(archive));
  }
  const std::string what = fmt::format("'{}' in '{}'", status.name, path);
  // Deflate packs at most 1032 to 1, so a size beyond that is a lie (or another method, which NumPy does not write).
  if (status.size / 1032 > status.comp_size) {
    fail(ErrorCode::corrupt, "{} claims {} bytes in {} compressed ones", what, status.size, status.comp_size);
  }
  const std::unique_ptr<zip_file_t, ZipFileClose> file(zip_fopen_index(archive, index, 0));
  if (!file) fail(ErrorCode::corrupt, "{} cannot be read: {}", what, zip_strerror(archive));
  auto bytes = std::make_shared<std::vector<std::byte>>(status.size);
  const zip_int64_t count = zip_fread(file.get(), bytes->data(), bytes->size());
  if (count < 0 || static_cast<zip_uint64_t>(count) != status.size) {
    fail(ErrorCode::corrupt, "{} claims {} bytes, but {} could be read: {}", what, status.size, count,
         zip_file_strerror(file.get()));
  }
  return {std::move(bytes), status.name};
}

}  // namespace

Tensor read_npy(const std::string& path) {
  const FileView file = map_file(path);
  return parse_npy(file.bytes, file.owner, "'" + path + "'");
}

void write_npy(const std::string& path, const Tensor& tensor) {
  const Tensor elements = npy_elements(tensor);
  write_atomically(path, [&](std::ostream& stream) {
    stream << npy_header(elements);
    stream.write(static_cast<const char*>(elements.data()), static_cast<std::streamsize>(elements.bytes()));
  });
}

Parameters read_npz(const std::string& path) {
  const Archive archive = open_archive(path, ZIP_RDONLY, ErrorCode::corrupt);
  constexpr std::string_view suffix = ".npy";
  Parameters tensors;
  const auto members = static_cast<zip_uint64_t>(zip_get_num_entries(archive.get(), 0));
  for (zip_uint64_t i = 0; i < members; ++i) {
    const char* member_name = zip_get_name(archive.get(), i, 0);
    if (member_name == nullptr || !std::string_view(member_name).ends_with(suffix)) continue;
    const Member member = read_member(archive.get(), i, path);
    const std::string what = fmt::format("'{}' in '{}'", member.name, path);
    Tensor tensor = parse_npy(*member.bytes, member.bytes, what);
    const std::string name = member.name.substr(0, member.name.size() - suffix.size());
    if (!tensors.emplace(name, std::move(tensor)).second) {
      fail(ErrorCode::corrupt, "'{}' holds two arrays called '{}'", path, name);
    }
  }
  return tensors;
}

void write_npz(const std::string& path, const Parameters& tensors) {
  // libzip writes to a temporary file and renames it when the archive is closed; it reads the sources only then.
  Archive archive = open_archive(path, ZIP_CREATE | ZIP_TRUNCATE, ErrorCode::io);
  std::vector<std::string> contents;
  contents.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const Tensor elements = npy_elements(tensor);
    std::string& content = contents.emplace_back(npy_header(elements));
    content.append(static_cast<const char*>(elements.data()), elements.bytes());
    zip_source_t* source = zip_source_buffer(archive.get(), content.data(), content.size(), 0);
    const zip_int64_t index =
        source == nullptr ? -1 : zip_file_add(archive.get(), (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail(ErrorCode::io, "'{}' cannot be added to '{}': {}", name, path, zip_strerror(archive.get()));
    }
    const auto member = static_cast<zip_uint64_t>(index);
    zip_set_file_compression(archive.get(), member, ZIP_CM_STORE, 0);
    // The date that numpy.savez writes, the first one ZIP knows.
    zip_file_set_dostime(archive.get(), member, 0, (1 << 5) | 1, 0);
  }
  if (zip_close(archive.get()) != 0)
    fail(ErrorCode::io, "'{}' cannot be written: {}", path, zip_strerror(archive.get()));
  (void)archive.release();
}

}  // namespace tenon
