// The page's files, which the build puts into the program (embed_page.cmake).
#pragma once

#include <optional>
#include <string_view>

namespace miniray::dashboard {

// The bytes of a file by its name, such as "index.html". nullopt: there is none of this name.
std::optional<std::string_view> page_file(std::string_view name);

}  // namespace miniray::dashboard
