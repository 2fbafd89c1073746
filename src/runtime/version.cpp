#include <tenon/version.h>

#include <fmt/format.h>
#include <dnnl.hpp>

namespace tenon {

const char* version() noexcept {
  return TENON_VERSION;
}

std::vector<std::pair<std::string, std::string>> components() {
  const dnnl_version_t& onednn = *dnnl::version();
  return {{"compiler", TENON_COMPILER},
          {"build", TENON_BUILD_TYPE},
          {"oneDNN", fmt::format("{}.{}.{}", onednn.major, onednn.minor, onednn.patch)}};
}

}  // namespace tenon
