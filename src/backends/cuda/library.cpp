#include "backends/cuda/library.h"

#include <dlfcn.h>

#include <fmt/format.h>

namespace tenon::cuda {
namespace {

/// Where the toolkit installs its libraries, for machines whose loader is not told.
constexpr const char* kFolders[] = {"", "/usr/local/cuda/lib64/", "/usr/local/cuda/lib/",
                                    "/usr/local/cuda/targets/x86_64-linux/lib/"};

}  // namespace

Library::Library(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (const char* folder : kFolders) {
      handle_ = dlopen((folder + name).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_ == nullptr) {
        if (problem_.empty()) problem_ = dlerror();  // of the name that is tried first
        continue;
      }
      problem_.clear();
      file_ = name;
      return;
    }
  }
}

void* Library::symbol(const char* name) {
  void* address = find(name);
  if (address == nullptr && handle_ != nullptr && problem_.empty()) {
    problem_ = fmt::format("{} has no function {}; it is too old", file_, name);
  }
  if (address != nullptr) {
    Dl_info info;
    if (dladdr(address, &info) != 0 && info.dli_fname != nullptr) file_ = info.dli_fname;
  }
  return address;
}

void* Library::find(const char* name) const {
  return handle_ == nullptr ? nullptr : dlsym(handle_, name);
}

}  // namespace tenon::cuda
