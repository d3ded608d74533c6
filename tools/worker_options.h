// The options of programs that split pictures over workers.
#pragma once

#include <CLI/CLI.hpp>

namespace miniray {

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
