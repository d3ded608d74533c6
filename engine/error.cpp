#include "engine/error.h"

#include <system_error>

namespace miniray {

Error io_error(const std::string& message, int error_number) {
  return {ErrorKind::kIo, message + ": " + std::generic_category().message(error_number)};
}

}  // namespace miniray
