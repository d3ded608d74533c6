#include "tools/dashboard/session.h"

#include <sstream>

namespace miniray::dashboard {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMaxHeaderBytes = 8 << 10;
constexpr std::size_t kMaxQueuedBytes = 8 << 20;  // of one stream
constexpr auto kRequestTime = std::chrono::seconds(10);
constexpr auto kIdleTime = std::chrono::seconds(30);
constexpr auto kWriteTime = std::chrono::seconds(10);

constexpr const char* kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void add_security_headers(http::fields& fields) {
  fields.set(http::field::server, "miniray");
  fields.set("Content-Security-Policy", kContentPolicy);
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set("Referrer-Policy", "no-referrer");
  fields.set("Cross-Origin-Resource-Policy", "same-origin");
}

}  // namespace

Session::Session(Tcp::socket socket, Hub& hub)
    : hub_(hub),
      stream_(std::move(socket)),
      buffer_(2 * kMaxHeaderBytes),
      deadline_(stream_.get_executor()) {
  ++hub_.connections;
}

Session::~Session() { --hub_.connections; }

void Session::start() { read(kRequestTime); }

void Session::send(const Message& message) {
  queued_bytes_ += message->size();
  if (queued_bytes_ > kMaxQueuedBytes) return close();
  queue_.push_back(message);
  if (queue_.size() == 1) write_next();
}

void Session::close() {
  error_code ignored;
  deadline_.cancel();
  stream_.socket().close(ignored);
  if (hub_.streams.erase(shared_from_this()) > 0) hub_.update_watched();
}

void Session::read(std::chrono::seconds time) {
  parser_.emplace();
  parser_->header_limit(kMaxHeaderBytes);
  // For the whole of the header: a client that sends byte after byte gains nothing.
  stream_.expires_after(time);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
}

void Session::on_header(error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return answer(error_response(431, "the headers are longer than 8 KiB"), false);
  }
  if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return answer(error_response(400, "this is no request of HTTP/1.1"), false);
  }
  if (error) return close();
  const bool has_body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
  if (has_body) return answer(error_response(413, "a request has no body here"), false);
  handle(parser_->get());
}

void Session::handle(const http::request<http::empty_body>& request) {
  const auto view = [](boost::string_view text) {
    return std::string_view(text.data(), text.size());
  };
  const RequestHead head{.method = view(request.method_string()),
                         .target = view(request.target()),
                         .host = view(request[http::field::host]),
                         .origin = view(request[http::field::origin]),
                         .cookie = view(request[http::field::cookie]),
                         .authorization = view(request[http::field::authorization])};
  const auto target = parse_target(head.target);
  const bool keep = request.keep_alive();
  if (auto refusal = hub_.guard.refuse(head, target)) return answer(*refusal, keep);
  if (hub_.guard.brings_token(*target)) return welcome(keep);
  if (is_event_stream(*target)) return stream_events(*target);
  answer(respond(hub_.store, *target, now_ms()), keep);
}

void Session::answer(Response response, bool keep) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
  add_security_headers(message);
  message.set(http::field::content_type, response.type);
  message.set(http::field::cache_control,
              response.may_be_kept ? "private, max-age=300" : "no-store");
  if (response.status == 405) message.set(http::field::allow, "GET");
  message.body() = std::move(response.body);
  write(std::move(message), keep);
}

// The token moves from the link, which is seen and copied, into a cookie.
void Session::welcome(bool keep) {
  http::response<http::string_body> message(http::status::see_other, 11);
  add_security_headers(message);
  message.set(http::field::location, "/");
  message.set(http::field::cache_control, "no-store");
  message.set(http::field::set_cookie, hub_.guard.cookie_name + "=" + hub_.guard.token +
                                           "; Path=/; HttpOnly; SameSite=Strict");
  write(std::move(message), keep);
}

void Session::write(http::response<http::string_body> message, bool keep) {
  message.keep_alive(keep);
  message.prepare_payload();
  response_.emplace(std::move(message));
  stream_.expires_after(kWriteTime);
  http::async_write(stream_, *response_,
                    [self = shared_from_this(), keep](error_code error, std::size_t) {
                      self->response_.reset();
                      if (error || !keep) return self->end();
                      self->read(kIdleTime);
                    });
}

// Lets the client read the answer before the connection goes.
void Session::end() {
  error_code ignored;
  stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  close();
}

void Session::stream_events(const RequestTarget& target) {
  watched_ = watched_runs(target);
  stream_.expires_never();
  hub_.streams.insert(shared_from_this());
  hub_.update_watched();
  http::response<http::empty_body> head(http::status::ok, 11);
  add_security_headers(head);
  head.set(http::field::content_type, "text/event-stream");
  head.set(http::field::cache_control, "no-store");
  head.keep_alive(false);
  std::ostringstream text;
  text << head.base();
  const std::string hello = "{\"server_started\":" + std::to_string(hub_.started_ms) +
                            ",\"version\":\"" MINIRAY_VERSION "\"}";
  send(make_message(text.str() + "retry: 1000\n" + event("hello", hello)));
  wait_for_end();
}

// Nothing is expected from the client but its leaving.
void Session::wait_for_end() {
  stream_.socket().async_read_some(asio::buffer(discarded_),
                                   [self = shared_from_this()](error_code error, std::size_t) {
                                     if (error != asio::error::operation_aborted) self->close();
                                   });
}

void Session::write_next() {
  deadline_.expires_after(kWriteTime);
  deadline_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->queue_.empty() &&
        self->deadline_.expiry() <= std::chrono::steady_clock::now()) {
      self->close();
    }
  });
  asio::async_write(stream_.socket(), asio::buffer(*queue_.front()),
                    [self = shared_from_this()](error_code error, std::size_t) {
                      if (error) return self->close();
                      self->queued_bytes_ -= self->queue_.front()->size();
                      self->queue_.pop_front();
                      self->deadline_.cancel();
                      if (!self->queue_.empty()) self->write_next();
                    });
}

}  // namespace miniray::dashboard
