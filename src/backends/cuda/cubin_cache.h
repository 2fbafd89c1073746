#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tenon::cuda {

/// compile_kernel() (codegen/compiler.h), or its result from the cache on disk where the same text was compiled before
/// by the same compiler: $XDG_CACHE_HOME/tenon/cubin, else ~/.cache/tenon/cubin. A damaged file is compiled anew; any
/// number of processes may share the folder.
std::vector<std::byte> cached_cubin(const std::string& source, int architecture);

}  // namespace tenon::cuda
