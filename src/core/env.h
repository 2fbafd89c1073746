#pragma once

#include <optional>
#include <string>

/// Every environment variable that Tenon reads; nothing else calls getenv. Empty where unset or set to nothing.
namespace tenon::env {

/// TENON_LOG: off, error, warning, info or debug; what the logger writes to the standard error stream.
std::optional<std::string> log();
/// MXNET_HOME: where MXNet keeps its downloads; ~/.mxnet where unset.
std::optional<std::string> mxnet_home();
/// TENON_TUNE: "off" takes the first GPU kernel that fits a problem without measuring the others.
std::optional<std::string> tune();
/// TENON_CUDA_MMA: "1" makes engines use the kernels of sm_80 on newer GPUs too, which is how they are tested there;
/// "0" makes fp32 use wgmma like the rest.
std::optional<std::string> cuda_mma();
/// TENON_CUDA_CANDIDATES: "cudnn" leaves an engine's convolutions to cuDNN alone.
std::optional<std::string> cuda_candidates();
/// XDG_CACHE_HOME: where caches are kept; ~/.cache where unset.
std::optional<std::string> cache_home();
/// HOME: the user's folder.
std::optional<std::string> home();

}  // namespace tenon::env
