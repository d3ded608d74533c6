// What the programs are asked to do: one struct a program, one default for each option, checked in
// one place. The command line and the config file fill them (tools/*_options.cpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "gan/checkpointer.h"
#include "gan/data/open_dataset.h"
#include "gan/models.h"
#include "gan/objective.h"
#include "runtime/parameter_sync.h"

namespace miniray {

// gan_train
struct TrainConfig {
  std::string mode = "single";
  std::int64_t epochs = 50;
  std::int64_t batch_size = 128;
  std::int64_t workers = 4;
  std::int64_t sync_interval = 5;        // epochs or steps, as `sync` says
  std::string sync = "epochs";           // or steps, gradients
  std::string sync_moments = "keep";     // or average, reset
  std::string sync_payload = "float32";  // or bf16
  std::string outer = "mean";            // or nesterov, elastic
  std::string sharding = "contiguous";
  std::int64_t timeout = 300;         // seconds without a step of a worker that others wait for
  std::string model = "mlp";          // or dcgan, sngan
  bool conditional = false;           // the data set's classes are an input of the networks
  std::string precision = "float32";  // or bf16
  double width = 1;                   // factor of its hidden layers' widths
  std::string d_norm = "model";   // between D's layers: the model's own, or batch, spectral, none
  bool minibatch_stddev = false;  // dcgan, sngan: a channel of D's
  std::int64_t latent_dim = 100;
  double lr = 0.0002;
  double d_lr = 0;                // of the discriminator; 0: lr
  std::string lr_decay = "none";  // or linear, cosine
  std::int64_t warmup_steps = 0;
  double clip_norm = 0;         // 0: never
  double ema = 0;               // decay of G's average over steps; 0: none
  std::int64_t accumulate = 1;  // batches a step
  std::int64_t d_steps = 1;     // steps of the discriminator for each of the generator
  std::string loss = "bce";     // or hinge, lsgan, wgan-gp
  double gp_weight = 10;        // of wgan-gp's penalty
  double r1 = 0;                // gamma; 0: none
  std::int64_t r1_every = 1;    // steps from one R1 penalty to the next
  double label_smoothing = 0;
  std::filesystem::path save_dir = "models/gan";

  std::string data = "cifar10";
  std::filesystem::path data_dir = "data";
  std::int64_t image_size = 32;  // pixels a side
  bool flip = false;
  std::string augment;  // of what D sees: words of make_augmentation; empty: nothing
  std::uint64_t seed = 42;
  std::int64_t threads = 0;  // 0: one for each core
  std::filesystem::path runs_dir = "runs";
  std::string job_id;             // empty: one is made up
  std::int64_t sample_every = 1;  // epochs; 0: never
  std::int64_t eval_every = 0;    // epochs; 0: never
  std::int64_t eval_images = 10'000;
  std::string eval_features = "builtin";  // or a file that gan_features made
  std::string checkpoint_every = "5m";    // epochs, or minutes with an m; 0: never
  std::int64_t keep_checkpoints = 3;
  bool no_divergence_guard = false;
  std::int64_t max_failures = 3;      // of a worker
  std::string resume;                 // a job id, or latest; empty: a new run
  double record_interval = 1;         // seconds; 0: every step
  std::int64_t gradient_norms = 100;  // steps between two measurements; 0: none
  std::filesystem::path tensorboard;  // empty: no event files
};

inline constexpr std::int64_t kMaxSheetImages = 65'536;  // what --grid can show

// gan_generate
struct GenerateConfig {
  std::filesystem::path model = "models/gan/generator.safetensors";
  std::int64_t num_images = 10;
  std::filesystem::path output = "./generated";
  std::uint64_t seed = 42;
  std::string class_name = "all";   // or its number; all: in turn, if the model takes classes
  double truncation = 0;            // largest magnitude of a latent's elements; 0: none
  std::int64_t interpolate = 1;     // pictures from one latent to the next; 1: each has its own
  std::filesystem::path grid;       // empty: no sheet
  std::filesystem::path animation;  // empty: none
  std::int64_t frame_ms = 50;       // of the animation
  std::filesystem::path latents;    // empty: drawn from the seed
  std::filesystem::path npy;        // empty: PNGs
  bool distributed = false;
  std::int64_t workers = 4;  // where distributed
  std::int64_t threads = 0;  // of each worker; 0: its share of the cores
};

// gan_animate
struct AnimateConfig {
  std::filesystem::path run;
  std::filesystem::path output = "samples.webp";
  std::int64_t frame_ms = 200;
};

// gan_evaluate
struct EvaluateConfig {
  std::filesystem::path model = "models/gan/generator.safetensors";
  std::int64_t num_images = 50'000;
  std::filesystem::path samples;  // a folder of pictures instead; empty: the model's
  std::uint64_t seed = 42;
  std::string data = "cifar10";
  std::filesystem::path data_dir = "data";
  std::string metrics = "fid";        // or several of fid, kid, is, prdc, joined by commas
  std::string features = "builtin";   // or inception:FILE, or a file that gan_features made
  std::filesystem::path stats;        // empty: those of the data set
  std::filesystem::path write_stats;  // empty: not written
  std::filesystem::path cache_dir;    // of data sets' statistics; empty: data_dir/statistics
  std::filesystem::path nearest;      // a sheet of the samples' nearest pictures; empty: none
  bool distributed = false;
  std::int64_t workers = 4;  // where distributed
  std::int64_t threads = 0;  // of each worker; 0: its share of the cores
};

// gan_features train
struct FeaturesConfig {
  std::string data = "cifar10";
  std::filesystem::path data_dir = "data";
  std::int64_t image_size = 32;  // pixels a side
  std::filesystem::path output = "models/features.safetensors";
  std::int64_t epochs = 12;
  std::int64_t batch_size = 128;
  double lr = 0.004;
  bool flip = true;
  std::uint64_t seed = 42;
  std::int64_t threads = 0;  // 0: one for each core
};

// gan_features convert
struct ConversionConfig {
  std::filesystem::path source;  // a .pth of PyTorch
  std::filesystem::path target;  // the safetensors file to write
};

// Throw invalid argument, naming the flag, the value and what would be right.
void check_config(const TrainConfig& config);
void check_config(const GenerateConfig& config);
void check_config(const AnimateConfig& config);
void check_config(const EvaluateConfig& config);
void check_config(const FeaturesConfig& config);

// "5" epochs, "2.5m" minutes, "0" none. Throws invalid argument for another text.
void set_checkpoint_interval(const std::string& text, CheckpointOptions& checkpoints);

// What check_config has found to be valid, as the library takes it.
SyncPolicy sync_policy(const TrainConfig& config);
DatasetOptions dataset_options(const TrainConfig& config);
GanSpec gan_spec(const TrainConfig& config, const Shape& image_shape);
// The same with the classes of the data set, where they are wanted. Throws invalid argument where
// it has but one.
GanSpec gan_spec(const TrainConfig& config, const Dataset& dataset);
Objective objective(const TrainConfig& config);
Precision precision(const TrainConfig& config);

// How many workers, and what 0 threads stands for: each worker's share of the cores.
int worker_count(const TrainConfig& config);
int worker_count(const GenerateConfig& config);
int worker_count(const EvaluateConfig& config);
int threads_per_worker(const TrainConfig& config);
int threads_per_worker(const GenerateConfig& config);
int threads_per_worker(const EvaluateConfig& config);
int threads_of(const FeaturesConfig& config);

}  // namespace miniray
