#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <tenon/tensor.h>

#include "core/hash.h"

namespace tenon {

/// The machine code of a device's kernels, by the hash of what it was compiled from, and the versions of the libraries
/// that have a part in a program: what a plan file of a device holds beside graphs and parameters. Either programs that
/// are built fill it, one thread at a time, or it comes from a file: then they are built with it and nothing else, by
/// any number of threads.
class KernelBinaries {
 public:
  enum class Match { same, same_or_newer };

  KernelBinaries() = default;
  /// From a file. The codes are tensors of bytes.
  KernelBinaries(std::map<Hash, Tensor> codes, std::map<std::string, std::int64_t> versions)
      : from_file_(true), codes_(std::move(codes)), versions_(std::move(versions)) {}

  bool from_file() const { return from_file_; }
  const std::map<Hash, Tensor>& codes() const { return codes_; }
  const std::map<std::string, std::int64_t>& versions() const { return versions_; }

  /// The file's code. Throws Error(corrupt) where it has none.
  const Tensor& code(Hash source) const;
  void keep(Hash source, Tensor code) { codes_.insert_or_assign(source, std::move(code)); }

  /// Tells which version of a library is here. Throws Error(unsupported) where the file's programs were built with
  /// another one, or with a newer one, as `match` says.
  void depend_on(const std::string& library, std::int64_t version, Match match = Match::same);

 private:
  bool from_file_ = false;
  std::map<Hash, Tensor> codes_;
  std::map<std::string, std::int64_t> versions_;
};

/// Programs that this thread builds while it lives take part in these; null: in none.
class KernelScope {
 public:
  explicit KernelScope(KernelBinaries* binaries);
  ~KernelScope();
  KernelScope(const KernelScope&) = delete;
  KernelScope& operator=(const KernelScope&) = delete;

  static KernelBinaries* current();

 private:
  KernelBinaries* former_;
};

}  // namespace tenon
