// The library as a program of the user's own uses it: train on two replicas, keep records that the
// dashboard and TensorBoard show, save, load, generate.
#include <filesystem>
#include <iostream>

#include "gan/collector.h"
#include "gan/data/shapes.h"
#include "gan/image_generator.h"
#include "gan/trainer.h"

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "api_example";

  miniray::CollectorOptions records;
  records.runs_dir = folder / "runs";
  records.tensorboard = folder / "tensorboard";
  records.record_interval = 0;  // every step
  miniray::Collector collector(records);

  const miniray::Shapes pictures(512);
  miniray::DistributedGanTrainer trainer(/*num_workers=*/2, /*latent_dim=*/100, /*lr=*/0.0002);
  const miniray::TrainResult result =
      trainer.train(pictures, {.epochs = 2, .batch_size = 128, .collector = &collector});
  trainer.save_models(folder / "models");

  miniray::ImageGenerator generator;
  generator.load_model(folder / "models" / "generator.safetensors");
  generator.save_images(generator.generate(16), folder / "images");

  std::cout << "run " << collector.job_id() << ": G loss " << result.history.back().mean.g_loss
            << ", pictures in " << (folder / "images").string() << '\n';
  return std::filesystem::exists(folder / "images" / "image_00015.png") ? 0 : 1;
}
