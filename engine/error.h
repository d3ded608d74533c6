// The one exception type of the project.
//
// Library code throws Error; only a program's main catches it and turns it into one line and an
// exit code. The message says what was wrong, where (a path, a name, the shapes) and what would be
// right.
#pragma once

#include <stdexcept>
#include <string>

namespace miniray {

enum class ErrorKind {
  kInvalidArgument,  // the caller asked for something that cannot be
  kNotFound,         // a file or a name does not exist
  kCorrupt,          // data exists but is not what it claims to be
  kIo,               // the operating system refused
  kCommunication,    // another worker failed or is out of reach
  kDiverged,         // the computation left the finite numbers
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

inline Error invalid_argument(const std::string& message) {
  return {ErrorKind::kInvalidArgument, message};
}
inline Error not_found(const std::string& message) { return {ErrorKind::kNotFound, message}; }
inline Error corrupt(const std::string& message) { return {ErrorKind::kCorrupt, message}; }
// Appends the text of `error_number` (an errno value).
Error io_error(const std::string& message, int error_number);

}  // namespace miniray
