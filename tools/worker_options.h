// The options of programs that split pictures over workers.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tools/program.h"

namespace miniray {

// Refuses several workers that were asked for where `distributed`, by the flag of that name, was
// not.
inline void check_workers(const std::vector<std::string>& arguments, std::int64_t workers,
                          bool distributed, const std::string& flag) {
  if (distributed || workers == 1 || !is_given(arguments, "--workers")) return;
  throw invalid_argument("--workers " + std::to_string(workers) + " needs " + flag +
                         "; without it one works alone");
}

// config: a struct with the fields distributed, workers and threads, which must outlive `app`.
template <class Config>
void add_worker_options(CLI::App& app, Config& config) {
  const char* const group = "Speed";
  app.add_flag("--distributed", config.distributed, "Split the pictures over workers")
      ->group(group);
  app.add_option("--workers", config.workers, "Workers, where distributed")
      ->capture_default_str()
      ->group(group);
  app.add_option("--threads", config.threads,
                 "Compute threads of each worker; 0: its share of the cores")
      ->capture_default_str()
      ->group(group);
}

}  // namespace miniray
