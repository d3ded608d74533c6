#include "tools/train_options.h"

#include <CLI/CLI.hpp>

#include "engine/error.h"
#include "tools/dashboard_options.h"
#include "tools/presets.h"
#include "tools/program.h"
#include "tools/resume.h"
#include "tools/worker_options.h"

namespace miniray {
namespace {

// Arguments that have the run's options first, so that those given anew win.
std::vector<std::string> with_config(std::vector<std::string> arguments, const std::string& path) {
  arguments.insert(arguments.begin() + 1, {"--config", path});
  return arguments;
}

void add_preset_option(CLI::App& app, std::string& name) {
  std::string help = "Flags by name; those given besides win.";
  std::vector<std::string> names;
  for (const Preset& preset : presets()) {
    const std::string flags = text_of(preset);
    help += "\n" + preset.name + ": " + preset.what + (flags.empty() ? "." : ". " + flags);
    names.push_back(preset.name);
  }
  app.add_option("--preset", name, help)->check(CLI::IsMember(names))->group("Presets");
}

}  // namespace

TrainOptionsParsed parse_train_options(int argc, char** argv) {
  TrainOptionsParsed parsed;
  TrainConfig& c = parsed.config;
  CLI::App app("Trains a GAN on pictures and saves its generator and discriminator.", "gan_train");
  app.footer(
      "Examples:\n"
      "  gan_train --epochs 10                      CIFAR-10 in data/, all cores\n"
      "  gan_train --data shapes --epochs 5         no files needed\n"
      "  gan_train --mode distributed --workers 4 --batch-size 32 --sync-interval 1\n"
      "                                             four replicas, averaged every epoch\n"
      "  gan_train --config runs/JOB/config.toml    as an earlier run\n"
      "  gan_train --resume latest                  an interrupted run, to the same bits\n"
      "Samples and records appear in runs/<job-id>/. Ctrl-C ends after the step in hand and "
      "saves.");

  const auto option = [&](const char* name, auto& value, const char* help, const char* group) {
    return app.add_option(name, value, help)->capture_default_str()->group(group);
  };
  std::string preset;
  add_preset_option(app, preset);
  const char* const training = "Training";
  option("--mode", c.mode, "One replica (single) or several that are averaged", training)
      ->check(CLI::IsMember({"single", "distributed"}));
  option("--epochs", c.epochs, "Passes over the data set", training);
  option("--batch-size", c.batch_size,
         "Pictures a step, of each worker; of N workers, each does best with 1/N of what one would "
         "take",
         training);
  option("--lr", c.lr, "Learning rate of Adam", training);
  option("--d-lr", c.d_lr, "Learning rate of the discriminator's Adam; 0: as --lr", training);
  option("--lr-decay", c.lr_decay, "How learning rates fall, to 0 at the last epoch's end",
         training)
      ->check(CLI::IsMember({"none", "linear", "cosine"}));
  option("--warmup-steps", c.warmup_steps, "Steps in which learning rates rise from 0", training);
  option("--clip-norm", c.clip_norm, "Scale each network's gradient to this norm at most; 0: never",
         training);
  option("--ema", c.ema,
         "Sample and save the generator's average over steps, of this decay (0.999); 0: its last",
         training);
  option("--accumulate", c.accumulate, "Batches whose gradients make one step: less memory",
         training);
  option("--d-steps", c.d_steps, "Steps of the discriminator for each of the generator", training);
  option(
      "--loss", c.loss,
      "What is optimised: cross-entropy, hinge, least squares, or the Wasserstein distance by a "
      "critic whose gradients are held to 1 (best with --d-steps 5 --lr 0.0001; D's opinions are "
      "then scores, not probabilities)",
      training)
      ->check(CLI::IsMember({"bce", "hinge", "lsgan", "wgan-gp"}));
  option("--gp-weight", c.gp_weight, "Weight of wgan-gp's gradient penalty", training);
  option("--r1", c.r1,
         "Weight of the R1 penalty, of any loss: keeps D's gradients small at real pictures; 0: "
         "none. Try 0.1 to 10. As wgan-gp, it needs a discriminator without batch normalisation "
         "(dcgan: with --d-norm none or spectral) and without --minibatch-stddev",
         training);
  option("--r1-every", c.r1_every,
         "Steps from one R1 penalty to the next, which is so many times as large: 16 saves time",
         training);
  option("--label-smoothing", c.label_smoothing,
         "Taken from the target of real pictures (bce, lsgan)", training);
  option("--model", c.model,
         "Networks: fully connected (mlp), convolutional (dcgan), or residual and convolutional "
         "(sngan; at width 1 the paper's, for long runs: 0.25 trains on two cores)",
         training)
      ->check(CLI::IsMember({"mlp", "dcgan", "sngan"}));
  app.add_flag("--conditional", c.conditional,
               "Learn pictures by class, so that gan_generate --class can choose one")
      ->group(training);
  option("--width", c.width, "Factor of the hidden layers' widths", training);
  option("--precision", c.precision,
         "As what is stored what need not be exact: activations, their gradients on the way back, "
         "and Adam's moments. bf16 takes half the memory for them; sums and weights stay float32",
         training)
      ->check(CLI::IsMember({"float32", "bf16"}));
  option("--d-norm", c.d_norm,
         "Normalisation between the discriminator's layers; model: what the model is known with "
         "(mlp: none, dcgan: batch, sngan: spectral)",
         training)
      ->check(CLI::IsMember({"model", "batch", "spectral", "none"}));
  app.add_flag("--minibatch-stddev", c.minibatch_stddev,
               "The discriminator of dcgan or sngan also sees how much the pictures of a batch "
               "differ: against a generator that repeats itself (ProGAN's)")
      ->group(training);
  option("--latent-dim", c.latent_dim, "Numbers in the vector that a picture is made from",
         training);
  expect_unsigned(
      *option("--seed", c.seed, "Equal seeds give equal weights, bit for bit", training));
  option("--threads", c.threads, "Compute threads of each worker; 0: its share of the cores",
         training);

  const char* const distributed = "Distributed training (--mode distributed)";
  option("--workers", c.workers, "Replicas of the GAN, each on its own pictures", distributed);
  option("--sync", c.sync, "What interval the averages have; gradients: each step", distributed)
      ->check(CLI::IsMember({"epochs", "steps", "gradients"}));
  option("--sync-interval", c.sync_interval,
         "Epochs or steps between two averages; 1 epoch makes better pictures than 5", distributed);
  option("--sync-moments", c.sync_moments, "Adam's moments at an average", distributed)
      ->check(CLI::IsMember({"keep", "average", "reset"}));
  option("--sync-payload", c.sync_payload,
         "As what numbers travel to be averaged; bf16: half the bytes over a network", distributed)
      ->check(CLI::IsMember({"float32", "bf16"}));
  option("--outer", c.outer, "What is done with the average: taken, or an outer step towards it",
         distributed)
      ->check(CLI::IsMember({"mean", "nesterov", "elastic"}));
  option("--sharding", c.sharding, "How pictures are dealt to the workers", distributed)
      ->check(CLI::IsMember({"contiguous", "strided", "reshuffle", "by-class"}));
  option("--timeout", c.timeout, "Seconds after which a worker without a sign of life is given up",
         distributed);

  const char* const data = "Data";
  option("--data", c.data,
         "Data set: cifar10, cifar100, mnist, fashion-mnist, shapes (no files), or folder:DIR (any "
         "tree of JPEG, PNG and BMP; sub-folders are classes)",
         data);
  option("--data-dir", c.data_dir, "Folder of its files; of folder:DIR, of the decoded pictures",
         data);
  option("--image-size", c.image_size,
         "Pixels a side: folder:DIR is resized to it, MNIST's 28 are padded with black, the others "
         "have 32",
         data);
  app.add_flag("--flip", c.flip, "Mirror half of the pictures, at random")->group(data);
  option("--augment", c.augment,
         "Random changes between all pictures, real and made, and the discriminator: any of "
         "color,translation,cutout. Helps where pictures are few or epochs many",
         data);

  const char* const output = "Output";
  option("--save-dir", c.save_dir, "Folder for the models (distributed: models/distributed_gan)",
         output);
  option("--runs-dir", c.runs_dir, "Folder for the runs' records", output);
  option("--job-id", c.job_id, "Name of the run; made up where not given", output);
  option("--sample-every", c.sample_every, "Epochs between two sheets of 64 samples; 0: none",
         output);
  option("--eval-every", c.eval_every,
         "Epochs between two evaluations (fid, kid); the best generator is kept in best/ in "
         "--save-dir; 0: none",
         output);
  option("--eval-images", c.eval_images, "Pictures made for one evaluation", output);
  option("--eval-features", c.eval_features, "As gan_evaluate's --features", output);
  option("--record-interval", c.record_interval,
         "Seconds between two records of a worker, more in a long run (a minute after a week); 0: "
         "every "
         "step",
         output);
  option("--gradient-norms", c.gradient_norms,
         "Steps between two measurements of the gradients' norms; 0: none", output);
  option("--tensorboard", c.tensorboard,
         "Folder for TensorBoard: curves and samples in a folder by the run's name", output);

  const char* const safety = "Checkpoints (runs/JOB/checkpoints)";
  option("--checkpoint-every", c.checkpoint_every,
         "Epochs between two, or minutes (5m), and at Ctrl-C and the end; 0: none", safety);
  option("--keep-checkpoints", c.keep_checkpoints, "How many of the newest are kept", safety);
  app.add_flag("--no-divergence-guard", c.no_divergence_guard,
               "Do not go back to the last checkpoint, once, with half the learning rates, where "
               "losses explode")
      ->group(training);
  option("--max-failures", c.max_failures,
         "Steps of a worker that may fail: it goes on from the last average", distributed);
  app.add_option("--resume", c.resume,
                 "Go on with this run, or the latest, exactly: its options hold, but for --epochs "
                 "and what leaves results alone. With other --workers (or processes, or --mode) it "
                 "goes on from the average of the workers that it had, with other bits")
      ->group(safety);

  bool serve = false;
  dashboard::ServerOptions server;
  app.add_flag("--dashboard", serve, "Show the runs in a web browser meanwhile (gan_dashboard)")
      ->group("Dashboard");
  add_server_options(app, server);

  const std::vector<std::string> arguments = with_preset({argv, argv + argc});
  for (CLI::Option* const option : app.get_options()) {
    if (option->get_items_expected_max() == 1) option->take_last();
  }
  const auto resumed = find_resume(arguments);
  app.get_option("--preset")->excludes("--resume");
  parse_options(app, resumed ? with_config(arguments, resumed->config_path) : arguments, [&] {
    if (resumed) {
      check_resume(app, arguments, *resumed, {training, distributed, data},
                   {"--epochs", "--mode", "--workers", "--threads", "--timeout", "--data-dir"});
      c.job_id = c.resume = resumed->job_id;
    } else if (!c.resume.empty()) {
      throw invalid_argument("--resume names a run on the command line; a config file cannot");
    }
    const bool default_save_dir = app.get_option("--save-dir")->count() == 0;
    if (default_save_dir && c.mode == "distributed") c.save_dir = "models/distributed_gan";
    if (!preset.empty() && app.get_config_ptr()->count() > 0) {
      throw invalid_argument("--preset and --config both say what all options are; give one");
    }
    check_workers(arguments, c.workers, c.mode == "distributed", "--mode distributed");
    if (c.sync == "gradients" && is_given(arguments, "--sync-interval")) {
      throw invalid_argument(
          "--sync-interval is for --sync epochs or steps; gradients are "
          "averaged at each step");
    }
    check_config(c);
  });
  // A run made again from its config must not take the first one's name.
  for (const char* const name : {"--job-id", "--preset", "--resume"}) {
    app.get_option(name)->configurable(false);
  }
  server.runs_dir = c.runs_dir;
  if (serve) parsed.dashboard = server;
  parsed.config_text = app.config_to_str(true, true);
  return parsed;
}

}  // namespace miniray
