#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tenon::cli {

/// Columns padded to their widest cell, the first left-aligned, columns of numbers right-aligned.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// "11,689,512".
std::string with_commas(std::int64_t number);
/// "44.6 MB"; a MB is 2^20 bytes.
std::string megabytes(std::size_t bytes);

}  // namespace tenon::cli
