// What a request asks for: the path and the query of its target (RFC 3986).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace miniray::dashboard {

struct RequestTarget {
  std::vector<std::string> path;             // decoded, "/a/b%20c" is {"a", "b c"}; "/" is {}
  std::map<std::string, std::string> query;  // decoded; of equal names the last
};

// nullopt where it is no absolute path, has a broken %, or a decoded part holds a slash, a zero or
// is empty, "." or "..".
std::optional<RequestTarget> parse_target(std::string_view target);

}  // namespace miniray::dashboard
