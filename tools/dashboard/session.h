// A connection of the dashboard's server.
#pragma once

// Boost 1.74 forgets it.
#include <utility>

#include <array>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tools/dashboard/api.h"
#include "tools/dashboard/hub.h"

namespace miniray::dashboard {

// Requests one after the other, or, once asked for, a stream of events.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::ip::tcp::socket socket, Hub& hub);
  ~Session();

  void start();

  const std::set<std::string>& watched() const { return watched_; }

  // Closes the connection where the client is too slow.
  void send(const Message& message);
  void close();

 private:
  using ErrorCode = boost::system::error_code;
  using Text = boost::beast::http::string_body;
  using Nothing = boost::beast::http::empty_body;

  void read(std::chrono::seconds time);
  void on_header(ErrorCode error);
  void handle(const boost::beast::http::request<Nothing>& request);
  void answer(Response response, bool keep);
  void welcome(bool keep);
  void write(boost::beast::http::response<Text> message, bool keep);
  void end();
  void stream_events(const RequestTarget& target);
  void wait_for_end();
  void write_next();

  Hub& hub_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<Nothing>> parser_;
  std::optional<boost::beast::http::response<Text>> response_;

  // Of a stream of events.
  std::set<std::string> watched_;
  boost::asio::steady_timer deadline_;
  std::deque<Message> queue_;
  std::size_t queued_bytes_ = 0;
  std::array<char, 64> discarded_{};
};

}  // namespace miniray::dashboard
