#include "tools/dashboard/port_owner.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

namespace miniray::dashboard {
namespace {

namespace fs = std::filesystem;

// The sockets that listen on the port, as "socket:[inode]" (proc(5), /proc/net/tcp).
std::set<std::string> listening_sockets(int port) {
  std::set<std::string> sockets;
  for (const char* const table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    for (std::string line; std::getline(file, line);) {
      unsigned local_port = 0, state = 0;
      unsigned long inode = 0;
      constexpr unsigned kListen = 0x0A;
      const int fields =
          std::sscanf(line.c_str(), "%*s %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %lu",
                      &local_port, &state, &inode);
      if (fields != 3 || state != kListen || static_cast<int>(local_port) != port) continue;
      sockets.insert("socket:[" + std::to_string(inode) + "]");
    }
  }
  return sockets;
}

bool holds_any(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (fs::directory_iterator fd(process / "fd", error); !error && fd != fs::directory_iterator();
       fd.increment(error)) {
    std::error_code ignored;
    if (sockets.contains(fs::read_symlink(fd->path(), ignored).string())) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> port_owner(int port) {
  const std::set<std::string> sockets = listening_sockets(port);
  if (sockets.empty()) return std::nullopt;
  std::error_code error;
  for (fs::directory_iterator process("/proc", error);
       !error && process != fs::directory_iterator(); process.increment(error)) {
    const std::string pid = process->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!holds_any(process->path(), sockets)) continue;
    std::string name;
    std::getline(std::ifstream(process->path() / "comm"), name);
    return name + " (process " + pid + ")";
  }
  return std::nullopt;
}

}  // namespace miniray::dashboard
