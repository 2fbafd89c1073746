#pragma once

#include <string>

#include <tenon/model.h>

#include "formats/file.h"

namespace tenon {

/// The arrays of a `.params` file: names as they stand in the file (`arg:` and `aux:` included), array versions V0 to
/// V3, or a NumPy archive as MXNet 2.0 writes. Unnamed lists get the names "0", "1", …. Elements stay in the mapped
/// file. Throws Error with the offset; nothing is allocated from a number that was not checked against the file's size.
Parameters read_params(const std::string& path);
/// The same for bytes in memory; `what` names them in errors.
Parameters parse_params(const FileView& file, const std::string& what);

/// Writes the arrays as MXNet 1.9 does, atomically.
void write_params(const std::string& path, const Parameters& arrays);
/// The same for a list without names.
void write_params(const std::string& path, const std::vector<Tensor>& arrays);

}  // namespace tenon
