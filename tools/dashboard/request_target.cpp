#include "tools/dashboard/request_target.h"

namespace miniray::dashboard {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = digit(text[i + 1]), low = digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

// Calls `take` for each part between separators; false where one call was.
template <class Take>
bool split(std::string_view text, char separator, const Take& take) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!take(text.substr(0, end))) return false;
    if (end == text.npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_name(const std::string& part) {
  return !part.empty() && part != "." && part != ".." && part.find('/') == part.npos &&
         part.find('\0') == part.npos;
}

}  // namespace

std::optional<RequestTarget> parse_target(std::string_view target) {
  if (target.empty() || target.front() != '/') return std::nullopt;
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(1, mark == target.npos ? mark : mark - 1);
  RequestTarget parsed;
  const auto take_part = [&](std::string_view text) {
    auto part = decode(text, false);
    if (!part || !is_name(*part)) return false;
    parsed.path.push_back(std::move(*part));
    return true;
  };
  if (!path.empty() && !split(path, '/', take_part)) return std::nullopt;
  if (mark == target.npos) return parsed;
  const auto take_field = [&](std::string_view text) {
    const std::size_t equals = text.find('=');
    const auto name = decode(text.substr(0, equals), true);
    const auto value = decode(equals == text.npos ? "" : text.substr(equals + 1), true);
    if (!name || !value) return false;
    if (!name->empty()) parsed.query[*name] = *value;
    return true;
  };
  if (!split(target.substr(mark + 1), '&', take_field)) return std::nullopt;
  return parsed;
}

}  // namespace miniray::dashboard
