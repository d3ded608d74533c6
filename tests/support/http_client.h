// A plain client of HTTP/1.1 that sends whatever bytes a test wants to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace miniray::testing {

// Whatever a signal interrupts, such as libFuzzer's alarm, again.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class HttpClient {
 public:
  // To this machine.
  explicit HttpClient(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = uninterrupted([&] {
                   return connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
                 }) == 0;
  }
  ~HttpClient() { close(fd_); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  bool connected() const { return connected_; }

  void send(std::string_view bytes) {
    uninterrupted([&] { return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
  }
  void end_sending() { shutdown(fd_, SHUT_WR); }

  // Everything that comes until the text does, the end, or the time is up.
  std::string receive_until(std::string_view text, std::chrono::milliseconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (!ended_ && (text.empty() || received_.find(text) == std::string::npos)) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd waiting{fd_, POLLIN, 0};
      if (left.count() <= 0) break;
      const int ready = poll(&waiting, 1, static_cast<int>(left.count()));
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) break;
      char bytes[4096];
      const ssize_t size = uninterrupted([&] { return recv(fd_, bytes, sizeof bytes, 0); });
      if (size <= 0) ended_ = true;
      if (size > 0) received_.append(bytes, static_cast<std::size_t>(size));
    }
    return received_;
  }
  std::string receive_all(std::chrono::milliseconds time) { return receive_until("", time); }
  bool ended() const { return ended_; }

 private:
  int fd_;
  bool connected_ = false, ended_ = false;
  std::string received_;
};

// The status of a response's text; 0 where it is none.
inline int status_of(const std::string& response) {
  return response.rfind("HTTP/1.1 ", 0) == 0 ? std::atoi(response.c_str() + 9) : 0;
}

inline int port_of(const std::string& link) {
  return std::atoi(link.c_str() + link.find(':', link.find("//")) + 1);
}

}  // namespace miniray::testing
