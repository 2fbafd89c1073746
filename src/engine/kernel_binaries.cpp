#include "engine/kernel_binaries.h"

#include "core/error.h"

namespace tenon {
namespace {

thread_local KernelBinaries* in_scope = nullptr;

}  // namespace

const Tensor& KernelBinaries::code(Hash source) const {
  const auto found = codes_.find(source);
  if (found == codes_.end()) {
    fail(ErrorCode::corrupt, "the compiled kernel {:016x}{:016x} is not there", source.high, source.low);
  }
  return found->second;
}

void KernelBinaries::depend_on(const std::string& library, std::int64_t version, Match match) {
  if (!from_file_) {
    versions_[library] = version;
    return;
  }
  const auto built_with = versions_.find(library);
  if (built_with == versions_.end()) {
    fail(ErrorCode::corrupt, "with which version of {} it was built is not said", library);
  }
  const bool newer_is_right = match == Match::same_or_newer;
  if (newer_is_right ? version >= built_with->second : version == built_with->second) return;
  fail(ErrorCode::unsupported, "it was built with version {} of {}, and here is {}{}; build it again",
       built_with->second, library, version, newer_is_right ? ", an older one" : "");
}

KernelScope::KernelScope(KernelBinaries* binaries) : former_(in_scope) {
  in_scope = binaries;
}

KernelScope::~KernelScope() {
  in_scope = former_;
}

KernelBinaries* KernelScope::current() {
  return in_scope;
}

}  // namespace tenon
