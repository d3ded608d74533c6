// Who may ask: what keeps other web sites, and other people, from reading the runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/dashboard/api.h"

namespace miniray::dashboard {

// The headers of a request that matter here; empty where absent.
struct RequestHead {
  std::string_view method, target, host, origin, cookie, authorization;
};

struct Guard {
  std::string host{};       // that the server is bound to
  std::string host_name{};  // of this machine
  bool loopback = true;     // bound to this machine alone
  std::string token{};      // empty: none is needed
  std::string cookie_name{};

  // What is wrong, by status: 400 (no such target), 403 (a page of another origin asks), 405 (no
  // GET), 421 (a host that is not ours: DNS rebinding), 401 (no token). The page's own files need
  // no token.
  std::optional<Response> refuse(const RequestHead& head,
                                 const std::optional<RequestTarget>& target) const;
  // The request brings the token in its link.
  bool brings_token(const RequestTarget& target) const;

 private:
  bool is_our_host(std::string_view host) const;
  bool has_token(const RequestHead& head) const;
};

// 128 random bits as text.
std::string make_token();

}  // namespace miniray::dashboard
