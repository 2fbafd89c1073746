#pragma once

#include <string>

#include <tenon/model.h>

namespace tenon {

/// Reads a `.npy` file: little-endian, bool, int8, uint8, int32, int64, float16, float32 or float64, C or Fortran
/// order. The file is mapped, not copied. Throws Error naming the file.
Tensor read_npy(const std::string& path);
/// Writes atomically. bfloat16, which NumPy lacks, is written as float32.
void write_npy(const std::string& path, const Tensor& tensor);

/// Reads the `.npy` members of a `.npz` archive by their names without the suffix, stored or deflated.
Parameters read_npz(const std::string& path);
/// Writes an archive as numpy.savez does (stored, not deflated), atomically; the same content gives the same bytes.
void write_npz(const std::string& path, const Parameters& tensors);

}  // namespace tenon
