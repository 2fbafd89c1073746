#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tenon::zoo {

/// $MXNET_HOME/models, else ~/.mxnet/models: where MXNet keeps the trained weights it has downloaded.
std::filesystem::path store_folder();

/// The file of trained weights for a network (canonical name) in the folder: NAME-SHORT.params, SHORT being the first
/// eight digits of the SHA-1 that MXNet 1.9 expects, else of another release of the weights, which older versions of
/// MXNet keep under the same scheme. Throws Error: not_found with the path that was looked for; corrupt when the
/// content's SHA-1 is not the one in the name.
std::filesystem::path find_trained(std::string_view name, const std::filesystem::path& folder);

/// Of the file's content, 40 hex digits.
std::string sha1(const std::filesystem::path& file);

}  // namespace tenon::zoo
