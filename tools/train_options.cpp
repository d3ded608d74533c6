#include "tools/train_options.h"

#include <CLI/CLI.hpp>

#include "tools/program.h"

namespace miniray {

TrainOptionsParsed parse_train_options(int argc, char** argv) {
  TrainOptionsParsed parsed;
  TrainConfig& c = parsed.config;
  CLI::App app("Trains a GAN on pictures and saves its generator and discriminator.", "gan_train");
  app.footer(
      "Examples:\n"
      "  gan_train --epochs 10                      CIFAR-10 in data/, all cores\n"
      "  gan_train --data shapes --epochs 5         no files needed\n"
      "  gan_train --config runs/JOB/config.toml    as an earlier run\n"
      "Samples and records appear in runs/<job-id>/. Ctrl-C ends after the step in hand and "
      "saves.");

  const auto option = [&](const char* name, auto& value, const char* help, const char* group) {
    return app.add_option(name, value, help)->capture_default_str()->group(group);
  };
  const char* const training = "Training";
  option("--mode", c.mode, "One process (single)", training);
  option("--epochs", c.epochs, "Passes over the data set", training);
  option("--batch-size", c.batch_size, "Pictures a step", training);
  option("--lr", c.lr, "Learning rate of both Adams", training);
  option("--latent-dim", c.latent_dim, "Numbers in the vector that a picture is made from",
         training);
  expect_unsigned(
      *option("--seed", c.seed, "Equal seeds give equal weights, bit for bit", training));
  option("--threads", c.threads, "Compute threads; 0: one for each core", training);

  const char* const distributed = "Distributed training (--mode distributed)";
  option("--workers", c.workers, "Replicas of the GAN", distributed);
  option("--sync-interval", c.sync_interval, "Epochs between two averages", distributed);

  const char* const data = "Data";
  option("--data", c.data, "Data set", data)->check(CLI::IsMember({"cifar10", "shapes"}));
  option("--data-dir", c.data_dir, "Folder of its files", data);
  app.add_flag("--flip", c.flip, "Mirror half of the pictures, at random")->group(data);

  const char* const output = "Output";
  option("--save-dir", c.save_dir, "Folder for the models", output);
  option("--runs-dir", c.runs_dir, "Folder for the runs' records", output);
  option("--job-id", c.job_id, "Name of the run; made up where not given", output);
  option("--sample-every", c.sample_every, "Epochs between two sheets of 64 samples; 0: none",
         output);

  parse_options(app, argc, argv, [&] { check_config(c); });
  // A run made again from its config must not take the first one's name.
  app.get_option("--job-id")->configurable(false);
  parsed.config_text = app.config_to_str(true, true);
  return parsed;
}

}  // namespace miniray
