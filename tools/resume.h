// --resume: the command line of a run that goes on. Its options come from the run's config.toml;
// only those that leave its bits alone may be given anew, and the number of workers.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace miniray {

struct ResumeRequest {
  std::string job_id;
  std::string config_path;
};

// What --resume asks for, "latest" resolved: the run in --runs-dir that recorded last. Empty where
// it is not given. Throws not found.
std::optional<ResumeRequest> find_resume(const std::vector<std::string>& arguments);

// After `app` parsed these arguments and the run's config. Throws invalid argument, naming an
// option that was given another value than the run has, and that is in a group of `fixed_groups`
// but not one of `free_options`.
void check_resume(const CLI::App& app, const std::vector<std::string>& arguments,
                  const ResumeRequest& request, const std::vector<std::string>& fixed_groups,
                  const std::vector<std::string>& free_options);

}  // namespace miniray
