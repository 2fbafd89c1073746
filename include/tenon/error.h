#pragma once

#include <stdexcept>
#include <string>

namespace tenon {

/// What kind of thing went wrong. The numbers are part of the C API and of the exit codes of the command line.
enum class ErrorCode : int {
  invalid_argument = 1,  ///< a shape, type, attribute or option that does not fit
  not_found = 2,         ///< a file, model, operator or tensor that is not there
  corrupt = 3,           ///< a file whose content is damaged or truncated
  unsupported = 4,       ///< well formed, but outside what Tenon runs here
  out_of_memory = 5,     ///< an allocation that could not be had
  io = 6,                ///< reading or writing failed
  internal = 7,          ///< a defect in Tenon
};

/// "invalid_argument", "corrupt", …
const char* name(ErrorCode code) noexcept;

/// The one exception of this library. what() is a whole sentence: it names the node and its operator, the tensor and
/// axis, what was expected, what came, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace tenon
