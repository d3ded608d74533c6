#include "tools/status_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace miniray {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr std::int64_t kMaxBar = 30;
constexpr std::int64_t kMinBar = 5;  // a shorter one says nothing

std::string bar(double fraction, std::int64_t width) {
  const auto full = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(fraction * static_cast<double>(width)), 0, width);
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(width - full), '.') + "] ";
}

}  // namespace

StatusLine::StatusLine(std::ostream& out, int columns) : out_(out), columns_(columns) {}

bool StatusLine::is_due() const { return terminal() && Clock::now() - last_shown_ >= kInterval; }

void StatusLine::show(double fraction, const std::string& text) {
  if (!terminal()) return;
  last_shown_ = Clock::now();
  const std::int64_t room = columns_ - 4 - static_cast<std::int64_t>(text.size());
  out_ << '\r' << (room >= kMinBar ? bar(fraction, std::min(room, kMaxBar)) : "")
       << text.substr(0, static_cast<std::size_t>(columns_ - 1)) << "\033[K" << std::flush;
  shown_ = true;
}

void StatusLine::show_pictures(const std::string& what, std::int64_t done, std::int64_t all) {
  if (!is_due()) return;
  show(static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(all, 1)),
       what + ": " + std::to_string(done) + " of " + std::to_string(all) + " pictures");
}

void StatusLine::erase() {
  if (shown_) out_ << "\r\033[K" << std::flush;
  shown_ = false;
}

int terminal_width(int fd) {
  winsize size{};
  if (isatty(fd) == 0) return 0;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

}  // namespace miniray
