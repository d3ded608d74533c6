#include "tools/evaluate_options.h"

#include <CLI/CLI.hpp>

#include "tools/program.h"
#include "tools/worker_options.h"

namespace miniray {

EvaluateConfig parse_evaluate_options(int argc, char** argv) {
  EvaluateConfig c;
  CLI::App app("Measures how close a generator's pictures come to a data set's.", "gan_evaluate");
  app.footer(
      "Examples:\n"
      "  gan_evaluate                                       50,000 pictures against CIFAR-10\n"
      "  gan_evaluate --metrics fid,kid,is,prdc --num-images 10000\n"
      "  gan_evaluate --samples DIR --nearest sheet.png      pictures of any program\n"
      "  gan_evaluate --data shapes --features F            F made by gan_features\n"
      "  gan_evaluate --features inception:F                 the FID of the literature\n"
      "The features are a network's; a metric's name says which one's: fid-builtin is not the FID\n"
      "of the literature. The numbers are the same for every number of threads and workers.");
  const auto option = [&](const char* name, auto& value, const char* help, const char* group) {
    return app.add_option(name, value, help)->capture_default_str()->group(group);
  };
  const char* const input = "What to compare";
  option("--model", c.model, "The generator's file", input);
  option("--num-images", c.num_images, "Pictures that it makes", input);
  expect_unsigned(*option("--seed", c.seed, "Of their latents", input));
  option("--samples", c.samples, "Instead of a model: all pictures below this folder, of one size",
         input)
      ->excludes("--model")
      ->excludes("--num-images")
      ->excludes("--seed");
  option("--data", c.data, "Data set that they are compared with", input);
  option("--data-dir", c.data_dir, "Folder of its files", input);
  const char* const metrics = "Metrics";
  option("--metrics", c.metrics,
         "fid, kid, is (Inception Score form) or prdc (precision, recall, density, coverage); "
         "several joined by commas",
         metrics);
  option("--features", c.features,
         "builtin (learned from CIFAR-10), inception:FILE (made by 'gan_features convert'), or a "
         "file of 'gan_features train'",
         metrics);
  option("--stats", c.stats,
         "Compare with the statistics in this .npz (mu, sigma), not with --data", metrics)
      ->excludes("--data");
  option("--write-stats", c.write_stats, "Write the data set's statistics as .npz", metrics)
      ->excludes("--stats");
  option(
      "--cache-dir", c.cache_dir,
      "Folder where statistics of data sets are kept; where not given: statistics/ in --data-dir",
      metrics);
  option("--nearest", c.nearest,
         "Write a sheet (PNG): 64 samples, each beside the nearest picture in features and in "
         "pixels",
         metrics);
  add_worker_options(app, c);
  const std::vector<std::string> arguments(argv, argv + argc);
  parse_options(app, arguments, [&] {
    check_workers(arguments, c.workers, c.distributed, "--distributed");
    check_config(c);
  });
  return c;
}

}  // namespace miniray
