// Files of a run's folder, for the page.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace miniray::dashboard {

// The bytes of runs_dir/parts[0]/parts[1]/... Every part is a plain name: not empty, no dot in
// front, no slash. No symbolic link is followed on the way, so that nothing outside of runs_dir can
// be reached. Throws not found where there is no such regular file, invalid argument where a part
// is no plain name, corrupt where the file is larger than 64 MB.
std::string read_run_file(const std::filesystem::path& runs_dir,
                          const std::vector<std::string>& parts);

}  // namespace miniray::dashboard
