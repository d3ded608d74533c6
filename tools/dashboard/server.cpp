#include "tools/dashboard/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <thread>

#include "engine/cpu.h"
#include "engine/error.h"
#include "tools/dashboard/port_owner.h"
#include "tools/dashboard/session.h"

namespace miniray::dashboard {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMaxConnections = 2'000;
constexpr auto kKeepAlive = std::chrono::seconds(10);
constexpr auto kPollPause = std::chrono::milliseconds(250);

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * kMaxConnections);
  setrlimit(RLIMIT_NOFILE, &limit);
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
