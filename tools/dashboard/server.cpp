#include "tools/dashboard/server.h"

#include <sys/resource.h>

// Boost 1.74 forgets it.
#include <utility>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "engine/cpu.h"
#include "engine/error.h"
#include "tools/dashboard/guard.h"
#include "tools/dashboard/port_owner.h"

namespace miniray::dashboard {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using Message = std::shared_ptr<const std::string>;
using boost::system::error_code;

constexpr std::size_t kMaxHeaderBytes = 8 << 10;
constexpr std::size_t kMaxConnections = 2'000;
constexpr std::size_t kMaxQueuedBytes = 8 << 20;  // of one stream
constexpr auto kRequestTime = std::chrono::seconds(10);
constexpr auto kIdleTime = std::chrono::seconds(30);
constexpr auto kWriteTime = std::chrono::seconds(10);
constexpr auto kKeepAlive = std::chrono::seconds(10);
constexpr auto kPollPause = std::chrono::milliseconds(250);

constexpr const char* kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string event(const std::string& name, const std::string& data) {
  return "event: " + name + "\ndata: " + data + "\n\n";
}

Message make_message(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * kMaxConnections);
  setrlimit(RLIMIT_NOFILE, &limit);
}

class Session;

// What the sessions share. Used on the server's thread alone, except where said.
struct Hub {
  explicit Hub(const std::filesystem::path& runs_dir) : store(runs_dir) {}

  void update_watched();
  void publish(const RunStore::Changes& changes);
  void send_to_all(const Message& message);

  RunStore store;
  Guard guard;
  std::int64_t started_ms = now_ms();
  std::size_t connections = 0;
  std::set<std::shared_ptr<Session>> streams;
  std::mutex watched_mutex;  // guards watched, which the polling thread reads
  std::set<std::string> watched;
};

// One connection: requests one after the other, or, once asked for, a stream of events.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Tcp::socket socket, Hub& hub)
      : hub_(hub), stream_(std::move(socket)), deadline_(stream_.get_executor()) {
    ++hub_.connections;
  }
  ~Session() { --hub_.connections; }

  void start() { read(kRequestTime); }

  const std::set<std::string>& watched() const { return watched_; }

  // Closes the connection where the client is too slow.
  void send(const Message& message) {
    queued_bytes_ += message->size();
    if (queued_bytes_ > kMaxQueuedBytes) return close();
    queue_.push_back(message);
    if (queue_.size() == 1) write_next();
  }

  void close() {
    error_code ignored;
    deadline_.cancel();
    stream_.socket().close(ignored);
    if (hub_.streams.erase(shared_from_this()) > 0) hub_.update_watched();
  }

 private:
  void read(std::chrono::seconds time) {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    // For the whole of the header: a client that sends byte after byte gains nothing.
    stream_.expires_after(time);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
  }

  void on_header(error_code error) {
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

  void handle(const http::request<http::empty_body>& request) {
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

  static void add_security_headers(http::fields& fields) {
    fields.set(http::field::server, "miniray");
    fields.set("Content-Security-Policy", kContentPolicy);
    fields.set("X-Content-Type-Options", "nosniff");
    fields.set("Referrer-Policy", "no-referrer");
    fields.set("Cross-Origin-Resource-Policy", "same-origin");
  }

  void answer(Response response, bool keep) {
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
  void welcome(bool keep) {
    http::response<http::string_body> message(http::status::see_other, 11);
    add_security_headers(message);
    message.set(http::field::location, "/");
    message.set(http::field::cache_control, "no-store");
    message.set(http::field::set_cookie, hub_.guard.cookie_name + "=" + hub_.guard.token +
                                             "; Path=/; HttpOnly; SameSite=Strict");
    write(std::move(message), keep);
  }

  void write(http::response<http::string_body> message, bool keep) {
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
  void end() {
    error_code ignored;
    stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
    close();
  }

  void stream_events(const RequestTarget& target) {
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
  void wait_for_end() {
    stream_.socket().async_read_some(asio::buffer(discarded_),
                                     [self = shared_from_this()](error_code error, std::size_t) {
                                       if (error != asio::error::operation_aborted) self->close();
                                     });
  }

  void write_next() {
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

  Hub& hub_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{2 * kMaxHeaderBytes};
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::optional<http::response<http::string_body>> response_;

  // Of a stream of events.
  std::set<std::string> watched_;
  asio::steady_timer deadline_;
  std::deque<Message> queue_;
  std::size_t queued_bytes_ = 0;
  std::array<char, 64> discarded_{};
};

void Hub::update_watched() {
  std::set<std::string> all;
  for (const auto& stream : streams) all.insert(stream->watched().begin(), stream->watched().end());
  const std::lock_guard lock(watched_mutex);
  watched = std::move(all);
}

// One message for all who watch the same: most do.
void Hub::publish(const RunStore::Changes& changes) {
  std::map<std::set<std::string>, Message> messages;
  const auto message_for = [&](const std::set<std::string>& ids) {
    Message& message = messages[ids];
    if (message) return message;
    std::string text = changes.runs.empty() ? "" : event("runs", changes.runs);
    for (const std::string& id : ids) {
      const auto news = changes.appended.find(id);
      if (news != changes.appended.end()) text += event("append", news->second);
    }
    return message = make_message(std::move(text));
  };
  const auto listeners = streams;  // a slow one leaves meanwhile
  for (const auto& stream : listeners) {
    const Message message = message_for(stream->watched());
    if (!message->empty()) stream->send(message);
  }
}

void Hub::send_to_all(const Message& message) {
  const auto listeners = streams;
  for (const auto& stream : listeners) stream->send(message);
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(const ServerOptions& options)
      : hub_(options.runs_dir), acceptor_(context_), pause_(context_), keep_alive_(context_) {
    raise_file_limit();
    listen(options);
    hub_.store.poll({}, now_ms());  // so that the first to ask sees the runs
    accept();
    keep_alive();
    polling_ = std::thread([this] { poll(); });
    serving_ = std::thread([this] { context_.run(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(stop_mutex_);
      stop_ = true;
    }
    stopped_.notify_all();
    polling_.join();
    context_.stop();
    serving_.join();
    hub_.streams.clear();
  }

  std::string link() const {
    const Tcp::endpoint end = acceptor_.local_endpoint();
    std::string host = end.address().to_string();
    if (end.address().is_unspecified()) host = hub_.guard.host_name;
    if (end.address().is_v6() && !end.address().is_unspecified()) host = "[" + host + "]";
    const std::string& token = hub_.guard.token;
    return "http://" + host + ":" + std::to_string(end.port()) + "/" +
           (token.empty() ? "" : "?token=" + token);
  }

 private:
  void listen(const ServerOptions& options) {
    const Tcp::endpoint end = resolve(options);
    error_code error;
    acceptor_.open(end.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(end, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use) {
      throw invalid_argument("port " + std::to_string(options.port) + " is taken by " +
                             port_owner(options.port).value_or("another program") +
                             "; --port 0 takes a free one");
    }
    if (error) {
      throw invalid_argument("cannot listen on " + options.host + ", port " +
                             std::to_string(options.port) + ": " + error.message());
    }
    Guard& guard = hub_.guard;
    guard.host = options.host;
    guard.host_name = host_name();
    guard.loopback = end.address().is_loopback();
    guard.cookie_name = "miniray_" + std::to_string(acceptor_.local_endpoint().port());
    if (!guard.loopback) guard.token = make_token();
  }

  Tcp::endpoint resolve(const ServerOptions& options) {
    error_code error;
    const auto port = static_cast<std::uint16_t>(options.port);
    const auto address = asio::ip::make_address(options.host, error);
    if (!error) return {address, port};
    const auto found = Tcp::resolver(context_).resolve(Tcp::v4(), options.host, "", error);
    if (error || found.empty()) {
      throw invalid_argument("--host '" + options.host +
                             "' is neither an address nor a known name; 127.0.0.1 is this machine "
                             "alone, 0.0.0.0 all its networks");
    }
    return {found.begin()->endpoint().address(), port};
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, Tcp::socket socket) {
      if (!error && hub_.connections < kMaxConnections) {
        std::make_shared<Session>(std::move(socket), hub_)->start();
      }
      if (!error) return accept();
      // Such as too many open files: some will be closed in time.
      pause_.expires_after(std::chrono::milliseconds(100));
      pause_.async_wait([this](error_code stopped) {
        if (!stopped) accept();
      });
    });
  }

  void keep_alive() {
    keep_alive_.expires_after(kKeepAlive);
    keep_alive_.async_wait([this](error_code stopped) {
      if (stopped) return;
      hub_.send_to_all(make_message(": still here\n\n"));
      keep_alive();
    });
  }

  // On a thread of its own: a run of a million records is long to read.
  void poll() {
    bool more = false;
    std::unique_lock lock(stop_mutex_);
    while (!stopped_.wait_for(lock, more ? std::chrono::milliseconds(0) : kPollPause,
                              [this] { return stop_; })) {
      lock.unlock();
      std::set<std::string> watched;
      {
        const std::lock_guard watched_lock(hub_.watched_mutex);
        watched = hub_.watched;
      }
      RunStore::Changes changes = hub_.store.poll(watched, now_ms());
      more = changes.more;
      if (!changes.runs.empty() || !changes.appended.empty()) {
        asio::post(context_, [this, changes = std::move(changes)] { hub_.publish(changes); });
      }
      lock.lock();
    }
  }

  Hub hub_;
  asio::io_context context_{1};
  Tcp::acceptor acceptor_;
  asio::steady_timer pause_, keep_alive_;
  std::mutex stop_mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread polling_, serving_;
};

Server::Server(const ServerOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Server::~Server() = default;

std::string Server::link() const { return impl_->link(); }

}  // namespace miniray::dashboard
