#include "tools/features_options.h"

#include <CLI/CLI.hpp>

#include "tools/program.h"

namespace miniray {

namespace {

CLI::App& add_train(CLI::App& app, FeaturesConfig& c) {
  CLI::App& train = *app.add_subcommand("train", "Train a classifier on a data set's labels");
  train.footer(
      "Examples:\n"
      "  gan_features train                          CIFAR-10, as the one that is built in\n"
      "  gan_features train --data shapes --epochs 2 --output F");
  const auto option = [&](const char* name, auto& value, const char* help) {
    return train.add_option(name, value, help)->capture_default_str();
  };
  option("--data", c.data, "Data set");
  option("--data-dir", c.data_dir, "Folder of its files");
  option("--image-size", c.image_size, "Pixels a side of its pictures");
  option("--output", c.output, "The file to write");
  option("--epochs", c.epochs, "Passes over the data set");
  option("--batch-size", c.batch_size, "Pictures a step");
  option("--lr", c.lr, "Highest learning rate of Adam");
  option("--flip", c.flip, "Mirror half of the pictures, at random");
  expect_unsigned(*option("--seed", c.seed, "Equal seeds give equal weights, bit for bit"));
  option("--threads", c.threads, "Compute threads; 0: one for each core");
  return train;
}

CLI::App& add_convert(CLI::App& app, ConversionConfig& c) {
  CLI::App& convert =
      *app.add_subcommand("convert", "Make features of the FID's Inception-v3 as PyTorch has it");
  convert.footer(
      "Example:\n"
      "  gan_features convert pt_inception-2015-12-05-6726825d.pth models/inception.safetensors\n"
      "  gan_evaluate --features inception:models/inception.safetensors\n"
      "The file is that of pytorch-fid (its release fid_weights, 91 MB). Nothing in it is "
      "executed.");
  convert.add_option("source", c.source, "A state_dict that torch.save wrote")->required();
  convert.add_option("target", c.target, "The safetensors file to write")->required();
  return convert;
}

}  // namespace

FeaturesCommand parse_features_options(int argc, char** argv) {
  FeaturesConfig training;
  ConversionConfig conversion;
  CLI::App app("Makes the networks whose features gan_evaluate compares.", "gan_features");
  app.require_subcommand(1);
  const CLI::App& train = add_train(app, training);
  add_convert(app, conversion);
  parse_options(app, {argv, argv + argc}, [&] {
    if (train.parsed()) check_config(training);
  });
  if (train.parsed()) return training;
  return conversion;
}

}  // namespace miniray
