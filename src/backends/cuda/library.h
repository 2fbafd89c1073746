#pragma once

#include <string>
#include <vector>

namespace tenon::cuda {

/// A shared library that is opened at run time, so that one binary runs with and without it. Never closed: its threads
/// and handles outlive whoever opened it.
class Library {
 public:
  /// Tries the names one after another, each as the loader finds it and then in the toolkit's usual folders.
  explicit Library(const std::vector<std::string>& names);

  bool is_open() const { return handle_ != nullptr; }
  /// The path of the file that was opened.
  const std::string& file() const { return file_; }
  /// What the loader said, or which function the library lacks; empty where all is well.
  const std::string& problem() const { return problem_; }

  /// Fills in `function`; without it the library counts as not there.
  template <class Function>
  void load(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(symbol(name));
  }
  /// The same for a function that only newer versions have: null where it is missing.
  template <class Function>
  void load_optional(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(find(name));
  }

 private:
  void* symbol(const char* name);
  void* find(const char* name) const;

  void* handle_ = nullptr;
  std::string file_, problem_;
};

}  // namespace tenon::cuda
