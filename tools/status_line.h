// The line of a terminal that says how far a program is, written over as it goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

namespace miniray {

// Wipes what it shows when it ends. Where there is no terminal it shows nothing.
class StatusLine {
 public:
  // columns: of the terminal behind `out`, which must outlive this; 0 where it is none.
  StatusLine(std::ostream& out, int columns);
  ~StatusLine() { erase(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool terminal() const { return columns_ > 0; }
  // Whether to show something anew: on a terminal, but not more often than eyes follow.
  bool is_due() const;
  // A bar, and the text behind it.
  void show(double fraction, const std::string& text);
  // Where it is due, "WHAT: 100 of 50000 pictures".
  void show_pictures(const std::string& what, std::int64_t done, std::int64_t all);
  void erase();

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& out_;
  const int columns_;
  bool shown_ = false;
  Clock::time_point last_shown_{};
};

// The columns of the terminal behind a file descriptor; 0 where it is none.
int terminal_width(int fd);

}  // namespace miniray
