#include "tools/dashboard/guard.h"

#include <arpa/inet.h>
#include <sys/random.h>

#include <array>
#include <cerrno>

#include "engine/error.h"

namespace miniray::dashboard {
namespace {

// Takes as long wherever the texts differ.
bool equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

// "[::1]:80" and "[::1]" to "::1", "name:80" to "name".
std::string without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == host.npos ? "" : std::string(host.substr(1, end - 1));
  }
  return std::string(host.substr(0, host.find(':')));
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes;
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    std::size_t end = cookies.find(';');
    const std::string_view cookie = cookies.substr(0, end);
    if (cookie.starts_with(name) && cookie.substr(name.size()).starts_with('=')) {
      return cookie.substr(name.size() + 1);
    }
    if (end == cookies.npos) break;
    cookies.remove_prefix(end + 1);
    while (cookies.starts_with(' ')) cookies.remove_prefix(1);
  }
  return {};
}

}  // namespace

std::optional<Response> Guard::refuse(const RequestHead& head,
                                      const std::optional<RequestTarget>& target) const {
  if (!is_our_host(head.host)) {
    return error_response(421, "this is not the host that the dashboard was started for");
  }
  if (!head.origin.empty() && head.origin != "http://" + std::string(head.host)) {
    return error_response(403, "a page of another site may not ask");
  }
  if (head.method != "GET") return error_response(405, "only GET is known here");
  if (!target) return error_response(400, "the address cannot be understood");
  const bool api = !target->path.empty() && target->path.front() == "api";
  if (api && !has_token(head)) {
    return error_response(401, "open the link that the program printed: it holds the token");
  }
  return std::nullopt;
}

bool Guard::brings_token(const RequestTarget& target) const {
  const auto field = target.query.find("token");
  return !token.empty() && target.path.empty() && field != target.query.end() &&
         equal(field->second, token);
}

// A name of another site may be made to lead here (DNS rebinding), an address may not.
bool Guard::is_our_host(std::string_view header) const {
  const std::string name = without_port(header);
  if (name == "localhost" || name == host) return true;
  if (loopback) return name == "127.0.0.1" || name == "::1";
  return is_address(name) || name == host_name;
}

bool Guard::has_token(const RequestHead& head) const {
  if (token.empty()) return true;
  constexpr std::string_view kBearer = "Bearer ";
  if (head.authorization.starts_with(kBearer)) {
    return equal(head.authorization.substr(kBearer.size()), token);
  }
  return equal(cookie_value(head.cookie, cookie_name), token);
}

std::string make_token() {
  std::array<unsigned char, 16> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw io_error("cannot get random numbers for a token", errno);
  }
  std::string text;
  for (const unsigned char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

}  // namespace miniray::dashboard
