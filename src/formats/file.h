#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <tenon/tensor.h>

namespace tenon {

/// The bytes of a file that is mapped into memory for reading, as long as `owner` lives. The file must not be cut short
/// meanwhile; replacing it (as write_atomically does) is harmless.
struct FileView {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

/// Throws Error(not_found) or Error(io), naming the file.
FileView map_file(const std::string& path);

/// Calls `write` with a stream to a temporary file beside `path` and renames it to `path` afterwards: a reader sees the
/// old content or the new, never a part. Throws Error(io); the temporary file is gone then.
void write_atomically(const std::string& path, const std::function<void(std::ostream&)>& write);

/// The tensor whose elements lie at `data`: a view that keeps `owner` alive where the address is aligned for the
/// element type, a copy where it is not (files give no alignment: a float32 array may follow an int8 array of odd
/// length).
Tensor tensor_at(const std::byte* data, Shape shape, DType dtype, const std::shared_ptr<const void>& owner);

}  // namespace tenon
