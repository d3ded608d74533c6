// Who listens on a port of this machine.
#pragma once

#include <optional>
#include <string>

namespace miniray::dashboard {

// "gan_train (process 1234)", as far as this user may see it.
std::optional<std::string> port_owner(int port);

}  // namespace miniray::dashboard
