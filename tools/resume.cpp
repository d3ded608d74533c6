#include "tools/resume.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "engine/error.h"
#include "gan/job_id.h"
#include "tools/program.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

// The last value of "--name value" or "--name=value".
std::optional<std::string> value_of(const std::vector<std::string>& arguments,
                                    const std::string& name) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == name && i + 1 < arguments.size()) value = arguments[i + 1];
    if (arguments[i].starts_with(name + "=")) value = arguments[i].substr(name.size() + 1);
  }
  return value;
}

// A flag's: "--name" stands for true.
std::string flag_value(const std::vector<std::string>& arguments, const std::string& name) {
  std::string value = "true";
  for (const std::string& argument : arguments) {
    if (argument == name) value = "true";
    if (argument.starts_with(name + "=")) value = argument.substr(name.size() + 1);
  }
  return value;
}

std::string newest_run(const fs::path& runs_dir) {
  std::string newest;
  fs::file_time_type newest_time;
  std::error_code failure;
  for (fs::directory_iterator run(runs_dir, failure), end; !failure && run != end;
       run.increment(failure)) {
    std::error_code none;
    const auto time = fs::last_write_time(run->path() / "events.jsonl", none);
    if (none || !fs::exists(run->path() / "config.toml", none)) continue;
    if (!newest.empty() && time <= newest_time) continue;
    newest = run->path().filename().string();
    newest_time = time;
  }
  if (newest.empty()) throw not_found("there is no run to resume in '" + runs_dir.string() + "'");
  return newest;
}

bool equal(const std::string& a, const std::string& b) {
  double x = 0, y = 0;
  const auto number = [](const std::string& text, double& value) {
    const auto [next, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc() && next == text.data() + text.size();
  };
  return a == b || (number(a, x) && number(b, y) && x == y);
}

}  // namespace

std::optional<ResumeRequest> find_resume(const std::vector<std::string>& arguments) {
  const auto wanted = value_of(arguments, "--resume");
  if (!wanted) return std::nullopt;
  const fs::path runs_dir = value_of(arguments, "--runs-dir").value_or("runs");
  const std::string job_id = *wanted == "latest" ? newest_run(runs_dir) : *wanted;
  check_job_id(job_id);
  const fs::path config = runs_dir / job_id / "config.toml";
  if (!fs::exists(config)) {
    throw not_found("there is no run '" + job_id + "' to resume: '" + config.string() +
                    "' does not exist");
  }
  return ResumeRequest{job_id, config.string()};
}

void check_resume(const CLI::App& app, const std::vector<std::string>& arguments,
                  const ResumeRequest& request, const std::vector<std::string>& fixed_groups,
                  const std::vector<std::string>& free_options) {
  for (const char* const name : {"--config", "--job-id"}) {
    if (is_given(arguments, name)) {
      throw invalid_argument(std::string(name) +
                             " cannot be given with --resume, which has its own");
    }
  }
  const auto among = [](const std::vector<std::string>& list, const std::string& text) {
    return std::ranges::find(list, text) != list.end();
  };
  for (const auto& item : app.get_config_formatter()->from_file(request.config_path)) {
    const std::string name = "--" + item.name;
    const CLI::Option* const option = app.get_option_no_throw(name);
    if (option == nullptr || !is_given(arguments, name)) continue;
    if (!among(fixed_groups, option->get_group()) || among(free_options, name)) continue;
    const bool flag = option->get_expected_max() == 0;
    const std::string value =
        flag ? flag_value(arguments, name) : value_of(arguments, name).value_or("");
    const std::string before = item.inputs.empty() ? "" : item.inputs.front();
    if (equal(value, before)) continue;
    throw invalid_argument(name + " " + value + " contradicts the run '" + request.job_id +
                           "', which has " + before + "; a resumed run keeps it");
  }
}

}  // namespace miniray
